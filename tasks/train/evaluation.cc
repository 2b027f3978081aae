#include "tasks/train/evaluation.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/signals.h"
#include "core/metrics/classification.h"
#include "core/metrics/entities.h"

namespace hft {
namespace {

std::int64_t best_of(std::span<const float> row) {
  return std::ranges::max_element(row) - row.begin();
}

// Gathers what is predicted, batch by batch.
class Figures {
 public:
  explicit Figures(const Labels& labels) : labels_(labels), counts_(labels.names.size()) {}

  void add(const TrainBatch& batch, const Matrix& logits) {
    switch (labels_.objective) {
      case Objective::kClasses:
        for (std::int64_t b = 0; b < logits.rows; ++b) {
          truth_.push_back(batch.classes[b]);
          predicted_.push_back(best_of(logits.row(b)));
        }
        break;
      case Objective::kTokens:
        add_tags(batch, logits);
        break;
      case Objective::kMultiLabel:
        add_flags(batch, logits);
        break;
      case Objective::kRegression:
        for (std::size_t i = 0; i < batch.targets.size(); ++i) {
          const double error = double{logits.data[i]} - double{batch.targets[i]};
          squares_ += error * error;
          errors_ += std::fabs(error);
          ++terms_;
        }
        break;
      default:
        break;
    }
  }

  void tell(Json& to, double loss) const {
    using namespace metrics;
    switch (labels_.objective) {
      case Objective::kClasses: {
        const Confusion table = confusion(truth_, predicted_, std::ssize(labels_.names));
        tell(to, accuracy(table), class_scores(counts_of(table)).macro);
        break;
      }
      case Objective::kTokens: {
        const EntityScores found = entity_scores(true_tags_, tags_);
        tell(to, found.accuracy, found.scores.micro);
        break;
      }
      case Objective::kMultiLabel:
        tell(to, static_cast<double>(whole_) / static_cast<double>(terms_),
             class_scores(counts_).micro);
        break;
      case Objective::kRegression:
        to["eval_mse"] = squares_ / static_cast<double>(terms_);
        to["eval_mae"] = errors_ / static_cast<double>(terms_);
        break;
      case Objective::kCausal:
      case Objective::kMasked:
        to["eval_perplexity"] = std::exp(loss);
        break;
      case Objective::kAnswers:
        break;
    }
  }

 private:
  static void tell(Json& to, double accuracy, const metrics::Scores& scores) {
    to["eval_accuracy"] = accuracy;
    to["eval_f1"] = scores.f1;
    to["eval_precision"] = scores.precision;
    to["eval_recall"] = scores.recall;
  }

  void add_tags(const TrainBatch& batch, const Matrix& logits) {
    for (std::int64_t b = 0; b < batch.tokens.size(); ++b) {
      metrics::Tags truth, found;
      for (auto i = batch.tokens.starts[b]; i < batch.tokens.starts[b + 1]; ++i) {
        if (batch.classes[i] < 0) continue;
        truth.push_back(labels_.names[batch.classes[i]]);
        found.push_back(labels_.names[best_of(logits.row(i))]);
      }
      true_tags_.push_back(std::move(truth));
      tags_.push_back(std::move(found));
    }
  }

  void add_flags(const TrainBatch& batch, const Matrix& logits) {
    for (std::int64_t b = 0; b < logits.rows; ++b) {
      bool all = true;
      for (std::int64_t l = 0; l < logits.cols; ++l) {
        const bool found = logits.row(b)[l] > 0, is = batch.targets[b * logits.cols + l] > 0.5F;
        counts_[l].predicted += found;
        counts_[l].actual += is;
        counts_[l].hits += found && is;
        all &= found == is;
      }
      whole_ += all;
      ++terms_;
    }
  }

  const Labels& labels_;
  std::vector<std::int64_t> truth_, predicted_;
  std::vector<metrics::Tags> true_tags_, tags_;
  std::vector<metrics::Counts> counts_;
  double squares_ = 0, errors_ = 0;
  std::int64_t whole_ = 0, terms_ = 0;
};

}  // namespace

Json evaluate(Trainee& trainee, const std::vector<TrainExample>& examples, const Labels& labels,
              const EvaluationSettings& settings) {
  Figures figures(labels);
  const bool writes =
      labels.objective == Objective::kCausal || labels.objective == Objective::kMasked;
  double sum = 0, weight = 0;
  for (std::size_t at = 0; at < examples.size(); at += settings.batch_size) {
    std::vector<const TrainExample*> chosen;
    for (std::size_t i = at; i < std::min(examples.size(), at + settings.batch_size); ++i)
      chosen.push_back(&examples[i]);
    Masking masking = settings.masking;
    masking.seed += at;
    const TrainBatch batch = batch_of(chosen, labels.objective, masking);
    const auto predicted = trainee.predict(batch);
    const auto share = static_cast<double>(writes ? batch.terms() : std::ssize(chosen));
    sum += predicted.loss * share;
    weight += share;
    figures.add(batch, predicted.logits);
  }
  Json told{{"eval_loss", sum / weight}};
  if (!std::isfinite(sum)) fail(Errc::kNotFinite, "the loss of the evaluation is no finite number");
  figures.tell(told, sum / weight);
  return told;
}

}  // namespace hft
