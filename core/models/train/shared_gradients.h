// Gradients that ranks add up: packed into buckets in the order in which the backward pass reaches
// them, each of which is on its way as soon as it is full (arXiv:2006.15704).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/models/train/optimizer.h"
#include "core/ranks/ranks.h"

namespace hft {

class SharedGradients {
 public:
  // `order`: as the forward pass reaches them; they outlive this. `meanwhile`: each is complete when
  // it is first added to, so that buckets may leave during the backward pass.
  SharedGradients(Ranks& ranks, std::vector<Trained*> order, std::int64_t bucket_bytes,
                  bool meanwhile);
  ~SharedGradients();

  // The next backward pass completes this rank's part of a step.
  void expect() { expected_ = meanwhile_; }
  // The sums, as gradients of what is trained; undefined where no rank has one. They live until the
  // next step.
  void take();

 private:
  struct Bucket {
    std::vector<Trained*> parts;
    Tensor numbers;  // gradients end to end, then of each part how many ranks have one
    std::size_t waits_for = 0;
    std::unique_ptr<Ranks::Pending> sum;
  };
  class Hook;
  void completed(Bucket& bucket);
  void send_full_ones();
  void send(Bucket& bucket);
  static void unpack(Bucket& bucket);
  static float* flags_of(Bucket& bucket);

  Ranks& ranks_;
  std::vector<Bucket> buckets_;
  std::size_t sent_ = 0;
  bool meanwhile_, expected_ = false;
};

}  // namespace hft
