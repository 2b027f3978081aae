#include "core/nn/finite.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/base/error.h"
#include "core/kernels/simd.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

struct FindNotFinite {
  [[gnu::always_inline]] static inline void run(const float* values, std::int64_t count,
                                                bool* found) {
    constexpr std::uint32_t kExponent = 0x7f800000;  // all ones: infinity or NaN (IEEE 754)
    simd::Words any{};
    std::int64_t i = 0;
    for (; i + simd::kWidth <= count; i += simd::kWidth) {
      simd::Words words;
      std::memcpy(&words, values + i, sizeof words);
      any |= (simd::Words)((words & kExponent) == kExponent);
    }
    for (int lane = 0; lane < simd::kWidth; ++lane) *found |= any[lane] != 0;
    for (; i < count; ++i) *found |= !std::isfinite(values[i]);
  }
};

}  // namespace

bool all_finite(std::span<const float> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  const int parts = count < 1 << 18 ? 1 : cores();
  std::vector<char> wrong(parts);
  on_each_core(parts, [&](int i) {
    const auto begin = count * i / parts, end = count * (i + 1) / parts;
    bool found = false;
    simd::run_best<FindNotFinite>(values.data() + begin, end - begin, &found);
    wrong[i] = found;
  });
  return std::ranges::none_of(wrong, [](char one) { return one; });
}

void find_not_finite(const std::string& layer, const Tensor& output) {
  const bool nan = at::isnan(output).any().item<bool>();
  if (nan || at::isinf(output).any().item<bool>())
    fail(Errc::kNotFinite, nan ? "NaN" : "infinity", " first shows in the output of '", layer, "'");
}

}  // namespace hft
