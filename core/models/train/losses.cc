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

}  // namespace

Tensor summed_loss(Objective objective, const Tensor& logits, const TrainBatch& batch,
                   double smoothing) {
  const Tensor x = logits.to(at::kFloat);
  const auto targets = [&] {
    return at::from_blob(const_cast<float*>(batch.targets.data()), x.sizes(), at::kFloat)
        .to(x.device());
  };
  switch (objective) {
    case Objective::kRegression:
      return at::mse_loss(x, targets(), at::Reduction::Sum);
    case Objective::kMultiLabel:
      return at::binary_cross_entropy_with_logits(x, targets(), {}, {}, at::Reduction::Sum);
    case Objective::kAnswers:
      return of_answers(x, batch);
    default:
      return of_classes(x, batch.classes, smoothing);
  }
}

}  // namespace hft
