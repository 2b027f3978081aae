#include "core/nn/weights.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/nn/learning.h"
#include "core/quant/four_bit.h"
#include "core/quant/int8_matrix.h"
#include "core/quant/stored_codes.h"
#include "core/quant/write_codes.h"

namespace hft {

std::optional<at::ScalarType> floating_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF64:
      return at::kDouble;
    case Dtype::kF32:
      return at::kFloat;
    case Dtype::kF16:
      return at::kHalf;
    case Dtype::kBF16:
      return at::kBFloat16;
    default:
      return std::nullopt;
  }
}

namespace {

bool below(std::string_view name, const std::string& place) {
  return name.starts_with(place + ".");
}
bool at_or_below(std::string_view name, const std::string& place) {
  return name == place || below(name, place);
}

}  // namespace

WeightStore::WeightStore(std::string where, StoredTensors tensors, Renames renames,
                         at::ScalarType dtype, at::Device device)
    : where_(std::move(where)),
      tensors_(std::move(tensors)),
      renames_(std::move(renames)),
      dtype_(dtype),
      placement_(std::make_shared<Placement>(device)) {}

std::string WeightStore::newer_name(std::string name) const {
  for (const auto& [ours, theirs] : renames_.newer)
    if (const auto at = name.find(ours); at != std::string::npos) name.replace(at, ours.size(), theirs);
  return name;
}

std::string WeightStore::find(const std::string& name) const {
  std::vector<std::string> candidates{name};
  for (const auto& [ours, theirs] : renames_.endings)
    if (name.ends_with(ours))
      candidates.push_back(name.substr(0, name.size() - ours.size()) + theirs);
  if (!renames_.newer.empty()) candidates.push_back(newer_name(name));
  for (const auto& candidate : candidates) {
    if (tensors_.contains(candidate)) return candidate;
    const std::string base = renames_.base + ".";
    if (!renames_.base.empty() && candidate.starts_with(base))
      if (auto stripped = candidate.substr(base.size()); tensors_.contains(stripped))
        return stripped;
  }
  return "";
}

Tensor WeightStore::bind(const std::string& name, at::IntArrayRef shape, Role role) {
  const Learning* now = learning();
  const bool frozen =
      role == Role::kParameter && now && now->trains && !now->trains(name);
  const bool owns = training_ && (!frozen || !device().is_cpu());
  // What is no parameter is owned all the same: norms go on counting.
  const auto owned = [&](const std::string& as, const Tensor& value) {
    Tensor tensor = parameter(as, value);
    return role == Role::kBuffer || frozen ? tensor.set_requires_grad(false) : tensor;
  };
  if (auto made = random_.find(name); made != random_.end())
    return owns ? owned(name, made->second) : made->second;
  if (described_) describe(name, shape);
  const std::string found = find(name);
  if (found.empty()) {
    const bool needed =
        needed_.empty() || std::ranges::any_of(needed_, [&](auto& p) { return below(name, p); });
    // A tied weight is bound once by each that uses it.
    if (needed && !std::ranges::count(missing_, name, &Missing::name))
      missing_.push_back({name, shape.vec()});
    return {};
  }
  bound_.insert(found);
  const StoredTensor& stored = tensors_.at(found);
  if (!std::ranges::equal(stored.shape, shape))
    fail(Errc::kBadData, where_, ": tensor '", found, "' is ", shape_text(stored.shape),
         " in the checkpoint, but config.json implies ", shape_text(shape));
  const auto type = floating_type(stored.dtype);
  if (!type)
    fail(Errc::kUnsupported, where_, ": tensor '", found, "' is stored as ", name_of(stored.dtype),
         ", wanted F64, F32, F16 or BF16");
  lay_out(name);
  const Tensor tensor = mapped(stored, *type);
  if (owns) return owned(found, tensor);
  const Place& place = place_of(name);
  if (place.device.is_cpu()) return tensor;
  Tensor& moved = moved_[found];
  if (!moved.defined()) moved = tensor.to(place.device);
  return moved;
}

Tensor WeightStore::mapped(const StoredTensor& stored, at::ScalarType type) {
  // const_cast: LibTorch has no read-only tensors; the pages are mapped read-only all the same.
  auto* data = const_cast<std::byte*>(stored.bytes.data());
  const Tensor tensor = at::from_blob(
      data, stored.shape, [file = stored.file](void*) {}, type);
  if (reinterpret_cast<std::uintptr_t>(data) % tensor.itemsize() == 0) return tensor;
  Tensor aligned = at::empty_like(tensor);
  std::memcpy(aligned.data_ptr(), data, stored.bytes.size());
  return aligned;
}

StoredRows WeightStore::coded(const std::string& module, const CodedShape& shape) {
  if (!stored_as_) return {};
  if (plans_) return planned_rows(module, shape);
  const auto key = module + "#" + std::to_string(shape.slab);
  if (const auto known = coded_.find(key); known != coded_.end()) return known->second;
  const auto used = [&](const std::string& end) -> const StoredTensor* {
    const std::string found = find(module + end);
    if (found.empty()) return nullptr;
    if (end != ".weight") bound_.insert(found);
    return &tensors_.at(found);
  };
  StoredRows rows = stored_codes(
      *stored_as_, {where_ + ": " + module, shape.outputs, shape.depth, dtype_, shape.slab, shape.slabs},
      used);
  if (rows) bound_.insert(find(module + ".weight"));
  return coded_[key] = std::move(rows);
}

StoredRows WeightStore::made_coded(const std::string& module, const Tensor& weight) {
  auto& rows = coded_[module];
  if (rows) return rows;
  const std::string name = find(module.substr(0, module.find('#')) + ".weight");
  if (plans_) {
    lay_out_coded(name, weight);
    return rows = [weight](std::int64_t first, std::int64_t count) {
      return stored_matrices({weight.narrow(0, first, count)}, Quantize::kNone)[0];
    };
  }
  // Inference makes codes of halves: adapters are to learn over the same ones.
  const Tensor numbers = (learning() ? weight.to(at::kHalf) : weight).to(dtype_);
  const std::string what = where_ + ": " + module;
  if (quantize_ == Quantize::kLlmInt8) {
    const LlmInt8 made = llm_int8(numbers, what);
    in_codes_.merge(tensors_of(name, made));
    rows = llm_int8_rows(made, 6);
  } else {
    const auto made =
        four_bit(numbers, quantize_ == Quantize::kNf4 ? FourBit::kNf4 : FourBit::kFp4, nest_, what);
    in_codes_.merge(tensors_of(name, made, numbers.size(0), numbers.size(1)));
    rows = rows_of(four_bit_codes(made.weight, numbers.size(0), numbers.size(1)));
  }
  return rows;
}

std::string WeightStore::orphan_scale() const {
  if (!stored_as_) return "";
  for (const auto& name : unexpected()) {
    const std::string place = name.substr(0, name.rfind('.'));
    if (belongs_to_codes(name) && (bound_.contains(place) || bound_.contains(place + ".weight")))
      return name;
  }
  return "";
}

Tensor WeightStore::parameter(const std::string& name, const Tensor& value) {
  const auto [it, fresh] = parameters_.try_emplace(name);
  if (fresh) it->second = value.to(device(), dtype_, false, true).requires_grad_(true);
  return it->second;
}

StoredTensors WeightStore::trained() const {
  StoredTensors all = tensors_;
  const auto keep = [&](const std::string& name, const Tensor& value) {
    StoredTensor& stored = all[name];
    stored.dtype = dtype_ == at::kHalf       ? Dtype::kF16
                   : dtype_ == at::kBFloat16 ? Dtype::kBF16
                                             : Dtype::kF32;
    stored.shape = value.sizes().vec();
    stored.bytes = {static_cast<const std::byte*>(value.const_data_ptr()), value.nbytes()};
    stored.file = nullptr;
  };
  for (const auto& [name, value] : random_) keep(name, value);
  for (const auto& [name, value] : parameters_) keep(name, value);
  return all;
}

std::vector<std::int64_t> WeightStore::shape(const std::string& name) const {
  const std::string found = find(name);
  if (found.empty()) return {};
  const auto& shape = tensors_.at(found).shape;
  return {shape.begin(), shape.end()};
}

bool WeightStore::holds(const std::string& name, const Tensor& value) const {
  const std::string found = find(name);
  if (found.empty()) return false;
  const StoredTensor& stored = tensors_.at(found);
  if (floating_type(stored.dtype) != value.scalar_type() ||
      !std::ranges::equal(stored.shape, value.sizes()))
    return false;
  const Tensor other = value.cpu().contiguous();
  return stored.bytes.data() == other.const_data_ptr() ||
         std::memcmp(stored.bytes.data(), other.const_data_ptr(), stored.bytes.size()) == 0;
}

void WeightStore::warn(const std::string& text) {
  if (!std::ranges::count(warnings_, text)) warnings_.push_back(text);
}

std::vector<std::string> WeightStore::unexpected() const {
  const std::string base = renames_.base + ".";
  std::vector<std::string> names;
  for (const auto& [name, stored] : tensors_) {
    const std::string full = renames_.base.empty() || name.starts_with(base) ? name : base + name;
    const bool ignored =
        bound_.contains(name) ||
        std::ranges::any_of(renames_.ignored, [&](auto& end) { return name.ends_with(end); }) ||
        std::ranges::any_of(ignored_,
                            [&](auto& place) {
                              return at_or_below(name, place) || at_or_below(full, place);
                            });
    if (!ignored) names.push_back(name);
  }
  return names;
}

void WeightStore::fill_missing(double std) {
  auto generator = at::detail::createCPUGenerator(42);
  for (const auto& [name, shape] : missing_) {
    Tensor value = at::zeros(shape, at::kFloat);
    if (shape.size() >= 2)
      value.normal_(0.0, std, generator);
    else if (name.ends_with("weight") || name.ends_with("running_var"))
      value.fill_(1.0);
    random_[name] = value.to(place_of(name).device, dtype_);
  }
  missing_.clear();
}

Tensor Weights::small(std::string_view name, at::IntArrayRef shape) const {
  Tensor tensor = get(name, shape);
  return tensor.defined() ? tensor.to(store_->dtype()) : tensor;
}

}  // namespace hft
