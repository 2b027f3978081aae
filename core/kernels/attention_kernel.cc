// Keys are laid out transposed and values padded to whole vectors; then four queries at a time
// take their scores, the softmax and the mix of values while both stay in the nearest cache.
// Shapes: T tokens, E head size; P and Q are T and E rounded up to whole vectors.
#include "core/kernels/attention_kernel.h"

#include <algorithm>

#include "core/kernels/simd.h"

namespace hft {
namespace {

using simd::Floats;
using simd::kWidth;

constexpr int kQueries = 4;  // rows of scores in registers at a time

std::int64_t padded(std::int64_t n) { return (n + kWidth - 1) / kWidth * kWidth; }

// `vectors` columns of vectors, from column j, of c = a b as below.
template <int vectors>
[[gnu::always_inline]] inline void panel(const float* a, std::int64_t a_stride, const float* b,
                                         std::int64_t depth, std::int64_t columns, float* c,
                                         std::int64_t j) {
  Floats sums[kQueries][vectors] = {};
  for (std::int64_t k = 0; k < depth; ++k) {
    Floats right[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) simd::load(b + k * columns + j + v * kWidth, right[v]);
#pragma GCC unroll 4
    for (int q = 0; q < kQueries; ++q) {
      const float left = a[q * a_stride + k];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sums[q][v] += right[v] * left;
    }
  }
#pragma GCC unroll 4
  for (int q = 0; q < kQueries; ++q) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) simd::store(sums[q][v], c + q * columns + j + v * kWidth);
  }
}

// c [kQueries, columns] = a [kQueries, depth] b [depth, columns], all float32; columns is a
// multiple of kWidth.
[[gnu::always_inline]] inline void product(const float* a, std::int64_t a_stride, const float* b,
                                           std::int64_t depth, std::int64_t columns, float* c) {
  std::int64_t j = 0;
  for (; j + 4 * kWidth <= columns; j += 4 * kWidth) panel<4>(a, a_stride, b, depth, columns, c, j);
  if (j + 2 * kWidth <= columns) {
    panel<2>(a, a_stride, b, depth, columns, c, j);
    j += 2 * kWidth;
  }
  if (j < columns) panel<1>(a, a_stride, b, depth, columns, c, j);
}

// to [n] = from [n] * scale, vector by vector and then one by one.
template <class From, class To>
[[gnu::always_inline]] inline void copy_scaled(const From* from, std::int64_t n, float scale,
                                               To* to) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    Floats part;
    simd::load(from + i, part);
    simd::store(part * scale, to + i);
  }
  for (; i < n; ++i) simd::narrow(simd::widen(from[i]) * scale, to + i);
}

// scores [P] become probabilities; those past `tokens` become 0.
[[gnu::always_inline]] inline void softmax(float* scores, const float* bias, std::int64_t tokens,
                                           std::int64_t columns) {
  if (bias)
    for (std::int64_t j = 0; j < tokens; ++j) scores[j] += bias[j];
  std::fill(scores + tokens, scores + columns, -INFINITY);
  Floats most = simd::splat(-INFINITY), part;
  for (std::int64_t j = 0; j < columns; j += kWidth) {
    simd::load(scores + j, part);
    most = simd::larger(most, part);
  }
  const float top = simd::largest(most);
  Floats sums{};
  for (std::int64_t j = 0; j < columns; j += kWidth) {
    simd::load(scores + j, part);
    part = simd::exp_of_negative(part - top);
    sums += part;
    simd::store(part, scores + j);
  }
  const float share = 1.0f / simd::sum(sums);
  for (std::int64_t j = 0; j < columns; j += kWidth) {
    simd::load(scores + j, part);
    simd::store(part * share, scores + j);
  }
}

template <class T>
struct Head {
  [[gnu::always_inline]] static inline void run(const HeadInput* in, void* out_bytes,
                                                std::int64_t out_stride, float* scratch) {
    const auto tokens = in->tokens, size = in->size;
    const auto columns = padded(tokens), width = padded(size);
    float* keys = scratch;                       // [E, P]
    float* values = keys + size * columns;       // [T, Q]
    float* queries = values + tokens * width;    // [kQueries, E]
    float* scores = queries + kQueries * size;   // [kQueries, P]
    float* mixed = scores + kQueries * columns;  // [kQueries, Q]
    lay_out(*in, keys, values, columns, width);
    auto* out = static_cast<T*>(out_bytes);
    for (std::int64_t first = 0; first < tokens; first += kQueries) {
      const auto count = std::min<std::int64_t>(kQueries, tokens - first);
      for (std::int64_t q = 0; q < kQueries; ++q) {  // the last rows repeat where there are fewer
        const T* row =
            static_cast<const T*>(in->query) + std::min(first + q, tokens - 1) * in->stride;
        copy_scaled(row, size, in->scale, queries + q * size);
      }
      product(queries, size, keys, size, columns, scores);
      for (std::int64_t q = 0; q < count; ++q)
        softmax(scores + q * columns, in->bias ? in->bias + (first + q) * in->bias_stride : nullptr,
                tokens, columns);
      product(scores, columns, values, tokens, width, mixed);
      for (std::int64_t q = 0; q < count; ++q)
        copy_scaled(mixed + q * width, size, 1.0f, out + (first + q) * out_stride);
    }
  }

  [[gnu::always_inline]] static inline void lay_out(const HeadInput& in, float* keys, float* values,
                                                    std::int64_t columns, std::int64_t width) {
    for (std::int64_t t = 0; t < in.tokens; ++t) {
      const T* key = static_cast<const T*>(in.key) + t * in.stride;
      for (std::int64_t e = 0; e < in.size; ++e) keys[e * columns + t] = simd::widen(key[e]);
      const T* value = static_cast<const T*>(in.value) + t * in.stride;
      copy_scaled(value, in.size, 1.0f, values + t * width);
      std::fill(values + t * width + in.size, values + (t + 1) * width, 0.0f);
    }
    for (std::int64_t e = 0; e < in.size; ++e)
      std::fill(keys + e * columns + in.tokens, keys + (e + 1) * columns, 0.0f);
  }
};

}  // namespace

std::int64_t head_scratch(std::int64_t tokens, std::int64_t size) {
  const auto columns = padded(tokens), width = padded(size);
  return size * columns + tokens * width + kQueries * (size + columns + width);
}

void attend_head(const HeadInput& in, void* out, std::int64_t out_stride, float* scratch) {
  if (in.bfloat16)
    simd::run_best<Head<std::uint16_t>>(&in, out, out_stride, scratch);
  else
    simd::run_best<Head<float>>(&in, out, out_stride, scratch);
}

void attend_head_plain(const HeadInput& in, void* out, std::int64_t out_stride, float* scratch) {
  if (in.bfloat16)
    simd::run_plain<Head<std::uint16_t>>(&in, out, out_stride, scratch);
  else
    simd::run_plain<Head<float>>(&in, out, out_stride, scratch);
}

}  // namespace hft
