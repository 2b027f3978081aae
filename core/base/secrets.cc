#include "core/base/secrets.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace hft {
namespace {

constexpr const char* kMask = "hf_…";

void mask_all(std::string& text, std::string_view secret) {
  for (auto at = text.find(secret); at != text.npos; at = text.find(secret, at))
    text.replace(at, secret.size(), kMask);
}

void mask_form(std::string& text, std::string_view lead) {
  constexpr std::ptrdiff_t kLetters = 20;  // at least; real ones have 34
  const auto is_letter = [](unsigned char c) { return std::isalnum(c) != 0; };
  for (auto at = text.find(lead); at != text.npos; at = text.find(lead, at + 1)) {
    const auto letters = text.begin() + static_cast<std::ptrdiff_t>(at + lead.size());
    const auto end = std::find_if_not(letters, text.end(), is_letter);
    if (end - letters >= kLetters) text.replace(letters - std::ssize(lead), end, kMask);
  }
}

}  // namespace

std::string mask_tokens(std::string_view given) {
  constexpr std::size_t kShortest = 8;  // of a token in HF_TOKEN
  std::string text(given);
  const char* own = std::getenv("HF_TOKEN");
  if (own && std::string_view(own).size() >= kShortest) mask_all(text, own);
  mask_form(text, "hf_");
  mask_form(text, "api_org_");
  return text;
}

}  // namespace hft
