#include "hub/secrets.h"

#include <algorithm>
#include <cctype>

namespace hft::hub {
namespace {

constexpr std::string_view kLead = "hf_";
constexpr std::size_t kLetters = 34;

bool is_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)); }
bool in_word(char c) { return is_letter(c) || c == '_'; }

// Does a word begin at `at`? The letter of an escape ("\\n" in JSON) belongs to none.
bool begins_word(std::string_view text, std::size_t at) {
  return at == 0 || !in_word(text[at - 1]) || (at > 1 && text[at - 2] == '\\');
}

// `whole`: the text ends here, else a word may go on in the next piece.
std::size_t find_token_in(std::string_view text, bool whole) {
  for (auto at = text.find(kLead); at != text.npos; at = text.find(kLead, at + 1)) {
    const auto letters = text.substr(at + kLead.size(), kLetters);
    const auto end = at + kLead.size() + kLetters;
    if (!begins_word(text, at) || letters.size() < kLetters ||
        !std::all_of(letters.begin(), letters.end(), is_letter) || (end == text.size() && !whole) ||
        (end < text.size() && in_word(text[end])))
      continue;
    if (letters.find_first_not_of(letters[0]) != letters.npos) return at;
  }
  return text.npos;
}

}  // namespace

void TokenSearch::feed(std::string_view bytes) {
  if (found_) return;
  // What the last piece may have begun is looked at again with this one.
  const std::string joined = tail_ + std::string(bytes);
  std::size_t at = find_token_in(joined, false);
  if (own_.size() >= 8) at = std::min(at, joined.find(own_));
  if (at != std::string::npos) found_ = at_ + static_cast<std::int64_t>(at);
  const std::size_t keep =
      std::min(joined.size(), std::max(kLead.size() + kLetters + 2, own_.size()));
  at_ += static_cast<std::int64_t>(joined.size() - keep);
  tail_ = joined.substr(joined.size() - keep);
}

std::optional<std::int64_t> TokenSearch::found() const {
  if (found_) return found_;
  const std::size_t at = find_token_in(tail_, true);
  if (at == std::string::npos) return std::nullopt;
  return at_ + static_cast<std::int64_t>(at);
}

}  // namespace hft::hub
