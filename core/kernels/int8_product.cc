#include "core/kernels/int8_product.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

#include "core/kernels/half.h"
#include "core/kernels/product_rows.h"

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

// What quantise_rows_apart() makes of rows, beside the rows themselves.
struct Apart {
  float threshold;
  std::int64_t padded;   // K rounded up to whole vectors
  float* halves;         // [M, padded] x as halves
  std::int16_t* values;  // [M, padded] of those below the threshold
  Int16Rows* to;
};

template <class T>
struct QuantiseApart {
  template <class V>
  [[gnu::always_inline]] static inline void run(const Product* p, const Apart* apart) {
    constexpr std::int64_t kWidth = simd::width<V>;
    const V threshold = V{} + apart->threshold;
    for (std::int64_t row = 0; row < p->rows; ++row) {
      const T* x = static_cast<const T*>(p->x) + row * p->x_stride;
      float* halves = apart->halves + row * apart->padded;
      std::int64_t k = 0;
      V part, most{}, all{}, none{};  // none: 0, but NaN where x holds a NaN or an infinity
      const auto take = [&](V a) __attribute__((always_inline)) {
        a = simd::rounded_to_half(a);
        const V size = a < V{} ? -a : a;
        most = simd::larger(most, size >= threshold ? V{} : size);
        all = simd::larger(all, size);
        none += a * 0.0f;
        simd::store(a, halves + k);
      };
      for (; k + kWidth <= p->depth; k += kWidth) {
        simd::load(x + k, part);
        take(part);
      }
      if (k < p->depth) {
        float rest[kWidth] = {};
        for (std::int64_t i = k; i < p->depth; ++i) rest[i - k] = simd::widen(x[i]);
        simd::load(rest, part);
        take(part);
      }
      const float size = simd::largest(most);
      apart->to->scales[row] = size * kSmallStep + simd::sum(none);
      if (simd::largest(all) >= apart->threshold) apart->to->added_to.push_back(row);
      const float factor = size > 0 ? kMostInt8 / size : 0;
      for (k = 0; k < p->depth; k += kWidth) {
        simd::load(halves + k, part);
        const V own = part < V{} ? -part : part;
        QuantiseRows<T>::whole((own >= threshold ? V{} : part) * factor,
                               apart->values + row * apart->padded + k);
      }
    }
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
  std::int8_t* to = values.data() + place(*this, o, 0).value;
  for (std::int64_t k = 0; k < depth; k += 2, to += kInt8Panel * 2) {
    to[0] = codes[k];
    if (k + 1 < depth) to[1] = codes[k + 1];
  }
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

Int16Rows quantise_rows_apart(const Product& p, float threshold, Processor row) {
  Int16Rows to{(p.depth + 1) / 2 * 2, nullptr, std::vector<float>(p.rows), {}};
  const std::int64_t padded = (p.depth + 15) / 16 * 16;
  std::vector<float> halves(p.rows * padded);
  std::vector<std::int16_t> values(p.rows * padded);
  const Apart apart{threshold > 0 ? threshold : INFINITY, padded, halves.data(), values.data(), &to};
  if (p.x_type == Number::kBFloat16)
    simd::run_fitting<QuantiseApart<std::uint16_t>>(row, &p, &apart);
  else
    simd::run_fitting<QuantiseApart<float>>(row, &p, &apart);
  to.scales.resize(p.rows + to.added_to.size());
  to.values = std::make_unique<std::int16_t[]>(to.scales.size() * to.stride);
  for (std::int64_t m = 0; m < p.rows; ++m)
    std::copy_n(values.data() + m * padded, std::min(padded, to.stride), to.values.get() + m * to.stride);
  for (std::size_t i = 0; i < to.added_to.size(); ++i) {
    const std::span<const float> numbers(halves.data() + to.added_to[i] * padded, p.depth);
    float size = 0;
    for (const float x : numbers) size = std::max(size, std::abs(x));
    to.scales[p.rows + i] = size * kLargeStep;
    std::int16_t* large = to.values.get() + (p.rows + i) * to.stride;
    for (std::int64_t k = 0; k < p.depth; ++k)
      if (std::abs(numbers[k]) >= apart.threshold)
        large[k] = static_cast<std::int16_t>(std::nearbyint(numbers[k] * (kMostInt16 / size)));
  }
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
