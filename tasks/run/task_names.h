// The tasks by the names that the pipelines and the Hub have for them, and the command of each.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hft {

// "sentiment-analysis" -> classify; with arguments where the name says more: "translation_en_to_fr".
// kUnsupported for a pipeline that hft has not, kUsage, with the nearest name, for what is none.
std::vector<std::string> command_of_task(const std::string& id);
// The command with its arguments, a space apart; nullptr for what is none.
const char* command_if_task(const std::string& id);
// The command that fits the model of a folder; "" when its files do not tell.
std::string command_of_folder(const std::filesystem::path& folder);

}  // namespace hft
