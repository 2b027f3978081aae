// Losses as transformers computes them (loss/loss_utils.py, LabelSmoother of trainer_pt_utils.py).
#pragma once

#include "core/models/heads/trainee.h"
#include "core/nn/sequences.h"

namespace hft {

// The sum of the loss's terms, in float32.
Tensor summed_loss(Objective objective, const Tensor& logits, const TrainBatch& batch,
                   double smoothing);

}  // namespace hft
