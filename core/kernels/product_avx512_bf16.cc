// The row of the table for AVX-512 with products of bfloat16.
// Two ways through the weights, by the number of rows of x:
//   few   dot products: each weight row is read once, in memory order, for all rows of x. Bound by
//         the memory until some 12 rows.
//   many  64 outputs at a time: their weights are laid out as [K, 64] in a panel that stays in the
//         second-level cache, and 6 rows x 64 outputs of sums stay in registers (an outer product
//         per k; as in Goto and van de Geijn, 10.1145/1356052.1356053).
// A unit is 32 bits of depth: one float, or two bfloat16 that one instruction multiplies and adds.
#include "core/kernels/product_rows.h"

#if defined(__x86_64__)
// GCC 12 warns of its own headers here.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,bmi2,f16c")
#include <immintrin.h>

#include "core/kernels/functions.h"

namespace hft {
namespace {

using Floats = __m512;

// 16 numbers of any type, as floats; those past `count` are 0.
inline __mmask16 mask16(std::int64_t count) {
  return count >= 16 ? 0xffff : static_cast<__mmask16>((1u << (count < 0 ? 0 : count)) - 1);
}
inline Floats widened(const void* from, Number type, std::int64_t index, __mmask16 mask) {
  if (type == Number::kFloat)
    return _mm512_maskz_loadu_ps(mask, static_cast<const float*>(from) + index);
  const __m256i halves =
      _mm256_maskz_loadu_epi16(mask, static_cast<const std::uint16_t*>(from) + index);
  if (type == Number::kHalf) return _mm512_cvtph_ps(halves);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}
inline void narrowed(Floats x, void* to, Number type, std::int64_t index, __mmask16 mask) {
  if (type == Number::kFloat) {
    _mm512_mask_storeu_ps(static_cast<float*>(to) + index, mask, x);
    return;
  }
  const __m256i halves = type == Number::kHalf ? _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT)
                                               : reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x));
  _mm256_mask_storeu_epi16(static_cast<std::uint16_t*>(to) + index, mask, halves);
}

// How numbers of type `type` become a vector of 16 units, and how units are multiplied and added.
struct Singles {
  static constexpr int kNumbers = 1;
  static constexpr Number kX = Number::kFloat;
  // 16 units from number `index` on, of which `left` numbers are there; the others are 0.
  template <Number type>
  static inline __m512i load(const void* from, std::int64_t index, std::int64_t left) {
    return _mm512_castps_si512(widened(from, type, index, mask16(left)));
  }
  static inline Floats fused(Floats sum, __m512i a, __m512i b) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum);
  }
};
struct Pairs {
  static constexpr int kNumbers = 2;
  static constexpr Number kX = Number::kBFloat16;
  template <Number type>
  static inline __m512i load(const void* from, std::int64_t index, std::int64_t left) {
    if constexpr (type == Number::kBFloat16) {
      return _mm512_maskz_loadu_epi16(
          left >= 32 ? ~__mmask32{0} : (__mmask32{1} << (left < 0 ? 0 : left)) - 1,
          static_cast<const std::uint16_t*>(from) + index);
    } else {
      const Floats low = widened(from, type, index, mask16(left));
      const Floats high = widened(from, type, index + 16, mask16(left - 16));
      return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
    }
  }
  static inline Floats fused(Floats sum, __m512i a, __m512i b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
};

// How far ahead weights are fetched: the processor itself stops at the end of a page.
constexpr std::int64_t kAheadBytes = 2048;

// ---- many rows

constexpr int kRows = 6;     // of x in one tile
constexpr int kVectors = 4;  // of 16 outputs in one tile
constexpr int kWidth = 16 * kVectors;
static_assert(kWidth == kOutputStep);

// m is transposed: lane j of vector i becomes lane i of vector j.
inline void transpose(__m512i (&m)[16]) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(m[i], m[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(m[i], m[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    m[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    m[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    m[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    m[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 16; i += 8)
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      t[i + j] = _mm512_shuffle_i32x4(m[i + j], m[i + j + 4], 0x88);
      t[i + j + 4] = _mm512_shuffle_i32x4(m[i + j], m[i + j + 4], 0xdd);
    }
#pragma GCC unroll 8
  for (int j = 0; j < 8; ++j) {
    m[j] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0x88);
    m[j + 8] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0xdd);
  }
}

// The weights of one tile's outputs: a first and, when gated, a second half of them.
struct PanelRows {
  const char* row[kWidth];  // null: no such output
};

inline PanelRows panel_rows(const Product& p, std::int64_t first, std::int64_t last) {
  PanelRows rows;
  const std::int64_t bytes = p.depth * bytes_of(p.weight_type);
  for (int i = 0; i < kWidth; ++i) {
    const bool up = p.gated && i >= kWidth / 2;
    const std::int64_t output = first + (up ? i - kWidth / 2 : i);
    const auto* base = static_cast<const char*>(up ? p.gated : p.weight);
    rows.row[i] = output < last ? base + output * bytes : nullptr;
  }
  return rows;
}

// to [units, kWidth] from the rows' numbers `index` to `index + count`.
template <class Unit, Number type>
void lay_out(const PanelRows& rows, std::int64_t index, std::int64_t count, std::int64_t units,
             std::uint32_t* to) {
  for (int v = 0; v < kVectors; ++v)
    for (std::int64_t u = 0; u < units; u += 16) {
      const std::int64_t done = u * Unit::kNumbers;
      __m512i m[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        const char* row = rows.row[v * 16 + i];
        // Sixteen rows at once are more than the processor follows by itself.
        if (row) _mm_prefetch(row + (index + done) * bytes_of(type) + kAheadBytes / 4, _MM_HINT_T0);
        m[i] = row ? Unit::template load<type>(row, index + done, count - done)
                   : _mm512_setzero_si512();
      }
      transpose(m);
      const std::int64_t here = units - u < 16 ? units - u : 16;
      for (std::int64_t i = 0; i < here; ++i)
        _mm512_store_si512(to + (u + i) * kWidth + v * 16, m[i]);
    }
}

// Where a tile's sums go once all of the depth is in.
struct Finish {
  const Product* p;
  std::int64_t first, last;  // outputs
};

template <int R>
inline void finish_tile(Floats (&sums)[R][kVectors], const Finish& f, std::int64_t row) {
  const Product& p = *f.p;
  const int vectors = p.gated ? kVectors / 2 : kVectors;
  for (int v = 0; v < vectors; ++v) {
    const std::int64_t output = f.first + v * 16;
    const __mmask16 mask = mask16(f.last - output);
    if (!mask) break;
    const Floats bias = p.bias ? widened(p.bias, p.bias_type, output, mask) : _mm512_setzero_ps();
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      Floats y = apply(p.activation, _mm512_add_ps(sums[r][v], bias));
      const std::int64_t at = (row + r) * p.y_stride + output;
      if (p.gated) y = _mm512_mul_ps(y, sums[r][v + kVectors / 2]);
      if (p.residual) y = _mm512_add_ps(y, widened(p.residual, p.y_type, at, mask));
      narrowed(y, p.y, p.y_type, at, mask);
    }
  }
}

// R rows of x against a panel. Sums go on from `partial` [M, kWidth] unless this is the first part
// of the depth, and stay there unless it is the last.
template <class Unit, int R>
void tile(const Finish& f, const std::uint32_t* panel, std::int64_t row, std::int64_t begin,
          std::int64_t units, float* partial, bool first, bool last) {
  const Product& p = *f.p;
  const std::int64_t stride = p.x_stride * (4 / Unit::kNumbers);  // bytes
  const char* x = static_cast<const char*>(p.x) + row * stride + begin * 4;
  Floats sums[R][kVectors];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      sums[r][v] =
          first ? _mm512_setzero_ps() : _mm512_load_ps(partial + (row + r) * kWidth + v * 16);
  for (std::int64_t u = 0; u < units; ++u) {
    __m512i b[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) b[v] = _mm512_load_si512(panel + u * kWidth + v * 16);
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      std::int32_t unit;
      __builtin_memcpy(&unit, x + r * stride + u * 4, 4);
      const __m512i a = _mm512_set1_epi32(unit);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = Unit::fused(sums[r][v], a, b[v]);
    }
  }
  if (last) {
    finish_tile<R>(sums, f, row);
    return;
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      _mm512_store_ps(partial + (row + r) * kWidth + v * 16, sums[r][v]);
}

template <class Unit, Number type>
void many(const Product& p, std::int64_t begin, std::int64_t end, const ProductScratch& scratch) {
  constexpr std::int64_t kNumbers = kPanelFloats / kWidth * Unit::kNumbers;
  auto* panel = reinterpret_cast<std::uint32_t*>(scratch.panel);
  const std::int64_t step = p.gated ? kWidth / 2 : kWidth;
  for (std::int64_t o = begin; o < end; o += step) {
    const Finish f{&p, o, o + step < end ? o + step : end};
    const PanelRows rows = panel_rows(p, f.first, f.last);
    for (std::int64_t k = 0; k < p.depth; k += kNumbers) {
      const std::int64_t count = p.depth - k < kNumbers ? p.depth - k : kNumbers;
      const std::int64_t units = (count + Unit::kNumbers - 1) / Unit::kNumbers;
      lay_out<Unit, type>(rows, k, count, units, panel);
      const bool first = k == 0, last = k + count == p.depth;
      std::int64_t row = 0;
      const auto part = [&]<int R>() {
        tile<Unit, R>(f, panel, row, k / Unit::kNumbers, units, scratch.sums, first, last);
        row += R;
      };
      while (p.rows - row >= kRows) part.template operator()<kRows>();
      switch (p.rows - row) {
        case 5:
          part.template operator()<5>();
          break;
        case 4:
          part.template operator()<4>();
          break;
        case 3:
          part.template operator()<3>();
          break;
        case 2:
          part.template operator()<2>();
          break;
        case 1:
          part.template operator()<1>();
          break;
      }
    }
  }
}

// ---- few rows

// The sums of the lanes of 16 vectors, one lane each.
inline Floats lane_sums(__m512i (&m)[16]) {
  transpose(m);
  Floats s[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) s[i] = _mm512_castsi512_ps(m[i]);
#pragma GCC unroll 4
  for (int half = 8; half > 0; half /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) s[i] = _mm512_add_ps(s[i], s[i + half]);
  return s[0];
}

// W rows of weights with M rows of x: sums [M, W] of 16 lanes each, rows kOutputs vectors apart.
constexpr int kOutputs = 16;
template <class Unit, Number type, int M, int W>
inline void row_sums(const Product& p, const char* weights, std::int64_t row, Floats* sums) {
  // Sums that do not wait for each other.
  constexpr int kParts = M == 1 ? 8 : M * W == 2 ? 4 : M * W <= 4 ? 2 : 1;
  constexpr std::int64_t kStep = 16 * Unit::kNumbers;
  const std::int64_t stride = p.x_stride * (4 / Unit::kNumbers), bytes = p.depth * bytes_of(type);
  const char* x = static_cast<const char*>(p.x) + row * stride;
  Floats parts[M][W][kParts];
#pragma GCC unroll 4
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 4
    for (int w = 0; w < W; ++w)
#pragma GCC unroll 8
      for (int i = 0; i < kParts; ++i) parts[m][w][i] = _mm512_setzero_ps();
  const auto add = [&](int i, std::int64_t k, std::int64_t left) {
    __m512i b[W];
#pragma GCC unroll 4
    for (int w = 0; w < W; ++w) b[w] = Unit::template load<type>(weights + w * bytes, k, left);
#pragma GCC unroll 4
    for (int m = 0; m < M; ++m) {
      const __m512i a = Unit::template load<Unit::kX>(x + m * stride, k, left);
#pragma GCC unroll 4
      for (int w = 0; w < W; ++w) parts[m][w][i] = Unit::fused(parts[m][w][i], a, b[w]);
    }
  };
  std::int64_t k = 0;
  for (; k + kParts * kStep <= p.depth; k += kParts * kStep)
#pragma GCC unroll 8
    for (int i = 0; i < kParts; ++i) {
      const char* here = weights + (k + i * kStep) * bytes_of(type);
#pragma GCC unroll 4
      for (int w = 0; w < W; ++w)
        for (int line = 0; line < kStep * bytes_of(type); line += 64)
          _mm_prefetch(here + w * bytes + kAheadBytes + line, _MM_HINT_T0);
      add(i, k + i * kStep, kStep);
    }
  for (; k < p.depth; k += kStep) add(0, k, p.depth - k);
#pragma GCC unroll 4
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 4
    for (int w = 0; w < W; ++w) {
      Floats(&all)[kParts] = parts[m][w];
#pragma GCC unroll 4
      for (int half = kParts / 2; half > 0; half /= 2)
#pragma GCC unroll 4
        for (int i = 0; i < half; ++i) all[i] = _mm512_add_ps(all[i], all[i + half]);
      sums[m * kOutputs + w] = all[0];
    }
}

// As many rows of weights at once that what is read of x serves several of them, where x is too
// long for the nearest cache. Else one after another, in the order of memory.
constexpr std::int64_t kLongBytes = 8192;
constexpr int kTogether = 4;

// `count` rows of weights with M rows of x: the sums of row m in lanes [0, count) of sums[m].
template <class Unit, Number type, int M>
inline void block_sums(const Product& p, const void* weights, std::int64_t output,
                       std::int64_t count, std::int64_t row, Floats (&sums)[M]) {
  const std::int64_t bytes = p.depth * bytes_of(type);
  const char* first = static_cast<const char*>(weights) + output * bytes;
  Floats lanes[M * kOutputs];
  std::int64_t i = 0;
  if (M > 1 && p.depth * bytes_of(Unit::kX) > kLongBytes)
    for (; i + kTogether <= count; i += kTogether)
      row_sums<Unit, type, M, kTogether>(p, first + i * bytes, row, lanes + i);
  for (; i < count; ++i) row_sums<Unit, type, M, 1>(p, first + i * bytes, row, lanes + i);
  for (int m = 0; m < M; ++m) {
    __m512i all[kOutputs];
    for (int j = 0; j < kOutputs; ++j)
      all[j] = j < count ? _mm512_castps_si512(lanes[m * kOutputs + j]) : _mm512_setzero_si512();
    sums[m] = lane_sums(all);
  }
}

template <class Unit, Number type, int M>
inline void few_rows(const Product& p, std::int64_t output, std::int64_t count, std::int64_t row) {
  Floats sums[M], gates[M];
  block_sums<Unit, type, M>(p, p.weight, output, count, row, sums);
  if (p.gated) block_sums<Unit, type, M>(p, p.gated, output, count, row, gates);
  const __mmask16 mask = mask16(count);
  const Floats bias = p.bias ? widened(p.bias, p.bias_type, output, mask) : _mm512_setzero_ps();
  for (int m = 0; m < M; ++m) {
    Floats y = apply(p.activation, _mm512_add_ps(sums[m], bias));
    if (p.gated) y = _mm512_mul_ps(y, gates[m]);
    const std::int64_t at = (row + m) * p.y_stride + output;
    if (p.residual) y = _mm512_add_ps(y, widened(p.residual, p.y_type, at, mask));
    narrowed(y, p.y, p.y_type, at, mask);
  }
}

template <class Unit, Number type>
void few(const Product& p, std::int64_t begin, std::int64_t end) {
  for (std::int64_t o = begin; o < end; o += kOutputs) {
    const std::int64_t count = end - o < kOutputs ? end - o : kOutputs;
    std::int64_t row = 0;
    for (; p.rows - row >= 4; row += 4) few_rows<Unit, type, 4>(p, o, count, row);
    switch (p.rows - row) {
      case 3:
        few_rows<Unit, type, 3>(p, o, count, row);
        break;
      case 2:
        few_rows<Unit, type, 2>(p, o, count, row);
        break;
      case 1:
        few_rows<Unit, type, 1>(p, o, count, row);
        break;
    }
  }
}

template <class Unit, Number type>
void compute(const Product& p, std::int64_t begin, std::int64_t end,
             const ProductScratch& scratch) {
  // Of the two ways only the outer product sums each row alike whatever the rows beside it.
  p.rows <= kFewRows && !p.row_exact ? few<Unit, type>(p, begin, end)
                                     : many<Unit, type>(p, begin, end, scratch);
}

template <class Unit>
void compute(const Product& p, std::int64_t begin, std::int64_t end,
             const ProductScratch& scratch) {
  switch (p.weight_type) {
    case Number::kFloat:
      return compute<Unit, Number::kFloat>(p, begin, end, scratch);
    case Number::kBFloat16:
      return compute<Unit, Number::kBFloat16>(p, begin, end, scratch);
    case Number::kHalf:
      return compute<Unit, Number::kHalf>(p, begin, end, scratch);
  }
}

}  // namespace

bool serves_avx512_bf16(const Product& p) {
  return (p.x_type == Number::kFloat || p.depth % 2 == 0) && p.weight_stride == 0 &&
         !p.places && !p.residual_inside &&
         (!p.gated || p.gated_type == p.weight_type);
}

void compute_product_avx512_bf16(const Product& p, std::int64_t begin, std::int64_t end,
                                 const ProductScratch& scratch) {
  p.x_type == Number::kBFloat16 ? compute<Pairs>(p, begin, end, scratch)
                                : compute<Singles>(p, begin, end, scratch);
}

}  // namespace hft
#endif
