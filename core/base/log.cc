#include "core/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "core/base/secrets.h"
#include "core/base/text.h"

namespace hft {
namespace {

Verbosity level = Verbosity::kNormal;

void say(std::string_view lead, std::string_view text) {
  static const auto logger = [] {
    auto made = spdlog::stderr_logger_mt("hft");
    made->set_pattern("%v");
    return made;
  }();
  logger->info("{}{}", lead, escape_controls(mask_tokens(text)));
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
