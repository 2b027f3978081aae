// The product by panels and tiles (as in Goto and van de Geijn, 10.1145/1356052.1356053) for any
// vector type: the weights of 64 outputs and a block of the depth are laid out as panels [depth, 16]
// in the second-level cache, and a few rows x 16 outputs of sums stay in registers, an outer product
// per k. One file for each instruction set includes it and says what its vectors are.
// A row's sums go the same way whatever rows are beside it: the products of one block of the depth
// one after another, then block after block.
#pragma once

#include "core/kernels/functions.h"
#include "core/kernels/product_rows.h"
#include "core/kernels/simd.h"

namespace hft {
namespace {

constexpr std::int64_t kDepthBlock = 256;
constexpr int kPanel = 16;  // outputs
constexpr std::int64_t kPanelSize = kDepthBlock * kPanel;

struct Range {
  std::int64_t begin, end;
};

// Isa: kWidth, kRows, Floats; load and store of kWidth floats or of kWidth numbers of any type,
// widened() and narrowed() of one number, fused(a, b, sum), and lay_out<type>(rows, first, depth,
// panel), which writes panel [depth, kPanel] from the numbers `first` on of kPanel rows of weights.
template <class Isa>
struct Tiles {
  using Floats = typename Isa::Floats;
  using Both = typename Isa::Both;
  static constexpr int kVectors = kPanel / Isa::kWidth;

  // What tiles of sums have in common: a block of the depth, of which the first starts the sums.
  struct Block {
    int panels;
    std::int64_t depth;
    bool start;
  };
  // Rows of x at one block of the depth, `stride` numbers apart.
  struct Rows {
    const float* x;
    std::int64_t stride;
    Rows from(std::int64_t row) const { return {x + row * stride, stride}; }
  };

  // f.operator()<R>() for R = rows, at most Most.
  template <int Most, class F>
  static void with_rows(std::int64_t rows, F&& f) {
    if constexpr (Most > 0) {
      if (rows == Most)
        f.template operator()<Most>();
      else
        with_rows<Most - 1>(rows, f);
    }
  }

  // R rows of x with P panels from panel i on; the sums [R, P * kPanel], rows kOutputStep apart,
  // start with this block or are added to. right(k, i, v): the v-th vector of weights at depth k
  // from panel i on.
  template <int R, int P, class Right>
  [[gnu::always_inline]] static inline void tile(const Rows& rows, const Block& block, int i,
                                                 float* sums, const Right& right) {
    const float* x[R];
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) x[r] = rows.x + r * rows.stride;
    Floats parts[R][P * kVectors] = {};
    for (std::int64_t k = 0; k < block.depth; ++k) {
      Floats weights[P * kVectors];
#pragma GCC unroll 16
      for (int v = 0; v < P * kVectors; ++v) weights[v] = right(k, i, v);
#pragma GCC unroll 6
      for (int r = 0; r < R; ++r) {
        const Floats left = Isa::all(x[r] + k);
#pragma GCC unroll 16
        for (int v = 0; v < P * kVectors; ++v)
          parts[r][v] = Isa::fused(left, weights[v], parts[r][v]);
      }
    }
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < P * kVectors; ++v) {
        float* to = sums + r * kOutputStep + i * kPanel + v * Isa::kWidth;
        Isa::store(block.start ? parts[r][v] : Isa::load(to) + parts[r][v], to);
      }
  }

  // `times` tiles of R rows, and as many panels at a time as the registers hold, so that sums need
  // not wait for each other. A panel stays in the nearest cache for all of the rows.
  template <int R, class Right>
  static void tiles(const Rows& rows, std::int64_t times, const Block& block, float* sums,
                    const Right& right) {
    constexpr int kFit = Isa::kSums / (R * kVectors), kTogether = kFit >= 4 ? 4 : kFit >= 2 ? 2 : 1;
    const auto each = [&]<int P>(int i) {
      for (std::int64_t t = 0; t < times; ++t)
        tile<R, P>(rows.from(t * R), block, i, sums + t * R * kOutputStep, right);
    };
    int i = 0;
    for (; i + kTogether <= block.panels; i += kTogether) each.template operator()<kTogether>(i);
    if constexpr (kTogether > 1)
      for (; i < block.panels; ++i) each.template operator()<1>(i);
  }

  static void copy_run(const Product& p, std::int64_t at, std::int64_t count, float* to) {
    std::int64_t i = 0;
    for (; i + Isa::kWidth <= count; i += Isa::kWidth) Isa::store(Isa::load(p.x, p.x_type, at + i), to + i);
    for (; i < count; ++i) to[i] = Isa::widened(p.x, p.x_type, at + i);
  }

  // The same where rows of x are gathered from places.
  static void copy_places(const Product& p, Range rows, Range k, float* to) {
    const std::int64_t run = p.depth / p.taps;
    for (std::int64_t row = rows.begin; row < rows.end; ++row, to += kDepthBlock) {
      const std::int32_t* places = p.places + row * p.taps;
      std::int64_t tap = k.begin / run, within = k.begin % run;
      for (std::int64_t i = k.begin; i < k.end; ++tap, within = 0) {
        const std::int64_t count = run - within < k.end - i ? run - within : k.end - i;
        if (places[tap] >= 0)
          copy_run(p, places[tap] * p.x_stride + within, count, to + (i - k.begin));
        else
          std::memset(to + (i - k.begin), 0, count * sizeof(float));
        i += count;
      }
    }
  }

  static void copy_rows(const Product& p, Range rows, Range k, float* to) {  // [rows, kDepthBlock]
    if (p.places) return copy_places(p, rows, k, to);
    for (std::int64_t row = rows.begin; row < rows.end; ++row, to += kDepthBlock) {
      copy_run(p, row * p.x_stride + k.begin, k.end - k.begin, to);
    }
  }

  // A block for all rows of x, as many at a time as the second-level cache holds. Those that are no
  // floats, or gathered, are copied into it.
  template <class Right>
  static void all_rows(const Product& p, Range k, const Block& block, float* sums,
                       const Right& right) {
    constexpr std::int64_t kMost = 16 * Isa::kRows;
    alignas(64) float copied[kMost * kDepthBlock];
    const bool in_place = p.x_type == Number::kFloat && !p.places;
    for (Range rows{0, 0}; rows.begin < p.rows; rows.begin = rows.end) {
      rows.end = rows.begin + kMost < p.rows ? rows.begin + kMost : p.rows;
      if (!in_place) copy_rows(p, rows, k, copied);
      const Rows x = in_place ? Rows{static_cast<const float*>(p.x) + rows.begin * p.x_stride + k.begin,
                                     p.x_stride}
                              : Rows{copied, kDepthBlock};
      const std::int64_t times = (rows.end - rows.begin) / Isa::kRows, whole = times * Isa::kRows;
      float* to = sums + rows.begin * kOutputStep;
      tiles<Isa::kRows>(x, times, block, to, right);
      with_rows<Isa::kRows - 1>(rows.end - rows.begin - whole, [&]<int R>() {
        tiles<R>(x.from(whole), 1, block, to + whole * kOutputStep, right);
      });
    }
  }

  // The panel of outputs [first, last), at most kPanel of them, of weights [K, O].
  template <Number type>
  static void copy_columns(const Product& p, Range k, std::int64_t first, std::int64_t last,
                           float* panel) {
    for (std::int64_t i = k.begin; i < k.end; ++i)
      for (int v = 0; v < kVectors; ++v, panel += Isa::kWidth) {
        const std::int64_t o = first + v * Isa::kWidth;
        Isa::store(load_some(p.weight, type, i * p.weight_stride + o, last - o), panel);
      }
  }
  // The same of weights [O, K]; where there are fewer outputs, the last is repeated.
  template <Number type>
  static void copy_rows_across(const Product& p, const void* weight, Range k, std::int64_t first,
                               std::int64_t last, float* panel) {
    const void* rows[kPanel];
    for (int i = 0; i < kPanel; ++i)
      rows[i] = static_cast<const char*>(weight) +
                (first + i < last ? first + i : last - 1) * p.depth * bytes_of(type);
    Isa::template lay_out<type>(rows, k.begin, k.end - k.begin, panel);
  }

  // The part k of the products of all rows with the outputs o of one matrix, in `sums`.
  template <Number type>
  static void part(const Product& p, const void* weight, Range o, Range k, float* panels,
                   float* sums) {
    Block block{0, k.end - k.begin, k.begin == 0};
    if (p.weight_stride > 0 && p.rows <= Isa::kRows && (o.end - o.begin) % kPanel == 0) {
      block.panels = static_cast<int>((o.end - o.begin) / kPanel);
      const auto in_place = [&](std::int64_t i, int panel, int v) __attribute__((always_inline)) {
        const std::int64_t at = (k.begin + i) * p.weight_stride + o.begin + panel * kPanel;
        if (v % 2 == 0)
          __builtin_prefetch(static_cast<const char*>(weight) +
                             (at + kAheadRows * p.weight_stride + v * Isa::kWidth) * bytes_of(type));
        return Isa::load(weight, type, at + v * Isa::kWidth);
      };
      return all_rows(p, k, block, sums, in_place);
    }
    for (std::int64_t first = o.begin; first < o.end; first += kPanel, ++block.panels) {
      float* panel = panels + block.panels * kPanelSize;
      const std::int64_t last = first + kPanel < o.end ? first + kPanel : o.end;
      if (p.weight_stride > 0)
        copy_columns<type>(p, k, first, last, panel);
      else
        copy_rows_across<type>(p, weight, k, first, last, panel);
    }
    const auto laid_out = [&](std::int64_t i, int panel, int v) __attribute__((always_inline)) {
      return Isa::load(panels + (panel + v / kVectors) * kPanelSize + i * kPanel +
                       v % kVectors * Isa::kWidth);
    };
    all_rows(p, k, block, sums, laid_out);
  }
  static constexpr std::int64_t kAheadRows = 8;
  static void part(const Product& p, const void* weight, Number type, Range o, Range k,
                   float* panels, float* sums) {
    switch (type) {
      case Number::kFloat:
        return part<Number::kFloat>(p, weight, o, k, panels, sums);
      case Number::kBFloat16:
        return part<Number::kBFloat16>(p, weight, o, k, panels, sums);
      case Number::kHalf:
        return part<Number::kHalf>(p, weight, o, k, panels, sums);
    }
  }

  // 2 kWidth numbers from `at` on. Where both sides are bfloat16, those at even places and then those
  // at odd ones: their bits need only be moved up.
  template <Number type, bool both>
  [[gnu::always_inline]] static inline Both numbers(const void* from, std::int64_t at) {
    if constexpr (both)
      return Isa::even_and_odd(static_cast<const std::uint16_t*>(from) + at);
    else
      return {Isa::load(from, type, at), Isa::load(from, type, at + Isa::kWidth)};
  }

  // M rows of x from `row` on with W rows of weights, in the order of memory: lanes and chains of
  // sums are parts of the depth. Sums as those of tile().
  template <Number x_type, Number type, int M, int W>
  [[gnu::always_inline]] static inline void dots(const Product& p, const char* weights,
                                                 std::int64_t row, float* sums) {
    constexpr bool kBoth = x_type == Number::kBFloat16 && type == Number::kBFloat16;
    constexpr int kChains = M * W == 1 ? 8 : M * W < 4 ? 4 : M * W < 8 ? 2 : 1;
    constexpr int kTurns = kChains > 2 ? kChains / 2 : 1;
    constexpr std::int64_t kStep = 2 * Isa::kWidth;
    const auto bytes = p.depth * bytes_of(type), x_bytes = p.x_stride * bytes_of(x_type);
    const auto* x = static_cast<const char*>(p.x) + row * x_bytes;
    Floats parts[M][W][kChains] = {};
    const auto add = [&](std::int64_t k, int chain) __attribute__((always_inline)) {
      Both left[M];
#pragma GCC unroll 4
      for (int m = 0; m < M; ++m) left[m] = numbers<x_type, kBoth>(x + m * x_bytes, k);
#pragma GCC unroll 2
      for (int w = 0; w < W; ++w) {
        __builtin_prefetch(weights + w * bytes + k * bytes_of(type) + kAheadBytes);
        const Both right = numbers<type, kBoth>(weights + w * bytes, k);
#pragma GCC unroll 4
        for (int m = 0; m < M; ++m) {
          Floats(&to)[kChains] = parts[m][w];
          to[chain] = Isa::fused(left[m].first, right.first, to[chain]);
          const int other = kChains == 1 ? 0 : chain + 1;
          to[other] = Isa::fused(left[m].second, right.second, to[other]);
        }
      }
    };
    std::int64_t k = 0;
    for (; k + kTurns * kStep <= p.depth; k += kTurns * kStep)
#pragma GCC unroll 4
      for (int turn = 0; turn < kTurns; ++turn) add(k + turn * kStep, 2 * turn);
    for (; k + kStep <= p.depth; k += kStep) add(k, 0);
#pragma GCC unroll 4
    for (int m = 0; m < M; ++m)
#pragma GCC unroll 2
      for (int w = 0; w < W; ++w) {
        Floats(&all)[kChains] = parts[m][w];
#pragma GCC unroll 4
        for (int half = kChains / 2; half > 0; half /= 2)
#pragma GCC unroll 4
          for (int i = 0; i < half; ++i) all[i] += all[i + half];
        float sum = simd::sum(all[0]);
        for (std::int64_t i = k; i < p.depth; ++i)
          sum += Isa::widened(x + m * x_bytes, x_type, i) * Isa::widened(weights + w * bytes, type, i);
        sums[m * kOutputStep + w] = sum;
      }
  }
  // How far ahead weights are fetched: the processor itself stops at the end of a page.
  static constexpr std::int64_t kAheadBytes = 2048;

  // Outputs [o.begin, o.end) of one matrix for M rows of x. Up to 4 rows the memory is the limit, and
  // weights are read as they lie there; beyond, two rows of them share what is read of x.
  template <Number x_type, Number type, int M>
  static void few_rows(const Product& p, const void* weight, Range o, std::int64_t row,
                       float* sums) {
    const auto bytes = p.depth * bytes_of(type);
    const auto* from = static_cast<const char*>(weight) + o.begin * bytes;
    std::int64_t left = o.end - o.begin;
    if (M == 4 && p.rows > 4)
      for (; left >= 2; left -= 2, sums += 2, from += 2 * bytes)
        dots<x_type, type, M, 2>(p, from, row, sums);
    for (; left > 0; --left, ++sums, from += bytes) dots<x_type, type, M, 1>(p, from, row, sums);
  }

  template <Number x_type, Number type>
  static void few(const Product& p, const void* weight, Range o, float* sums) {
    for (std::int64_t row = 0; row < p.rows; row += 4)
      with_rows<4>(p.rows - row < 4 ? p.rows - row : 4, [&]<int M>() {
        few_rows<x_type, type, M>(p, weight, o, row, sums + row * kOutputStep);
      });
  }
  template <Number x_type>
  static void few(const Product& p, const void* weight, Number type, Range o, float* sums) {
    switch (type) {
      case Number::kFloat:
        return few<x_type, Number::kFloat>(p, weight, o, sums);
      case Number::kBFloat16:
        return few<x_type, Number::kBFloat16>(p, weight, o, sums);
      case Number::kHalf:
        return few<x_type, Number::kHalf>(p, weight, o, sums);
    }
  }
  static void few(const Product& p, const void* weight, Number type, Range o, float* sums) {
    p.x_type == Number::kFloat ? few<Number::kFloat>(p, weight, type, o, sums)
                               : few<Number::kBFloat16>(p, weight, type, o, sums);
  }

  // `count` numbers of any type as floats, the rest of [kWidth] as 0; and back.
  static Floats load_some(const void* from, Number type, std::int64_t at, std::int64_t count) {
    if (count >= Isa::kWidth) return Isa::load(from, type, at);
    float values[Isa::kWidth] = {};
    for (std::int64_t i = 0; i < count; ++i) values[i] = Isa::widened(from, type, at + i);
    return Isa::load(values);
  }
  static void store_some(Floats from, void* to, Number type, std::int64_t at, std::int64_t count) {
    if (count >= Isa::kWidth) return Isa::store(from, to, type, at);
    float values[Isa::kWidth];
    Isa::store(from, values);
    for (std::int64_t i = 0; i < count; ++i) Isa::narrowed(values[i], to, type, at + i);
  }

  // Outputs [first, last), whose sums are in.
  static void finish(const Product& p, std::int64_t first, std::int64_t last, const float* sums) {
    for (std::int64_t o = first; o < last; o += Isa::kWidth) {
      const std::int64_t count = last - o;
      const Floats bias = p.bias ? load_some(p.bias, p.bias_type, o, count) : Floats{};
      for (std::int64_t row = 0; row < p.rows; ++row) {
        const float* from = sums + row * kOutputStep + (o - first);
        const std::int64_t at = row * p.y_stride + o;
        Floats y = Isa::load(from) + bias;
        if (p.residual && p.residual_inside) y += load_some(p.residual, p.y_type, at, count);
        y = apply(p.activation, y);
        if (p.gated) y *= Isa::load(from + kOutputStep / 2);
        if (p.residual && !p.residual_inside) y += load_some(p.residual, p.y_type, at, count);
        store_some(y, p.y, p.y_type, at, count);
      }
    }
  }

  // All of the depth, block by block.
  static void many(const Product& p, Range o, const ProductScratch& scratch) {
    for (Range k{0, 0}; k.begin < p.depth; k.begin += kDepthBlock) {
      k.end = k.begin + kDepthBlock < p.depth ? k.begin + kDepthBlock : p.depth;
      part(p, p.weight, p.weight_type, o, k, scratch.panel, scratch.sums);
      if (p.gated)
        part(p, p.gated, p.gated_type, o, k, scratch.panel, scratch.sums + kOutputStep / 2);
    }
  }

  static void compute(const Product& p, std::int64_t begin, std::int64_t end,
                      const ProductScratch& scratch) {
    const std::int64_t step = p.gated ? kOutputStep / 2 : kOutputStep;
    for (Range o{begin, 0}; o.begin < end; o.begin += step) {
      o.end = o.begin + step < end ? o.begin + step : end;
      if (p.rows <= Isa::kFewRows && !p.row_exact && p.weight_stride == 0 && !p.places) {
        few(p, p.weight, p.weight_type, o, scratch.sums);
        if (p.gated) few(p, p.gated, p.gated_type, o, scratch.sums + kOutputStep / 2);
      } else {
        many(p, o, scratch);
      }
      finish(p, o.begin, o.end, scratch.sums);
    }
  }
};

}  // namespace
}  // namespace hft
