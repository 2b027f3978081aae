// Binding of a checkpoint's tensors by name and shape. A Weights value is a place in the name tree:
//   Weights w(store);  Linear query(w / "encoder" / "layer" / 3 / "attention" / "query", {out,
//   in});
// Tensors lie on the mapped file (no copy, nothing is read) unless the device is not the CPU.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/checkpoint/quantization.h"
#include "core/checkpoint/safetensors.h"
#include "core/quant/shape_text.h"
#include "core/nn/placement.h"
#include "core/nn/tensor.h"
#include "core/quant/stored_matrix.h"

namespace hft {

// How checkpoints of one architecture differ from the names its file binds.
struct Renames {
  // The encoder's prefix ("bert"): a name below it is also found without it.
  std::string base;
  // Endings: {"LayerNorm.weight", "LayerNorm.gamma"} finds the second under the first's name.
  std::vector<std::pair<std::string, std::string>> endings;
  // Endings of tensors that no model uses and nobody is told of.
  std::vector<std::string> ignored;
  // Parts of names, each replaced in its turn: what newer files say in place of the first.
  std::span<const std::pair<std::string_view, std::string_view>> newer = {};
};

// The tensors of one checkpoint, what has been bound of them, and how they are computed with.
class WeightStore {
 public:
  // `where` names the checkpoint in errors.
  WeightStore(std::string where, StoredTensors tensors, Renames renames, at::ScalarType dtype,
              at::Device device);

  // The tensor as stored. Undefined when missing, which missing() then tells.
  // Throws kBadData when the shape differs from `shape`, kUnsupported when it holds no floats.
  // A buffer is not trained.
  enum class Role { kParameter, kBuffer };
  Tensor bind(const std::string& name, at::IntArrayRef shape, Role role = Role::kParameter);
  bool has(const std::string& name) const { return !find(name).empty(); }
  std::vector<std::int64_t> shape(const std::string& name) const;  // as stored; {}: missing
  // The tensor of this name is `value` itself or equal to it, byte by byte.
  bool holds(const std::string& name, const Tensor& value) const;
  const StoredTensors& tensors() const { return tensors_; }
  void ignore(std::string prefix) { ignored_.push_back(std::move(prefix)); }
  // Tensors outside these places may be missing; binding one gives an undefined tensor.
  void need_only(std::vector<std::string> prefixes) { needed_ = std::move(prefixes); }

  struct Missing {
    std::string name;
    std::vector<std::int64_t> shape;
  };
  const std::vector<Missing>& missing() const { return missing_; }
  // What users should know of how the checkpoint was read; said once.
  void warn(const std::string& text);
  const std::vector<std::string>& warnings() const { return warnings_; }
  // Names in the checkpoint that nothing was bound to, sorted.
  std::vector<std::string> unexpected() const;
  // Gives every missing tensor the values a new head gets (normal(0, std) from seed 42, biases
  // 0, norms 1), so that binding again finds them.
  void fill_missing(double std);

  // From here on what is bound is a parameter: a copy of the checkpoint's tensor in the type
  // computed with, of which gradients are kept; one for each name, however often it is bound. What
  // a model makes of them when it is built is not made again, so it is built anew for each step.
  void train() { training_ = true; }
  // By the checkpoint's names.
  const std::map<std::string, Tensor, std::less<>>& parameters() const { return parameters_; }
  // The checkpoint's tensors, the parameters in place of those they came from. They live as long
  // as this store.
  StoredTensors trained() const;

  const std::string& where() const { return where_; }
  at::ScalarType dtype() const { return dtype_; }
  // Whether a product's row must have the same bits whatever rows are computed with it; set before
  // anything is bound. It costs a little where there are few rows.
  bool row_exact() const { return row_exact_; }
  void need_row_exact(bool needed) { row_exact_ = needed; }
  // What is done to the weights of products; set before anything is bound.
  Quantize quantize() const { return quantize_; }
  // `nest`: of 4 bits, the sizes are quantised too.
  void quantize_with(Quantize how, bool nest = false) {
    quantize_ = how;
    nest_ = nest;
  }
  // Says that the checkpoint is quantised, before anything is bound.
  void stored_as(Quantization how) { stored_as_ = std::move(how); }
  // Weights in codes by the path of their module: those of a quantised checkpoint (empty where it has
  // floats there, or nothing), and those that 4 or 8 bits are made of when they are bound.
  struct CodedShape {
    std::int64_t outputs, depth;
    std::int64_t slab = 0, slabs = 0;  // of several that are one tensor
  };
  StoredRows coded(const std::string& module, const CodedShape& shape);
  StoredRows made_coded(const std::string& module, const Tensor& weight);
  // What was made so, as tensors of a checkpoint.
  const StoredTensors& in_codes() const { return in_codes_; }
  // A scale whose weight was bound as floats, "": none. Such a model is not what its maker computed.
  std::string orphan_scale() const;
  at::Device device() const { return placement_->main().device; }

  // The weights move to where their modules live: copies for devices with memory of their own.
  // Before anything is bound.
  void place(std::shared_ptr<const Placement> placement);
  const Place& place_of(const std::string& name) const { return placement_->of(name, find(name)); }
  // What is stored of the module at a path, in files.
  std::vector<std::span<const std::byte>> stored_of(const std::string& module) const;

  // From here on binding only tells which weights there are and what they take; those of a
  // checkpoint that is not there (`described`) are made up, as zeros that take no memory.
  void plan(bool described);
  bool plans() const { return plans_; }
  const ModelLayout& layout() const { return layout_; }
  // `name` is the same tensor as `to`.
  void tie(const std::string& name, const std::string& to);

 private:
  // Where this store plans, a tensor that is bound; bytes of each number 0: as it is computed with.
  void lay_out(const std::string& name, double bytes_each = 0);
  void lay_out_coded(const std::string& found, const Tensor& weight);
  void describe(const std::string& name, at::IntArrayRef shape);
  std::span<const std::byte> zeros(std::size_t bytes);
  std::vector<std::string> names_of(const std::string& module) const;
  StoredRows planned_rows(const std::string& module, const CodedShape& shape);
  static Tensor mapped(const StoredTensor& stored, at::ScalarType type);
  std::string find(const std::string& name) const;  // its name in the checkpoint, "" = none
  std::string newer_name(std::string name) const;
  Tensor parameter(const std::string& name, const Tensor& value);
  std::string where_;
  StoredTensors tensors_;
  Renames renames_;
  std::vector<std::string> ignored_, needed_;  // needed_ empty: all
  at::ScalarType dtype_;
  std::shared_ptr<const Placement> placement_;
  bool plans_ = false, described_ = false;
  ModelLayout layout_;
  std::map<std::string, std::size_t> laid_out_;  // by name in the checkpoint
  std::vector<std::shared_ptr<void>> memory_;  // of zeros, and of devices that have their own
  std::size_t zeros_ = 0;                      // bytes of the last of them
  std::map<std::string, Tensor> moved_;        // to another device of LibTorch
  bool row_exact_ = true;
  Quantize quantize_ = Quantize::kNone;
  bool nest_ = false;
  std::optional<Quantization> stored_as_;
  std::map<std::string, StoredRows> coded_;  // by module, and slab
  StoredTensors in_codes_;
  std::set<std::string> bound_;
  std::vector<Missing> missing_;
  std::vector<std::string> warnings_;
  std::map<std::string, Tensor, std::less<>> random_, parameters_;
  bool training_ = false;
};

class Weights {
 public:
  explicit Weights(std::shared_ptr<WeightStore> store) : store_(std::move(store)) {}

  Weights operator/(std::string_view name) const {
    if (name.empty()) return *this;
    return Weights(store_, path_.empty() ? std::string(name) : path_ + "." + std::string(name));
  }
  Weights operator/(std::int64_t index) const { return *this / std::to_string(index); }

  // See WeightStore::bind.
  Tensor get(std::string_view name, at::IntArrayRef shape) const {
    return store_->bind((*this / name).path_, shape);
  }
  // The same in the type computed with: for small tensors, it copies when the types differ.
  Tensor small(std::string_view name, at::IntArrayRef shape) const;
  Tensor buffer(std::string_view name, at::IntArrayRef shape) const {
    return store_->bind((*this / name).path_, shape, WeightStore::Role::kBuffer);
  }
  bool has(std::string_view name) const { return store_->has((*this / name).path_); }
  std::vector<std::int64_t> shape(std::string_view name) const {
    return store_->shape((*this / name).path_);
  }
  // Tensors below this place are not missed when nothing binds them.
  void ignore() const { store_->ignore(path_); }

  const std::string& path() const { return path_; }
  WeightStore& store() const { return *store_; }
  const std::shared_ptr<WeightStore>& shared() const { return store_; }

 private:
  Weights(std::shared_ptr<WeightStore> store, std::string path)
      : store_(std::move(store)), path_(std::move(path)) {}
  std::shared_ptr<WeightStore> store_;
  std::string path_;
};

// The element type as LibTorch names it; empty for types a weight cannot have.
std::optional<at::ScalarType> floating_type(Dtype dtype);

}  // namespace hft
