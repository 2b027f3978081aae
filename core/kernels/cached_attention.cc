// Shapes: R rows of queries at a time (at most kCachedRows), P positions of a block, E head size.
#include "core/kernels/cached_attention.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/cached_codes.h"
#include "core/kernels/simd.h"

namespace hft {
namespace {

// Vectors V of one block's positions.
template <class V>
inline constexpr int kVectors = kCacheBlock / simd::width<V>;
// Sums that the registers hold beside what they are made of.
template <class V>
inline constexpr int kSums = sizeof(V) == 64 ? 16 : 8;

// sums [R][N] += a [R, depth] b [depth, N vectors], whose rows are `stride` apart, as kChains sums that
// do not wait for each other.
template <int kChains, int R, int N, class V, class T>
[[gnu::always_inline]] inline void add_chains(V (&sums)[R][N], const float* a,
                                              std::int64_t a_stride, const T* b,
                                              std::int64_t stride, std::int64_t depth) {
  V chains[kChains][R][N] = {};
  const auto add = [&](V(&to)[R][N], std::int64_t k) __attribute__((always_inline)) {
    V right[N];
#pragma GCC unroll 4
    for (int v = 0; v < N; ++v) simd::load(b + k * stride + v * simd::width<V>, right[v]);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const float left = a[r * a_stride + k];
#pragma GCC unroll 4
      for (int v = 0; v < N; ++v) to[r][v] += right[v] * left;
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
#pragma GCC unroll 4
      for (int v = 0; v < N; ++v) sums[r][v] += chains[i][r][v];
}

// The same; where they are exact, in an order that does not depend on R and N.
template <int R, int N, class V, class T>
[[gnu::always_inline]] inline void add_product(bool exact, V (&sums)[R][N], const float* a,
                                               std::int64_t a_stride, const T* b,
                                               std::int64_t stride, std::int64_t depth) {
  constexpr int kChains = 8 / (R * N);
  if constexpr (kChains > 1)
    if (!exact) return add_chains<kChains>(sums, a, a_stride, b, stride, depth);
  add_chains<1>(sums, a, a_stride, b, stride, depth);
}

struct Scratch {
  float* queries;  // [R, E] scaled
  float* weights;  // [R, P] of one block
  float* mixed;    // [R, V]
  float* block;    // of a block in codes this head as floats
};

// What one row has seen so far.
struct Row {
  std::int64_t low = 0, high = 0;  // positions it sees
  std::int64_t own = 0;            // its position
  float top = -INFINITY, sum = 0;  // largest score, sum of exponentials relative to it
};

// The scores of one block become weights relative to the row's largest score so far; what was
// mixed before is made relative to it too.
template <class V>
[[gnu::always_inline]] inline void weigh(Row& row, V (&scores)[kVectors<V>], const CachedHead& in,
                                         std::int64_t block, float* weights, float* mixed) {
  constexpr int kWidth = simd::width<V>;
  const std::int64_t begin = block * kCacheBlock;
  if (in.softcap > 0)
    for (auto& part : scores)
      for (int i = 0; i < kWidth; ++i) part[i] = in.softcap * std::tanh(part[i] / in.softcap);
  if (in.bias)
    for (int v = 0; v < kVectors<V>; ++v) {
      V part;
      simd::load(in.bias + (begin + v * kWidth - row.own), part);
      scores[v] += part;
    }
  if (row.low > begin || row.high < begin + kCacheBlock) {
    using Ints = typename simd::With<V>::Ints;
    Ints lanes;
    for (int i = 0; i < kWidth; ++i) lanes[i] = i;
    const auto low = static_cast<std::int32_t>(std::max<std::int64_t>(row.low - begin, 0)),
               high = static_cast<std::int32_t>(std::min(row.high - begin, kCacheBlock));
    for (int v = 0; v < kVectors<V>; ++v) {
      const Ints place = lanes + v * kWidth;
      scores[v] = (place >= low) & (place < high) ? scores[v] : V{} - INFINITY;
    }
  }
  V most = scores[0];
  for (int v = 1; v < kVectors<V>; ++v) most = simd::larger(most, scores[v]);
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
  V sums{};
  for (int v = 0; v < kVectors<V>; ++v) {
    const V part = simd::exp_of_negative(scores[v] - reference);
    sums += part;
    simd::store(part, weights + v * kWidth);
  }
  row.sum += simd::sum(sums);
}

// The scores [R, N vectors] of the positions from `at` on of one block.
template <int R, int N, class V, class T>
[[gnu::always_inline]] inline void some_scores(const CachedHead& in, const T* head, int at,
                                               const float* queries, V (&scores)[R][kVectors<V>]) {
  V sums[R][N] = {};
  add_product(in.row_exact, sums, queries, in.size, head + at * simd::width<V>, kCacheBlock, in.size);
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < N; ++v) scores[r][at + v] = sums[r][v];
}

// `seen` weights of each row times values [seen, N vectors], added to what is mixed from column e on.
template <int R, int N, class V, class T>
[[gnu::always_inline]] inline void mix(bool exact, const T* values, std::int64_t e, std::int64_t width,
                                       std::int64_t seen, const Scratch& scratch) {
  V sums[R][N];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < N; ++v)
      simd::load(scratch.mixed + r * width + e + v * simd::width<V>, sums[r][v]);
  add_product(exact, sums, scratch.weights, kCacheBlock, values + e, width, seen);
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < N; ++v)
      simd::store(sums[r][v], scratch.mixed + r * width + e + v * simd::width<V>);
}

// The positions of one block, for R rows.
template <int R, class T>
struct OneBlock {
  template <class V>
  [[gnu::always_inline]] static inline void run(const CachedHead* in, const T* head, std::int64_t block,
                                                std::int64_t seen, Row* rows, const Scratch* scratch) {
    constexpr int kWidth = simd::width<V>, kMost = kSums<V> / R > 1 ? kSums<V> / R : 1;
    constexpr int kFit = kMost < kVectors<V> ? kMost : kVectors<V>;
    constexpr int kTogether = kFit >= 8 ? 8 : kFit >= 4 ? 4 : kFit >= 2 ? 2 : 1;
    const auto width = cached_width(in->size);
    V scores[R][kVectors<V>] = {};
    if (seen <= kWidth)  // the rest of the block is not even read
      some_scores<R, 1>(*in, head, 0, scratch->queries, scores);
    else
      for (int v = 0; v < kVectors<V> && v * kWidth < seen; v += kTogether)
        some_scores<R, kTogether>(*in, head, v, scratch->queries, scores);
    for (int r = 0; r < R; ++r)
      weigh(rows[r], scores[r], *in, block, scratch->weights + r * kCacheBlock,
            scratch->mixed + r * width);
    const T* values = head + in->size * kCacheBlock;
    std::int64_t e = 0;
    for (; e + kTogether * kWidth <= width; e += kTogether * kWidth)
      mix<R, kTogether, V>(in->row_exact, values, e, width, seen, *scratch);
    for (; e < width; e += kWidth) mix<R, 1, V>(in->row_exact, values, e, width, seen, *scratch);
  }
};

// A block in codes as floats.
struct WidenBlock {
  template <class V>
  [[gnu::always_inline]] static inline void run(const CachedHead* in, const std::byte* head, float* to) {
    codes::widen<V>({head, in->size, in->bits}, to);
  }
};

template <int R, class V, class T>
[[gnu::always_inline]] inline void some_rows(const CachedHead& in, std::int64_t first,
                                             const Scratch& scratch) {
  const auto width = cached_width(in.size);
  Row rows[R];
  for (int r = 0; r < R; ++r) {
    const auto token = (first + r) / in.group, head = (first + r) % in.group;
    rows[r].own = in.past + token;
    if (in.sinks) rows[r].top = in.sinks[head], rows[r].sum = 1;
    rows[r].high = in.everyone > 0 ? in.everyone : rows[r].own + 1;
    rows[r].low = in.window > 0 ? std::max<std::int64_t>(0, rows[r].high - in.window) : 0;
    const T* query = static_cast<const T*>(in.query) + token * in.query_stride + head * in.size;
    for (std::int64_t e = 0; e < in.size; ++e)
      scratch.queries[r * in.size + e] = simd::widen(query[e]) * in.scale;
  }
  std::fill_n(scratch.mixed, R * width, 0.0f);
  const auto end = rows[R - 1].high;
  for (auto block = rows[0].low / kCacheBlock; block * kCacheBlock < end; ++block) {
    const void* at = in.blocks[block];
    const auto seen = std::min(kCacheBlock, end - block * kCacheBlock);
    if (is_coded(at)) {
      const auto* head = static_cast<const std::byte*>(without_mark(at)) + in.coded_offset;
      const float* floats = scratch.block;
      simd::call<WidenBlock, V>(&in, head, scratch.block);
      simd::call<OneBlock<R, float>, V>(&in, floats, block, seen, +rows, &scratch);
    } else {
      simd::call<OneBlock<R, T>, V>(&in, static_cast<const T*>(at) + in.head_offset, block, seen, +rows,
                                    &scratch);
    }
  }
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
  template <class V>
  [[gnu::always_inline]] static inline void run(const CachedHead* in, std::int64_t first,
                                                std::int64_t last, float* memory) {
    const Scratch scratch{
        memory, memory + kCachedRows * in->size, memory + kCachedRows * (in->size + kCacheBlock),
        memory + kCachedRows * (in->size + kCacheBlock + cached_width(in->size))};
    for (; last - first >= 8; first += 8) some_rows<8, V, T>(*in, first, scratch);
    switch (last - first) {
      case 7:
        return some_rows<7, V, T>(*in, first, scratch);
      case 6:
        return some_rows<6, V, T>(*in, first, scratch);
      case 5:
        return some_rows<5, V, T>(*in, first, scratch);
      case 4:
        return some_rows<4, V, T>(*in, first, scratch);
      case 3:
        return some_rows<3, V, T>(*in, first, scratch);
      case 2:
        return some_rows<2, V, T>(*in, first, scratch);
      case 1:
        return some_rows<1, V, T>(*in, first, scratch);
    }
  }
};

}  // namespace

std::int64_t cached_scratch(std::int64_t size) {
  return kCachedRows * (size + kCacheBlock + cached_width(size)) + numbers_of_head(size);
}

void attend_cached(const CachedHead& in, std::int64_t first, std::int64_t last, float* scratch,
                   Processor row) {
  const auto run = [&]<class T>(T) {
    simd::run_fitting<Rows<T>>(row, &in, first, last, scratch);
  };
  in.bfloat16 ? run(std::uint16_t{}) : run(float{});
}

}  // namespace hft
