#include "core/kernels/depthwise.h"

#include "core/kernels/simd.h"

namespace hft {
namespace {

template <class X, class Y>
struct Rows {
  // V floats of channels from c on.
  template <class V>
  [[gnu::always_inline]] static inline void some(const Depthwise& d, const std::int32_t* places,
                                                 std::int64_t c, Y* y) {
    V sum{};
    if (d.bias) simd::load(d.bias + c, sum);
    for (std::int64_t tap = 0; tap < d.taps; ++tap) {
      if (places[tap] < 0) continue;
      V weight, x;
      simd::load(d.weight + tap * d.channels + c, weight);
      simd::load(static_cast<const X*>(d.x) + places[tap] * d.channels + c, x);
      sum += weight * x;
    }
    simd::store(sum, y + c);
  }

  [[gnu::always_inline]] static inline void run(const Depthwise* d) {
    for (std::int64_t row = 0; row < d->rows; ++row) {
      const std::int32_t* places = d->places + row * d->taps;
      Y* y = static_cast<Y*>(d->y) + row * d->channels;
      std::int64_t c = 0;
      for (; c + simd::kWidth <= d->channels; c += simd::kWidth) some<simd::Floats>(*d, places, c, y);
      for (; c < d->channels; ++c) {
        float sum = d->bias ? d->bias[c] : 0;
        for (std::int64_t tap = 0; tap < d->taps; ++tap)
          if (places[tap] >= 0)
            sum += d->weight[tap * d->channels + c] *
                   simd::widen(static_cast<const X*>(d->x)[places[tap] * d->channels + c]);
        simd::narrow(sum, y + c);
      }
    }
  }
};

}  // namespace

void compute_depthwise(const Depthwise& d, Processor row) {
  using Half = std::uint16_t;
  if (d.x_bfloat16)
    d.y_bfloat16 ? simd::run_on<Rows<Half, Half>>(row, &d) : simd::run_on<Rows<Half, float>>(row, &d);
  else
    d.y_bfloat16 ? simd::run_on<Rows<float, Half>>(row, &d) : simd::run_on<Rows<float, float>>(row, &d);
}

}  // namespace hft
