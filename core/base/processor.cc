#include "core/base/processor.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <string>

#include "core/base/error.h"

namespace hft {
namespace {

Processor chosen() {
  const char* value = std::getenv("HFT_CPU");
  Processor best = Processor::kPlain;
  std::string names;
  for (const Processor level : kProcessors) {
    if (!has(level)) continue;
    best = level;
    names += (names.empty() ? "" : ", ") + std::string(name_of(level));
    if (value && name_of(level) == value) return level;
  }
  if (value && *value)
    fail(Errc::kUsage, "HFT_CPU: '", value, "' is not one of ", names,
         ", which this processor has");
  return best;
}

#if defined(__x86_64__)
// By CPUID: clang 14 has no name for these two.
bool has_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
}
bool has_avx512_bf16() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & bit_AVX512BF16);
}
#endif

}  // namespace

std::string_view name_of(Processor level) {
  switch (level) {
    case Processor::kPlain:
      return "plain";
    case Processor::kAvx2:
      return "avx2";
    case Processor::kAvx512:
      return "avx512";
    case Processor::kAvx512Bf16:
      return "avx512_bf16";
  }
  return "";
}

bool has(Processor level) {
#if defined(__x86_64__)
  switch (level) {
    case Processor::kPlain:
      return true;
    case Processor::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c() &&
             __builtin_cpu_supports("bmi2");
    case Processor::kAvx512:
      return has(Processor::kAvx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq");
    case Processor::kAvx512Bf16:
      return has(Processor::kAvx512) && has_avx512_bf16();
  }
#endif
  return level == Processor::kPlain;
}

Processor processor() {
  static const Processor level = chosen();
  return level;
}

namespace {

// The kernels of core/kernels, and the last row that each has of its own.
struct Kernel {
  std::string_view name;
  Processor last;
};
constexpr Kernel kKernels[] = {
    {"product", Processor::kAvx512Bf16},       {"attention", Processor::kAvx512},
    {"cached attention", Processor::kAvx512},  {"norms", Processor::kAvx512},
    {"rotary positions", Processor::kAvx512},  {"activations", Processor::kAvx512},
};

// Why the rows after `row` do not serve.
std::string reason(Processor row) {
  const auto next = static_cast<Processor>(static_cast<int>(row) + 1);
  return has(next) ? "HFT_CPU keeps to it" : "this processor lacks " + std::string(name_of(next));
}

}  // namespace

std::vector<KernelRow> kernel_rows() {
  std::vector<KernelRow> rows;
  for (const auto& [kernel, last] : kKernels) {
    const Processor row = std::min(processor(), last);
    rows.push_back({kernel, name_of(row), row == last ? "its last row" : reason(row)});
  }
  return rows;
}

}  // namespace hft
