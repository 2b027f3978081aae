// How alike two vectors of sentences are.
#pragma once

#include <span>
#include <string_view>

namespace hft {

// How alike two vectors are; the larger, the more.
using Similarity = float (*)(std::span<const float>, std::span<const float>);
// sentence-transformers' similarity_fn_name: cosine, dot, euclidean, manhattan (distances are
// negative). Throws kUnsupported for another.
Similarity similarity_named(std::string_view name, std::string_view where);

}  // namespace hft
