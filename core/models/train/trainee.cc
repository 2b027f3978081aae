// A net over parameters, built anew for each step; its loss as transformers computes it, its
// gradients by LibTorch.
#include "core/models/train/trainee.h"

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <regex>

#include "core/base/error.h"
#include "core/models/load_parts.h"
#include "core/models/text_model.h"
#include "core/models/train/learning_nets.h"
#include "core/models/train/lora.h"
#include "core/models/train/losses.h"
#include "core/models/train/noise_of.h"
#include "core/models/train/optimizer.h"
#include "core/models/train/shared_gradients.h"
#include "core/models/train/shards.h"
#include "core/models/train/start_weights.h"

namespace hft {
namespace {

// As Trainer.get_decay_parameter_names: neither biases nor norms. Norms that are not named so are
// vectors with a bias and without running statistics, which batch norms have.
bool decays(const std::string& name, const Tensor& value, const WeightStore& store) {
  static const std::regex kForbidden("bias|layernorm|rmsnorm|(^|\\.)norm($|\\.)|_norm($|\\.)",
                                     std::regex::icase);
  if (std::regex_search(name, kForbidden)) return false;
  if (value.dim() != 1 || !name.ends_with(".weight")) return true;
  const std::string module = name.substr(0, name.size() - 6);
  const auto bias = store.parameters().find(module + "bias");
  return bias == store.parameters().end() || store.tensors().contains(module + "running_mean");
}

class NetTrainee : public Trainee {
 public:
  explicit NetTrainee(const TrainRequest& request)
      : request_(request),
        config_(request.config, (request.model.folder / "config.json").string()),
        kind_(kind_of(request.learner)),
        architecture_(kind_.architecture(config_, request.objective)),
        device_(architecture_.decoder || architecture_.seq2seq ? at::Device(at::kCPU)
                                                               : pick_device(request.model.device)) {
    if (request.model.threads > 0) at::set_num_threads(request.model.threads);
    learning_.noise = noise_of(request, config_);
    learning_.bf16 = request.bf16;
    learning_.recomputes = request.recompute;
    learning_.jitter = request.neftune_alpha;
    renames_ = renames_of(architecture_.base);
    renames_.newer = architecture_.newer_names;
    start_ = start_weights(request, config_, renames_,
                           request.from_config
                               ? StoredTensors{}
                               : open_checkpoint(request.model.folder, request.model.variant),
                           [&](const Weights& w) { build(w); });
    store_ = std::make_shared<WeightStore>(request.model.folder.string(), start_.tensors, renames_,
                                           at::kFloat, device_);
    store_->quantize_with(quantize_of(request.model), request.model.double_quant);
    store_->train();
    choose_trained();
    warn();
  }

  const std::vector<std::string>& warnings() const override { return warnings_; }
  std::int64_t max_positions() const override { return positions_; }
  std::int64_t max_source_positions() const override { return source_positions_; }
  std::int64_t stride() const override { return stride_; }
  std::int64_t trained_numbers() const override {
    std::int64_t sum = 0;
    for (const Trained& one : trained_) sum += one.value.numel();
    return sum;
  }
  std::int64_t all_numbers() const override {
    std::int64_t sum = lora_ ? trained_numbers() : 0;
    for (const std::string& name : start_.names) {
      const auto found = start_.tensors.find(start_.in_file(name));
      if (found == start_.tensors.end() || (lora_ && lora_->whole().contains(name))) continue;
      std::int64_t count = 1;
      for (const auto size : found->second.shape) count *= size;
      sum += count;
    }
    return sum;
  }

  void join(Ranks& ranks, const Sharing& how) override {
    if (!device_.is_cpu())
      fail_hint(Errc::kUnsupported, "--device cpu", "several processes train on CPUs only");
    translate_errors([&] {
      const c10::AutoGradMode no_gradients(false);
      if (request_.model.threads == 0 && !std::getenv("OMP_NUM_THREADS"))
        at::set_num_threads(ranks.processors());
      for (const Trained& one : trained_)
        ranks.start_broadcast(numbers_of(one.value), 0)->wait();
      shared_.emplace(ranks, in_module_order(), how.bucket_bytes, !request_.recompute);
      if (how.shards_optimizer) shards_.emplace(ranks, trained_);
    });
  }

  double learn(const TrainBatch& batch, double divisor, bool last) override {
    return translate_errors([&] {
      if (last && shared_) shared_->expect();
      const c10::AutoGradMode with_gradients(true);
      learning_.generator = generator_of(batch.noise);
      learning_.texts = texts_of(batch);
      const LearningHere here(learning_, device_);
      const LearningNet net = build(Weights(store_));
      const Tensor loss = summed_loss(request_, net.logits(batch), batch) / divisor;
      loss.backward();
      return loss.item<double>();
    });
  }

  double update(double rate, double max_norm) override {
    return translate_errors([&] {
      const c10::AutoGradMode no_gradients(false);
      if (shared_)
        shared_->take();
      else
        for (Trained& one : trained_) one.gradient = one.value.grad();
      const double norm = clip(trained_, max_norm);
      if (std::isfinite(norm)) {
        if (shards_) shards_->keep_own();
        step(request_.optimizer, trained_, rate, ++updates_);
        if (shards_) shards_->exchange();
      }
      for (Trained& one : trained_) one.gradient = one.value.mutable_grad() = Tensor();
      return norm;
    });
  }

  Predicted predict(const TrainBatch& batch) override {
    return translate_errors([&] {
      const c10::AutoGradMode no_gradients(false);
      learning_.evaluates = true;
      const LearningHere here(learning_, device_);
      const LearnedLogits logits = build(Weights(store_)).logits(batch);
      Predicted predicted{.rows = logits.rows};
      const double sum = summed_loss(request_, logits, batch).item<double>();
      learning_.evaluates = false;
      predicted.loss = sum / static_cast<double>(batch.terms());
      const bool writes = request_.objective == Objective::kCausal ||
                          request_.objective == Objective::kMasked ||
                          request_.objective == Objective::kWritten;
      if (!writes) {
        const Tensor values = logits.all.to(at::kFloat).cpu().contiguous();
        const auto* data = values.const_data_ptr<float>();
        predicted.logits = {values.size(0), values.size(1), {data, data + values.numel()}};
      }
      return predicted;
    });
  }

  std::vector<SavedTensor> weights() override {
    kept_.clear();
    std::vector<SavedTensor> all;
    if (lora_) {
      for (const Trained& one : trained_)
        all.push_back(saved(adapter_name(one), one.value));
      return all;
    }
    for (const auto& [name, value] : store_->parameters()) all.push_back(saved(name, value));
    for (const auto& [name, tensor] : start_.tensors)  // what counts batches
      if (name.ends_with("num_batches_tracked") && !store_->parameters().contains(name))
        all.push_back({name, tensor, tensor.dtype});
    return all;
  }

  std::vector<SavedTensor> memory() override {
    kept_.clear();
    std::vector<SavedTensor> all;
    for (const Trained& one : trained_)
      for (const auto& [name, value] : shards_ ? shards_->memory_of(one) : one.memory)
        all.push_back(saved(name + "." + one.name, value));
    return all;
  }

  void restore(const StoredTensors& weights, const StoredTensors& memory,
               std::int64_t updates) override {
    const c10::AutoGradMode no_gradients(false);
    const auto take = [&](const std::string& name, const Tensor& to) {
      const auto found = weights.find(name);
      if (found == weights.end())
        fail(Errc::kBadData, "the checkpoint to resume from lacks tensor '", name, "'");
      to.detach().copy_(read(name, found->second, to.sizes()));
    };
    for (const Trained& one : trained_)
      if (lora_) take(adapter_name(one), one.value);
    if (!lora_)
      for (const auto& [name, value] : store_->parameters()) take(name, value);
    if (!memory.empty()) restore_memory(memory);
    updates_ = updates;
  }

  std::vector<std::int64_t> permutation(std::int64_t n, std::uint64_t seed) override {
    const Tensor order = at::randperm(n, generator_of(seed), at::kLong);
    const auto* data = order.const_data_ptr<std::int64_t>();
    return {data, data + n};
  }

 private:
  static std::vector<Sequences> texts_of(const TrainBatch& batch) {
    std::vector<Sequences> texts;
    for (const TokenBatch* one : {&batch.tokens, &batch.sources})
      texts.push_back({.starts = {one->starts.begin(), one->starts.end()}});
    return texts;
  }

  std::string adapter_name(const Trained& one) const {
    return Lora::name_in_file(start_.in_file(one.name));
  }

  LearningNet build(const Weights& w) const {
    return kind_.build(architecture_, request_, config_, w);
  }

  void warn() {
    if (request_.from_config)
      warnings_.push_back("all weights are new, drawn with seed " + std::to_string(request_.seed));
    else if (!start_.made.empty())
      warnings_.push_back("new weights, drawn with seed " + std::to_string(request_.seed) + ": " +
                          listed(start_.made));
    for (const auto& text : store_->warnings()) warnings_.push_back(text);
    if (const auto unused = store_->unexpected(); !unused.empty())
      warnings_.push_back("left out, as the model does not use them: " + listed(unused));
    if (!store_->missing().empty())
      fail(Errc::kBadData, request_.model.folder.string(), ": the checkpoint lacks tensor '",
           store_->missing()[0].name, "'");
  }

  // The model's tensors in the order of its modules.
  std::vector<WeightStore::Missing> in_order() const {
    const auto asked =
        std::make_shared<WeightStore>("", StoredTensors{}, renames_, at::kFloat, at::kCPU);
    build(Weights(asked));
    return asked->missing();
  }

  // What is trained, the same; adapters are in that order already.
  std::vector<Trained*> in_module_order() {
    std::map<std::string, std::size_t> places;
    for (const auto& tensor : in_order())
      places.emplace(start_.in_file(tensor.name), places.size());
    std::vector<Trained*> order;
    for (Trained& one : trained_) order.push_back(&one);
    std::ranges::stable_sort(order, {}, [&](const Trained* one) {
      const auto found = places.find(one->name);
      return found == places.end() ? places.size() : found->second;
    });
    return order;
  }

  // The net is built for the first time, which makes the parameters.
  void choose_trained() {
    const c10::AutoGradMode no_gradients(false);
    if (request_.lora.rank > 0) {
      lora_.emplace(request_.lora, in_order(), request_.seed, device_);
      learning_.trains = [this](const std::string& name) { return lora_->whole().contains(name); };
    }
    const LearningHere here(learning_, device_);
    const LearningNet net = build(Weights(store_));
    positions_ = net.positions;
    source_positions_ = net.source_positions;
    stride_ = net.stride;
    if (lora_) {
      trained_ = lora_->begin(*store_, learning_);
    } else {
      for (const auto& [name, value] : store_->parameters())
        if (value.requires_grad()) trained_.push_back({name, value});
    }
    for (Trained& one : trained_) one.decays = decays(one.name, one.value, *store_);
  }

  void restore_memory(const StoredTensors& memory) {
    for (const auto& [name, stored] : memory) {
      const auto dot = name.find('.');
      const auto one = std::ranges::find(trained_, name.substr(dot + 1), &Trained::name);
      if (dot == name.npos || one == trained_.end())
        fail(Errc::kBadData, "the checkpoint to resume from remembers '", name,
             "', which is not trained");
      if (shards_ && !shards_->own(*one)) continue;
      one->memory[name.substr(0, dot)] = read(name, stored, stored.shape).to(device_);
    }
  }

  SavedTensor saved(const std::string& name, const Tensor& value) {
    const Tensor& kept = kept_.emplace_back(value.detach().cpu().contiguous());
    StoredTensor stored;
    stored.dtype = kept.scalar_type() == at::kByte ? Dtype::kU8 : Dtype::kF32;
    stored.shape = kept.sizes().vec();
    stored.bytes = {static_cast<const std::byte*>(kept.const_data_ptr()), kept.nbytes()};
    return {name, stored, stored.dtype};
  }

  static Tensor read(const std::string& name, const StoredTensor& stored, at::IntArrayRef shape) {
    const bool bytes = stored.dtype == Dtype::kU8;
    if ((!bytes && stored.dtype != Dtype::kF32) || !std::ranges::equal(stored.shape, shape))
      fail(Errc::kBadData, "the checkpoint to resume from has tensor '", name,
           "' of another type or size");
    Tensor value = at::empty(shape, bytes ? at::kByte : at::kFloat);
    std::memcpy(value.data_ptr(), stored.bytes.data(), stored.bytes.size());
    return value;
  }

  TrainRequest request_;
  Fields config_;
  const LearnerKind& kind_;
  const Architecture& architecture_;
  at::Device device_;
  Learning learning_;
  Renames renames_;
  StartWeights start_;
  std::shared_ptr<WeightStore> store_;
  std::int64_t positions_ = 0, source_positions_ = 0, stride_ = 1, updates_ = 0;
  std::vector<std::string> warnings_;
  std::vector<Trained> trained_;
  std::optional<Lora> lora_;
  std::optional<SharedGradients> shared_;
  std::optional<Shards> shards_;
  std::vector<Tensor> kept_;
};

}  // namespace

std::unique_ptr<Trainee> make_trainee(const TrainRequest& request) {
  return translate_errors([&] { return std::make_unique<NetTrainee>(request); });
}

}  // namespace hft
