#include "core/models/decoder_net.h"

#include "core/checkpoint/config.h"

namespace hft {

bool is_tied(const Fields& config, const Weights& w, const Tensor& table, bool tied_by_default) {
  if (!config.boolean("tie_word_embeddings", tied_by_default)) return false;
  const std::string name = w.path() + ".weight";
  if (!w.has("weight") || !table.defined() || w.store().holds(name, table)) return true;
  if (is_version_5(config)) return false;
  w.store().warn("'" + name + "' is not used: config.json ties it to the embeddings, from which " +
                 "it differs");
  return true;
}

Linear language_head(const Fields& config, const Weights& w, std::array<std::int64_t, 2> shape,
                     const TiedTo& tie, bool bias) {
  const bool tied = is_tied(config, w, tie.table.get("weight", shape), tie.by_default);
  Tensor own_bias = bias ? w.small("bias", {shape[0]}) : Tensor();
  if (tied) {
    w.ignore();
    w.store().tie(w.path() + ".weight", tie.table.path() + ".weight");
  }
  return Linear(tied ? tie.table : w, shape, std::move(own_bias));
}

std::vector<CacheLayer> cache_layers(const Fields& config, std::int64_t layers, CacheLayer layer,
                                     std::int64_t window,
                                     const std::function<bool(std::int64_t)>& sliding) {
  const Json* types = config.find("layer_types");
  const bool listed =
      types && types->is_array() && static_cast<std::int64_t>(types->size()) == layers;
  std::vector<CacheLayer> all;
  for (std::int64_t i = 0; i < layers; ++i) {
    const bool slides = listed ? (*types)[i] == "sliding_attention" : sliding(i);
    layer.window = slides ? window : 0;
    all.push_back(layer);
  }
  return all;
}

}  // namespace hft
