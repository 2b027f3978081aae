// Where embeddings go other than into records: an array file, or a ranking.
#pragma once

#include <memory>
#include <string>

#include "tasks/run/records.h"

namespace hft {

// [inputs, dimensions] float32 as x.npy (NumPy format 1.0) or x.safetensors (tensor "embeddings");
// the row of a failed input is NaN.
std::unique_ptr<Sink> make_array_sink(const std::string& file);

// The first input is the query; the others are written by cosine similarity to it, best first,
// with the similarity for output; failed ones last. top_k < 0: all.
std::unique_ptr<Sink> make_ranking_sink(std::unique_ptr<RecordWriter> writer, std::int64_t top_k);

}  // namespace hft
