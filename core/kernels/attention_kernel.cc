// Keys are laid out transposed and values padded to whole vectors; then four queries at a time
// take their scores, the softmax and the mix of values while both stay in the nearest cache.
// Shapes: T tokens, E head size; P and Q are T and E rounded up to whole vectors.
#include "core/kernels/attention_kernel.h"

#include <algorithm>

#include "core/kernels/simd.h"

namespace hft {
namespace {

constexpr int kWidth = 16;  // floats that rows are padded to
constexpr int kQueries = 4;  // rows of scores in registers at a time
// Rows that are computed together: where keys and values are more than the second-level cache
// holds, they are read once for several times as many.
constexpr std::int64_t rows_together(std::int64_t tokens) {
  return tokens <= 512 ? kQueries : 4 * kQueries;
}

std::int64_t padded(std::int64_t n) { return (n + kWidth - 1) / kWidth * kWidth; }

// One product of a few rows of queries with what all of a head's queries share: c [R, columns] =
// a [R, depth] b [depth, columns], all float32; columns is a multiple of kWidth, R of kQueries.
struct Factors {
  const float* a;
  std::int64_t a_stride;
  const float* b;
  std::int64_t columns;
  float* c;
};

// kQueries rows from `row` on, `vectors` columns of vectors from column j on: the part [begin, end)
// of the depth, added to what the parts before it have left in c.
template <class V, int vectors>
[[gnu::always_inline]] inline void panel(const Factors& f, std::int64_t row, std::int64_t j,
                                         std::int64_t begin, std::int64_t end) {
  const float* a = f.a + row * f.a_stride;
  float* c = f.c + row * f.columns + j;
  constexpr int kStep = simd::width<V>;
  V sums[kQueries][vectors] = {};
  if (begin > 0)
    for (int q = 0; q < kQueries; ++q)
      for (int v = 0; v < vectors; ++v) simd::load(c + q * f.columns + v * kStep, sums[q][v]);
  for (std::int64_t k = begin; k < end; ++k) {
    V right[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) simd::load(f.b + k * f.columns + j + v * kStep, right[v]);
#pragma GCC unroll 4
    for (int q = 0; q < kQueries; ++q) {
      const float left = a[q * f.a_stride + k];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sums[q][v] += right[v] * left;
    }
  }
#pragma GCC unroll 4
  for (int q = 0; q < kQueries; ++q) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) simd::store(sums[q][v], c + q * f.columns + v * kStep);
  }
}

// What is read of b stays in the nearest caches for all of the rows.
template <class V>
[[gnu::always_inline]] inline void product(const Factors& f, std::int64_t rows,
                                           std::int64_t depth) {
  constexpr int kStep = simd::width<V>;
  constexpr int kMost = sizeof(V) == 64 ? 4 : 2;  // vectors that fit the registers
  constexpr std::int64_t kPart = 512;
  for (std::int64_t begin = 0; begin < depth; begin += kPart) {
    const auto end = std::min(begin + kPart, depth);
    for (std::int64_t j = 0; j < f.columns;) {
      const auto left = (f.columns - j) / kStep;
      const std::int64_t vectors = left >= kMost ? kMost : left >= 2 ? 2 : 1;
      for (std::int64_t row = 0; row < rows; row += kQueries) {
        if (vectors == kMost)
          panel<V, kMost>(f, row, j, begin, end);
        else if (vectors == 2)
          panel<V, 2>(f, row, j, begin, end);
        else
          panel<V, 1>(f, row, j, begin, end);
      }
      j += vectors * kStep;
    }
  }
}

// to [n] = from [n] * scale, vector by vector and then one by one.
template <class V, class From, class To>
[[gnu::always_inline]] inline void copy_scaled(const From* from, std::int64_t n, float scale,
                                               To* to) {
  std::int64_t i = 0;
  for (; i + simd::width<V> <= n; i += simd::width<V>) {
    V part;
    simd::load(from + i, part);
    simd::store(part * scale, to + i);
  }
  for (; i < n; ++i) simd::narrow(simd::widen(from[i]) * scale, to + i);
}

// scores [P] become probabilities; those past `tokens` become 0.
template <class V>
[[gnu::always_inline]] inline void softmax(float* scores, const float* bias, std::int64_t tokens,
                                           std::int64_t columns) {
  if (bias)
    for (std::int64_t j = 0; j < tokens; ++j) scores[j] += bias[j];
  std::fill(scores + tokens, scores + columns, -INFINITY);
  V most = V{} - INFINITY, part;
  for (std::int64_t j = 0; j < columns; j += simd::width<V>) {
    simd::load(scores + j, part);
    most = simd::larger(most, part);
  }
  const float top = simd::largest(most);
  V sums{};
  for (std::int64_t j = 0; j < columns; j += simd::width<V>) {
    simd::load(scores + j, part);
    part = simd::exp_of_negative(part - top);
    sums += part;
    simd::store(part, scores + j);
  }
  const float share = 1.0f / simd::sum(sums);
  for (std::int64_t j = 0; j < columns; j += simd::width<V>) {
    simd::load(scores + j, part);
    simd::store(part * share, scores + j);
  }
}

template <class T>
struct Head {
  template <class V>
  [[gnu::always_inline]] static inline void run(const HeadInput* in, void* out_bytes,
                                                std::int64_t out_stride, float* scratch) {
    const auto tokens = in->tokens, size = in->size;
    const auto columns = padded(tokens), width = padded(size);
    float* keys = scratch;                       // [E, P]
    float* values = keys + size * columns;       // [T, Q]
    const auto rows = rows_together(tokens);
    float* queries = values + tokens * width;  // [rows, E]
    float* scores = queries + rows * size;     // [rows, P]
    float* mixed = scores + rows * columns;    // [rows, Q]
    lay_out<V>(*in, keys, values, columns, width);
    auto* out = static_cast<T*>(out_bytes);
    for (std::int64_t first = 0; first < tokens; first += rows) {
      const auto count = std::min(rows, tokens - first);
      for (std::int64_t q = 0; q < rows; ++q) {  // the last rows repeat where there are fewer
        const T* row =
            static_cast<const T*>(in->query) + std::min(first + q, tokens - 1) * in->stride;
        copy_scaled<V>(row, size, in->scale, queries + q * size);
      }
      product<V>({queries, size, keys, columns, scores}, rows, size);
      for (std::int64_t q = 0; q < count; ++q)
        softmax<V>(scores + q * columns, in->bias ? in->bias + (first + q) * in->bias_stride : nullptr,
                tokens, columns);
      product<V>({scores, columns, values, width, mixed}, rows, tokens);
      for (std::int64_t q = 0; q < count; ++q)
        copy_scaled<V>(mixed + q * width, size, 1.0f, out + (first + q) * out_stride);
    }
  }

  template <class V>
  [[gnu::always_inline]] static inline void lay_out(const HeadInput& in, float* keys, float* values,
                                                    std::int64_t columns, std::int64_t width) {
    for (std::int64_t t = 0; t < in.tokens; ++t) {
      const T* key = static_cast<const T*>(in.key) + t * in.stride;
      for (std::int64_t e = 0; e < in.size; ++e) keys[e * columns + t] = simd::widen(key[e]);
      const T* value = static_cast<const T*>(in.value) + t * in.stride;
      copy_scaled<V>(value, in.size, 1.0f, values + t * width);
      std::fill(values + t * width + in.size, values + (t + 1) * width, 0.0f);
    }
    for (std::int64_t e = 0; e < in.size; ++e)
      std::fill(keys + e * columns + in.tokens, keys + (e + 1) * columns, 0.0f);
  }
};

}  // namespace

std::int64_t head_scratch(std::int64_t tokens, std::int64_t size) {
  const auto columns = padded(tokens), width = padded(size);
  return size * columns + tokens * width + rows_together(tokens) * (size + columns + width);
}

void attend_head(const HeadInput& in, void* out, std::int64_t out_stride, float* scratch) {
  if (in.bfloat16)
    simd::run_fitting<Head<std::uint16_t>>(&in, out, out_stride, scratch);
  else
    simd::run_fitting<Head<float>>(&in, out, out_stride, scratch);
}

void attend_head_plain(const HeadInput& in, void* out, std::int64_t out_stride, float* scratch) {
  if (in.bfloat16)
    simd::run_narrow<Head<std::uint16_t>>(&in, out, out_stride, scratch);
  else
    simd::run_narrow<Head<float>>(&in, out, out_stride, scratch);
}

}  // namespace hft
