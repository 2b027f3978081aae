// The models that come with hft, named hft/NAME: share/hft/models, beside the program or in its
// prefix. They are folders like any other; the Hub is never asked for them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hft {

// Is this the name of one ("hft/austen"), whether or not it is there?
bool is_embedded_name(const std::string& model);
// Throws kNotFound, naming those there are.
std::filesystem::path embedded_folder(const std::string& model);
// Their names, sorted; none where they are not installed.
std::vector<std::string> embedded_models();

}  // namespace hft
