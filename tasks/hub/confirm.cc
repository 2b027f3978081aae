#include "tasks/hub/confirm.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {

bool confirmed(bool yes, const std::string& question) {
  if (yes) return true;
  if (!::isatty(STDIN_FILENO) || !::isatty(STDERR_FILENO))
    fail_hint(Errc::kUsage, "--dry-run shows what would go", "nobody to ask: '", question,
              "' needs --yes");
  std::fprintf(stderr, "%s [y/N] ", question.c_str());
  std::string answer;
  std::getline(std::cin, answer);
  answer = lowercase(trimmed(answer));
  return answer == "y" || answer == "yes";
}

}  // namespace hft
