// Labels with scores, as the commands that classify share them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/json.h"

namespace hft {

// What --top-k says; all: -1.
std::int64_t top_k_of(const std::string& text);

// [{"label", "score"}], the best k of them.
Json labelled(const std::vector<Json>& labels, const std::vector<float>& scores, std::int64_t k);

// --hypothesis-template with each label put in, as Python's str.format does it. kUsage for a
// template that no label goes into.
std::vector<std::string> hypotheses_of(const std::string& text,
                                       const std::vector<std::string>& labels);

}  // namespace hft
