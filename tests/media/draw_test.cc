#include "media/draw.h"

#include <set>

#include "tests/support/test.h"

namespace hft {
namespace {

media::Image plain(int width, int height, std::uint8_t grey) {
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), grey)};
}

std::set<int> colors_of(const media::Image& image) {
  std::set<int> found;
  for (std::size_t i = 0; i < image.rgb.size(); i += 3)
    found.insert(image.rgb[i] << 16 | image.rgb[i + 1] << 8 | image.rgb[i + 2]);
  return found;
}

int packed(media::Color c) { return c.red << 16 | c.green << 8 | c.blue; }

}  // namespace

TEST_CASE("draw: a label's colour is its own, whatever else is in the picture") {
  CHECK(media::color_of("cat") == media::color_of("cat"));
  std::set<int> colors;
  for (const char* label : {"cat", "dog", "car", "person", "tree", "sky", "road", "bus"})
    colors.insert(packed(media::color_of(label)));
  CHECK(colors.size() >= 5);
}

TEST_CASE("draw: boxes stand out on white and on black, and stay in the picture") {
  for (const std::uint8_t grey : {0, 255}) {
    const media::Image image = media::with_boxes(
        plain(640, 480, grey), {{-5, -9, 300, 200, "cat", 0.97}, {10, 470, 700, 490, "dog", 0.5}});
    CHECK(image.width == 640);
    CHECK(image.height == 480);
    const auto colors = colors_of(image);
    CHECK(colors.contains(packed(media::color_of("cat"))));
    CHECK(colors.contains(packed(media::color_of("dog"))));
  }
}

TEST_CASE("draw: pictures too small for words are enlarged") {
  const media::Image tiny = media::with_boxes(plain(3, 3, 90), {{0, 0, 3, 3, "cat", 1}});
  CHECK(tiny.width == 399);
  CHECK(tiny.height == 399);
  const media::Image thin = media::with_boxes(plain(4000, 10, 90), {{0, 0, 50, 10, "cat", 1}});
  CHECK(thin.width == 4000);
  CHECK(thin.height >= 40);
}

TEST_CASE("draw: masks have a legend below the picture") {
  std::vector<std::uint8_t> left(320 * 200), all(320 * 200, 1);
  for (std::size_t i = 0; i < left.size(); ++i) left[i] = i % 320 < 160;
  const std::vector<media::DrawnMask> masks{{"cat", left, 0.9}, {"wall", all}};
  const media::Image image = media::with_masks(plain(320, 200, 128), masks);
  CHECK(image.width == 320);
  CHECK(image.height > 200);
  CHECK(colors_of(image).contains(packed(media::color_of("wall"))));
  CHECK(media::with_masks(plain(320, 200, 128), {}).height == 200);
}

TEST_CASE("draw: names that are too long are cut") {
  CHECK(media::fitting("short", 20, 400) == "short");
  const std::string cut = media::fitting("a name that is much too long", 20, 100);
  CHECK(cut.ends_with("..."));
  CHECK(media::text_width(cut, 20) <= 100);
}

}  // namespace hft
