// Cutting encodings to a length: which window of which text, by tokenizers' truncation rules.
#pragma once

#include <cstddef>
#include <vector>

#include "core/tokenizers/tokenizer.h"

namespace hft {

// Half-open range of tokens.
struct TokenRange {
  std::size_t begin = 0, end = 0;
};

// The windows of `size` tokens, each `length` long, neighbours sharing `stride`; the first is the
// one to keep. Throws kUsage when the stride leaves no room to move.
std::vector<TokenRange> windows_of(std::size_t size, std::size_t length, std::size_t stride,
                                   Side side);

// Lengths the texts are cut to (their sizes when they fit). pair_size < 0: one text alone.
struct Lengths {
  std::size_t first = 0, second = 0;
};
// room: tokens left for the texts beside the special ones. Throws kUsage when the chosen text is
// too short to make up for the rest.
Lengths truncated_lengths(std::size_t size, std::ptrdiff_t pair_size, std::size_t room,
                          Truncation truncation);

}  // namespace hft
