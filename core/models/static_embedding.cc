#include "core/models/static_embedding.h"

#include <cstring>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/load_parts.h"
#include "core/nn/embedding.h"

namespace hft {
namespace {

// Row of the table for each token; undefined: its id.
Tensor mapping_of(const StoredTensors& tensors, std::int64_t rows, const std::string& where) {
  const auto found = tensors.find("mapping");
  if (found == tensors.end()) return {};
  const StoredTensor& stored = found->second;
  if (stored.shape.size() != 1 || (stored.dtype != Dtype::kI64 && stored.dtype != Dtype::kI32))
    fail(Errc::kBadData, where, ": tensor 'mapping' is not a list of integers");
  const auto type = stored.dtype == Dtype::kI64 ? at::kLong : at::kInt;
  Tensor mapping = at::empty(stored.shape, type);
  std::memcpy(mapping.data_ptr(), stored.bytes.data(), stored.bytes.size());
  mapping = mapping.to(at::kLong);
  if (mapping.numel() > 0 &&
      (mapping.min().item<std::int64_t>() < 0 || mapping.max().item<std::int64_t>() >= rows))
    fail(Errc::kBadData, where, ": tensor 'mapping' names rows outside [0, ", rows, ")");
  return mapping;
}

}  // namespace

TextNet static_embedding(const ModelRequest& request, const std::filesystem::path& folder,
                         at::Device device) {
  const std::string where = folder.string();
  Fields config(Json::object(), where);
  const auto store = open_weights(request, folder, config, Renames{}, device);
  const StoredTensors& tensors = store->tensors();
  const auto found = tensors.contains("embedding.weight") ? tensors.find("embedding.weight")
                                                          : tensors.find("embeddings");
  if (found == tensors.end() || found->second.shape.size() != 2)
    fail(Errc::kBadData, where,
         ": the checkpoint has no matrix 'embedding.weight' or 'embeddings'");
  const auto& shape = found->second.shape;
  const Tensor table = store->bind(found->first, shape);
  Tensor mapping = mapping_of(tensors, shape[0], where), scales;
  TextNet net;
  net.vocab = mapping.defined() ? mapping.size(0) : shape[0];
  net.positions = limits::kPositions;
  net.hidden = shape[1];
  net.reads_nothing = true;
  if (tensors.contains("weights"))
    scales = store->bind("weights", {net.vocab}).to(at::kFloat);
  if (mapping.defined()) mapping = mapping.to(device);
  net.encode = [=](const Tokens& tokens) {
    const Tensor rows = mapping.defined() ? mapping.index_select(0, tokens.ids) : tokens.ids;
    const Tensor x = table.index_select(0, rows).to(at::kFloat);  // [N,D]
    return scales.defined() ? x * scales.index_select(0, tokens.ids).unsqueeze(1) : x;
  };
  return net;
}

}  // namespace hft
