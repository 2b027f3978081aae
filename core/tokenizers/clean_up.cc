#include "core/tokenizers/clean_up.h"

#include "core/tokenizers/decoders.h"

namespace hft {

std::string clean_up_spaces(std::string text) {
  constexpr std::string_view kPairs[][2] = {
      {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
      {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kPairs) text = replaced(std::move(text), from, to);
  return text;
}

}  // namespace hft
