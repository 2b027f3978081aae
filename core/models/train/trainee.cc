// A net over parameters, built anew for each step; its loss as transformers computes it, its
// gradients by LibTorch.
#include "core/models/train/trainee.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <optional>
#include <regex>

#include "core/base/error.h"
#include "core/models/load_parts.h"
#include "core/models/lookup.h"
#include "core/models/reading.h"
#include "core/models/text_model.h"
#include "core/models/train/lora.h"
#include "core/models/train/losses.h"
#include "core/models/train/optimizer.h"
#include "core/models/train/start_weights.h"
#include "core/models/whole_pass.h"

namespace hft {
namespace {

struct Net {
  std::function<Tensor(const Tokens&)> logits;
  std::int64_t positions = 0, types = 0, vocab = 0;
};

Head head_of(Objective objective) {
  switch (objective) {
    case Objective::kTokens:
      return Head::kTokenClassify;
    case Objective::kAnswers:
      return Head::kAnswer;
    case Objective::kMasked:
      return Head::kMaskedLm;
    default:
      return Head::kClassify;
  }
}

const Architecture& architecture_for(const Fields& config, Objective objective) {
  return objective == Objective::kCausal
             ? architecture_of(config, ModelClass::kCausalLm)
             : architecture_of(config, ModelClass::kText, head_of(objective));
}

Net build(const Architecture& a, const Fields& config, Objective objective, const Weights& w) {
  if (objective == Objective::kCausal) {
    const DecoderNet net = a.decoder(config, w);
    return {.logits =
                [net](const Tokens& tokens) {
                  Tensor logits = net.logits.in_float(whole_pass(net, tokens, at::kFloat));
                  if (net.finish) net.finish(logits);
                  return logits;
                },
            .positions = net.trained_positions > 0 ? net.trained_positions : net.positions,
            .vocab = net.vocab};
  }
  const TextNet net = build_reader(a, config, w, head_of(objective));
  return {.logits = [net](const Tokens& tokens) { return net.head(net.encode(tokens)); },
          .positions = net.trained_positions > 0 ? net.trained_positions : net.positions,
          .types = net.types,
          .vocab = net.vocab};
}

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
        architecture_(architecture_for(config_, request.objective)),
        device_(architecture_.encoder ? pick_device(request.model.device) : at::Device(at::kCPU)) {
    if (request.model.threads > 0) at::set_num_threads(request.model.threads);
    const Renames renames = renames_of(architecture_.base);
    const auto bind = [&](const Weights& w) {
      build(architecture_, config_, request.objective, w);
    };
    start_ = start_weights(request, config_, renames,
                           request.from_config
                               ? StoredTensors{}
                               : open_checkpoint(request.model.folder, request.model.variant),
                           bind);
    store_ = std::make_shared<WeightStore>(request.model.folder.string(), start_.tensors, renames,
                                           at::kFloat, device_);
    store_->train();
    const Net net = build(architecture_, config_, request.objective, Weights(store_));
    positions_ = net.positions;
    types_ = net.types;
    vocab_ = net.vocab;
    warn();
    choose_trained();
  }

  const std::vector<std::string>& warnings() const override { return warnings_; }
  std::int64_t max_positions() const override { return positions_; }
  std::int64_t trained_numbers() const override {
    std::int64_t sum = 0;
    for (const Trained& one : trained()) sum += one.value.numel();
    return sum;
  }
  std::int64_t all_numbers() const override {
    std::int64_t sum = 0;
    for (const auto& [name, value] : store_->parameters()) sum += value.numel();
    return sum;
  }

  double learn(const TrainBatch& batch, double divisor) override {
    return translate_errors([&] {
      const c10::AutoGradMode with_gradients(true);
      const Tensor loss = loss_of(batch, logits_of(batch), request_.label_smoothing) / divisor;
      loss.backward();
      return loss.item<double>();
    });
  }

  double update(double rate, double max_norm) override {
    return translate_errors([&] {
      const c10::AutoGradMode no_gradients(false);
      gather_gradients();
      const double norm = clip(trained(), max_norm);
      if (std::isfinite(norm)) {
        step(request_.optimizer, trained(), rate, ++updates_);
        if (lora_) lora_->apply();
      }
      for (const auto& [name, parameter] : store_->parameters()) {
        Tensor spent = parameter;
        spent.mutable_grad() = Tensor();
      }
      return norm;
    });
  }

  Predicted predict(const TrainBatch& batch) override {
    return translate_errors([&] {
      const c10::AutoGradMode no_gradients(false);
      const Tensor logits = logits_of(batch).to(at::kFloat);
      Predicted predicted;
      const double sum = loss_of(batch, logits, request_.label_smoothing).item<double>();
      predicted.loss = sum / static_cast<double>(batch.terms());
      if (request_.objective != Objective::kCausal && request_.objective != Objective::kMasked) {
        const Tensor values = logits.cpu().contiguous();
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
      for (const Trained& one : trained())
        all.push_back(saved(Lora::name_in_file(one.name), one.value));
      return all;
    }
    for (const auto& [name, value] : store_->parameters()) all.push_back(saved(name, value));
    for (const auto& [name, tensor] : start_.tensors)  // buffers
      if (start_.names.contains(name) && !store_->parameters().contains(name))
        all.push_back({name, tensor, tensor.dtype});
    return all;
  }

  std::vector<SavedTensor> memory() override {
    kept_.clear();
    std::vector<SavedTensor> all;
    for (const Trained& one : trained()) {
      if (one.first.defined()) all.push_back(saved("exp_avg." + one.name, one.first));
      if (one.second.defined()) all.push_back(saved("exp_avg_sq." + one.name, one.second));
    }
    return all;
  }

  void restore(const StoredTensors& weights, const StoredTensors& memory,
               std::int64_t updates) override {
    const c10::AutoGradMode no_gradients(false);
    for (Trained& one : trained()) {
      const auto& name = lora_ ? Lora::name_in_file(one.name) : one.name;
      const Tensor value = read(weights, name, one.value);
      if (!value.defined())
        fail(Errc::kBadData, "the checkpoint to resume from lacks tensor '", name, "'");
      one.value.copy_(value);
      if (memory.empty()) continue;
      one.first = read(memory, "exp_avg." + one.name, one.value);
      one.second = read(memory, "exp_avg_sq." + one.name, one.value);
    }
    if (lora_) lora_->apply();
    updates_ = updates;
  }

  std::vector<std::int64_t> permutation(std::int64_t n, std::uint64_t seed) override {
    const Tensor order = at::randperm(n, at::detail::createCPUGenerator(seed), at::kLong);
    const auto* data = order.const_data_ptr<std::int64_t>();
    return {data, data + n};
  }

 private:
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

  void choose_trained() {
    const c10::AutoGradMode no_gradients(false);
    if (request_.lora.rank > 0) {
      std::vector<std::string> names = in_order();
      lora_.emplace(request_.lora, *store_, names, request_.seed);
    } else {
      for (const auto& [name, value] : store_->parameters()) trained_.push_back({name, value});
    }
    for (Trained& one : trained()) one.decays = decays(one.name, one.value, *store_);
  }

  // The parameters' names in the order of the modules.
  std::vector<std::string> in_order() const {
    const auto asked = std::make_shared<WeightStore>(
        "", StoredTensors{}, renames_of(architecture_.base), at::kFloat, at::kCPU);
    build(architecture_, config_, request_.objective, Weights(asked));
    std::vector<std::string> names;
    for (const auto& one : asked->missing()) names.push_back(one.name);
    return names;
  }

  std::vector<Trained>& trained() { return lora_ ? lora_->trained() : trained_; }
  const std::vector<Trained>& trained() const { return const_cast<NetTrainee*>(this)->trained(); }

  void gather_gradients() {
    if (lora_) return lora_->gather_gradients();
    for (Trained& one : trained_) one.gradient = one.value.grad();
  }

  Tensor logits_of(const TrainBatch& batch) const {
    return build(architecture_, config_, request_.objective, Weights(store_))
        .logits(tokens_of(batch));
  }

  Tensor loss_of(const TrainBatch& batch, const Tensor& logits, double smoothing) const {
    return summed_loss(request_.objective, logits, batch, smoothing);
  }

  Tokens tokens_of(const TrainBatch& batch) const {
    const auto numbers = [&](const std::vector<std::int32_t>& from) {
      return at::from_blob(const_cast<std::int32_t*>(from.data()),
                           {static_cast<std::int64_t>(from.size())}, at::kInt)
          .to(device_, at::kLong);
    };
    for (const auto id : batch.tokens.ids)
      if (id < 0 || id >= vocab_)
        fail(Errc::kBadData, "token id ", id, " is outside [0, ", vocab_, ") of the model");
    Tokens tokens;
    tokens.seqs.device = device_;
    tokens.seqs.starts.assign(batch.tokens.starts.begin(), batch.tokens.starts.end());
    tokens.ids = numbers(batch.tokens.ids);
    if (types_ > 0 && !batch.tokens.type_ids.empty())
      tokens.type_ids = numbers(batch.tokens.type_ids);
    if (head_of(request_.objective) == Head::kClassify && request_.objective != Objective::kCausal)
      tokens.rows = tokens.seqs.first_rows();
    if (!batch.tokens.rows.empty()) tokens.rows = numbers(batch.tokens.rows);
    return tokens;
  }

  SavedTensor saved(const std::string& name, const Tensor& value) {
    const Tensor& kept = kept_.emplace_back(value.detach().cpu().contiguous());
    StoredTensor stored;
    stored.dtype = Dtype::kF32;
    stored.shape = kept.sizes().vec();
    stored.bytes = {static_cast<const std::byte*>(kept.const_data_ptr()), kept.nbytes()};
    return {name, stored, Dtype::kF32};
  }

  static Tensor read(const StoredTensors& tensors, const std::string& name, const Tensor& like) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) return {};
    if (found->second.dtype != Dtype::kF32 ||
        !std::ranges::equal(found->second.shape, like.sizes()))
      fail(Errc::kBadData, "the checkpoint to resume from has tensor '", name,
           "' of another type or size");
    Tensor value = at::empty(like.sizes(), at::kFloat);
    std::memcpy(value.data_ptr(), found->second.bytes.data(), found->second.bytes.size());
    return value.to(like.device());
  }

  TrainRequest request_;
  Fields config_;
  const Architecture& architecture_;
  at::Device device_;
  StartWeights start_;
  std::shared_ptr<WeightStore> store_;
  std::int64_t positions_ = 0, types_ = 0, vocab_ = 0, updates_ = 0;
  std::vector<std::string> warnings_;
  std::vector<Trained> trained_;
  std::optional<Lora> lora_;
  std::vector<Tensor> kept_;
};

}  // namespace

std::unique_ptr<Trainee> make_trainee(const TrainRequest& request) {
  return translate_errors([&] { return std::make_unique<NetTrainee>(request); });
}

}  // namespace hft
