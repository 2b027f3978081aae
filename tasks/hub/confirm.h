// A question before something is lost.
#pragma once

#include <string>

namespace hft {

// True when `yes`, or when the user answers so on a terminal. Throws kUsage, naming --yes, where
// nobody can be asked.
bool confirmed(bool yes, const std::string& question);

}  // namespace hft
