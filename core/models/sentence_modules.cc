#include "core/models/sentence_modules.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/checkpoint/safetensors.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"

namespace hft {
namespace {

constexpr std::pair<std::string_view, Pooling> kNames[] = {
    {"cls", Pooling::kCls},
    {"max", Pooling::kMax},
    {"mean", Pooling::kMean},
    {"mean_sqrt_len", Pooling::kMeanSqrtLength},
    {"mean_sqrt_len_tokens", Pooling::kMeanSqrtLength},
    {"weightedmean", Pooling::kWeightedMean},
    {"last", Pooling::kLast},
    {"lasttoken", Pooling::kLast},
};

// The boolean keys of files written before sentence-transformers 5, in the order of the vectors.
constexpr std::pair<std::string_view, Pooling> kLegacyKeys[] = {
    {"pooling_mode_cls_token", Pooling::kCls},
    {"pooling_mode_max_tokens", Pooling::kMax},
    {"pooling_mode_mean_tokens", Pooling::kMean},
    {"pooling_mode_mean_sqrt_len_tokens", Pooling::kMeanSqrtLength},
    {"pooling_mode_weightedmean_tokens", Pooling::kWeightedMean},
    {"pooling_mode_lasttoken", Pooling::kLast},
};

Pooling pooling_named(std::string_view name, std::string_view where, Errc code) {
  std::string known;
  for (const auto& [word, pooling] : kNames) {
    if (word == name) return pooling;
    known += (known.empty() ? "" : ", ") + std::string(word);
  }
  fail(code, where, ": pooling '", name, "' is not supported, wanted one of ", known);
}

std::vector<Pooling> read_pooling(const std::filesystem::path& folder) {
  const auto file = folder / "config.json";
  const Fields config(read_json(file), file.string());
  std::vector<Pooling> found;
  if (const Json* mode = config.find("pooling_mode")) {
    const Json modes = mode->is_array() ? *mode : Json::array({*mode});
    for (const auto& each : modes)
      found.push_back(pooling_named(each.is_string() ? each.get<std::string>() : to_line(each),
                                    config.where(), Errc::kUnsupported));
  } else {
    for (const auto& [key, pooling] : kLegacyKeys)
      if (config.boolean(key, false)) found.push_back(pooling);
  }
  return found.empty() ? std::vector{Pooling::kMean} : found;
}

// A module's folder: below the model's and nowhere else.
std::filesystem::path module_folder(const std::filesystem::path& folder, const Fields& module) {
  const std::filesystem::path path = module.text("path", "");
  if (path.is_absolute() || std::ranges::count(path, std::filesystem::path("..")))
    fail(Errc::kBadData, module.where(), ": path '", path.string(),
         "' leads out of the model folder");
  return path.empty() ? folder : folder / path;
}

// torch.nn.modules.activation.Tanh -> kTanh
Activation dense_activation(const Fields& config) {
  const std::string full = config.text("activation_function", "torch.nn.modules.activation.Tanh");
  std::string name = full.substr(full.rfind('.') + 1);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name == "identity" ? Activation::kNone : activation_named(name, config.where());
}

Weights open_module(const std::filesystem::path& folder, at::Device device) {
  return Weights(std::make_shared<WeightStore>(folder.string(), open_checkpoint(folder), Renames{},
                                               at::kFloat, device));
}

void need_all(const Weights& w, const std::filesystem::path& folder) {
  if (!w.store().missing().empty())
    fail(Errc::kBadData, folder.string(), ": tensor '", w.store().missing()[0].name,
         "' is missing");
}

Tensor pool(Pooling pooling, const Tensor& x) {  // [T,D] of one sequence -> [D]
  switch (pooling) {
    case Pooling::kCls:
      return x[0];
    case Pooling::kLast:
      return x[-1];
    case Pooling::kMax:
      return x.amax(0);
    case Pooling::kMean:
      return x.mean(0);
    case Pooling::kMeanSqrtLength:
      return x.sum(0) / std::sqrt(static_cast<double>(x.size(0)));
    case Pooling::kWeightedMean: {
      const Tensor weights = at::arange(1, x.size(0) + 1, x.options());  // [T]
      return at::mv(x.t(), weights) / weights.sum();
    }
  }
  return x[0];
}

}  // namespace

SentenceModules::SentenceModules(const ModelRequest& request)
    : encoder_folder_(request.folder), pooling_{Pooling::kMean} {
  const auto file = request.folder / "modules.json";
  Json list = std::filesystem::exists(file) ? read_json(file) : Json::array();
  if (!list.is_array()) fail(Errc::kBadData, file.string(), ": wanted a JSON array of modules");
  for (const auto& entry : list) {
    const Fields module(entry, file.string());
    const std::string type = module.text("type"), kind = type.substr(type.rfind('.') + 1);
    const auto folder = module_folder(request.folder, module);
    if (kind == "Transformer")
      encoder_folder_ = folder;
    else if (kind == "Pooling")
      pooling_ = read_pooling(folder);
    else if (kind == "Dense" || kind == "LayerNorm" || kind == "Normalize")
      modules_.push_back({kind, folder});
    else if (kind != "Dropout")
      fail(Errc::kUnsupported, file.string(), ": module type '", type,
           "' is not supported, wanted Transformer, Pooling, Dense, LayerNorm, Normalize or "
           "Dropout");
  }
  if (request.pooling != "auto")
    pooling_ = {pooling_named(request.pooling, "--pooling", Errc::kUsage)};
  if (request.normalize >= 0)
    std::erase_if(modules_, [](const Module& m) { return m.kind == "Normalize"; });
  if (request.normalize == 1) modules_.push_back({"Normalize", {}});
}

void SentenceModules::bind(std::int64_t size, at::Device device) {
  size *= static_cast<std::int64_t>(pooling_.size());
  for (const auto& [kind, folder] : modules_) {
    if (kind == "Normalize") {
      steps_.push_back([](Tensor x) { return x / x.norm(2, 1, true).clamp_min(1e-12); });
      continue;
    }
    const auto file = folder / "config.json";
    const Fields config(read_json(file), file.string());
    const Weights w = open_module(folder, device);
    if (kind == "LayerNorm") {
      steps_.push_back(LayerNorm(w / "norm", size, 1e-5));
    } else {
      const auto input = config.integer("in_features", 1, limits::kHidden);
      const auto output = config.integer("out_features", 1, limits::kHidden);
      if (input != size)
        fail(Errc::kBadData, config.where(), ": 'in_features' is ", input,
             ", but the module before gives ", size);
      if (config.text("module_input_name", "sentence_embedding") != "sentence_embedding")
        fail(Errc::kUnsupported, config.where(),
             ": a Dense module on token vectors is not supported");
      steps_.push_back([dense = Linear(w / "linear", {output, input}, config.boolean("bias", true)),
                        act = dense_activation(config)](Tensor x) { return dense(x, act); });
      size = output;
    }
    need_all(w, folder);
  }
}

Tensor SentenceModules::rows(const Sequences& seqs) const {
  if (pooling_.size() != 1) return {};
  if (pooling_[0] == Pooling::kCls) return seqs.first_rows();
  if (pooling_[0] == Pooling::kLast) return seqs.last_rows();
  return {};
}

Tensor SentenceModules::operator()(const Tensor& hidden, const Sequences& seqs) const {
  Tensor x = hidden.to(at::kFloat);  // [R,D]
  if (!rows(seqs).defined()) {
    std::vector<Tensor> vectors;
    for (std::int64_t b = 0; b < seqs.count(); ++b) {
      const Tensor sequence = x.narrow(0, seqs.starts[b], seqs.length(b));  // [T,D]
      for (Pooling pooling : pooling_) vectors.push_back(pool(pooling, sequence));
    }
    x = at::stack(vectors).view({seqs.count(), -1});  // [B, poolings * D]
  }
  for (const auto& step : steps_) x = step(std::move(x));
  return x;
}

}  // namespace hft
