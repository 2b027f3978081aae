#include "core/nn/relative_bias.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace hft {

RelativeBias::RelativeBias(const Weights& w, std::int64_t heads, Buckets buckets)
    : buckets_(buckets) {
  const auto rows = buckets.rows > 0 ? buckets.rows : buckets.count;
  if (!buckets.by_heads) {
    weight_ = w.small("weight", {rows, heads});
  } else if (const Tensor turned = w.small("weight", {heads, rows}); turned.defined()) {
    weight_ = turned.t();
  }
}

std::int64_t RelativeBias::bucket(std::int64_t after) const {
  const auto count = buckets_.both_ways ? buckets_.count / 2 : buckets_.count;
  const auto distance = buckets_.both_ways ? std::abs(after) : std::max<std::int64_t>(-after, 0);
  const auto side = buckets_.both_ways && after > 0 ? count : 0;
  const auto exact = count / 2;  // nearer than this, each distance has its own bucket
  if (distance < exact) return side + distance;
  // In float32 as the reference computes it: the logarithm's last digit decides at the edges.
  const float far =
      std::log(static_cast<float>(distance) / static_cast<float>(exact)) /
      static_cast<float>(std::log(static_cast<double>(buckets_.farthest) /
                                  static_cast<double>(exact))) *
      static_cast<float>(count - exact);
  return side + std::min(exact + static_cast<std::int64_t>(far), count - 1);
}

Tensor RelativeBias::operator()(std::int64_t tokens) const {
  std::vector<std::int64_t> rows;
  for (auto after = 1 - tokens; after < tokens; ++after) rows.push_back(bucket(after));
  const Tensor picked = at::tensor(rows, weight_.options().dtype(at::kLong));  // [2 tokens - 1]
  return weight_.index_select(0, picked).to(at::kFloat).t().contiguous();
}

}  // namespace hft
