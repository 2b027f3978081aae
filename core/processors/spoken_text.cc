#include "core/processors/spoken_text.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "core/processors/spoken_words.h"
#include "core/tokenizers/speech_languages.h"

namespace hft {
namespace {

constexpr double kWindowSteps = 1500;

// As Python's round(x, 2).
double rounded(double seconds) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f", seconds);
  return std::strtod(text, nullptr);
}

std::vector<std::int32_t> ids_of(const std::vector<SpokenToken>& tokens) {
  std::vector<std::int32_t> ids;
  for (const SpokenToken& token : tokens) ids.push_back(token.id);
  return ids;
}

// Where two texts overlap, in each of them.
struct Overlap {
  std::size_t left_begin, left_end, right_begin, right_end;
};

Overlap best_overlap(std::span<const SpokenToken> left, std::span<const SpokenToken> right,
                     bool timed) {
  const std::size_t l = left.size(), r = right.size();
  Overlap best{l, l, 0, 0};
  double most = 0;
  for (std::size_t i = 1; i < l + r; ++i) {
    const Overlap o{l > i ? l - i : 0, std::min(l, l + r - i), i > l ? i - l : 0, std::min(r, i)};
    std::size_t matches = 0;
    for (std::size_t k = 0; k < o.left_end - o.left_begin; ++k) {
      const SpokenToken &a = left[o.left_begin + k], &b = right[o.right_begin + k];
      matches += a.id == b.id &&
                 (!timed || a.start < b.start || (a.start == b.start && a.end <= b.end));
    }
    // Long agreement counts a little more.
    const double share = static_cast<double>(matches) / static_cast<double>(i) +
                         static_cast<double>(i) / 10000.0;
    if (matches > 1 && share > most) most = share, best = o;
  }
  return best;
}

}  // namespace

std::vector<SpokenToken> joined_at_overlaps(std::span<const std::vector<SpokenToken>> texts,
                                            bool timed) {
  std::vector<SpokenToken> all;
  if (texts.empty()) return all;
  std::span<const SpokenToken> left = texts[0];
  for (const std::vector<SpokenToken>& right : texts.subspan(1)) {
    const Overlap o = best_overlap(left, right, timed);
    const auto own = left.first((o.left_begin + o.left_end) / 2);
    all.insert(all.end(), own.begin(), own.end());
    left = std::span(right).subspan((o.right_begin + o.right_end) / 2);
  }
  all.insert(all.end(), left.begin(), left.end());
  return all;
}

SpokenText::SpokenText(const Tokenizer& tokenizer, Times times, double precision)
    : tokenizer_(tokenizer),
      times_(times),
      precision_(precision),
      first_time_(std::numeric_limits<std::int32_t>::max()) {
  if (const auto no_times = tokenizer.id("<|notimestamps|>")) first_time_ = *no_times + 1;
  begin();
}

void SpokenText::begin() {
  ids_.clear();
  current_.clear();
  before_ = 0;
  latest_ = windows_ = last_but_one_ = 0;
  earliest_token_ = first_time_;
  last_token_.reset();
}

// How many of the ids that a piece begins with are a prompt's.
std::size_t SpokenText::prompt_of(std::span<const std::int32_t> ids) const {
  if (!ids_.empty() || ids.empty() || ids[0] != tokenizer_.id("<|startofprev|>")) return 0;
  const auto start = tokenizer_.id("<|startoftranscript|>");
  return start ? static_cast<std::size_t>(std::ranges::find(ids, *start) - ids.begin()) : ids.size();
}

void SpokenText::add(std::span<const std::int32_t> ids, std::span<const float> token_times,
                     const Stride& stride) {
  begin();
  offset_ -= stride.left;
  if (stride.left != 0) earliest_token_ = stride.left / precision_ + first_time_;
  const auto own = ids.subspan(prompt_of(ids));
  if (stride.right != 0)
    // The last of the times is always the next piece's, and so are those in the overlap.
    for (auto id = own.rbegin(); id != own.rend(); ++id) {
      if (*id < first_time_) continue;
      if (last_token_ && (*id - first_time_) * precision_ < stride.length - stride.right) break;
      last_token_ = *id;
    }
  add(ids, token_times);
  offset_ += stride.length - stride.right;
  end_piece();
}

void SpokenText::add(std::span<const std::int32_t> ids, std::span<const float> token_times) {
  for (std::size_t i = prompt_of(ids); i < ids.size(); ++i)
    push(ids[i], i < token_times.size() ? token_times[i] : 0);
}

void SpokenText::push(std::int32_t id, float time) {
  ids_.push_back(id);
  const float start = std::exchange(before_, time);
  if (tokenizer_.is_special(id)) return special(id);
  if (id >= first_time_) return this->time(id);
  current_.push_back({id, rounded(start + offset_), rounded(time + offset_)});
}

void SpokenText::special(std::int32_t id) {
  const std::string token = tokenizer_.token(id);
  if (token.size() < 4) return;
  const std::string language(speech_language_name(token.substr(2, token.size() - 4)));
  if (language.empty()) return;
  if (!language_.empty() && language != language_ && times_ == Times::kNone) close_chunk();
  language_ = language;
}

// Seconds from the beginning of the sound: a time before the latest begins another window.
double SpokenText::shifted(std::int32_t id) {
  const double at = (id - first_time_) * precision_;
  if (at < latest_) {
    const std::size_t n = ids_.size();
    const bool single =
        n >= 3 && !(ids_[n - 2] >= first_time_ && ids_[n - 3] >= first_time_);
    if (!single) latest_ = last_but_one_;
    windows_ += single ? precision_ * kWindowSteps : last_but_one_;
  }
  last_but_one_ = latest_;
  latest_ = at;
  return rounded(at + offset_ + windows_);
}

void SpokenText::time(std::int32_t id) {
  const double at = shifted(id);
  if (last_token_ && id >= *last_token_) {
    skip_ = true;  // times come in pairs: so does the next go
  } else if (skip_ || (!earlier_.empty() && id < earliest_token_)) {
    skip_ = false;
  } else if (!start_) {
    start_ = at;
  } else if (at != *start_) {
    end_ = at;
    close_chunk();
  }
}

void SpokenText::close_chunk() {
  earlier_.push_back(std::exchange(current_, {}));
  const auto tokens = joined_at_overlaps(earlier_, times_ == Times::kWords);
  earlier_.clear();
  const std::vector<std::int32_t> ids = ids_of(tokens);
  const std::string text = tokenizer_.decode(ids, false);
  text_ += text;
  if (times_ == Times::kWords) {
    const SpokenWords words = words_of_tokens(tokenizer_, ids, language_);
    for (std::size_t i = 0; i < std::min(words.words.size(), words.tokens.size()); ++i)
      chunks_.push_back({words.words[i], tokens[words.tokens[i].front()].start,
                         tokens[words.tokens[i].back()].end});
  } else {
    chunks_.push_back({text, start_, end_});
  }
  start_.reset(), end_.reset();
}

void SpokenText::end_piece() {
  if (!current_.empty()) {
    earlier_.push_back(std::exchange(current_, {}));
  } else if (std::ranges::all_of(earlier_, [](const auto& text) { return text.empty(); })) {
    earlier_.clear();
    start_.reset(), end_.reset();
  }
}

void SpokenText::finish() {
  end_piece();
  if (earlier_.empty()) return;
  current_ = std::move(earlier_.back());
  earlier_.pop_back();
  close_chunk();
}

}  // namespace hft
