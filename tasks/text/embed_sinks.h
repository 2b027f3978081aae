// Where embeddings go other than into records: an array file, or a ranking by similarity.
#pragma once

#include <memory>
#include <string>

#include "core/processors/similarity.h"
#include "tasks/text/ranking_sink.h"

namespace hft {

// [inputs, dimensions] float32 as x.npy (NumPy format 1.0) or x.safetensors (tensor "embeddings");
// the row of a failed input is NaN.
std::unique_ptr<Sink> make_array_sink(const std::string& file);

// How alike each vector is to the one put before all inputs, which itself is not ranked.
ScoreOf similarity_to_first(Similarity similarity);

}  // namespace hft
