// Keys are laid out transposed and values as they are, both in panels of 16 columns; then a few
// queries at a time go through the keys in blocks: their scores, the softmax so far (as in
// FlashAttention, arXiv:2205.14135) and the mix of values stay in the nearest cache.
// Shapes: T tokens, E head size; P and Q are T and E rounded up to whole panels.
#include "core/kernels/attention_kernel.h"

#include <algorithm>
#include <limits>

#include "core/kernels/simd.h"

namespace hft {
namespace {

constexpr int kWidth = 16;  // floats of a panel, that rows are padded to

// Tiles of sums that fit the registers beside what they are made of.
template <class V>
inline constexpr int kQueries = sizeof(V) == 32 ? 6 : 4;
template <class V>
inline constexpr int kVectors = sizeof(V) == 64 ? 4 : 2;

// Rows that are computed together, each block of keys and values being read once for all of them.
template <class V>
inline constexpr std::int64_t kTogether = 4 * kQueries<V>;
constexpr std::int64_t kMostTogether = 4 * 6, kBlock = 256;

std::int64_t padded(std::int64_t n) { return (n + kWidth - 1) / kWidth * kWidth; }

// One product of a few rows of queries with what all of a head's queries share: c [R, columns] =
// a [R, depth] b [depth, columns], all float32; columns is a multiple of kWidth, R of kQueries.
struct Factors {
  const float* a;
  std::int64_t a_stride;
  const float* b;
  std::int64_t b_panel;  // from 16 columns to the next 16; rows of a panel are 16 apart
  std::int64_t columns;
  float* c;
  std::int64_t c_stride;
  bool added;  // to what c holds
};

// kQueries rows from `row` on, `vectors` columns of vectors from column j on; added to c or in its
// place.
template <class V, int vectors>
[[gnu::always_inline]] inline void panel(const Factors& f, std::int64_t row, std::int64_t j,
                                         std::int64_t depth) {
  constexpr int kRows = kQueries<V>, kStep = simd::width<V>;
  const float* a = f.a + row * f.a_stride;
  float* c = f.c + row * f.c_stride + j;
  const float* b[vectors];
  for (int v = 0; v < vectors; ++v)
    b[v] = f.b + (j + v * kStep) / kWidth * f.b_panel + (j + v * kStep) % kWidth;
  V sums[kRows][vectors] = {};
  for (std::int64_t k = 0; k < depth; ++k) {
    V right[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) simd::load(b[v] + k * kWidth, right[v]);
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
    for (int v = 0; v < vectors; ++v) {
      float* to = c + q * f.c_stride + v * kStep;
      V before{};
      if (f.added) simd::load(to, before);
      simd::store(before + sums[q][v], to);
    }
  }
}

template <class V>
[[gnu::always_inline]] inline void product(const Factors& f, std::int64_t rows,
                                           std::int64_t depth) {
  constexpr int kStep = simd::width<V>, kMost = kVectors<V>;
  for (std::int64_t j = 0; j < f.columns;) {
    const auto left = (f.columns - j) / kStep;
    const std::int64_t vectors = left >= kMost ? kMost : left >= 2 ? 2 : 1;
    for (std::int64_t row = 0; row < rows; row += kQueries<V>) {
      if (vectors == kMost)
        panel<V, kMost>(f, row, j, depth);
      else if (vectors == 2)
        panel<V, 2>(f, row, j, depth);
      else
        panel<V, 1>(f, row, j, depth);
    }
    j += vectors * kStep;
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

// A query's softmax over the keys so far: their largest score, the sum of exp(score - most).
struct SoFar {
  float most, sum;
};

// scores of the keys `all` become exp(score + gate * bias - most), 0 for those that the row does
// not see. Returns what everything before them is to be multiplied by.
template <class V>
[[gnu::always_inline]] inline float exponentials(float* scores, const float* bias, float gate,
                                                 Keys all, Keys seen, SoFar& so_far) {
  constexpr int kStep = simd::width<V>;
  const auto count = all.end - all.begin;
  const auto from = std::clamp<std::int64_t>(seen.begin - all.begin, 0, count);
  const auto to = std::clamp<std::int64_t>(seen.end - all.begin, from, count);
  V part;
  if (bias) {
    bias += all.begin;
    std::int64_t j = from;
    for (; j + kStep <= to; j += kStep) {
      V more;
      simd::load(scores + j, part);
      simd::load(bias + j, more);
      simd::store(part + more * gate, scores + j);
    }
    for (; j < to; ++j) scores[j] += bias[j] * gate;
  }
  std::fill(scores, scores + from, -INFINITY);
  std::fill(scores + to, scores + count, -INFINITY);
  V most = V{} + so_far.most;
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
  const float kept = simd::exp_of_negative(V{} + (so_far.most - top))[0];
  so_far = {top, so_far.sum * kept + simd::sum(sums)};
  return kept;
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
    float* keys = scratch;                          // [P / 16, E, 16]
    float* values = keys + size * columns;          // [Q / 16, P, 16]
    float* queries = values + columns * width;      // [rows, E]
    float* scores = queries + kTogether<V> * size;  // [rows, kBlock]
    float* mixed = scores + kTogether<V> * kBlock;  // [rows, Q]
    lay_out<V>(*in, keys, values, columns, width);
    auto* out = static_cast<T*>(out_bytes);
    for (std::int64_t first = 0; first < queried; first += kTogether<V>) {
      const auto count = std::min(kTogether<V>, queried - first);
      const auto rows = (count + kQueries<V> - 1) / kQueries<V> * kQueries<V>;
      for (std::int64_t q = 0; q < rows; ++q) {  // the last rows repeat where there are fewer
        const T* row =
            static_cast<const T*>(in->query) +
            std::min(first + q, queried - 1) * (in->query_stride ? in->query_stride : in->stride);
        copy_scaled<V>(row, size, in->scale, queries + q * size);
      }
      SoFar so_far[kTogether<V>];
      std::fill(so_far, so_far + rows, SoFar{std::numeric_limits<float>::lowest(), 0});
      Keys all = seen_by(*in, first, first + count);
      all = {all.begin / kWidth * kWidth, padded(all.end)};
      for (auto begin = all.begin; begin < all.end;) {
        const Keys block{begin, std::min((begin / kBlock + 1) * kBlock, all.end)};
        const bool later = begin > all.begin;
        product<V>({queries, size, keys + begin * size, size * kWidth, block.end - begin, scores,
                    kBlock, false},
                   rows, size);
        for (std::int64_t q = 0; q < count; ++q) {
          const float kept = exponentials<V>(
              scores + q * kBlock, in->bias ? in->bias + (first + q) * in->bias_stride : nullptr,
              in->gates ? in->gates[(first + q) * in->gate_stride] : 1.0f, block,
              seen_by(*in, first + q, first + q + 1), so_far[q]);
          if (later && kept != 1.0f)
            copy_scaled<V>(mixed + q * width, width, kept, mixed + q * width);
        }
        product<V>(
            {scores, kBlock, values + begin * kWidth, columns * kWidth, width, mixed, width, later},
            rows, block.end - begin);
        begin = block.end;
      }
      for (std::int64_t q = 0; q < count; ++q)
        copy_scaled<V>(mixed + q * width, size, 1.0f / so_far[q].sum,
                       out + (first + q) * out_stride);
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
      for (std::int64_t e = 0; e < width; e += kWidth) {
        float* part = values + e * columns + t * kWidth;
        const auto there = std::min<std::int64_t>(kWidth, in.size - e);
        copy_scaled<V>(value + e, there, 1.0f, part);
        std::fill(part + there, part + kWidth, 0.0f);
      }
    }
    for (std::int64_t e = 0; e < width; e += kWidth)
      std::fill(values + e * columns + in.tokens * kWidth, values + (e + kWidth) * columns, 0.0f);
  }
};

}  // namespace

std::int64_t head_scratch(std::int64_t tokens, std::int64_t size) {
  const auto columns = padded(tokens), width = padded(size);
  return columns * (size + width) + kMostTogether * (size + kBlock + width);
}

void attend_head(const HeadInput& in, void* out, std::int64_t out_stride, float* scratch,
                 Processor row) {
  if (in.bfloat16)
    simd::run_fitting<Head<std::uint16_t>>(row, &in, out, out_stride, scratch);
  else
    simd::run_fitting<Head<float>>(row, &in, out, out_stride, scratch);
}

}  // namespace hft
