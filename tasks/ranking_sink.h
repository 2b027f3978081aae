// Records by a score, best first, instead of in input order.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "tasks/run/records.h"

namespace hft {

// The score of an input's output; none: the input is not ranked.
using ScoreOf = std::function<std::optional<float>(const Input& input, const Json& output)>;

// Writes inputs by their score, best first, with the score for output; equal ones in input order,
// failed ones last. top_k < 0: all. The failure of what a task puts before all inputs is thrown.
std::unique_ptr<Sink> make_ranking_sink(std::unique_ptr<RecordWriter> writer, std::int64_t top_k,
                                        ScoreOf score);

}  // namespace hft
