// Labels with scores, as the commands that classify share them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "tasks/run/flags.h"

namespace hft {

// The options of commands that label a thing, with the model's labels or with others.
struct LabelOptions {
  std::string top_k, function;
  std::vector<std::string> candidates;
  std::string hypothesis;
};

// Declares them; `thing`: "text"; `model`: what kind of model takes other labels.
void add_label_options(Flags& flags, LabelOptions& options, const std::string& thing,
                       const std::string& model);

// What --top-k says; all: -1.
std::int64_t top_k_of(const std::string& text);

// [{"label", "score"}], the best k of them.
Json labelled(const std::vector<Json>& labels, const std::vector<float>& scores, std::int64_t k);

// The same with the score first, as the reference has it for pictures and sounds.
Json scored(const std::vector<Json>& labels, const std::vector<float>& scores, std::int64_t k);

// --hypothesis-template with each label put in, as Python's str.format does it. kUsage for a
// template that no label goes into.
std::vector<std::string> hypotheses_of(const std::string& text,
                                       const std::vector<std::string>& labels);

}  // namespace hft
