// What of this processor the kernels use: the most it has, or what HFT_CPU names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hft {

// Each has all that stands before it of its family.
enum class Processor : std::uint8_t {
  kPlain,       // the compiler's baseline
  kNeon,        // 64-bit ARM
  kAvx2,        // with FMA and F16C
  kAvx512,      // F, BW, VL and DQ
  kAvx512Vnni,  // products of 8 and 16 bits
  kAvx512Bf16,  // products of bfloat16
};

// Those of the family that this program is compiled for.
inline constexpr Processor kProcessors[] = {
    Processor::kPlain,
#if defined(__aarch64__)
    Processor::kNeon,
#else
    Processor::kAvx2,       Processor::kAvx512,
    Processor::kAvx512Vnni, Processor::kAvx512Bf16,
#endif
};

// Throws kUsage when HFT_CPU names none of them, or one that this processor lacks.
Processor processor();
std::string_view name_of(Processor level);
// Whether this machine has it, whatever HFT_CPU says.
bool has(Processor level);

// Which row of the table of kernels serves each of them, and why none after it does.
struct KernelRow {
  std::string_view kernel, row;
  std::string why;
};
std::vector<KernelRow> kernel_rows();

}  // namespace hft
