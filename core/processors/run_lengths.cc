// Reference: rleEncode and rleToString of cocoapi's maskApi.c.
#include "core/processors/run_lengths.h"

namespace hft {

std::vector<std::uint32_t> run_lengths(const std::vector<std::uint8_t>& mask, std::int64_t height,
                                       std::int64_t width) {
  std::vector<std::uint32_t> runs;
  std::uint32_t run = 0;
  bool inside = false;
  for (std::int64_t x = 0; x < width; ++x)
    for (std::int64_t y = 0; y < height; ++y) {
      if ((mask[y * width + x] != 0) != inside) {
        runs.push_back(run);
        run = 0;
        inside = !inside;
      }
      ++run;
    }
  runs.push_back(run);
  return runs;
}

// Each run less the one before the last, in groups of 5 bits, the lowest first; the sixth bit says
// that more follow.
std::string packed_runs(const std::vector<std::uint32_t>& runs) {
  std::string text;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::int64_t x = runs[i];
    if (i > 2) x -= runs[i - 2];
    for (bool more = true; more;) {
      std::int64_t bits = x & 0x1f;
      x >>= 5;
      more = bits & 0x10 ? x != -1 : x != 0;
      if (more) bits |= 0x20;
      text += static_cast<char>(bits + 48);
    }
  }
  return text;
}

}  // namespace hft
