// How large Qwen2-VL's processor makes pictures (smart_resize of transformers 4.57), and what is said
// of marks and pictures that do not match.
#include "core/processors/pictures_in_text.h"

#include "tests/support/test.h"

using namespace hft;

namespace {

ImageSettings areas(int divisor, int least, int most) {
  ImageSettings s;
  s.sizing = Sizing::kAreas;
  s.divisor = divisor;
  s.shortest_edge = least;
  s.longest_edge = most;
  return s;
}

}  // namespace

TEST_CASE("areas: sizes are those of smart_resize") {
  const ImageProcessor qwen2(areas(28, 56 * 56, 28 * 28 * 1280));
  CHECK(qwen2.resized_extent({42, 70}) == Extent{56, 56});
  CHECK(qwen2.resized_extent({30, 3}) == Extent{196, 28});
  CHECK(ImageProcessor(areas(28, 3136, 12845056)).resized_extent({1080, 1920}) == Extent{1092, 1932});
  CHECK(ImageProcessor(areas(32, 65536, 16777216)).resized_extent({1792, 2560}) == Extent{1792, 2560});
  std::int64_t mixed = 0;
  for (std::int64_t i = 0; i < 300; ++i) {
    const Extent made = qwen2.resized_extent({static_cast<int>(20 + i * 7919 % 2503),
                                              static_cast<int>(20 + i * 104729 % 3001)});
    mixed = (mixed * 31 + made.height * 5 + made.width) % 1000003;
  }
  CHECK(mixed == 376036);
  CHECK(test::error_of([&] { qwen2.resized_extent({1, 201}); }) ==
        "the picture is 201 x 1 pixels large, wanted a side at most 200 times the other");
}

TEST_CASE("pictures in texts: old files leave the tower's fields out; marks without pictures are told") {
  const test::TempFolder folder;
  test::spit(folder / "preprocessor_config.json",
             R"({"image_processor_type": "CLIPImageProcessor", "crop_size": 28, "size": {"shortest_edge": 28}})");
  const auto places = [&](const char* tower, const char* strategy) {
    const Fields config({{"model_type", "llava"},
                         {"vision_feature_select_strategy", strategy},
                         {"vision_config", {{"model_type", tower}, {"patch_size", 14}}}},
                        "config.json");
    const PicturesInText made(folder.path, config, "<i>");
    const Pixels pixels = made.pixels(media::Image{40, 30, std::vector<std::uint8_t>(3600)}, true);
    const Pixels* one = &pixels;
    return (made.expanded("a<i>b", {&one, 1}).size() - 2) / 3;
  };
  CHECK(places("clip_vision_model", "default") == 4);
  CHECK(places("clip_vision_model", "full") == 5);
  CHECK(places("siglip_vision_model", "full") == 4);

  const PicturesInText made(folder.path, Fields({{"model_type", "llava"}}, "config.json"), "<i>");
  CHECK(made.expanded("a b", {}) == "a b");
  CHECK(test::error_of([&] { made.expanded("a <i> and <i>", {}); }) ==
        "the text has places for 2 pictures (<i>), but 0 are given");
}

TEST_CASE("pictures in texts: squares of a picture are named by row and column, then the whole") {
  const test::TempFolder folder;
  const auto made_of = [&](const char* more, int width, int height) {
    test::spit(folder / "preprocessor_config.json",
               std::string(R"({"image_processor_type": "Idefics3ImageProcessor", "size": {"longest_edge": 20},
                  "max_image_size": {"longest_edge": 8})") + more + "}");
    test::spit(folder / "processor_config.json", R"({"image_seq_len": 2})");
    const PicturesInText made(folder.path, Fields({{"model_type", "smolvlm"}}, "config.json"), "<i>");
    const Pixels pixels = made.pixels(
        media::Image{width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height))}, true);
    CHECK(pixels.data.size() == static_cast<std::size_t>(pixels.tiles * 3 * 8 * 8));
    const Pixels* one = &pixels;
    return made.expanded("a<i>b", {&one, 1});
  };
  const std::string around = "<fake_token_around_image>", whole = around + "<global-img><i><i>" + around;
  const auto square = [&](const char* at) { return around + "<row_" + at + "><i><i>"; };
  // 20 x 10 pixels become 24 x 16.
  CHECK(made_of("", 40, 20) == "a" + square("1_col_1") + square("1_col_2") + square("1_col_3") + "\n" +
                                   square("2_col_1") + square("2_col_2") + square("2_col_3") + "\n\n" + whole + "b");
  // 1 x 20: a column of three.
  CHECK(made_of("", 2, 400) == "a" + square("1_col_1") + "\n" + square("2_col_1") + "\n" + square("3_col_1") + "\n\n" +
                                   whole + "b");
  CHECK(made_of(R"(, "do_image_splitting": false)", 40, 20) == "a" + whole + "b");
  CHECK(made_of(R"(, "do_resize": false)", 8, 8) == "a" + whole + "b");
}
