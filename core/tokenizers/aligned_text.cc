#include "core/tokenizers/aligned_text.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/tokenizers/unicode.h"

namespace hft {

std::size_t growth_limit(std::size_t bytes) {
  return limits::kGrowth * bytes + limits::kGrowthBytes;
}

void check_growth(std::size_t bytes, std::size_t most) {
  if (bytes > most)
    fail(Errc::kBadData, "the tokenizer makes ", bytes, " bytes of a text, the limit is ", most,
         " (", limits::kGrowth, " times the text and ", limits::kGrowthBytes, ")");
}

Text Text::original(std::string_view bytes, std::uint32_t start, bool tracked) {
  Text text{std::string(bytes), {}, start, tracked, growth_limit(bytes.size())};
  if (!tracked) return text;
  text.origin.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const auto n =
        static_cast<std::uint32_t>(unicode::length(static_cast<unsigned char>(bytes[at])));
    const auto begin = start + static_cast<std::uint32_t>(at);
    text.origin.insert(text.origin.end(), n, ByteRange{begin, begin + n});
    at += n;
  }
  return text;
}

void Rewrite::put(char32_t c, int change) {
  std::string one;
  unicode::append(one, c);
  put(one, change);
}

void Rewrite::put(std::string_view c, int change) {
  const std::size_t size = text_.bytes.size();
  if (text_.tracked) {
    ByteRange range{text_.start, text_.start};
    if (change > 0 && at_ >= 1) range = text_.origin[at_ - 1];
    if (change <= 0 && at_ < size) range = text_.origin[at_];
    origin_.insert(origin_.end(), c.size(), range);
  }
  bytes_ += c;
  check_growth(bytes_.size(), text_.most);
  if (change <= 0) skip_code_points(1 - change);
}

void Rewrite::skip_code_points(std::int64_t n) {
  for (; n > 0 && at_ < text_.bytes.size(); --n)
    at_ += static_cast<std::size_t>(unicode::length(static_cast<unsigned char>(text_.bytes[at_])));
}

void Rewrite::keep(std::size_t n) {
  bytes_.append(text_.bytes, at_, n);
  if (text_.tracked)
    origin_.insert(origin_.end(), text_.origin.begin() + static_cast<std::ptrdiff_t>(at_),
                   text_.origin.begin() + static_cast<std::ptrdiff_t>(at_ + n));
  at_ += n;
}

void Rewrite::finish() {
  text_.bytes = std::move(bytes_);
  text_.origin = std::move(origin_);
}

void Pieces::add(Text&& text) {
  const std::uint32_t start =
      tracked && !text.bytes.empty() ? text.origin.front().begin : text.start;
  if (!bytes.empty()) return add(text.bytes, text.origin, 0, start, -1);
  bytes = std::move(text.bytes);
  origin = std::move(text.origin);
  check_growth(bytes.size(), most);
  pieces.push_back({0, static_cast<std::uint32_t>(bytes.size()), start, -1});
}

void Pieces::add(std::string_view stretch, const std::vector<ByteRange>& stretch_origin,
                 std::size_t begin, std::uint32_t start, std::int32_t id) {
  Piece piece;
  piece.begin = static_cast<std::uint32_t>(bytes.size());
  piece.end = piece.begin + static_cast<std::uint32_t>(stretch.size());
  piece.start = start;
  piece.id = id;
  bytes += stretch;
  check_growth(bytes.size(), most);
  if (tracked)
    origin.insert(origin.end(), stretch_origin.begin() + static_cast<std::ptrdiff_t>(begin),
                  stretch_origin.begin() + static_cast<std::ptrdiff_t>(begin + stretch.size()));
  pieces.push_back(piece);
}

}  // namespace hft
