// What a model found, drawn on its picture: boxes, masks, names and a legend that can be read on
// any background. A label always has the same colour.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"
#include "media/text.h"

namespace hft::media {

// By the label alone, of colours that people with any colour vision tell apart as well as so many
// can be (Okabe and Ito's, and Tol's muted ones).
Color color_of(std::string_view label);

struct DrawnBox {
  double xmin = 0, ymin = 0, xmax = 0, ymax = 0;  // pixels of the picture; may lie outside it
  std::string label;
  double score = 0;
};

// Boxes with "label 97%" at their upper left corners; the best score is drawn last. A small picture
// is enlarged first, a thin one gets a margin, so that there is room for words.
Image with_boxes(const Image& image, std::vector<DrawnBox> boxes);

struct DrawnMask {
  std::string label;               // its colour, and its line in the legend
  std::vector<std::uint8_t> mask;  // [H,W] of the picture, 0 or not
  double score = -1;               // shown in the legend when it is 0 or more
};

// Masks laid over the picture and outlined, with a legend below it: a line each, the largest first.
// Of masks of one colour those after the first are striped.
Image with_masks(const Image& image, std::span<const DrawnMask> masks);

}  // namespace hft::media
