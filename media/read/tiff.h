// The parts of the TIFF reader: how strips and tiles are packed.
#pragma once

#include <vector>

#include "media/image.h"

namespace hft::media {

// `size` bytes of PackBits, TIFF's LZW or Deflate; throws kBadData when there are fewer.
std::vector<std::uint8_t> unpacked_bits(Bytes packed, std::size_t size);
std::vector<std::uint8_t> unpacked_lzw(Bytes packed, std::size_t size);
std::vector<std::uint8_t> inflated(Bytes packed, std::size_t size);

// A JPEG stream whose tables stand elsewhere, `channels` (1 or 3) bytes a pixel. `ycc`: it is
// stored as luma and colour differences, which become RGB. Throws kBadData when it is of another
// size.
std::vector<std::uint8_t> decoded_jpeg(Bytes tables, Bytes stream, int width, int height,
                                       int channels, bool ycc);

}  // namespace hft::media
