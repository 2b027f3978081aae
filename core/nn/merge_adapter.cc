#include "core/nn/merge_adapter.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/error.h"

namespace hft {
namespace {

constexpr std::array<std::string_view, 4> kEmbeddings{"embed_tokens", "wte", "embed_in",
                                                      "word_embeddings"};
constexpr std::array<std::string_view, 2> kHeads{"lm_head", "embed_out"};

bool is_module(std::string_view tensor, std::string_view module) {
  const std::string end = std::string(module) + ".weight";
  return tensor == end || tensor.ends_with("." + end);
}

Tensor view_of(const StoredTensor& stored, const std::string& where) {
  const auto type = floating_type(stored.dtype);
  if (!type)
    fail(Errc::kUnsupported, where, ": a tensor is stored as ", name_of(stored.dtype),
         ", wanted F64, F32, F16 or BF16");
  Tensor copy = at::empty(stored.shape, *type);
  std::memcpy(copy.data_ptr(), stored.bytes.data(), stored.bytes.size());
  return copy;
}

// A tensor of ours as if it had been stored; what it was made from stays mapped.
StoredTensor stored_of(Tensor tensor, std::shared_ptr<const MappedFile> file) {
  struct Owner {
    Tensor tensor;
    std::shared_ptr<const MappedFile> file;
  };
  const auto owner = std::make_shared<Owner>(Owner{tensor.contiguous(), std::move(file)});
  const Tensor& own = owner->tensor;
  const auto type = own.scalar_type() == at::kFloat  ? Dtype::kF32
                    : own.scalar_type() == at::kHalf ? Dtype::kF16
                                                     : Dtype::kBF16;
  return {type, own.sizes().vec(),
          {static_cast<const std::byte*>(own.const_data_ptr()), own.nbytes()},
          std::shared_ptr<const MappedFile>(owner, owner->file.get())};
}

class Merger {
 public:
  Merger(const Adapter& adapter, std::string base, at::ScalarType dtype, StoredTensors& tensors,
         Fields& config)
      : adapter_(adapter),
        base_(std::move(base) + "."),
        dtype_(dtype),
        tensors_(tensors),
        config_(config) {}

  void merge() {
    untie();
    for (const auto& [name, tensor] : adapter_.replaced) replace(name, tensor);
    for (const auto& [module, lora] : adapter_.loras) add(module, lora);
  }

 private:
  // The checkpoint's name of a tensor, which may lack the encoder's prefix or have it in addition.
  std::string find(const std::string& name) const {
    std::vector<std::string> candidates{name, base_ + name};
    if (name.starts_with(base_)) candidates.push_back(name.substr(base_.size()));
    for (const auto& candidate : candidates)
      if (tensors_.contains(candidate)) return candidate;
    return "";
  }

  bool changes(std::string_view module) const {
    const auto is = [&](const auto& entry) { return is_module(entry.first, module); };
    return std::ranges::any_of(adapter_.replaced, is) ||
           std::ranges::any_of(adapter_.loras, [&](const auto& entry) {
             return is_module(entry.first + ".weight", module);
           });
  }

  // The only models whose output layer is a tensor of this name.
  bool writes_text() const {
    const Json* classes = config_.find("architectures");
    if (!classes || !classes->is_array() || classes->empty() || !(*classes)[0].is_string())
      return false;
    const auto name = (*classes)[0].get<std::string>();
    return name.ends_with("ForCausalLM") || name.ends_with("LMHeadModel");
  }

  // Gives an output layer that is tied to the embedding a tensor of its own, when either changes.
  void untie() {
    const auto changed = [&](std::string_view module) { return changes(module); };
    if (!writes_text() ||
        (std::ranges::none_of(kEmbeddings, changed) && std::ranges::none_of(kHeads, changed)))
      return;
    const auto table = std::ranges::find_if(tensors_, [](const auto& entry) {
      return std::ranges::any_of(kEmbeddings,
                                 [&](auto name) { return is_module(entry.first, name); });
    });
    if (table == tensors_.end()) return;
    const bool old = is_module(table->first, "embed_in");
    const std::string head = old ? "embed_out.weight" : "lm_head.weight";
    const Json* said = config_.find("tie_word_embeddings");
    if (tensors_.contains(head) && !(said && *said == true)) return;
    tensors_[head] = table->second;
    set("tie_word_embeddings", false);
  }

  void set(const char* key, Json value) {
    Json json = config_.json();
    json[key] = std::move(value);
    config_ = Fields(std::move(json), config_.where());
  }

  // A module that is there, or a head that only the adapter has.
  void replace(const std::string& name, const StoredTensor& tensor) {
    const std::string found = find(name);
    tensors_[found.empty() ? name : found] = tensor;
    const bool table =
        std::ranges::any_of(kEmbeddings, [&](auto module) { return is_module(name, module); });
    if (table && tensor.shape.size() == 2) set("vocab_size", tensor.shape[0]);
  }

  void add(const std::string& module, const Adapter::Lora& lora) {
    const std::string name = find(module + ".weight");
    if (name.empty())
      fail(Errc::kBadData, adapter_.where, ": the adapter fits no tensor of the model: '", module,
           "'");
    StoredTensor& stored = tensors_[name];
    const Tensor weight = view_of(stored, adapter_.where).to(dtype_);
    const Tensor a = view_of(lora.a, adapter_.where).to(at::kFloat);
    const Tensor b = view_of(lora.b, adapter_.where).to(at::kFloat);
    const Tensor delta = at::mm(b, a) * lora.scale;  // [out,in]
    const bool turned = lora.embedding || is_turned(weight, delta);
    const Tensor added = turned ? delta.t() : delta;
    if (weight.sizes() != added.sizes())
      fail(Errc::kBadData, adapter_.where, ": the adapter of '", module, "' is for a weight ",
           shape_text(added.sizes()), ", but the model's is ", shape_text(weight.sizes()));
    Tensor merged = weight.to(at::kFloat) + added;
    if (!lora.magnitude.shape.empty()) {
      const Tensor norm = (turned ? merged.t() : merged).norm(2, 1, false);  // [out]
      const Tensor magnitude = view_of(lora.magnitude, adapter_.where).view({-1});  // [out]
      const Tensor factor = magnitude.to(at::kFloat) / norm;
      merged = merged * (turned ? factor : factor.unsqueeze(1));
    }
    stored = stored_of(merged.to(dtype_), stored.file);
    if (!lora.b_bias.shape.empty()) add_bias(module, lora);
  }

  void add_bias(const std::string& module, const Adapter::Lora& lora) {
    const std::string name = find(module + ".bias");
    if (name.empty())
      fail(Errc::kBadData, adapter_.where, ": the adapter adds to the bias of '", module,
           "', which has none");
    StoredTensor& stored = tensors_[name];
    const Tensor bias = view_of(stored, adapter_.where).to(dtype_).to(at::kFloat);
    const Tensor added = view_of(lora.b_bias, adapter_.where).to(at::kFloat) * lora.scale;
    if (bias.sizes() != added.sizes())
      fail(Errc::kBadData, adapter_.where, ": the adapter's bias of '", module, "' is ",
           shape_text(added.sizes()), ", but the model's is ", shape_text(bias.sizes()));
    stored = stored_of((bias + added).to(dtype_), stored.file);
  }

  // Weights of GPT-2's kind are stored {in, out}; a square one does not show it.
  bool is_turned(const Tensor& weight, const Tensor& delta) const {
    return delta.size(0) == delta.size(1) ? adapter_.fan_in_fan_out
                                          : weight.sizes() == delta.t().sizes();
  }

  const Adapter& adapter_;
  std::string base_;
  at::ScalarType dtype_;
  StoredTensors& tensors_;
  Fields& config_;
};

}  // namespace

void merge_adapters(const std::vector<WeightedAdapter>& adapters, const std::string& base,
                    at::ScalarType dtype, StoredTensors& tensors, Fields& config) {
  std::map<std::string, std::string> replaced;  // tensor -> the adapter it is of
  for (const WeightedAdapter& one : adapters) {
    const Adapter adapter = read_adapter(one);
    for (const auto& [name, tensor] : adapter.replaced)
      if (const auto [other, is_first] = replaced.emplace(name, adapter.where); !is_first)
        fail(Errc::kUsage, adapter.where, ": replaces '", name, "' whole, as ", other->second,
             " does; wanted one such adapter");
    Merger(adapter, base, dtype, tensors, config).merge();
  }
}

}  // namespace hft
