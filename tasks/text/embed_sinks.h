// Where embeddings go other than into records: an array file, or a ranking.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "tasks/run/records.h"

namespace hft {

// [inputs, dimensions] float32 as x.npy (NumPy format 1.0) or x.safetensors (tensor "embeddings");
// the row of a failed input is NaN.
std::unique_ptr<Sink> make_array_sink(const std::string& file);

// How alike two vectors are; the larger, the more.
using Similarity = float (*)(std::span<const float>, std::span<const float>);
// sentence-transformers' similarity_fn_name: cosine, dot, euclidean, manhattan (distances are
// negative). Throws kUnsupported for another.
Similarity similarity_named(std::string_view name, std::string_view where);

// The first input is the query; the others are written by similarity to it, best first, with the
// similarity for output; failed ones last. top_k < 0: all.
std::unique_ptr<Sink> make_ranking_sink(std::unique_ptr<RecordWriter> writer, std::int64_t top_k,
                                        Similarity similarity);

}  // namespace hft
