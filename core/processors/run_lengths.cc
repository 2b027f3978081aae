// Reference: rleEncode, rleToString and rleFrString of cocoapi's maskApi.c.
#include "core/processors/run_lengths.h"

#include "core/base/error.h"

namespace hft {

std::vector<std::uint32_t> run_lengths(const std::vector<std::uint8_t>& mask, std::int64_t height,
                                       std::int64_t width) {
  std::vector<std::uint8_t> columns;
  columns.reserve(mask.size());
  for (std::int64_t x = 0; x < width; ++x)
    for (std::int64_t y = 0; y < height; ++y) columns.push_back(mask[y * width + x]);
  return run_lengths_of_columns(columns);
}

std::vector<std::uint32_t> run_lengths_of_columns(std::span<const std::uint8_t> mask) {
  std::vector<std::uint32_t> runs;
  std::uint32_t run = 0;
  bool inside = false;
  for (const std::uint8_t pixel : mask) {
    if ((pixel != 0) != inside) {
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

std::vector<std::uint32_t> unpacked_runs(std::string_view text) {
  std::vector<std::uint32_t> runs;
  for (std::size_t at = 0; at < text.size();) {
    std::int64_t x = 0;
    int shift = 0;
    for (bool more = true; more; shift += 5) {
      const int bits = at < text.size() ? text[at++] - 48 : -1;
      if (bits < 0 || bits > 0x3f || shift > 30) fail(Errc::kBadData, "its run lengths are torn");
      x |= static_cast<std::int64_t>(bits & 0x1f) << shift;
      more = bits & 0x20;
      if (!more && bits & 0x10) x -= std::int64_t{1} << (shift + 5);
    }
    if (runs.size() > 2) x += runs[runs.size() - 2];
    if (x < 0 || x > UINT32_MAX) fail(Errc::kBadData, "it has a run of ", x, " pixels");
    runs.push_back(static_cast<std::uint32_t>(x));
  }
  return runs;
}

std::vector<std::uint8_t> mask_of_runs(std::span<const std::uint32_t> runs, std::int64_t height,
                                       std::int64_t width) {
  std::int64_t pixels = 0;
  for (const std::uint32_t run : runs) pixels += run;
  if (pixels != height * width)
    fail(Errc::kBadData, "its run lengths hold ", pixels, " pixels, wanted ", height, " x ", width);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(pixels));
  std::int64_t at = 0;
  for (std::size_t i = 0; i < runs.size(); ++i)
    for (const std::int64_t end = at + runs[i]; at < end; ++at)
      mask[static_cast<std::size_t>(at % height * width + at / height)] = i % 2;
  return mask;
}

}  // namespace hft
