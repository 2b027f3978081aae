// Keys are laid out transposed, in panels of 16, and values padded to whole vectors; then a few
// queries at a time take their scores, the softmax and the mix of values while all stay in the
// nearest caches. Shapes: T tokens, E head size; P and Q are T and E rounded up to whole panels.
#include "core/kernels/attention_kernel.h"

#include <algorithm>

#include "core/kernels/simd.h"

namespace hft {
namespace {

constexpr int kWidth = 16;  // floats of a panel, that rows are padded to

// Tiles of sums that fit the registers beside what they are made of.
template <class V>
inline constexpr int kQueries = sizeof(V) == 32 ? 6 : 4;
template <class V>
inline constexpr int kVectors = sizeof(V) == 64 ? 4 : 2;

// Rows that are computed together: where keys and values are more than the second-level cache
// holds, they are read once for several times as many.
template <class V>
constexpr std::int64_t rows_together(std::int64_t tokens) {
  return tokens <= 512 ? kQueries<V> : 4 * kQueries<V>;
}
constexpr std::int64_t kMostTogether = 4 * 6;

std::int64_t padded(std::int64_t n) { return (n + kWidth - 1) / kWidth * kWidth; }

// One product of a few rows of queries with what all of a head's queries share: c [R, columns] =
// a [R, depth] b [depth, columns], all float32; columns is a multiple of kWidth, R of kQueries.
struct Factors {
  const float* a;
  std::int64_t a_stride;
  const float* b;
  std::int64_t b_stride, b_panel;  // from row to row, and from 16 columns to the next
  std::int64_t columns;
  float* c;
  std::int64_t c_stride;
};

// kQueries rows from `row` on, `vectors` columns of vectors from column j on: the part [begin, end)
// of the depth, added to what the parts before it have left in c.
template <class V, int vectors>
[[gnu::always_inline]] inline void panel(const Factors& f, std::int64_t row, std::int64_t j,
                                         std::int64_t begin, std::int64_t end) {
  constexpr int kRows = kQueries<V>, kStep = simd::width<V>;
  const float* a = f.a + row * f.a_stride;
  float* c = f.c + row * f.c_stride + j;
  const float* b[vectors];
  for (int v = 0; v < vectors; ++v)
    b[v] = f.b + (j + v * kStep) / kWidth * f.b_panel + (j + v * kStep) % kWidth;
  V sums[kRows][vectors] = {};
  if (begin > 0)
    for (int q = 0; q < kRows; ++q)
      for (int v = 0; v < vectors; ++v) simd::load(c + q * f.c_stride + v * kStep, sums[q][v]);
  for (std::int64_t k = begin; k < end; ++k) {
    V right[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) simd::load(b[v] + k * f.b_stride, right[v]);
#pragma GCC unroll 6
    for (int q = 0; q < kRows; ++q) {
      const float left = a[q * f.a_stride + k];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sums[q][v] += right[v] * left;
    }
  }
#pragma GCC unroll 6
  for (int q = 0; q < kRows; ++q) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) simd::store(sums[q][v], c + q * f.c_stride + v * kStep);
  }
}

// What is read of b stays in the nearest caches for all of the rows.
template <class V>
[[gnu::always_inline]] inline void product(const Factors& f, std::int64_t rows,
                                           std::int64_t depth) {
  constexpr int kStep = simd::width<V>, kMost = kVectors<V>;
  constexpr std::int64_t kPart = 512;
  for (std::int64_t begin = 0; begin < depth; begin += kPart) {
    const auto end = std::min(begin + kPart, depth);
    for (std::int64_t j = 0; j < f.columns;) {
      const auto left = (f.columns - j) / kStep;
      const std::int64_t vectors = left >= kMost ? kMost : left >= 2 ? 2 : 1;
      for (std::int64_t row = 0; row < rows; row += kQueries<V>) {
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

// Keys [begin, end).
struct Keys {
  std::int64_t begin, end;
};

// scores of the keys `all`, with gate * bias and of which the row sees `seen`, become probabilities; the others' are 0.
template <class V>
[[gnu::always_inline]] inline void softmax(float* scores, const float* bias, float gate, Keys all,
                                           Keys seen) {
  constexpr int kStep = simd::width<V>;
  const auto count = all.end - all.begin;
  V part;
  if (bias) {
    bias += all.begin;
    std::int64_t j = seen.begin - all.begin;
    for (; j + kStep <= seen.end - all.begin; j += kStep) {
      V more;
      simd::load(scores + j, part);
      simd::load(bias + j, more);
      simd::store(part + more * gate, scores + j);
    }
    for (; j < seen.end - all.begin; ++j) scores[j] += bias[j] * gate;
  }
  std::fill(scores, scores + (seen.begin - all.begin), -INFINITY);
  std::fill(scores + (seen.end - all.begin), scores + count, -INFINITY);
  V most = V{} - INFINITY;
  for (std::int64_t j = 0; j < count; j += kStep) {
    simd::load(scores + j, part);
    most = simd::larger(most, part);
  }
  const float top = simd::largest(most);
  V sums{};
  for (std::int64_t j = 0; j < count; j += kStep) {
    simd::load(scores + j, part);
    part = simd::exp_of_negative(part - top);
    sums += part;
    simd::store(part, scores + j);
  }
  const float share = 1.0f / simd::sum(sums);
  for (std::int64_t j = 0; j < count; j += kStep) {
    simd::load(scores + j, part);
    simd::store(part * share, scores + j);
  }
}

// What the queries [first, last) see of `tokens`.
Keys seen_by(const HeadInput& in, std::int64_t first, std::int64_t last) {
  if (in.window == 0) return {0, in.tokens};
  return {std::max<std::int64_t>(0, first - in.window), std::min(in.tokens, last + in.window)};
}

template <class T>
struct Head {
  template <class V>
  [[gnu::always_inline]] static inline void run(const HeadInput* in, void* out_bytes,
                                                std::int64_t out_stride, float* scratch) {
    const auto tokens = in->tokens, size = in->size;
    const auto queried = in->queries > 0 ? in->queries : tokens;
    const auto columns = padded(tokens), width = padded(size);
    float* keys = scratch;                   // [P / 16, E, 16]
    float* values = keys + size * columns;   // [P, Q]
    const auto rows = rows_together<V>(tokens);
    float* queries = values + columns * width;  // [rows, E]
    float* scores = queries + rows * size;      // [rows, P]
    float* mixed = scores + rows * columns;     // [rows, Q]
    lay_out<V>(*in, keys, values, columns, width);
    auto* out = static_cast<T*>(out_bytes);
    for (std::int64_t first = 0; first < queried; first += rows) {
      const auto count = std::min(rows, queried - first);
      for (std::int64_t q = 0; q < rows; ++q) {  // the last rows repeat where there are fewer
        const T* row =
            static_cast<const T*>(in->query) + std::min(first + q, queried - 1) * (in->query_stride ? in->query_stride : in->stride);
        copy_scaled<V>(row, size, in->scale, queries + q * size);
      }
      Keys all = seen_by(*in, first, first + count);
      all = {all.begin / kWidth * kWidth, padded(all.end)};
      product<V>({queries, size, keys + all.begin * size, kWidth, size * kWidth,
                  all.end - all.begin, scores, columns},
                 rows, size);
      for (std::int64_t q = 0; q < count; ++q)
        softmax<V>(scores + q * columns,
                   in->bias ? in->bias + (first + q) * in->bias_stride : nullptr,
                   in->gates ? in->gates[(first + q) * in->gate_stride] : 1.0f, all,
                   seen_by(*in, first + q, first + q + 1));
      product<V>({scores, columns, values + all.begin * width, width, kWidth, width, mixed, width},
                 rows, all.end - all.begin);
      for (std::int64_t q = 0; q < count; ++q)
        copy_scaled<V>(mixed + q * width, size, 1.0f, out + (first + q) * out_stride);
    }
  }

  template <class V>
  [[gnu::always_inline]] static inline void lay_out(const HeadInput& in, float* keys, float* values,
                                                    std::int64_t columns, std::int64_t width) {
    std::fill(keys + in.tokens / kWidth * kWidth * in.size, keys + columns * in.size, 0.0f);
    for (std::int64_t t = 0; t < in.tokens; ++t) {
      const T* key = static_cast<const T*>(in.key) + t * in.stride;
      float* to = keys + t / kWidth * kWidth * in.size + t % kWidth;
      for (std::int64_t e = 0; e < in.size; ++e) to[e * kWidth] = simd::widen(key[e]);
      const T* value = static_cast<const T*>(in.value) + t * in.stride;
      copy_scaled<V>(value, in.size, 1.0f, values + t * width);
      std::fill(values + t * width + in.size, values + (t + 1) * width, 0.0f);
    }
    std::fill(values + in.tokens * width, values + columns * width, 0.0f);
  }
};

}  // namespace

std::int64_t head_scratch(std::int64_t tokens, std::int64_t size) {
  const auto columns = padded(tokens), width = padded(size);
  return columns * (size + width) + kMostTogether * (size + columns + width);
}

void attend_head(const HeadInput& in, void* out, std::int64_t out_stride, float* scratch,
                 Processor row) {
  if (in.bfloat16)
    simd::run_fitting<Head<std::uint16_t>>(row, &in, out, out_stride, scratch);
  else
    simd::run_fitting<Head<float>>(row, &in, out, out_stride, scratch);
}

}  // namespace hft
