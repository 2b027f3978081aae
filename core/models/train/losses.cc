#include "core/models/train/losses.h"

namespace hft {
namespace {

constexpr std::int32_t kNone = -100;

Tensor tensor_of(const std::vector<std::int32_t>& numbers, at::Device device) {
  return at::from_blob(const_cast<std::int32_t*>(numbers.data()),
                       {static_cast<std::int64_t>(numbers.size())}, at::kInt)
      .to(device, at::kLong);
}

// logits [R,C]; smoothing e: (1 - e) of the class and e shared out over all.
Tensor of_classes(const Tensor& logits, const std::vector<std::int32_t>& classes,
                  double smoothing) {
  const Tensor wanted = tensor_of(classes, logits.device());
  const Tensor logs = at::log_softmax(logits, 1);
  const Tensor loss = at::nll_loss(logs, wanted, {}, at::Reduction::Sum, kNone);
  if (smoothing == 0) return loss;
  const Tensor counted = (wanted != kNone).to(logits.scalar_type());
  const Tensor even = -(logs.sum(1) * counted).sum() / static_cast<double>(logits.size(1));
  return loss * (1 - smoothing) + even * smoothing;
}

// logits [N,2] of the first and the last token.
Tensor of_answers(const Tensor& logits, const TrainBatch& batch) {
  const auto& starts = batch.tokens.starts;
  std::vector<Tensor> losses;
  for (std::int64_t b = 0; b < batch.tokens.size(); ++b) {
    const Tensor logs = at::log_softmax(logits.narrow(0, starts[b], starts[b + 1] - starts[b]), 0);
    for (const std::int64_t end : {0, 1}) losses.push_back(-logs[batch.classes[2 * b + end]][end]);
  }
  return at::stack(losses).sum();
}

// logits [N,V] of the moments of all sounds; blank: config's pad_token_id. The reference adds up the
// losses of a batch unless config says "mean", which divides each by its letters.
Tensor of_letters(const Fields& config, const LearnedLogits& logits, const TrainBatch& batch) {
  const Tensor logs = at::log_softmax(logits.all, 1);
  const auto blank = config.integer("pad_token_id", 0, logs.size(1) - 1, 0);
  const bool mean = config.text("ctc_loss_reduction", "sum") == "mean";
  const bool zero = config.boolean("ctc_zero_infinity", false);
  const auto& starts = batch.tokens.starts;
  std::vector<Tensor> losses;
  std::int64_t begin = 0;
  for (std::size_t b = 0; b < logits.rows.size(); ++b) {
    const std::int64_t letters = starts[b + 1] - starts[b];
    std::vector<std::int64_t> wanted(batch.tokens.ids.begin() + starts[b],
                                     batch.tokens.ids.begin() + starts[b + 1]);
    const Tensor loss = at::ctc_loss(
        logs.narrow(0, begin, logits.rows[b]).unsqueeze(1),
        at::tensor(wanted, at::kLong).to(logs.device()).unsqueeze(0),
        at::IntArrayRef{logits.rows[b]}, at::IntArrayRef{letters}, blank, at::Reduction::Sum, zero);
    // The sum over a batch counts as its mean: Trainer's loss of a batch is what the model gives.
    losses.push_back(mean ? loss / static_cast<double>(std::max<std::int64_t>(1, letters))
                          : loss * static_cast<double>(batch.terms()));
    begin += logits.rows[b];
  }
  return at::stack(losses).sum();
}

// vectors [columns*B,D]: the first text of each example against all others of the batch.
Tensor of_pairs(const Tensor& vectors, const TrainBatch& batch, double scale) {
  const Tensor unit = vectors / vectors.norm(2, at::IntArrayRef{1}, true).clamp_min(1e-12);
  const auto count = vectors.size(0) / batch.columns;
  const Tensor scores = at::matmul(unit.narrow(0, 0, count),
                                   unit.narrow(0, count, vectors.size(0) - count).t()) *
                        scale;
  const Tensor own = at::arange(count, at::TensorOptions(at::kLong).device(vectors.device()));
  return at::nll_loss(at::log_softmax(scores, 1), own, {}, at::Reduction::Sum);
}

}  // namespace

Tensor summed_loss(const TrainRequest& request, const LearnedLogits& logits,
                   const TrainBatch& batch) {
  const Tensor x = logits.all.to(at::kFloat);
  const auto targets = [&] {
    return at::from_blob(const_cast<float*>(batch.targets.data()), x.sizes(), at::kFloat)
        .to(x.device());
  };
  switch (request.objective) {
    case Objective::kRegression:
      return at::mse_loss(x, targets(), at::Reduction::Sum);
    case Objective::kMultiLabel:
      return at::binary_cross_entropy_with_logits(x, targets(), {}, {}, at::Reduction::Sum);
    case Objective::kAnswers:
      return of_answers(x, batch);
    case Objective::kCtc:
      return of_letters(Fields(request.config, "config.json"), {x, logits.rows}, batch);
    case Objective::kPairs:
      return of_pairs(x, batch, request.pair_scale);
    default:
      return of_classes(x, batch.classes, request.label_smoothing);
  }
}

}  // namespace hft
