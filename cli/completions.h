// Completion scripts and man pages, made by walking the option tree.
#pragma once

#include <string>

namespace hft {

// For "bash", "zsh" or "fish"; kUsage for another.
std::string completion_script(const std::string& shell);

// hft(1), or hft-COMMAND(1), in man(7) macros.
std::string man_page(const std::string& command = "");

}  // namespace hft
