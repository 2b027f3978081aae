// Pictures whose pixels are numbers: labels, and the segments of COCO's panoptic pictures.
#pragma once

#include "media/image.h"

namespace hft::media {

struct NumberMap {
  int width = 0, height = 0;
  std::vector<std::int64_t> numbers;  // [H,W]
};

// Of a PNG: greys and places of a palette as they are stored, R + 256 G + 65536 B of colours. Limits
// and errors as of read_image.
NumberMap read_number_map(Bytes file, std::string_view name,
                          std::int64_t max_pixels = limits::kImagePixels);

}  // namespace hft::media
