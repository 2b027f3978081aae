#include "core/kernels/activation_kernel.h"

#include <algorithm>

#include "core/kernels/functions.h"
#include "core/kernels/simd.h"

namespace hft {
namespace {

struct Activate {
  [[gnu::always_inline]] static inline void run(float* values, std::int64_t count,
                                                Activation activation) {
    simd::Floats part{};
    std::int64_t i = 0;
    for (; i + simd::kWidth <= count; i += simd::kWidth) {
      simd::load(values + i, part);
      simd::store(apply(activation, part), values + i);
    }
    if (i == count) return;
    float last[simd::kWidth] = {};  // a value must not depend on where it stands
    std::copy(values + i, values + count, last);
    simd::load(last, part);
    simd::store(apply(activation, part), last);
    std::copy_n(last, count - i, values + i);
  }
};

}  // namespace

void activate_values(float* values, std::int64_t count, Activation activation, Processor row) {
  simd::run_on<Activate>(row, values, count, activation);
}

}  // namespace hft
