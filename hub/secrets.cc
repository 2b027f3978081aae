#include "hub/secrets.h"

#include <algorithm>
#include <cctype>

namespace hft::hub {
namespace {

constexpr std::string_view kLead = "hf_";
constexpr std::size_t kLetters = 20;  // of a token, at least; real ones have 34

bool is_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)); }

std::size_t find_token_in(std::string_view text) {
  for (auto at = text.find(kLead); at != text.npos; at = text.find(kLead, at + 1)) {
    if (at > 0 && (is_letter(text[at - 1]) || text[at - 1] == '_')) continue;
    const auto rest = text.substr(at + kLead.size());
    if (rest.size() >= kLetters && std::all_of(rest.begin(), rest.begin() + kLetters, is_letter))
      return at;
  }
  return text.npos;
}

}  // namespace

void TokenSearch::feed(std::string_view bytes) {
  if (found_) return;
  // What the last piece may have begun is looked at again with this one.
  const std::string joined = tail_ + std::string(bytes);
  std::size_t at = find_token_in(joined);
  if (own_.size() >= 8) at = std::min(at, joined.find(own_));
  if (at != std::string::npos) found_ = at_ + static_cast<std::int64_t>(at);
  const std::size_t keep =
      std::min(joined.size(), std::max(kLead.size() + kLetters + 1, own_.size()));
  at_ += static_cast<std::int64_t>(joined.size() - keep);
  tail_ = joined.substr(joined.size() - keep);
}

}  // namespace hft::hub
