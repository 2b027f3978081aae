// What the image processor classes of transformers do where the file says nothing: a row each.
#pragma once

#include <array>
#include <string_view>

#include "core/processors/image_processor.h"

namespace hft {

// Who computes: 4.57's classes on Pillow, its "Fast" ones on torchvision, or those of version 5.
// The defaults of one are also those of the next, unless that has a row of its own.
enum class Generation : std::uint8_t { kPillow, kFast, kVersion5 };

enum class CropUse : std::uint8_t { kNever, kOff, kOn };  // kNever: the class knows no such setting

struct ImageClass {
  std::string_view name;  // without "ImageProcessor"
  int square = 0;         // default size: both edges, or
  int shortest = 0, longest = 0;
  Filter filter = Filter::kBilinear;
  std::array<double, 3> mean{}, std{1, 1, 1};
  bool normalises = true;
  CropUse cropping = CropUse::kNever;
  int crop = 0;
  Sizing both_edges = Sizing::kWithinLongest;  // what shortest_edge and longest_edge together mean
  Sizing one_edge = Sizing::kShortest;         // what shortest_edge alone means
  double crop_share = 1.0;
  int edge_times = 1, edge_over = 1;  // LeViT: shortest_edge × 256 / 224
  bool square_number = true;          // a size that is one number: a square, or the shortest edge
  int divisor = 1, floor_divisor = 1;
  bool second_std = false, blue_first = false;
  bool page = false;  // Donut: a whole page, in the middle of a picture of that size
  bool may_square = false;  // do_pad makes pictures squares
  int best_boxes = 0;        // ImageSettings'
  bool always_slow = false;  // 4.57's processor takes Pillow's class whatever the name
  bool always_fast = false;  // 4.57 computes it on torchvision whatever the name
  Generation since = Generation::kPillow;
};

// Throws kUnsupported for a name that is not known, with those that are.
const ImageClass& image_class(std::string_view name, Generation generation);

// The class of a model_type whose folder does not name one; empty: not known.
std::string_view image_class_of_model(std::string_view model_type);

}  // namespace hft
