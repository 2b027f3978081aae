#include "core/kernels/rms_kernel.h"

#include "core/kernels/simd.h"

namespace hft {
namespace {

using simd::Floats;
using simd::kWidth;

template <class T>
struct Rms {
  [[gnu::always_inline]] static inline void run(const RmsRows* in) {
    for (std::int64_t row = 0; row < in->rows; ++row) {
      const T* x = static_cast<const T*>(in->x) + row * in->x_stride;
      T* y = static_cast<T*>(in->y) + row * in->y_stride;
      Floats squares{}, a, w;
      std::int64_t i = 0;
      for (; i + kWidth <= in->size; i += kWidth) {
        simd::load(x + i, a);
        squares += a * a;
      }
      float sum = simd::sum(squares);
      for (; i < in->size; ++i) sum += simd::widen(x[i]) * simd::widen(x[i]);
      const float mean = sum / static_cast<float>(in->size);
      const float scale = 1.0f / std::sqrt(mean + static_cast<float>(in->eps));
      for (i = 0; i + kWidth <= in->size; i += kWidth) {
        simd::load(x + i, a);
        simd::load(in->weight + i, w);
        simd::store(a * scale * w, y + i);
      }
      for (; i < in->size; ++i) simd::narrow(simd::widen(x[i]) * scale * in->weight[i], y + i);
    }
  }
};

}  // namespace

void rms_normalise(const RmsRows& in, Processor row) {
  in.bfloat16 ? simd::run_on<Rms<std::uint16_t>>(row, &in) : simd::run_on<Rms<float>>(row, &in);
}

}  // namespace hft
