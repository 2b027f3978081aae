// Which weights a model has and where they go: the sizes that a plan is made of, from headers or, where
// there are no weights, from what config.json has the architecture bind.
#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "core/nn/weights.h"
#include "core/quant/stored_codes.h"

namespace hft {
namespace {

constexpr std::size_t kDevicePage = 4096;

std::shared_ptr<void> anonymous_memory(std::size_t bytes, int protection) {
  const std::size_t size = (bytes + kDevicePage - 1) / kDevicePage * kDevicePage + kDevicePage;
  void* memory = ::mmap(nullptr, size, protection,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return {memory, [size](void* m) { ::munmap(m, size); }};
}

// Bytes of a number in codes, its scale included, as a checkpoint of this kind has it.
double bytes_of_code(const Quantization& how) {
  switch (how.method) {
    case Quantization::Method::kFp8:
      return 1;
    case Quantization::Method::kMxfp4:
      return 0.5 + 1.0 / 32;
    default:
      return how.bits / 8.0 + (how.group > 0 ? 2.5 / static_cast<double>(how.group) : 0);
  }
}

// Is it in a list of layers? What is outside of them is not quantised.
bool in_layers(std::string_view module) {
  for (std::size_t at = 0; (at = module.find('.', at)) != std::string_view::npos; ++at)
    if (at + 1 < module.size() && module[at + 1] >= '0' && module[at + 1] <= '9') return true;
  return false;
}

}  // namespace

void WeightStore::plan(bool described) {
  plans_ = true;
  described_ = described;
  if (quantize_ == Quantize::kDynamic) quantize_ = Quantize::kNone;  // it is made in time
}

std::span<const std::byte> WeightStore::zeros(std::size_t bytes) {
  if (memory_.empty() || zeros_ < bytes) {
    memory_.push_back(anonymous_memory(bytes, PROT_READ));
    zeros_ = bytes;
  }
  return {static_cast<const std::byte*>(memory_.back().get()), bytes};
}

void WeightStore::describe(const std::string& name, at::IntArrayRef shape) {
  if (!find(name).empty()) return;
  StoredTensor stored;
  stored.dtype = dtype_ == at::kHalf ? Dtype::kF16 : dtype_ == at::kBFloat16 ? Dtype::kBF16 : Dtype::kF32;
  stored.shape = shape.vec();
  stored.bytes = zeros(static_cast<std::size_t>(c10::multiply_integers(shape) * bytes_of(stored.dtype)));
  tensors_[name] = stored;
}

void WeightStore::lay_out(const std::string& name, double bytes_each) {
  if (!plans_) return;
  const std::string found = find(name);
  const auto [known, fresh] = laid_out_.try_emplace(found, layout_.size());
  if (fresh) layout_.push_back({.name = found, .also = found == name ? "" : name});
  const StoredTensor& stored = tensors_.at(found);
  ModelTensor& tensor = layout_[known->second];
  tensor.count = stored.count();
  if (bytes_each == 0 && !fresh) return;
  const auto own = static_cast<double>(bytes_of(stored.dtype));
  if (bytes_each == 0)
    bytes_each = floating_type(stored.dtype)
                     ? std::min(own, static_cast<double>(at::elementSize(dtype_)))
                     : own;
  tensor.bytes = static_cast<std::int64_t>(static_cast<double>(tensor.count) * bytes_each);
}

void WeightStore::lay_out_coded(const std::string& found, const Tensor& weight) {
  const double scales = quantize_ == Quantize::kLlmInt8
                            ? 4.0 / static_cast<double>(weight.size(1))
                            : (nest_ ? 1 + 4.0 / 256 : 4.0) / 64;
  lay_out(found, (quantize_ == Quantize::kLlmInt8 ? 1 : 0.5) + scales);
}

std::vector<std::string> WeightStore::names_of(const std::string& module) const {
  const std::string base = renames_.base + ".";
  std::vector<std::string> places{module};
  if (module.starts_with(base)) places.push_back(module.substr(base.size()));
  if (!renames_.newer.empty()) places.push_back(newer_name(module));
  std::vector<std::string> names;
  for (const auto& place : places) {
    for (auto at = tensors_.lower_bound(place + "."); at != tensors_.end(); ++at) {
      if (!at->first.starts_with(place + ".")) break;
      names.push_back(at->first);
    }
    for (const char* end : {"_blocks", "_scales", "_weight"})
      if (tensors_.contains(place + end)) names.push_back(place + end);
    if (tensors_.contains(place)) names.push_back(place);
    if (!names.empty()) break;
  }
  return names;
}

StoredRows WeightStore::planned_rows(const std::string& module, const CodedShape& shape) {
  std::vector<std::string> names = names_of(module);
  const bool coded =
      described_ ? in_layers(module)
                 : std::ranges::any_of(names, [](const auto& n) { return belongs_to_codes(n); });
  if (!coded) return {};
  const auto count = static_cast<std::size_t>(shape.outputs * shape.depth);
  if (described_) {
    const auto rows = std::max<std::int64_t>(1, shape.slabs) * shape.outputs;
    describe(module + ".weight", {rows, shape.depth});
    lay_out(module + ".weight", bytes_of_code(*stored_as_));
  }
  for (const auto& name : names) {
    bound_.insert(name);
    lay_out(name, static_cast<double>(bytes_of(tensors_.at(name).dtype)));
  }
  StoredTensor stand_in;
  stand_in.shape = {shape.outputs, shape.depth};
  stand_in.bytes = zeros(count * sizeof(float));
  const Tensor numbers = mapped(stand_in, at::kFloat);
  return [numbers](std::int64_t first, std::int64_t rows) {
    return stored_matrices({numbers.narrow(0, first, rows)}, Quantize::kNone)[0];
  };
}

void WeightStore::tie(const std::string& name, const std::string& to) {
  if (!plans_ || laid_out_.contains(name)) return;
  laid_out_[name] = layout_.size();
  layout_.push_back({.name = name, .tied_to = find(to)});
}

void WeightStore::place(std::shared_ptr<const Placement> placement) {
  placement_ = std::move(placement);
  const std::string base = renames_.base.empty() ? "" : renames_.base + ".";
  for (auto& [name, stored] : tensors_) {
    if (!placement_->of(name, base + name).own_memory || stored.bytes.empty()) continue;
    memory_.push_back(anonymous_memory(stored.bytes.size(), PROT_READ | PROT_WRITE));
    zeros_ = 0;
    auto* own = static_cast<std::byte*>(memory_.back().get());
    std::ranges::copy(stored.bytes, own);
    stored.bytes = {own, stored.bytes.size()};
    stored.file = nullptr;
  }
}

std::vector<std::span<const std::byte>> WeightStore::stored_of(const std::string& module) const {
  std::vector<std::span<const std::byte>> all;
  for (const auto& name : names_of(module)) all.push_back(tensors_.at(name).bytes);
  return all;
}

}  // namespace hft
