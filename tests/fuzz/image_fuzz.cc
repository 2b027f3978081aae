// Any bytes as a picture: reading it ends with as many pixels as it says or with one hft::Error.
#include <zlib.h>

#include <cstdlib>
#include <cstring>

#include "core/base/error.h"
#include "media/image.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most)
    __attribute__((weak));

namespace {

constexpr std::size_t kSignature = 8, kAround = 12;  // of a PNG; of a chunk: length, name, checksum

std::uint32_t number_at(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

// The checksums of a PNG's chunks, without which no mutation gets past them.
void repair(std::uint8_t* data, std::size_t size) {
  for (std::size_t at = kSignature; at + kAround <= size;) {
    const std::size_t length = number_at(data + at);
    if (length > size - at - kAround) return;
    const auto sum = crc32(0, data + at + 4, static_cast<uInt>(length + 4));
    for (int i = 0; i < 4; ++i)
      data[at + 8 + length + static_cast<std::size_t>(i)] =
          static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    at += length + kAround;
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, most);
  if (seed % 4 > 0 && size > kSignature && std::memcmp(data, "\x89PNG", 4) == 0) repair(data, size);
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::int64_t kPixels = 1 << 20;  // larger ones are only slow
  try {
    const auto image = hft::media::read_image({data, size}, "fuzz", kPixels);
    const auto pixels =
        static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
    if (pixels == 0 || image.rgb.size() != 3 * pixels) std::abort();
  } catch (const hft::Error&) {
  }
  return 0;
}
