#include "core/generation/text_stream.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/generation/stopping.h"

namespace hft {
namespace {

std::int64_t code_points(std::string_view text) {
  return static_cast<std::int64_t>(code_point_starts(text).size()) - 1;
}

// Text without its first n code points.
std::string after_code_points(std::string_view text, std::int64_t n) {
  const auto starts = code_point_starts(text);
  return std::string(text.substr(
      starts[static_cast<std::size_t>(std::min(n, static_cast<std::int64_t>(starts.size()) - 1))]));
}

}  // namespace

TextStream::TextStream(const Tokenizer& tokenizer, const TokenIds& prompt,
                       std::vector<std::string> stop_strings, bool exact)
    // Else cleaned up as the text-generation pipeline does, whatever the tokenizer says.
    : stream_(tokenizer, true, !exact),
      stop_strings_(std::move(stop_strings)),
      skip_(code_points(tokenizer.decode(prompt, true, !exact))) {
  for (auto id : prompt) held_ += stream_.push(id);
}

std::string TextStream::push(std::int32_t id) {
  held_ += stream_.push(id);
  return release(false);
}

std::string TextStream::finish() {
  held_ += stream_.finish();
  return release(true);
}

std::string TextStream::release(bool all) {
  if (skip_ > 0) {
    const std::int64_t passed = std::min(skip_, code_points(held_));
    held_ = after_code_points(held_, passed);
    skip_ -= passed;
  }
  if (skip_ > 0 || stopped_) return "";
  const std::string before = before_stop_string(held_, stop_strings_);
  stopped_ = before.size() < held_.size();
  const std::size_t keep = all || stopped_ ? 0 : stop_string_begun(before, stop_strings_);
  std::string piece = before.substr(0, before.size() - keep);
  held_.erase(0, piece.size());
  return piece;
}

std::string new_text(const Tokenizer& tokenizer, const TokenIds& prompt, const TokenIds& ids,
                     const std::vector<std::string>& stop_strings, bool exact) {
  TokenIds all = prompt;
  all.insert(all.end(), ids.begin(), ids.end());
  const std::int64_t length = code_points(tokenizer.decode(prompt, true, !exact));
  return before_stop_string(after_code_points(tokenizer.decode(all, true, !exact), length),
                            stop_strings);
}

}  // namespace hft
