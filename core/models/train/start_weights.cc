#include "core/models/train/start_weights.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/load_parts.h"

namespace hft {
namespace {

// The name under which the checkpoint has it: an older one, or one without the encoder's prefix.
std::string name_in(const StoredTensors& tensors, const Renames& renames, const std::string& name) {
  std::vector<std::string> spellings{name};
  for (const auto& [now, old] : renames.endings)
    if (name.ends_with(now)) spellings.push_back(name.substr(0, name.size() - now.size()) + old);
  std::string newer = name;
  for (const auto& [now, later] : renames.newer)
    if (const auto at = newer.find(now); at != newer.npos) newer.replace(at, now.size(), later);
  spellings.push_back(newer);
  for (const std::string& spelling : spellings) {
    if (tensors.contains(spelling)) return spelling;
    if (const std::string base = renames.base + "."; spelling.starts_with(base))
      if (const auto bare = spelling.substr(base.size()); tensors.contains(bare)) return bare;
  }
  return "";
}

// What the model's class makes of new weights beside their spread (_init_weights): smaller ones
// where layers add up, no embedding of padding, norms that are counted from 1.
class FirstValues {
 public:
  explicit FirstValues(const Fields& config)
      : padding_(config.integer("pad_token_id", -1, limits::kVocab, -1)) {
    const std::string type = config.text("model_type", "");
    norm_ = type.starts_with("gemma") ? 0 : 1;
    const bool gpt2 = type == "gpt2";
    if (!gpt2 && type != "modernbert") return;
    adding_ = gpt2 ? "c_proj.weight" : "Wo.weight";
    layers_ = static_cast<double>(
        config.integer(gpt2 ? "n_layer" : "num_hidden_layers", 1, limits::kLayers));
  }

  void settle(const std::string& name, const Tensor& value) const {
    if (!adding_.empty() && name.ends_with(adding_)) value.div_(std::sqrt(2 * layers_));
    if (padding_ >= 0 && padding_ < value.size(0) &&
        (name.ends_with("word_embeddings.weight") || name.ends_with("embed_tokens.weight")))
      value[padding_].zero_();
  }
  double norm() const { return norm_; }

 private:
  std::int64_t padding_;
  std::string adding_;
  double layers_ = 1, norm_ = 1;
};

// The constructors of some models draw embeddings, which are then read; the head is drawn after them.
bool constructor_draws(const std::string& type) {
  return type == "vit" || type.starts_with("dinov2");
}

class Starter {
 public:
  // bare: no tensor of the checkpoint has the encoder's prefix.
  Starter(const TrainRequest& request, const Fields& config, const Renames& renames, bool bare)
      : request_(request),
        base_(renames.base + "."),
        spread_(config.real(config.has("init_std") ? "init_std" : "initializer_range", 0, 1e3,
                            0.02)),
        first_(config),
        linear_(config.text("model_type", "") == "resnet"),
        draws_embeddings_(constructor_draws(config.text("model_type", ""))),
        generator_(at::detail::createCPUGenerator(request.seed)) {
    if (request.learner == Learner::kSeq2SeqLm && bare) start_.dropped_prefix = base_;
  }

  void take(const WeightStore::Missing& wanted, const StoredTensor* found) {
    start_.names.insert(wanted.name);
    if (draws_embeddings_ &&
        (wanted.name.ends_with("cls_token") || wanted.name.ends_with("position_embeddings")))
      at::empty(wanted.shape, at::kFloat).normal_(0, 1, generator_);
    if (found && !std::ranges::equal(found->shape, wanted.shape) && !is_new_size(wanted, *found))
      found = nullptr;
    if (found)
      start_.tensors[start_.in_file(wanted.name)] = *found;
    else
      make(wanted);
  }

  StartWeights finish(const StoredTensors& left) {
    std::vector<std::string> lost;
    if (!request_.from_config) for (const auto& name : start_.made)
      if (name.starts_with(base_) && !name.starts_with(base_ + "pooler.") &&
          !resized_.contains(name))
        lost.push_back(name);
    if (!lost.empty())
      fail(Errc::kBadData, request_.model.folder.string(),
           ": the checkpoint lacks tensors that config.json implies: ", listed(lost));
    for (const auto& [name, tensor] : left) start_.tensors.try_emplace(name, tensor);
    return std::move(start_);
  }

 private:
  // Throws unless it may be made anew.
  bool is_new_size(const WeightStore::Missing& wanted, const StoredTensor& found) {
    if (!request_.ignore_mismatched)
      fail_hint(Errc::kUsage, "--ignore-mismatched-sizes makes new weights in its place",
                request_.model.folder.string(), ": tensor '", wanted.name, "' is ",
                shape_text(found.shape), " in the checkpoint, but this task's labels imply ",
                shape_text(wanted.shape));
    resized_.insert(wanted.name);
    return false;
  }

  void make(const WeightStore::Missing& wanted) {
    Tensor value = at::zeros(wanted.shape, at::kFloat);
    const bool is_matrix = wanted.shape.size() >= 2;
    if (is_matrix || (linear_ && wanted.name.ends_with("bias"))) {
      draw(value, is_matrix);
      first_.settle(wanted.name, value);
    } else if (wanted.name.ends_with("weight") || wanted.name.ends_with("running_var")) {
      value.fill_(first_.norm());
    }
    StoredTensor& stored = start_.tensors[start_.in_file(wanted.name)];
    stored.dtype = Dtype::kF32;
    stored.shape = wanted.shape;
    stored.bytes = {static_cast<const std::byte*>(value.const_data_ptr()), value.nbytes()};
    start_.kept.push_back(value);
    start_.made.push_back(wanted.name);
  }

  void draw(Tensor& value, bool is_matrix) {
    if (!linear_) {
      value.normal_(0.0, spread_, generator_);
      return;
    }
    if (is_matrix) bound_ = 1 / std::sqrt(static_cast<double>(value[0].numel()));
    value.uniform_(-bound_, bound_, generator_);  // the bias as far as the weight before it
  }

  const TrainRequest& request_;
  std::string base_;
  double spread_, bound_ = 0;
  FirstValues first_;
  bool linear_;  // a new head is drawn as torch.nn.Linear draws its own
  bool draws_embeddings_;
  at::Generator generator_;
  std::set<std::string> resized_;
  StartWeights start_;
};

}  // namespace

StartWeights start_weights(const TrainRequest& request, const Fields& config,
                           const Renames& renames, StoredTensors tensors,
                           const std::function<void(const Weights&)>& bind) {
  // A store without anything misses all that the model wants.
  const auto asked = std::make_shared<WeightStore>(request.model.folder.string(), StoredTensors{},
                                                   renames, at::kFloat, at::kCPU);
  bind(Weights(asked));
  const bool bare = std::ranges::none_of(tensors, [&](const auto& entry) {
    return entry.first.starts_with(renames.base + ".");
  });
  Starter starter(request, config, renames, bare);
  for (const auto& wanted : asked->missing()) {
    const std::string name = name_in(tensors, renames, wanted.name);
    const auto found = tensors.extract(name);
    starter.take(wanted, found.empty() ? nullptr : &found.mapped());
  }
  return starter.finish(tensors);
}

}  // namespace hft
