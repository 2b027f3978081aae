#include "core/kernels/int8_product.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/kernels/product_rows.h"
#include "core/kernels/simd.h"
#include "core/kernels/widen_codes.h"

namespace hft {
namespace {

constexpr float kMostInt16 = 32767, kMostInt8 = 127;
// LLM.int8() scales by the largest numbers of a row of x and of a row of weights.
constexpr float kSmallStep = 1 / (kMostInt8 * kMostInt8), kLargeStep = 1 / (kMostInt16 * kMostInt8);

// Where the number at depth k of output o stands.
struct Place {
  std::int64_t value, scale;
};
Place place(const Int8Weights& w, std::int64_t o, std::int64_t k) {
  const std::int64_t panel = o / kInt8Panel, lane = o % kInt8Panel;
  return {((panel * w.pairs + k / 2) * kInt8Panel + lane) * 2 + k % 2,
          (panel * w.groups + k / kInt8Group) * kInt8Panel + lane};
}

// A scale too small for its inverse to be a number is 0.
float inverse(float scale) { return scale > 1e-30f ? 1 / scale : 0; }

// Adding 1.5 * 2^23 to a small number rounds it to a whole one, in its lowest bits.
constexpr float kWhole = 12582912.0f;
std::int8_t nearest(float x) {
  return static_cast<std::int8_t>(std::bit_cast<std::int32_t>(x + kWhole) -
                                  std::bit_cast<std::int32_t>(kWhole));
}

template <class T>
struct QuantiseRows {
  template <class V>
  [[gnu::always_inline]] static inline void run(const Product* p, Int16Rows* to) {
    constexpr std::int64_t kWidth = simd::width<V>;
    for (std::int64_t row = 0; row < p->rows; ++row) {
      const T* x = static_cast<const T*>(p->x) + row * p->x_stride;
      std::int16_t* values = to->values.get() + row * to->stride;
      V most{}, none{};  // none: 0, but NaN where x holds a NaN or an infinity
      std::int64_t k = 0;
      for (; k + kWidth <= p->depth; k += kWidth) {
        V a;
        simd::load(x + k, a);
        most = simd::larger(most, a < V{} ? -a : a);
        none += a * 0.0f;
      }
      float size = simd::largest(most), nothing = simd::sum(none);
      for (; k < p->depth; ++k) {
        size = std::max(size, std::abs(simd::widen(x[k])));
        nothing += simd::widen(x[k]) * 0.0f;
      }
      const float scale = size / kMostInt16, factor = inverse(scale);
      to->scales[row] = scale + nothing;
      for (k = 0; k + kWidth <= p->depth; k += kWidth) {
        V a;
        simd::load(x + k, a);
        whole(a * factor, values + k);
      }
      float rest[kWidth] = {};
      for (std::int64_t i = k; i < p->depth; ++i) rest[i - k] = simd::widen(x[i]);
      std::int16_t last[kWidth];
      V a;
      simd::load(rest, a);
      whole(a * factor, last);
      std::copy(last, last + (to->stride - k), values + k);
    }
  }

  // The whole numbers nearest to x.
  template <class V>
  [[gnu::always_inline]] static inline void whole(const V& x, std::int16_t* to) {
    using Ints = typename simd::With<V>::Ints;
    const V shifted = x + kWhole, shift = V{} + kWhole;
    const Ints numbers = (Ints)shifted - (Ints)shift;
    typedef std::int16_t Halves __attribute__((vector_size(sizeof(V) / 2)));
    const Halves halves = __builtin_convertvector(numbers, Halves);
    std::memcpy(to, &halves, sizeof halves);
  }
};

struct Row {
  Processor needs;
  void (*compute)(const Product&, const Int8Operands&, std::int64_t begin, std::int64_t end,
                  float* sums);
};

// Best first.
constexpr Row kRows[] = {
#if defined(__x86_64__)
    {Processor::kAvx512Vnni, compute_int8_avx512_vnni},
    {Processor::kAvx512, compute_int8_avx512},
    {Processor::kAvx2, compute_int8_avx2},
#endif
#if defined(__aarch64__)
    {Processor::kNeon, compute_int8_neon},
#endif
    {Processor::kPlain, compute_int8_plain},
};

}  // namespace

Int8Weights::Int8Weights(std::int64_t outputs, std::int64_t depth)
    : outputs(outputs),
      depth(depth),
      pairs((depth + 1) / 2),
      groups((depth + kInt8Group - 1) / kInt8Group) {
  const std::int64_t panels = (outputs + kInt8Panel - 1) / kInt8Panel;
  values.resize(panels * pairs * kInt8Panel * 2);
  scales.resize(panels * groups * kInt8Panel);
}

void Int8Weights::set(std::int64_t o, const float* numbers) {
  for (std::int64_t k = 0; k < depth; k += kInt8Group) {
    const std::int64_t count = std::min(kInt8Group, depth - k);
    float size = 0, none = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      size = std::max(size, std::abs(numbers[k + i]));
      none += numbers[k + i] * 0.0f;
    }
    const float scale = size / kMostInt8, factor = inverse(scale);
    const Place at = place(*this, o, k);
    scales[at.scale] = scale + none;
    for (std::int64_t i = 0; i < count; ++i)
      values[at.value + i / 2 * kInt8Panel * 2 + i % 2] = nearest(numbers[k + i] * factor);
  }
}

void Int8Weights::set(std::int64_t o, const std::int8_t* codes, float scale) {
  for (std::int64_t k = 0; k < depth; ++k) values[place(*this, o, k).value] = codes[k];
  for (std::int64_t k = 0; k < depth; k += kInt8Group) scales[place(*this, o, k).scale] = scale;
}

void Int8Weights::get(std::int64_t o, float* numbers) const {
  for (std::int64_t k = 0; k < depth; ++k) {
    const Place at = place(*this, o, k);
    numbers[k] = static_cast<float>(values[at.value]) * scales[at.scale];
  }
}

Int16Rows quantise_rows(const Product& p, Processor row) {
  Int16Rows to;
  to.stride = (p.depth + 1) / 2 * 2;
  to.values = std::make_unique_for_overwrite<std::int16_t[]>(p.rows * to.stride);
  to.scales.resize(p.rows);
  if (p.x_type == Number::kBFloat16)
    simd::run_fitting<QuantiseRows<std::uint16_t>>(row, &p, &to);
  else
    simd::run_fitting<QuantiseRows<float>>(row, &p, &to);
  return to;
}

Int16Rows quantise_rows_apart(const Product& p, float threshold) {
  const std::int64_t stride = (p.depth + 1) / 2 * 2;
  std::vector<std::vector<float>> rows(p.rows, std::vector<float>(p.depth));
  Int16Rows to{stride, nullptr, std::vector<float>(p.rows), {}};
  const auto apart = [&](float x) { return threshold > 0 && std::abs(x) >= threshold; };
  for (std::int64_t row = 0; row < p.rows; ++row) {
    bool any = false;
    for (std::int64_t k = 0; k < p.depth; ++k) {
      const std::int64_t at = row * p.x_stride + k;
      const float x = p.x_type == Number::kFloat
                          ? static_cast<const float*>(p.x)[at]
                          : simd::widen(static_cast<const std::uint16_t*>(p.x)[at]);
      rows[row][k] = nearest_half(x);
      any |= apart(rows[row][k]);
    }
    if (any) to.added_to.push_back(row);
  }
  to.scales.resize(p.rows + to.added_to.size());
  to.values = std::make_unique<std::int16_t[]>(to.scales.size() * stride);
  // The numbers of one kind of `row` with at most `most` steps, as the to_row-th of `to`.
  const auto take = [&](const std::vector<float>& row, bool large, float most, std::int64_t to_row) {
    float size = 0, none = 0;
    for (const float x : row) {
      none += x * 0.0f;
      if (apart(x) == large) size = std::max(size, std::abs(x));
    }
    to.scales[to_row] = size * (large ? kLargeStep : kSmallStep) + none;
    const float factor = size > 0 ? most / size : 0;
    for (std::int64_t k = 0; k < p.depth; ++k)
      if (apart(row[k]) == large)
        to.values[to_row * stride + k] =
            static_cast<std::int16_t>(std::nearbyint(row[k] * factor));
  };
  for (std::int64_t row = 0; row < p.rows; ++row) take(rows[row], false, kMostInt8, row);
  for (std::size_t i = 0; i < to.added_to.size(); ++i)
    take(rows[to.added_to[i]], true, kMostInt16, p.rows + i);
  return to;
}

void compute_int8_product(const Product& p, const Int8Operands& operands, std::int64_t begin,
                          std::int64_t end, Processor best) {
  thread_local std::vector<float> sums;  // a vector more, which the last load may reach into
  const std::size_t needed = operands.x->scales.size() * kOutputStep + kInt8Panel;
  if (sums.size() < needed) sums.resize(needed);
  for (const Row& row : kRows)
    if (row.needs <= best) return row.compute(p, operands, begin, end, sums.data());
}

}  // namespace hft
