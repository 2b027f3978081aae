#include "core/kernels/rotate_kernel.h"

#include "core/kernels/simd.h"

namespace hft {
namespace {

template <class T>
struct Rotation {
  [[gnu::always_inline]] static inline void run(const RotateRows* in, std::int64_t first,
                                                std::int64_t last) {
    const auto half = in->turning / 2;
    for (std::int64_t n = first; n < last; ++n) {
      const float* cosines = in->angles + n * in->turning;
      const float* sines = cosines + half;
      for (std::int64_t h = 0; h < in->heads; ++h) {
        T* low = static_cast<T*>(in->rows) + n * in->stride + h * in->size;
        T* high = low + half;
        std::int64_t i = 0;
        for (; i + simd::kWidth <= half; i += simd::kWidth) {
          simd::Floats a, b, c, s;
          simd::load(low + i, a);
          simd::load(high + i, b);
          simd::load(cosines + i, c);
          simd::load(sines + i, s);
          simd::store(a * c - b * s, low + i);
          simd::store(b * c + a * s, high + i);
        }
        for (; i < half; ++i) {
          const float a = simd::widen(low[i]), b = simd::widen(high[i]);
          simd::narrow(a * cosines[i] - b * sines[i], low + i);
          simd::narrow(b * cosines[i] + a * sines[i], high + i);
        }
      }
    }
  }
};

}  // namespace

void rotate_rows(const RotateRows& in, std::int64_t first, std::int64_t last, Processor row) {
  if (in.bfloat16)
    simd::run_on<Rotation<std::uint16_t>>(row, &in, first, last);
  else
    simd::run_on<Rotation<float>>(row, &in, first, last);
}

}  // namespace hft
