// Source: save_pretrained of transformers 4.57 leaves out the names that a class lists in
// _tied_weights_keys; the endings below are those lists of all its classes taken together.
#include "core/checkpoint/tied.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <vector>

namespace hft {
namespace {

// What a name is: a later kind is left out before an earlier one.
enum NameKind { kOwn, kEmbedding, kHead };

constexpr std::array<std::string_view, 4> kEmbeddings{
    "encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "encoder.word_embeddings.weight",
    "decoder.word_embeddings.weight"};
// Whole parts of a name, from its end.
constexpr std::array<std::string_view, 13> kHeads{
    "lm_head.weight",         "decoder.weight",           "decoder.bias",
    "proj_out.weight",        "output_projection.weight", "embed_out.weight",
    "vocab_projector.weight", "pred_layer.proj.weight",   "generator_lm_head.weight",
    "lm_loss.weight",         "lm_head.out_proj.weight",  "head.weight",
    "output.weight"};

NameKind name_kind(std::string_view name) {
  for (std::string_view end : kEmbeddings)
    if (name.ends_with(end)) return kEmbedding;
  for (std::string_view end : kHeads)
    if (name == end || (name.ends_with(end) && name[name.size() - end.size() - 1] == '.'))
      return kHead;
  return kOwn;
}

}  // namespace

std::set<std::string> tied_names(const StoredTensors& tensors, bool heads, bool embeddings) {
  using Same = std::tuple<const std::byte*, std::size_t, Dtype, std::vector<std::int64_t>>;
  std::map<Same, std::vector<std::string>> groups;
  for (const auto& [name, tensor] : tensors)
    if (!tensor.bytes.empty())
      groups[{tensor.bytes.data(), tensor.bytes.size(), tensor.dtype, tensor.shape}].push_back(
          name);

  std::set<std::string> left_out;
  for (const auto& [same, names] : groups) {
    NameKind best = kHead;
    for (const auto& name : names) best = std::min(best, name_kind(name));
    // Among equals the last in order stays, as with the reference.
    std::string kept;
    for (const auto& name : names)
      if (name_kind(name) == best) kept = name;
    for (const auto& name : names) {
      const NameKind kind = name_kind(name);
      if (name != kept && ((kind == kHead && heads) || (kind == kEmbedding && embeddings)))
        left_out.insert(name);
    }
  }
  return left_out;
}

}  // namespace hft
