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
    case Processor::kNeon:
      return "neon";
    case Processor::kAvx2:
      return "avx2";
    case Processor::kAvx512:
      return "avx512";
    case Processor::kAvx512Vnni:
      return "avx512_vnni";
    case Processor::kAvx512Bf16:
      return "avx512_bf16";
  }
  return "";
}

bool has(Processor level) {
  switch (level) {
    case Processor::kPlain:
      return true;
#if defined(__aarch64__)
    case Processor::kNeon:
      return true;
#elif defined(__x86_64__)
    case Processor::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c() &&
             __builtin_cpu_supports("bmi2");
    case Processor::kAvx512:
      return has(Processor::kAvx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq");
    case Processor::kAvx512Vnni:
      return has(Processor::kAvx512) && __builtin_cpu_supports("avx512vnni");
    case Processor::kAvx512Bf16:
      return has(Processor::kAvx512Vnni) && has_avx512_bf16();
#endif
    default:
      return false;
  }
}

Processor processor() {
  static const Processor level = chosen();
  return level;
}

namespace {

// The kernels of core/kernels, and the rows that each has of its own beside the plain one.
struct Kernel {
  std::string_view name;
  std::vector<Processor> rows;
};
const Kernel kKernels[] = {
    {"product", {Processor::kNeon, Processor::kAvx2, Processor::kAvx512, Processor::kAvx512Bf16}},
    {"int8 product",
     {Processor::kNeon, Processor::kAvx2, Processor::kAvx512, Processor::kAvx512Vnni}},
    {"attention", {Processor::kAvx2, Processor::kAvx512}},
    {"cached attention", {Processor::kAvx2, Processor::kAvx512}},
    {"norms", {Processor::kAvx2, Processor::kAvx512}},
    {"rotary positions", {Processor::kAvx2, Processor::kAvx512}},
    {"activations", {Processor::kAvx2, Processor::kAvx512}},
};

}  // namespace

std::vector<KernelRow> kernel_rows() {
  std::vector<KernelRow> all;
  for (const auto& [kernel, rows] : kKernels) {
    KernelRow found{kernel, name_of(Processor::kPlain), "its last row"};
    for (const Processor row : kProcessors) {
      if (row == Processor::kPlain || !std::ranges::count(rows, row)) continue;
      if (row > processor()) {
        found.why = has(row) ? "HFT_CPU keeps to it"
                             : "this processor lacks " + std::string(name_of(row));
        break;
      }
      found.row = name_of(row);
    }
    all.push_back(std::move(found));
  }
  return all;
}

}  // namespace hft
