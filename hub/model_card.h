// A model card for a folder that has none, from what its other files say.
#pragma once

#include <filesystem>
#include <string>

namespace hft::hub {

// README.md: front matter (library, task, tags, base model, metrics of eval_results.json or
// all_results.json) and a page that shows them. The same folder gives the same text.
std::string make_model_card(const std::filesystem::path& folder, const std::string& name);

// The Hub's name of the task that an architecture's head does; "" when its name does not say.
std::string task_of(const std::string& architecture, const std::string& model_type);

// The first of config.json's architectures; "" when it names none.
std::string architecture_of(const std::filesystem::path& folder);

}  // namespace hft::hub
