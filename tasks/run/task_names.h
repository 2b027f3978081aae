// The tasks by the names that the pipelines and the Hub have for them, and the command of each.
#pragma once

#include <filesystem>
#include <string>

namespace hft {

// "sentiment-analysis" -> "classify". kUsage, with the nearest name, for what is none.
std::string command_of_task(const std::string& id);
// The command that fits the model of a folder; "" when its files do not tell.
std::string command_of_folder(const std::filesystem::path& folder);

}  // namespace hft
