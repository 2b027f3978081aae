#include "core/processors/ctc.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/checkpoint/sentence_folder.h"

namespace hft {
namespace {

// As Python's round(): ties go to the even number.
std::int64_t to_even(double x) { return static_cast<std::int64_t>(std::nearbyint(x)); }

}  // namespace

CtcWindows ctc_windows(double seconds, std::span<const double> strides, int rate,
                       std::int64_t stride) {
  if (seconds == 0) return {};
  const auto samples = [&](double of) {
    return to_even(of * rate / static_cast<double>(stride)) * stride;
  };
  const double left = strides.empty() ? seconds / 6 : strides.front();
  const double right = strides.empty() ? seconds / 6 : strides.back();
  const CtcWindows windows{samples(seconds), samples(left), samples(right)};
  if (windows.step() <= 0)
    fail(Errc::kUsage, "--chunk-length-s: chunks of ", seconds, " s that overlap by ", left, " s and ",
         right, " s leave nothing between; wanted longer ones");
  return windows;
}

Moments moments_kept(std::int64_t samples, std::int64_t left, std::int64_t right,
                     std::int64_t stride) {
  const auto all = to_even(static_cast<double>(samples) * (1.0 / static_cast<double>(stride)));
  const auto share = [&](std::int64_t of) {
    return to_even(static_cast<double>(of) / static_cast<double>(samples) * static_cast<double>(all));
  };
  return {share(left), all - share(right)};
}

void append_best(std::span<const float> logits, std::int64_t width,
                 std::vector<std::int32_t>& ids) {
  for (auto row = logits.begin(); row != logits.end(); row += width)
    ids.push_back(static_cast<std::int32_t>(std::max_element(row, row + width) - row));
}

CtcDecoder::CtcDecoder(const std::filesystem::path& folder, const std::string& language)
    : tokenizer_(Tokenizer::load(folder, {.src_lang = language})) {
  const Fields config = optional_fields(folder / "tokenizer_config.json");
  const auto special = [&](const char* name) {
    const auto id = tokenizer_.special_id(name);
    return id ? tokenizer_.token(*id) : "";
  };
  pad_ = special("pad");
  unknown_ = special("unk");
  delimiter_ = config.text("word_delimiter_token", "|");
  space_ = config.text("replace_word_delimiter_char", " ");
}

std::string CtcDecoder::token(std::int32_t id) const {
  const std::string own = tokenizer_.token(id);
  return own.empty() ? unknown_ : own;
}

std::string CtcDecoder::text(const std::vector<std::int32_t>& ids) const {
  return tokenizer_.decode(ids, false);
}

std::vector<HeardText> CtcDecoder::characters(std::span<const std::int32_t> ids) const {
  std::vector<HeardText> all;
  for (std::size_t begin = 0, end = 0; begin < ids.size(); begin = end) {
    const std::string letter = token(ids[begin]);
    while (end < ids.size() && (ids[end] == ids[begin] || token(ids[end]) == letter)) ++end;
    if (letter == pad_) continue;
    all.push_back({letter == delimiter_ ? space_ : letter, static_cast<std::int64_t>(begin),
                   static_cast<std::int64_t>(end)});
  }
  return all;
}

std::vector<HeardText> CtcDecoder::words(std::span<const std::int32_t> ids) const {
  std::vector<HeardText> all;
  bool inside = false;
  for (const HeardText& letter : characters(ids)) {
    const bool space = letter.text == space_;
    if (!space && inside) {
      all.back().text += letter.text;
      all.back().end = letter.end;
    } else if (!space) {
      all.push_back(letter);
    }
    inside = !space;
  }
  return all;
}

}  // namespace hft
