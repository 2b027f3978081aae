// What often lies where a file of the Hub should be.
#pragma once

#include <string_view>

namespace hft {

// Throws kBadData when the text is a Git LFS pointer ("not the weights themselves": `itself`) or an
// HTML page ("not weights": `kind`).
void refuse_impostor(std::string_view text, std::string_view itself, std::string_view kind);

}  // namespace hft
