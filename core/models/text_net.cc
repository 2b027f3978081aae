#include "core/models/text_net.h"

#include <set>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/decoder_net.h"

namespace hft {

std::int64_t label_count(const Fields& config) {
  if (config.has("id2label")) {
    const auto count = static_cast<std::int64_t>(config.object("id2label").json().size());
    if (count < 1 || count > limits::kLabels)
      fail(Errc::kBadData, config.where(), ": 'id2label' has ", count, " labels, wanted 1 to ",
           limits::kLabels);
    return count;
  }
  return config.integer("num_labels", 1, limits::kLabels, 2);
}

std::int64_t head_size(const Fields& config, std::int64_t hidden, std::int64_t heads) {
  if (hidden % heads != 0)
    fail(Errc::kBadData, config.where(), ": the hidden size ", hidden,
         " is not a multiple of the number of attention heads ", heads);
  return hidden / heads;
}

std::int64_t heads_left(const Fields& config, std::int64_t layer, std::int64_t heads) {
  const Json pruned = config.object("pruned_heads").json();
  const auto found = pruned.find(std::to_string(layer));
  if (found == pruned.end()) return heads;
  std::set<std::int64_t> gone;
  for (const Json& head : *found) {
    if (!head.is_number_integer() || head < 0 || head >= heads)
      fail(Errc::kBadData, config.where(), ": pruned_heads: layer ", layer, " has ", to_line(head),
           ", wanted heads from 0 to ", heads - 1);
    gone.insert(head.get<std::int64_t>());
  }
  const auto left = heads - static_cast<std::int64_t>(gone.size());
  if (left == 0)
    fail(Errc::kUnsupported, config.where(), ": pruned_heads leaves layer ", layer,
         " no attention head, wanted one at least");
  return left;
}

void need_absolute_positions(const Fields& config) {
  const auto kind = config.text("position_embedding_type", "absolute");
  if (kind != "absolute")
    fail(Errc::kUnsupported, config.where(), ": position_embedding_type '", kind,
         "' is not supported, wanted 'absolute'");
}

Linear vocabulary_product(const Fields& config, const Weights& decoder, const Weights& at,
                          const Weights& table, std::int64_t size) {
  const auto vocab = config.integer("vocab_size", 1, limits::kVocab);
  const bool tied = is_tied(config, decoder, table.get("weight", {vocab, size}), true);
  if (tied) at.store().tie(decoder.path() + ".weight", table.path() + ".weight");
  const bool aliased = !at.has("bias") && decoder.has("bias");
  Tensor bias = (aliased ? decoder : at).small("bias", {vocab});
  decoder.ignore();
  return Linear(tied ? table : decoder, {vocab, size}, std::move(bias));
}

}  // namespace hft
