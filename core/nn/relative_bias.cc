#include "core/nn/relative_bias.h"

#include <cmath>

namespace hft {

RelativeBias::RelativeBias(const Weights& w, std::int64_t heads, Buckets buckets)
    : weight_(w.small("weight", {buckets.count, heads})), buckets_(buckets) {}

Tensor RelativeBias::operator()(std::int64_t tokens) const {
  const Tensor after = at::arange(-(tokens - 1), tokens, at::kLong);  // [2 tokens - 1]
  const auto count = buckets_.both_ways ? buckets_.count / 2 : buckets_.count;
  const Tensor distance = buckets_.both_ways ? after.abs() : (-after).clamp_min(0);
  const auto exact = count / 2;  // nearer than this, each distance has its own bucket
  // In float32 as the reference computes it: the logarithm's last digit decides at the edges.
  const Tensor far = (at::log(distance.to(at::kFloat) / static_cast<double>(exact)) /
                      std::log(static_cast<double>(buckets_.farthest) / static_cast<double>(exact)) *
                      static_cast<double>(count - exact))
                         .to(at::kLong);
  Tensor bucket = at::where(distance < exact, distance, (far + exact).clamp_max(count - 1));
  if (buckets_.both_ways) bucket = bucket + (after > 0).to(at::kLong) * count;
  return weight_.index_select(0, bucket).to(at::kFloat).t().contiguous();
}

}  // namespace hft
