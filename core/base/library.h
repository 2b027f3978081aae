// Shared libraries of hft that are opened only by the commands that need them.
#pragma once

#include <filesystem>
#include <string>

namespace hft {

// The folder of this library: the program's, or ../lib beside it.
std::filesystem::path library_folder();

// The function `symbol` of lib<name>.so, which stands beside this library or in ../lib.
// Throws kFailure, with what to do, when it is not there.
void* open_library(const std::string& name, const char* symbol);

}  // namespace hft
