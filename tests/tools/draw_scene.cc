// Draws boxes and masks on a made scene, for docs/pictures and for eyes: draw_scene FOLDER
#include <cmath>
#include <filesystem>
#include <functional>
#include <vector>

#include "core/base/files.h"
#include "media/draw.h"
#include "media/image_write.h"

namespace {

using hft::media::Color;
constexpr int kWidth = 640, kHeight = 420;

struct Thing {
  const char* label;
  Color color;
  double score;
  std::function<bool(int x, int y)> covers;
};

bool round(int x, int y, int cx, int cy, double rx, double ry) {
  return std::hypot((x - cx) / rx, (y - cy) / ry) < 1;
}

// From back to front.
const std::vector<Thing> kThings{
    {"sky-other-merged", {150, 190, 230}, 0.98, [](int, int y) { return y < 260; }},
    {"sun", {250, 225, 120}, 0.86, [](int x, int y) { return round(x, y, 540, 70, 42, 42); }},
    {"grass-merged", {110, 150, 80}, 0.97, [](int, int y) { return y >= 260; }},
    {"road",
     {125, 122, 120},
     0.93,
     [](int x, int y) { return y >= 260 && std::abs(x - 330) < 30 + (y - 260) * 0.9; }},
    {"tree",
     {50, 95, 55},
     0.91,
     [](int x, int y) {
       return round(x, y, 110, 170, 80, 95) || (std::abs(x - 110) < 13 && y > 230 && y < 330);
     }},
    {"house",
     {185, 120, 95},
     0.95,
     [](int x, int y) {
       return (x > 420 && x < 600 && y > 190 && y < 320) ||
              (y > 110 && y <= 190 && std::abs(x - 510) < (y - 110) * 1.3);
     }},
    {"car", {70, 80, 140}, 0.88, [](int x, int y) {
       return round(x, y, 300, 355, 85, 32) || round(x, y, 300, 330, 48, 34);
     }}};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  hft::media::Image scene{kWidth, kHeight, {}};
  std::vector<std::size_t> owner(kWidth * kHeight);
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x) {
      std::size_t top = 0;
      for (std::size_t i = 0; i < kThings.size(); ++i)
        if (kThings[i].covers(x, y)) top = i;
      owner[static_cast<std::size_t>(y * kWidth + x)] = top;
      const Color c = kThings[top].color;
      const int shade = y * 31 / kHeight - 15;
      for (const int part : {c.red, c.green, c.blue})
        scene.rgb.push_back(static_cast<std::uint8_t>(std::min(255, part + shade)));
    }
  std::vector<hft::media::DrawnBox> boxes;
  std::vector<hft::media::DrawnMask> masks;
  for (std::size_t i = 0; i < kThings.size(); ++i) {
    const Thing& thing = kThings[i];
    hft::media::DrawnMask mask{thing.label, std::vector<std::uint8_t>(owner.size()), thing.score};
    hft::media::DrawnBox box{kWidth, kHeight, 0, 0, thing.label, thing.score};
    for (int y = 0; y < kHeight; ++y)
      for (int x = 0; x < kWidth; ++x) {
        if (owner[static_cast<std::size_t>(y * kWidth + x)] != i) continue;
        mask.mask[static_cast<std::size_t>(y * kWidth + x)] = 1;
        box = {std::min<double>(box.xmin, x),
               std::min<double>(box.ymin, y),
               std::max<double>(box.xmax, x + 1),
               std::max<double>(box.ymax, y + 1),
               box.label,
               box.score};
      }
    masks.push_back(std::move(mask));
    if (i == 1 || i > 3) boxes.push_back(std::move(box));
  }
  const std::filesystem::path folder = argv[1];
  hft::write_file(folder / "boxes.png", hft::media::png_of(hft::media::with_boxes(scene, boxes)));
  hft::write_file(folder / "masks.png", hft::media::png_of(hft::media::with_masks(scene, masks)));
  return 0;
}
