// In how many tokens LLaVA-OneVision sees pictures; the numbers are those of its processor in
// transformers 4.57, with the settings of llava-hf/llava-onevision-qwen2-0.5b-ov-hf.
#include "core/base/tiles.h"

#include "tests/support/test.h"

using namespace hft;

namespace {

std::int64_t tokens_of(PictureSize picture) {
  constexpr std::int64_t kSide = 27, kEdge = 384, kMost = 9;
  static const auto resolutions = resolutions_of(Fields(Json::object(), "config.json"));
  const PictureSize best = best_resolution(picture, resolutions);
  const PictureSize whole{best.height / kEdge * kSide, best.width / kEdge * kSide};
  const PictureSize grid = shrunk(unpadded(picture, whole), kMost, kSide);
  return kSide * kSide + grid.height * (grid.width + 1);
}

}  // namespace

TEST_CASE("tiles: 300 sizes take as many tokens as the reference counts") {
  CHECK(tokens_of({411, 2696}) == 4804);
  CHECK(tokens_of({368, 860}) == 2457);
  CHECK(tokens_of({953, 2412}) == 7257);
  std::int64_t sum = 0, mixed = 0;
  for (std::int64_t i = 0; i < 300; ++i) {
    const auto count = tokens_of({1 + i * 7919 % 2503, 1 + i * 104729 % 3001});
    sum += count;
    mixed = (mixed * 31 + count) % 1000003;
  }
  CHECK(sum == 1716378);
  CHECK(mixed == 734946);
}

TEST_CASE("tiles: what a file may not say is refused") {
  const auto refused = [](Json config) {
    return test::error_of([&] { resolutions_of(Fields(config, "p.json")); });
  };
  const std::string wanted =
      "p.json: 'image_grid_pinpoints' wanted a list of [height, width], 178956970 pixels at most";
  CHECK(refused({{"image_grid_pinpoints", {{0, 384}}}}) == wanted);
  CHECK(refused({{"image_grid_pinpoints", {{60000, 60000}}}}) == wanted);
  CHECK(refused({{"image_grid_pinpoints", "(1x1)"}}) == wanted);
  CHECK(test::error_of([] { most_tiles(Fields({{"vision_aspect_ratio", "pad"}}, "p.json")); }) ==
        "p.json: vision_aspect_ratio 'pad' is not supported, wanted anyres_max_ and a number");
}
