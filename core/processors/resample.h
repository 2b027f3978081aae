// Resizing as Pillow does it (Resample.c, Geometry.c), and as torchvision does it on uint8 with
// antialias (ATen's UpSampleKernel.cpp): two passes over rounded bytes, bit for bit the same.
#pragma once

#include <cstdint>

#include "core/base/processor.h"
#include "media/image.h"

namespace hft {

enum class Filter : std::uint8_t { kNearest, kLanczos, kBilinear, kBicubic, kBox, kHamming };
enum class Arithmetic : std::uint8_t { kPillow, kTorchvision };

// width and height are at least 1, and at most limits::kImagePixels pixels. `row`: of
// the kernels' table. torchvision has no box and no hamming filter, so nothing says what they give.
media::Image resized(const media::Image& image, int width, int height, Filter filter,
                     Arithmetic arithmetic, Processor row = processor());

// Pillow's bicubic thumbnails: of a picture more than four times as large, means of blocks are
// resized in its place (reducing_gap 2).
media::Image thumbnail(const media::Image& image, int width, int height,
                       Processor row = processor());

}  // namespace hft
