#include "core/tokenizers/decode_stream.h"

#include <algorithm>
#include <string_view>

#include "core/tokenizers/clean_up.h"

namespace hft {
namespace {

// A byte token: whether it is text or U+FFFD depends on the whole run of them.
bool is_byte_token(const std::string& token) {
  return token.size() == 6 && token.starts_with("<0x") && token.back() == '>';
}

// What the clean-up may still change at the end of a text: the beginnings of its patterns, and of
// those that one replacement can make for a later one.
bool may_begin_pattern(std::string_view end) {
  static constexpr std::string_view kPatterns[] = {" .",    " ' ",    " n't",   " 'm",
                                                   " 's",   " 've",   " 're",   "  ' s",
                                                   "  ' m", "  ' ve", "  ' re", " n ' t"};
  for (const std::string_view pattern : kPatterns)
    if (end.size() < pattern.size() && pattern.starts_with(end)) return true;
  return false;
}

// Where a text may be cut so that cleaning both parts is cleaning the whole: at its end when no
// pattern may have begun there, else before a space that none can span.
std::size_t last_cut(const std::string& text) {
  constexpr std::size_t kLongest = 5;  // beginning of a pattern
  std::size_t begun = text.size();
  for (std::size_t n = 1; n <= std::min(kLongest, text.size()); ++n)
    if (may_begin_pattern(std::string_view(text).substr(text.size() - n))) begun = text.size() - n;
  if (begun == text.size()) return begun;
  for (std::size_t at = begun; at > 0; --at)
    if (text[at] == ' ' && text[at - 1] != ' ' && text[at - 1] != '\'' && text[at - 1] != 'n')
      return at;
  return 0;
}

}  // namespace

DecodeStream::DecodeStream(const Tokenizer& tokenizer, bool skip_special_tokens,
                           std::optional<bool> clean_up)
    : tokenizer_(tokenizer),
      skip_special_tokens_(skip_special_tokens),
      clean_up_(clean_up.value_or(tokenizer.cleans_up())) {}

std::string DecodeStream::decode(std::size_t from) const {
  return tokenizer_.decode({ids_.begin() + static_cast<std::ptrdiff_t>(from), ids_.end()},
                           skip_special_tokens_, false);
}

std::string DecodeStream::push(std::int32_t id) {
  ids_.push_back(id);
  ++fresh_tokens_;
  if (is_byte_token(tokenizer_.token(id))) return "";
  const std::string text = decode(context_);
  if (text.size() <= shown_.size() || text.ends_with("\xef\xbf\xbd") || !text.starts_with(shown_))
    return "";
  std::string fresh = text.substr(shown_.size());
  // The tokens just shown are the context of the next ones.
  context_ = ids_.size() - fresh_tokens_;
  fresh_tokens_ = 0;
  shown_ = decode(context_);
  all_shown_ += fresh;
  return release(std::move(fresh), false);
}

std::string DecodeStream::finish() {
  const std::string text = decode(0);
  std::string rest = text.starts_with(all_shown_) ? text.substr(all_shown_.size()) : "";
  all_shown_ += rest;
  return release(std::move(rest), true);
}

std::string DecodeStream::release(std::string text, bool all) {
  if (!clean_up_) return text;
  held_ += text;
  const std::size_t cut = all ? held_.size() : last_cut(held_);
  std::string out = clean_up_spaces(held_.substr(0, cut));
  held_.erase(0, cut);
  return out;
}

}  // namespace hft
