#include "core/models/seq2seq_net.h"

#include <algorithm>

namespace hft {

Tensor shared_table(const Weights& w, const std::vector<std::string_view>& names,
                    at::IntArrayRef shape) {
  const auto found = std::ranges::find_if(names, [&](auto name) { return (w / name).has("weight"); });
  const std::string_view chosen = found == names.end() ? names[0] : *found;
  for (auto name : names)
    if (name != chosen) (w / name).ignore();
  return (w / chosen).get("weight", shape);
}

Linear seq2seq_head(const Fields& config, const Weights& w, std::array<std::int64_t, 2> shape,
                    const Tensor& table, bool tied_by_default) {
  Tensor bias;
  if (w.has("final_logits_bias")) bias = w.small("final_logits_bias", {1, shape[0]}).view({-1});
  const Weights head = w / "lm_head";
  if (config.boolean("tie_word_embeddings", tied_by_default)) {
    head.ignore();
    return Linear(head, table, bias);
  }
  return Linear(head, head.get("weight", shape), bias);
}

}  // namespace hft
