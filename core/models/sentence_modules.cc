#include "core/models/sentence_modules.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/checkpoint/safetensors.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "core/nn/rows.h"
#include "core/nn/torch_activation.h"

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

// The boolean keys of files written before sentence-transformers 5.4, in the order of the vectors.
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

std::vector<Pooling> modes_of(const Fields& config) {
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

// What a model without modules.json is pooled with.
Pooling default_pooling(const Fields& config) {
  const Json* classes = config.find("architectures");
  const bool causal = classes && classes->is_array() && !classes->empty() &&
                      (*classes)[0].is_string() &&
                      (*classes)[0].get<std::string>().ends_with("ForCausalLM") &&
                      config.boolean("is_causal", true);
  return causal ? Pooling::kLast : Pooling::kMean;
}

Weights open_module(const fs::path& folder, at::Device device) {
  return Weights(std::make_shared<WeightStore>(folder.string(), open_checkpoint(folder), Renames{},
                                               at::kFloat, device));
}

void need_all(const Weights& w, const fs::path& folder) {
  if (!w.store().missing().empty())
    fail(Errc::kBadData, folder.string(), ": tensor '", w.store().missing()[0].name,
         "' is missing");
}

// What a module reads or writes.
std::string feature_of(const Fields& config, std::string_view key, const std::string& fallback) {
  const std::string name = config.text(key, fallback);
  if (name != "sentence_embedding" && name != "token_embeddings")
    fail(Errc::kUnsupported, config.where(), ": '", key, "' is '", name,
         "', wanted sentence_embedding or token_embeddings");
  return name;
}

Tensor& of(SentenceModules::Features& features, std::string_view name) {
  return name == "token_embeddings" ? features.tokens : features.sentence;
}

Tensor normalized(const Tensor& x) {
  return row_by_row(x, [](const Tensor& row) { return row / row.norm(2, 1, true).clamp_min(1e-12); });
}

// One sequence [T,D] -> [D], without its first `skipped` tokens; what torch makes of no tokens at
// all is zero, or the first token for kCls.
Tensor pool(Pooling pooling, const Tensor& x, std::int64_t skipped) {
  const std::int64_t count = x.size(0) - skipped;
  if (count <= 0) {
    if (pooling == Pooling::kCls && x.size(0) > 0) return x[0];
    const double nothing = pooling == Pooling::kMax ? -std::numeric_limits<double>::infinity() : 0;
    return at::full({x.size(1)}, nothing, x.options());
  }
  const Tensor kept = x.narrow(0, skipped, count);
  switch (pooling) {
    case Pooling::kCls:
      return kept[0];
    case Pooling::kLast:
      return kept[-1];
    case Pooling::kMax:
      return kept.amax(0);
    case Pooling::kMean:
      return kept.mean(0);
    case Pooling::kMeanSqrtLength:
      return kept.sum(0) / std::sqrt(static_cast<double>(count));
    case Pooling::kWeightedMean: {
      const Tensor weights = at::arange(skipped + 1, x.size(0) + 1, x.options());  // [T]
      return (kept * weights.unsqueeze(1)).sum(0) / weights.sum();
    }
  }
  return kept[0];
}

Tensor pooled(const SentenceModules::PoolingModule& pooling, const Tensor& x,
              const Tokens& tokens) {
  std::vector<Tensor> vectors;
  for (std::int64_t b = 0; b < tokens.seqs.count(); ++b) {
    const auto length = tokens.seqs.length(b);
    const bool skips = !pooling.include_prompt && !tokens.prompts.empty();
    for (Pooling mode : pooling.modes)
      vectors.push_back(pool(mode, x.narrow(0, tokens.seqs.starts[b], length),
                             skips ? std::min(tokens.prompts[b], length) : 0));
  }
  return at::stack(vectors).view({tokens.seqs.count(), -1});  // [B, modes * D]
}

}  // namespace

SentenceModules::SentenceModules(const ModelRequest& request)
    : folder_(read_sentence_folder(request.modules.empty() ? request.folder : request.modules)),
      pooling_(request.pooling),
      normalize_(request.normalize),
      truncate_dim_(request.truncate_dim),
      include_prompt_(request.include_prompt) {
  if (folder_.is_static && pooling_ != "auto" && pooling_ != "mean")
    fail(Errc::kUsage, "--pooling ", pooling_, ": a StaticEmbedding takes the mean");
}

SentenceModules::PoolingModule SentenceModules::read_pooling(const fs::path& folder) const {
  const auto file = folder / "config.json";
  const Fields config(read_json(file), file.string());
  return {modes_of(config), config.boolean("include_prompt", true) && include_prompt_};
}

void SentenceModules::add_pooling(PoolingModule pooling, Widths& widths) {
  if (pooling_ != "auto") pooling.modes = {pooling_named(pooling_, "--pooling", Errc::kUsage)};
  widths.sentence = widths.tokens * std::ssize(pooling.modes);
  poolings_.push_back(pooling);
  steps_.push_back([pooling = std::move(pooling)](Features& x, const Tokens& tokens) {
    x.sentence = x.picked ? x.tokens : pooled(pooling, x.tokens, tokens);
  });
}

void SentenceModules::add_dense(const fs::path& folder, Widths& widths, at::Device device) {
  const auto file = folder / "config.json";
  const Fields config(read_json(file), file.string());
  const auto in = config.integer("in_features", 1, limits::kHidden);
  const auto out = config.integer("out_features", 1, limits::kHidden);
  const std::string from = feature_of(config, "module_input_name", "sentence_embedding");
  const std::string to = feature_of(config, "module_output_name", from);
  if (from != to)
    fail(Errc::kUnsupported, config.where(), ": a Dense from ", from, " to ", to,
         " is not supported");
  if (in != widths.of(from))
    fail(Errc::kBadData, config.where(), ": 'in_features' is ", in,
         ", but the module before gives ", widths.of(from));
  std::string activation = config.text("activation_function", "torch.nn.modules.activation.Tanh");
  if (!activation.starts_with("torch.")) {
    note(config.where() + ": activation '" + activation +
         "' is Python code from elsewhere, which is never run; Tanh takes its place");
    activation = "torch.nn.Tanh";
  }
  const Weights w = open_module(folder, device);
  Linear residual;
  const bool has_residual = config.boolean("use_residual", false);
  if (has_residual && in != out) residual = Linear(w / "residual", {out, in}, false);
  steps_.push_back([=, linear = Linear(w / "linear", {out, in}, config.boolean("bias", true)),
                    act = torch_activation(activation, w / "activation_function", config.where())](
                       Features& features, const Tokens&) {
    Tensor& x = of(features, from);
    Tensor y = row_by_row(linear(x), act);
    x = !has_residual ? y : y + (in == out ? x : residual(x));
  });
  need_all(w, folder);
  widths.of(from) = out;
}

void SentenceModules::add_layer_norm(const fs::path& folder, const Widths& widths,
                                     at::Device device) {
  const Weights w = open_module(folder, device);
  steps_.push_back([norm = LayerNorm(w / "norm", widths.sentence, 1e-5)](
                       Features& x, const Tokens&) { x.sentence = norm(x.sentence); });
  need_all(w, folder);
}

void SentenceModules::bind(const Fields& config, std::int64_t size, at::Device device) {
  std::vector<SentenceModule> modules = folder_.modules;
  if (normalize_ >= 0)
    while (!modules.empty() && modules.back().kind == "Normalize") modules.pop_back();
  Widths widths{.tokens = size};
  if (folder_.is_static)
    add_pooling({}, widths);
  else if (modules.empty())
    add_pooling({{default_pooling(config)}, include_prompt_}, widths);
  for (const auto& [kind, folder] : modules) {
    if (kind == "Pooling") {
      add_pooling(read_pooling(folder), widths);
    } else if (kind == "Dense") {
      add_dense(folder, widths, device);
    } else if (kind == "LayerNorm") {
      add_layer_norm(folder, widths, device);
    } else if (kind == "Normalize") {
      const Fields own = optional_fields(folder / "config.json");
      const std::string from = feature_of(own, "module_input_name", "sentence_embedding");
      steps_.push_back([from](Features& features, const Tokens&) {
        if (Tensor& x = of(features, from); x.defined()) x = normalized(x);
      });
    }
  }
  if (poolings_.empty())
    fail(Errc::kBadData, (folder_.modules[0].folder / "modules.json").string(),
         ": no Pooling makes one vector of the tokens'");
  if (truncate_dim_ > 0 && truncate_dim_ < widths.sentence)
    steps_.push_back([dim = truncate_dim_](Features& x, const Tokens&) {
      x.sentence = x.sentence.narrow(1, 0, dim);
    });
  if (normalize_ == 1)
    steps_.push_back([](Features& x, const Tokens&) { x.sentence = normalized(x.sentence); });
}

Tensor SentenceModules::rows(const Tokens& tokens) const {
  if (poolings_.size() != 1 || poolings_[0].modes.size() != 1) return {};
  const auto& [modes, include_prompt] = poolings_[0];
  if (modes[0] != Pooling::kCls && modes[0] != Pooling::kLast) return {};
  const bool first = modes[0] == Pooling::kCls;
  Tensor rows = first ? tokens.seqs.first_rows() : tokens.seqs.last_rows();  // [B]
  if (include_prompt || tokens.prompts.empty()) return rows;
  if (!first) return {};
  auto* row = rows.mutable_data_ptr<std::int64_t>();
  for (std::int64_t b = 0; b < tokens.seqs.count(); ++b)
    if (tokens.prompts[b] < tokens.seqs.length(b)) row[b] += tokens.prompts[b];
  return rows;
}

Tensor SentenceModules::operator()(const Tensor& hidden, const Tokens& tokens) const {
  Features features{hidden.to(at::kFloat), {}, rows(tokens).defined()};
  for (const auto& step : steps_) step(features, tokens);
  return features.sentence;
}

}  // namespace hft
