// The clean-up of transformers' decode (clean_up_tokenization_spaces).
#pragma once

#include <string>

namespace hft {

// Takes out the spaces before punctuation marks and English endings.
std::string clean_up_spaces(std::string text);

}  // namespace hft
