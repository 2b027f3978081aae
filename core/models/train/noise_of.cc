// Config classes call the same thing by several names; which are read was looked up in transformers
// 4.57 (modeling_*.py).
#include "core/models/train/noise_of.h"

namespace hft {
namespace {

// The first of the fields that is a number.
std::optional<double> first_of(const Fields& config, const std::vector<const char*>& names) {
  for (const char* name : names)
    if (const Json* value = config.find(name); value && value->is_number())
      return config.real(name, 0, 1);
  return std::nullopt;
}

double head_noise(const TrainRequest& request, const Fields& config, double hidden) {
  const Objective objective = request.objective;
  if (request.learner != Learner::kReader) return 0;
  if (objective == Objective::kAnswers) return first_of(config, {"qa_dropout"}).value_or(0);
  if (objective == Objective::kMasked) return 0;
  std::vector<const char*> names{"classifier_dropout", "classifier_dropout_prob", "cls_dropout"};
  if (objective != Objective::kTokens) names.insert(names.begin(), "seq_classif_dropout");
  // Encoders fall back on the dropout of their layers, decoders have none.
  const bool encodes = config.has("hidden_dropout_prob") || config.has("dim");
  return first_of(config, names).value_or(encodes ? hidden : 0);
}

}  // namespace

Noise noise_of(const TrainRequest& request, const Fields& config) {
  const auto hidden = first_of(config, {"hidden_dropout_prob", "hidden_dropout", "resid_pdrop",
                                        "dropout_rate", "dropout", "mlp_dropout"})
                          .value_or(0);
  const auto everywhere = first_of(config, {"dropout_rate"});
  Noise noise;
  noise.hidden = hidden;
  noise.embedding = first_of(config, {"embd_pdrop", "embedding_dropout"}).value_or(hidden);
  noise.attention = first_of(config, {"attention_probs_dropout_prob", "attention_dropout",
                                      "attn_pdrop", "dropout_rate"})
                        .value_or(0);
  noise.inner = first_of(config, {"activation_dropout"}).value_or(everywhere.value_or(0));
  noise.head = head_noise(request, config, hidden);
  if (request.dropout < 0) return noise;
  for (double Noise::* kind :
       {&Noise::hidden, &Noise::embedding, &Noise::attention, &Noise::inner, &Noise::head})
    if (request.dropout == 0 || noise.*kind > 0) noise.*kind = request.dropout;
  return noise;
}

}  // namespace hft
