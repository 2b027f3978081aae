#include "core/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>

#include "core/base/text.h"

namespace hft {
namespace {

Verbosity level = Verbosity::kNormal;

// Tokens of the Hub, by their form and by their variable, are never repeated.
std::string without_tokens(std::string text) {
  constexpr std::size_t kLetters = 20;
  const auto is_letter = [](unsigned char c) { return std::isalnum(c) != 0; };
  for (auto at = text.find("hf_"); at != text.npos; at = text.find("hf_", at + 3)) {
    const auto begin = text.begin() + static_cast<std::ptrdiff_t>(at) + 3;
    const auto end = std::find_if_not(begin, text.end(), is_letter);
    if (end - begin >= static_cast<std::ptrdiff_t>(kLetters)) text.replace(begin, end, "…");
  }
  const char* own = std::getenv("HF_TOKEN");
  const std::string_view token = own ? own : "";
  if (token.size() >= 8)
    for (auto at = text.find(token); at != text.npos; at = text.find(token, at))
      text.replace(at, token.size(), "…");
  return text;
}

void say(std::string_view lead, std::string_view text) {
  static const auto logger = [] {
    auto made = spdlog::stderr_logger_mt("hft");
    made->set_pattern("%v");
    return made;
  }();
  logger->info("{}{}", lead, escape_controls(without_tokens(std::string(text))));
}

}  // namespace

void set_verbosity(Verbosity wanted) { level = wanted; }
Verbosity verbosity() { return level; }

void note(std::string_view text) {
  if (level != Verbosity::kQuiet) say("hft: ", text);
}

void detail(std::string_view text) {
  if (level == Verbosity::kVerbose) say("hft: ", text);
}

void report_error(std::string_view text, std::string_view hint) {
  say("hft: ", text);
  if (!hint.empty()) say("hint: ", hint);
}

}  // namespace hft
