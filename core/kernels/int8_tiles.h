// The product in whole numbers for any vector type: sums of a few rows x 16 outputs or more stay in
// registers for a group of the depth, two of which one instruction multiplies and adds. One file for
// each instruction set includes it and says what its vectors are.
#pragma once

#include "core/kernels/int8_product.h"
#include "core/kernels/product_tiles.h"

namespace hft {
namespace {

// What each instruction set does its own way: pairs of numbers, widened from bytes, and sum + a b of
// each. Here for those that have no instruction for it.
template <class V>
struct AnyPairs {
  using Ints = typename simd::With<V>::Ints;
  using Shorts = typename simd::With<V>::Shorts;
  [[gnu::always_inline]] static inline Shorts widened(const std::int8_t* from) {
    typename simd::With<V>::Bytes bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    return __builtin_convertvector(bytes, Shorts);
  }
  [[gnu::always_inline]] static inline Ints fused(Shorts a, Shorts b, Ints sum) {
    const Ints left = (Ints)a, right = (Ints)b;
    return sum + ((left << 16) >> 16) * ((right << 16) >> 16) + (left >> 16) * (right >> 16);
  }
};

// Isa as of Tiles; Pairs: as AnyPairs.
template <class Isa, class Pairs>
struct Int8Tiles {
  using Floats = typename Isa::Floats;
  using Ints = typename simd::With<Floats>::Ints;
  using Shorts = typename simd::With<Floats>::Shorts;
  static_assert(kPanel == kInt8Panel);
  static constexpr int kVectors = kPanel / Isa::kWidth;
  static constexpr std::int64_t kPair = 2 * kPanel;  // bytes of a pair of depth in a panel

  [[gnu::always_inline]] static inline Shorts all(const std::int16_t* pair) {
    std::int32_t both;
    std::memcpy(&both, pair, sizeof both);
    return (Shorts)(both - Ints{});
  }

  // R rows of x from `row` on with P panels from `panel` on: the sums [R, P * kPanel].
  template <int R, int P>
  [[gnu::always_inline]] static inline void tile(const Int16Rows& x, std::int64_t row,
                                                 const Int8Weights& w, std::int64_t panel,
                                                 float* to) {
    constexpr int V = P * kVectors;
    const auto* left = x.values.get() + row * x.stride;
    const auto* right = w.values.data() + panel * w.pairs * kPair;
    const auto* scales = w.scales.data() + panel * w.groups * kPanel;
    Floats totals[R][V] = {};
    for (std::int64_t k = 0; k < w.pairs; scales += kPanel) {
      const std::int64_t end = k + kInt8Group / 2 < w.pairs ? k + kInt8Group / 2 : w.pairs;
      Ints sums[R][V] = {};
#pragma GCC unroll 2
      for (; k < end; ++k) {
        Shorts weights[V];
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v)
          weights[v] = Pairs::widened(right + (v / kVectors * w.pairs + k) * kPair +
                               v % kVectors * 2 * Isa::kWidth);
#pragma GCC unroll 6
        for (int r = 0; r < R; ++r) {
          const Shorts pair = all(left + r * x.stride + 2 * k);
#pragma GCC unroll 16
          for (int v = 0; v < V; ++v)
            sums[r][v] = Pairs::fused(pair, weights[v], sums[r][v]);
        }
      }
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) {
        const Floats scale = Isa::load(scales + v / kVectors * w.groups * kPanel +
                                       v % kVectors * Isa::kWidth);
#pragma GCC unroll 6
        for (int r = 0; r < R; ++r)
          totals[r][v] =
              Isa::fused(__builtin_convertvector(sums[r][v], Floats), scale, totals[r][v]);
      }
    }
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v)
        Isa::store(totals[r][v] * x.scales[row + r], to + r * kOutputStep + v * Isa::kWidth);
  }

  // `times` tiles of R rows, and as many panels at a time as the registers hold.
  template <int R>
  static void tiles(const Int16Rows& x, Range rows, const Int8Weights& w, Range panels,
                    float* sums) {
    constexpr int kFit = Isa::kSums / (R * kVectors), kTogether = kFit >= 4 ? 4 : kFit >= 2 ? 2 : 1;
    std::int64_t panel = panels.begin;
    const auto each = [&]<int P>() {
      for (std::int64_t row = rows.begin; row < rows.end; row += R)
        tile<R, P>(x, row, w, panel, sums + row * kOutputStep + (panel - panels.begin) * kPanel);
    };
    for (; panel + kTogether <= panels.end; panel += kTogether) each.template operator()<kTogether>();
    if constexpr (kTogether > 1)
      for (; panel < panels.end; ++panel) each.template operator()<1>();
  }

  // The sums of all rows with some panels; as many rows at a time as the second-level cache holds.
  static void all_rows(const Product& p, const Int16Rows& x, const Int8Weights& w, Range panels,
                       float* sums) {
    constexpr std::int64_t kCached = 1 << 17;  // numbers
    const std::int64_t some = (kCached / (Isa::kRows * x.stride) + 1) * Isa::kRows;
    const auto count = static_cast<std::int64_t>(x.scales.size());
    const std::int64_t whole = count / Isa::kRows * Isa::kRows;
    for (Range rows{0, 0}; rows.begin < whole; rows.begin = rows.end) {
      rows.end = rows.begin + some < whole ? rows.begin + some : whole;
      tiles<Isa::kRows>(x, rows, w, panels, sums);
    }
    Tiles<Isa>::template with_rows<Isa::kRows - 1>(
        count - whole, [&]<int R>() { tiles<R>(x, {whole, count}, w, panels, sums); });
    const std::int64_t outputs = (panels.end - panels.begin) * kPanel;
    for (std::size_t i = 0; i < x.added_to.size(); ++i)
      for (std::int64_t o = 0; o < outputs; ++o)
        sums[x.added_to[i] * kOutputStep + o] += sums[(p.rows + i) * kOutputStep + o];
  }

  static void compute(const Product& p, const Int8Operands& in, std::int64_t begin, std::int64_t end,
                      float* sums) {
    const std::int64_t step = in.gated ? kOutputStep / 2 : kOutputStep;
    for (Range o{begin, 0}; o.begin < end; o.begin = o.end) {
      const std::int64_t first = o.begin / step * step;  // where the panels begin
      o.end = first + step < end ? first + step : end;
      const Range panels{first / kPanel, (o.end + kPanel - 1) / kPanel};
      all_rows(p, *in.x, *in.weights, panels, sums);
      if (in.gated) all_rows(p, *in.x, *in.gated, panels, sums + kOutputStep / 2);
      Tiles<Isa>::finish(p, o.begin, o.end, sums + (o.begin - first));
    }
  }
};

}  // namespace
}  // namespace hft
