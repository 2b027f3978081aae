// How pictures are looked at that go into texts: several at a time, and those of last time not again.
#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <optional>

#include <c10/core/InferenceMode.h>

#include "core/models/heads/image.h"
#include "core/nn/tensor.h"
#include "core/nn/workers.h"

namespace hft {

// f(0) … f(count - 1): as many as there are cores at a time, one on each; the others on all cores.
template <class F>
void each_apart(std::size_t count, const F& f) {
  const auto apart = cores() > 1 ? count / cores() * cores() : 0;
  std::atomic<std::size_t> next = 0;
  const auto work = [&](int) {
    const c10::InferenceMode no_gradients;
    const OnPool alone(nullptr);
    for (std::size_t i; (i = next++) < apart;) f(i);
  };
  if (apart > 0) on_each_core(cores(), work);
  for (std::size_t i = apart; i < count; ++i) f(i);
}

// The numbers of a picture [C,H,W], or of its tiles [T,C,H,W]; they are the caller's.
inline Tensor pixels_of(const PictureView& p) {
  const std::vector<std::int64_t> sizes{p.tiles, p.channels, p.height, p.width};
  return at::from_blob(const_cast<float*>(p.data),
                       at::IntArrayRef(sizes).slice(p.tiles == 1 ? 1 : 0), at::kFloat);
}

// What was seen in the last `most` pictures, found again by their pixels.
template <class Seen>
class LookedAt {
 public:
  explicit LookedAt(std::size_t most) : most_(most) {}
  std::optional<Seen> find(const PictureView& picture) const {
    const Tensor pixels = pixels_of(picture);
    for (const One& one : last_)
      if (one.whole == whole(picture) && one.pixels.equal(pixels)) return one.seen;
    return std::nullopt;
  }
  void keep(const PictureView& picture, Seen seen) {
    last_.push_back({pixels_of(picture).clone(), whole(picture), std::move(seen)});
    if (last_.size() > most_) last_.pop_front();
  }

 private:
  using Size = std::pair<std::int64_t, std::int64_t>;
  static Size whole(const PictureView& p) { return {p.whole_height, p.whole_width}; }
  struct One {
    Tensor pixels;
    Size whole;
    Seen seen;
  };
  std::size_t most_;
  std::deque<One> last_;
};

}  // namespace hft
