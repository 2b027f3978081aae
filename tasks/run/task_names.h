// The tasks by the names that the pipelines and the Hub have for them, and the command of each.
#pragma once

#include <string>

namespace hft {

// "sentiment-analysis" -> "classify". kUsage, with the nearest name, for what is none.
std::string command_of_task(const std::string& id);

}  // namespace hft
