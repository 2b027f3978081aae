// Tensors that follow from the weights and a key alone: made when they are first wanted, kept for the
// model's lifetime and shared by its copies. Safe from any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "core/nn/tensor.h"

namespace hft {

template <class Key>
class MadeOnce {
 public:
  template <class F>
  Tensor of(const Key& key, F&& make) const {
    const std::lock_guard lock(kept_->mutex);
    Tensor& kept = kept_->made[key];
    if (!kept.defined()) kept = make();
    return kept;
  }

 private:
  struct Kept {
    std::mutex mutex;
    std::map<Key, Tensor> made;
  };
  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

}  // namespace hft
