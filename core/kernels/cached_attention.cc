// Shapes: R rows of queries at a time (at most kCachedRows), P positions of a block, E head size.
#include "core/kernels/cached_attention.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/simd.h"

namespace hft {
namespace {

using simd::Floats;
using simd::kWidth;

constexpr int kVectors = kCacheBlock / kWidth;

// sums [R][V] += a [R, depth] b [depth, V vectors], whose rows are `stride` apart.
template <int R, int V, class T>
[[gnu::always_inline]] inline void add_product(Floats (&sums)[R][V], const float* a,
                                               std::int64_t a_stride, const T* b,
                                               std::int64_t stride, std::int64_t depth) {
  constexpr int kChains = R * V >= 8 ? 1 : 8 / (R * V);  // sums that do not wait for each other
  Floats chains[kChains][R][V] = {};
  const auto add = [&](Floats(&to)[R][V], std::int64_t k) __attribute__((always_inline)) {
    Floats right[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) simd::load(b + k * stride + v * kWidth, right[v]);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const float left = a[r * a_stride + k];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) to[r][v] += right[v] * left;
    }
  };
  std::int64_t k = 0;
  for (; k + kChains <= depth; k += kChains)
#pragma GCC unroll 8
    for (int i = 0; i < kChains; ++i) add(chains[i], k + i);
  for (; k < depth; ++k) add(chains[0], k);
#pragma GCC unroll 8
  for (int i = 0; i < kChains; ++i)
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sums[r][v] += chains[i][r][v];
}

struct Scratch {
  float* queries;  // [R, E] scaled
  float* weights;  // [R, P] of one block
  float* mixed;    // [R, V]
};

// What one row has seen so far.
struct Row {
  std::int64_t low = 0, high = 0;  // positions it sees
  std::int64_t own = 0;            // its position
  float top = -INFINITY, sum = 0;  // largest score, sum of exponentials relative to it
};

// The scores of one block become weights relative to the row's largest score so far; what was
// mixed before is made relative to it too.
[[gnu::always_inline]] inline void weigh(Row& row, Floats (&scores)[kVectors], const CachedHead& in,
                                         std::int64_t block, float* weights, float* mixed) {
  const std::int64_t begin = block * kCacheBlock;
  if (in.softcap > 0)
    for (auto& part : scores)
      for (int i = 0; i < kWidth; ++i) part[i] = in.softcap * std::tanh(part[i] / in.softcap);
  if (in.bias)
    for (int v = 0; v < kVectors; ++v) {
      Floats part;
      simd::load(in.bias + (begin + v * kWidth - row.own), part);
      scores[v] += part;
    }
  if (row.low > begin || row.high < begin + kCacheBlock) {
    constexpr simd::Ints kLanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const auto low = static_cast<std::int32_t>(std::max<std::int64_t>(row.low - begin, 0)),
               high = static_cast<std::int32_t>(std::min(row.high - begin, kCacheBlock));
    for (int v = 0; v < kVectors; ++v) {
      const simd::Ints place = kLanes + v * kWidth;
      scores[v] = (place >= low) & (place < high) ? scores[v] : simd::splat(-INFINITY);
    }
  }
  Floats most = scores[0];
  for (int v = 1; v < kVectors; ++v) most = simd::larger(most, scores[v]);
  // NaN compares false: keep it, so that it reaches the output.
  float top = simd::largest(most);
  if (!(top <= row.top)) {
    if (row.sum != 0) {
      const float shrink = std::exp(row.top - top);
      row.sum *= shrink;
      for (std::int64_t e = 0; e < cached_width(in.size); ++e) mixed[e] *= shrink;
    }
    row.top = top;
  }
  const float reference = row.top == -INFINITY ? 0 : row.top;
  Floats sums{};
  for (int v = 0; v < kVectors; ++v) {
    const Floats part = simd::exp_of_negative(scores[v] - reference);
    sums += part;
    simd::store(part, weights + v * kWidth);
  }
  row.sum += simd::sum(sums);
}

template <int R, class T>
[[gnu::always_inline]] inline void one_block(const CachedHead& in, const T* head,
                                             std::int64_t block, std::int64_t seen, Row (&rows)[R],
                                             const Scratch& scratch) {
  const auto width = cached_width(in.size);
  Floats scores[R][kVectors] = {};
  if (seen <= kWidth) {  // the rest of the block is not even read
    Floats first[R][1] = {};
    add_product<R, 1>(first, scratch.queries, in.size, head, kCacheBlock, in.size);
    for (int r = 0; r < R; ++r) scores[r][0] = first[r][0];
  } else {
    add_product<R, kVectors>(scores, scratch.queries, in.size, head, kCacheBlock, in.size);
  }
  for (int r = 0; r < R; ++r)
    weigh(rows[r], scores[r], in, block, scratch.weights + r * kCacheBlock,
          scratch.mixed + r * width);
  const T* values = head + in.size * kCacheBlock;
  std::int64_t e = 0;
  for (; e + kVectors * kWidth <= width; e += kVectors * kWidth) {
    Floats sums[R][kVectors];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v)
        simd::load(scratch.mixed + r * width + e + v * kWidth, sums[r][v]);
    add_product<R, kVectors>(sums, scratch.weights, kCacheBlock, values + e, width, seen);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v)
        simd::store(sums[r][v], scratch.mixed + r * width + e + v * kWidth);
  }
  if (e < width) {
    Floats sums[R][1];
    for (int r = 0; r < R; ++r) simd::load(scratch.mixed + r * width + e, sums[r][0]);
    add_product<R, 1>(sums, scratch.weights, kCacheBlock, values + e, width, seen);
    for (int r = 0; r < R; ++r) simd::store(sums[r][0], scratch.mixed + r * width + e);
  }
}

template <int R, class T>
[[gnu::always_inline]] inline void some_rows(const CachedHead& in, std::int64_t first,
                                             const Scratch& scratch) {
  const auto width = cached_width(in.size);
  Row rows[R];
  for (int r = 0; r < R; ++r) {
    const auto token = (first + r) / in.group, head = (first + r) % in.group;
    rows[r].own = in.past + token;
    rows[r].high = in.everyone > 0 ? in.everyone : rows[r].own + 1;
    rows[r].low = in.window > 0 ? std::max<std::int64_t>(0, rows[r].high - in.window) : 0;
    const T* query = static_cast<const T*>(in.query) + token * in.query_stride + head * in.size;
    for (std::int64_t e = 0; e < in.size; ++e)
      scratch.queries[r * in.size + e] = simd::widen(query[e]) * in.scale;
  }
  std::fill_n(scratch.mixed, R * width, 0.0f);
  const auto end = rows[R - 1].high;
  for (auto block = rows[0].low / kCacheBlock; block * kCacheBlock < end; ++block)
    one_block<R>(in, static_cast<const T*>(in.blocks[block]) + in.head_offset, block,
                 std::min(kCacheBlock, end - block * kCacheBlock), rows, scratch);
  for (int r = 0; r < R; ++r) {
    const auto token = (first + r) / in.group, head = (first + r) % in.group;
    T* out = static_cast<T*>(in.out) + token * in.out_stride + head * in.size;
    const float share = 1.0f / rows[r].sum;
    for (std::int64_t e = 0; e < in.size; ++e)
      simd::narrow(scratch.mixed[r * width + e] * share, out + e);
  }
}

template <class T>
struct Rows {
  [[gnu::always_inline]] static inline void run(const CachedHead* in, std::int64_t first,
                                                std::int64_t last, float* memory) {
    const Scratch scratch{memory, memory + kCachedRows * in->size,
                          memory + kCachedRows * (in->size + kCacheBlock)};
    for (; last - first >= 8; first += 8) some_rows<8, T>(*in, first, scratch);
    switch (last - first) {
      case 7:
        return some_rows<7, T>(*in, first, scratch);
      case 6:
        return some_rows<6, T>(*in, first, scratch);
      case 5:
        return some_rows<5, T>(*in, first, scratch);
      case 4:
        return some_rows<4, T>(*in, first, scratch);
      case 3:
        return some_rows<3, T>(*in, first, scratch);
      case 2:
        return some_rows<2, T>(*in, first, scratch);
      case 1:
        return some_rows<1, T>(*in, first, scratch);
    }
  }
};

}  // namespace

std::int64_t cached_scratch(std::int64_t size) {
  return kCachedRows * (size + kCacheBlock + cached_width(size));
}

void attend_cached(const CachedHead& in, std::int64_t first, std::int64_t last, float* scratch) {
  if (in.bfloat16)
    simd::run_best<Rows<std::uint16_t>>(&in, first, last, scratch);
  else
    simd::run_best<Rows<float>>(&in, first, last, scratch);
}

}  // namespace hft
