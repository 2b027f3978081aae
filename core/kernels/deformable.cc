#include "core/kernels/deformable.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/simd.h"

namespace hft {
namespace {

// y [size] += weight * x [size]
[[gnu::always_inline]] inline void add(const float* x, float weight, std::int64_t size, float* y) {
  std::int64_t i = 0;
  for (; i + simd::kWidth <= size; i += simd::kWidth) {
    simd::Floats a, b;
    simd::load(x + i, a);
    simd::load(y + i, b);
    simd::store(b + a * weight, y + i);
  }
  for (; i < size; ++i) y[i] += weight * x[i];
}

struct Rows {
  // What lies at (x, y) of a level, between four cells; past the edges are zeros.
  [[gnu::always_inline]] static inline void sample(const Deformable& d, const DeformableLevel& level,
                                                   std::int64_t head, float x, float y,
                                                   float weight, float* to) {
    const float left = std::floor(x), top = std::floor(y);
    const float right_share = x - left, lower_share = y - top;
    for (int row = 0; row < 2; ++row)
      for (int column = 0; column < 2; ++column) {
        const float at_x = left + static_cast<float>(column), at_y = top + static_cast<float>(row);
        if (!(at_x >= 0 && at_x < static_cast<float>(level.width) && at_y >= 0 &&
              at_y < static_cast<float>(level.height)))
          continue;
        const float share = (row ? lower_share : 1 - lower_share) *
                            (column ? right_share : 1 - right_share);
        const auto cell = level.begin + static_cast<std::int64_t>(at_y) * level.width +
                          static_cast<std::int64_t>(at_x);
        add(d.values + (cell * d.heads + head) * d.size, weight * share, d.size, to);
      }
  }

  [[gnu::always_inline]] static inline void cell(const Deformable& d, std::int64_t at, float x,
                                                 float y) {
    const auto places = d.heads * static_cast<std::int64_t>(d.levels.size()) * d.points;
    const float* offsets = d.offsets + at * places * 2;
    const float* weights = d.weights + at * places;
    float* to = d.y + at * d.heads * d.size;
    std::fill(to, to + d.heads * d.size, 0.0f);
    for (std::int64_t head = 0; head < d.heads; ++head)
      for (const DeformableLevel& level : d.levels)
        for (std::int64_t p = 0; p < d.points; ++p, offsets += 2, ++weights)
          sample(d, level, head, x * static_cast<float>(level.width) + offsets[0] - 0.5f,
                 y * static_cast<float>(level.height) + offsets[1] - 0.5f, *weights,
                 to + head * d.size);
  }

  [[gnu::always_inline]] static inline void run(const Deformable* d, std::int64_t first,
                                                std::int64_t last) {
    for (const DeformableLevel& level : d->levels) {
      const auto end = std::min(level.height * level.width, last - level.begin);
      for (auto i = std::max<std::int64_t>(0, first - level.begin); i < end; ++i)
        cell(*d, level.begin + i,
             (static_cast<float>(i % level.width) + 0.5f) / static_cast<float>(level.width),
             (static_cast<float>(i / level.width) + 0.5f) / static_cast<float>(level.height));
    }
  }
};

struct SampledRows {
  [[gnu::always_inline]] static inline void run(const Deformable* in, std::int64_t first,
                                                std::int64_t last) {
    const Deformable& d = *in;
    const auto places = d.heads * static_cast<std::int64_t>(d.levels.size()) * d.points;
    const float* at = d.offsets + first * places * 2;
    const float* weights = d.weights + first * places;
    std::fill(d.y + first * d.heads * d.size, d.y + last * d.heads * d.size, 0.0f);
    for (auto row = first; row < last; ++row)
      for (std::int64_t head = 0; head < d.heads; ++head)
        for (const DeformableLevel& level : d.levels)
          for (std::int64_t p = 0; p < d.points; ++p, at += 2, ++weights)
            Rows::sample(d, level, head, at[0] * static_cast<float>(level.width) - 0.5f,
                         at[1] * static_cast<float>(level.height) - 0.5f, *weights,
                         d.y + (row * d.heads + head) * d.size);
  }
};

}  // namespace

void compute_sampled(const Deformable& d, std::int64_t first, std::int64_t last) {
  simd::run_best<SampledRows>(&d, first, last);
}

void compute_deformable(const Deformable& d, std::int64_t first, std::int64_t last) {
  simd::run_best<Rows>(&d, first, last);
}

}  // namespace hft
