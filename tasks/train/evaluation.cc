#include "tasks/train/evaluation.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/error.h"
#include "core/base/signals.h"
#include "core/metrics/classification.h"
#include "core/metrics/entities.h"
#include "core/metrics/error_rate.h"
#include "core/processors/ctc.h"

namespace hft {
namespace {

std::int64_t best_of(std::span<const float> row) {
  return std::ranges::max_element(row) - row.begin();
}

// Gathers what is predicted, batch by batch.
class Figures {
 public:
  Figures(const Labels& labels, const SpokenLetters& spoken)
      : labels_(labels), spoken_(spoken), counts_(labels.names.size()) {}

  void add(const TrainBatch& batch, const Trainee::Predicted& predicted) {
    const Matrix& logits = predicted.logits;
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
      case Objective::kPairs:
        add_pairs(batch, logits);
        break;
      case Objective::kCtc:
        add_letters(batch, predicted);
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
      case Objective::kWritten:
        to["eval_perplexity"] = std::exp(loss);
        break;
      case Objective::kCtc:
        to["eval_wer"] = error_rate(words_);
        to["eval_cer"] = error_rate(characters_);
        break;
      case Objective::kPairs:
        to["eval_accuracy"] = static_cast<double>(whole_) / static_cast<double>(terms_);
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

  void add_letters(const TrainBatch& batch, const Trainee::Predicted& predicted) {
    std::int64_t row = 0;
    for (std::size_t b = 0; b < predicted.rows.size(); ++b) {
      std::vector<std::int32_t> heard;
      const auto width = predicted.logits.cols;
      const std::span<const float> all = predicted.logits.data;
      append_best(all.subspan(row * width, predicted.rows[b] * width), width, heard);
      row += predicted.rows[b];
      const auto& ids = batch.tokens.ids;
      const std::string wanted =
          spoken_({ids.begin() + batch.tokens.starts[b], ids.begin() + batch.tokens.starts[b + 1]},
                  true);
      const std::string text = spoken_(heard, false);
      words_ += metrics::word_errors(text, wanted);
      characters_ += metrics::character_errors(text, wanted);
    }
  }

  // How often an example's second text is nearest to its first, of all of the batch.
  void add_pairs(const TrainBatch& batch, const Matrix& vectors) {
    const auto count = vectors.rows / batch.columns;
    const auto cosine = [&](std::int64_t a, std::int64_t b) {
      double product = 0, own = 0, other = 0;
      for (std::int64_t i = 0; i < vectors.cols; ++i) {
        const double x = vectors.row(a)[i], y = vectors.row(b)[i];
        product += x * y;
        own += x * x;
        other += y * y;
      }
      return product / std::sqrt(std::max(own * other, 1e-24));
    };
    for (std::int64_t a = 0; a < count; ++a) {
      const double right = cosine(a, count + a);
      bool nearest = true;
      for (std::int64_t b = count; b < vectors.rows; ++b)
        nearest &= b == count + a || cosine(a, b) <= right;
      whole_ += nearest;
      ++terms_;
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
  const SpokenLetters& spoken_;
  metrics::ErrorCounts words_, characters_;
  std::vector<std::int64_t> truth_, predicted_;
  std::vector<metrics::Tags> true_tags_, tags_;
  std::vector<metrics::Counts> counts_;
  double squares_ = 0, errors_ = 0;
  std::int64_t whole_ = 0, terms_ = 0;
};

// What one rank predicted, told to all.
Trainee::Predicted shared(Ranks& ranks, int from, const Trainee::Predicted& own) {
  if (ranks.size() == 1) return own;
  const auto told = [&](const auto& numbers) {
    using Number = std::ranges::range_value_t<decltype(numbers)>;
    const std::string bytes =
        ranks.broadcast({reinterpret_cast<const char*>(std::ranges::data(numbers)),
                         std::ranges::size(numbers) * sizeof(Number)},
                        from);
    std::vector<Number> all(bytes.size() / sizeof(Number));
    std::ranges::copy(bytes, reinterpret_cast<char*>(all.data()));
    return all;
  };
  const std::vector<std::int64_t> sizes = told(std::array{own.logits.rows, own.logits.cols});
  return {.logits = {sizes[0], sizes[1], told(own.logits.data)},
          .rows = told(own.rows),
          .loss = told(std::array{own.loss})[0]};
}

}  // namespace

Json evaluate(Ranks& ranks, Trainee& trainee, const Examples& examples, const Labels& labels,
              const EvaluationSettings& settings) {
  Figures figures(labels, settings.spoken);
  const bool writes =
      labels.objective == Objective::kCausal || labels.objective == Objective::kMasked ||
      labels.objective == Objective::kWritten;
  double sum = 0, weight = 0;
  const std::size_t size = settings.batch_size, round = size * ranks.size();
  for (std::size_t first = 0; first < examples.size(); first += round) {
    std::vector<TrainBatch> batches;
    std::vector<double> shares;
    for (std::size_t at = first; at < std::min(examples.size(), first + round); at += size) {
      std::vector<TrainExample> chosen;
      for (std::size_t i = at; i < std::min(examples.size(), at + size); ++i)
        chosen.push_back(examples[i]);
      Masking masking = settings.masking;
      masking.seed += at;
      batches.push_back(batch_of(chosen, labels.objective, masking));
      shares.push_back(
          static_cast<double>(writes ? batches.back().terms() : std::ssize(chosen)));
    }
    const auto own = static_cast<std::size_t>(ranks.rank());
    Trainee::Predicted mine;
    if (own < batches.size()) mine = trainee.predict(batches[own]);
    for (std::size_t i = 0; i < batches.size(); ++i) {
      const auto predicted = shared(ranks, static_cast<int>(i), mine);
      sum += predicted.loss * shares[i];
      weight += shares[i];
      figures.add(batches[i], predicted);
    }
  }
  Json told{{"eval_loss", sum / weight}};
  if (!std::isfinite(sum)) fail(Errc::kNotFinite, "the loss of the evaluation is no finite number");
  figures.tell(told, sum / weight);
  return told;
}

}  // namespace hft
