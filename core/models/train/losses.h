// Losses as transformers computes them (loss/loss_utils.py, LabelSmoother of trainer_pt_utils.py).
#pragma once

#include "core/models/train/learning_nets.h"

namespace hft {

// The sum of the loss's terms, in float32.
Tensor summed_loss(const TrainRequest& request, const LearnedLogits& logits,
                   const TrainBatch& batch);

}  // namespace hft
