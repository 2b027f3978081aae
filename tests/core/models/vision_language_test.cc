// What a decoder that sees promises beside what others do, on tiny random checkpoints.
#include <cmath>

#include "core/nn/twins.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

constexpr std::int32_t kPlace = 49;
constexpr double kFloatTolerance = 2e-5;

struct Tiny {
  TempFolder folder;
  std::unique_ptr<CausalLm> model;
  explicit Tiny(const std::string& type, std::int64_t chunk = 0) {
    const Json config = tiny_decoder_config(type);
    write_model(folder.path, config, tiny_decoder_tensors(config));
    ModelRequest request;
    request.folder = folder.path;
    request.deterministic = true;
    request.prefill_chunk = chunk;
    model = load_model<CausalLm>(request);
  }
};

struct Picture {
  std::vector<float> data;
  std::int64_t height, width;
  Picture(int seed, std::int64_t height, std::int64_t width, std::int64_t tiles = 1)
      : data(static_cast<std::size_t>(3 * height * width * tiles)), height(height), width(width) {
    for (std::size_t i = 0; i < data.size(); ++i)
      data[i] = std::sin(0.7f * static_cast<float>(i + 1) * static_cast<float>(seed));
  }
  PictureView view() const { return {3, height, width, data.data(), 1, height, width}; }
};

// A beginning, places for so many tokens each, with a word after each, and an end.
Ids with_places(const std::vector<int>& counts) {
  Ids ids{3, 8};
  for (const int count : counts) {
    ids.insert(ids.end(), static_cast<std::size_t>(count), kPlace);
    ids.push_back(5);
  }
  ids.insert(ids.end(), {9, 4, 11});
  return ids;
}

int shown(CausalLm& model, const Ids& ids, const std::vector<PictureView>& pictures) {
  const int sequence = model.open();
  const Illustrated text{sequence, ids, pictures};
  model.show({&text, 1});
  return sequence;
}

// The types, and the tokens of a picture of 16 x 16 pixels and of one of 8 x 16, where it takes any.
struct Kind {
  const char* type;
  int square, wide;
};
constexpr Kind kKinds[] = {{"llava", 16, 0}, {"idefics3", 4, 0}, {"qwen2_vl", 4, 2}, {"qwen2_5_vl", 4, 2}, {"qwen3_vl", 4, 2}};
double company_tolerance() { return twins_forced() ? kFloatTolerance : 0; }

}  // namespace

TEST_CASE("vision-language: a text with pictures alone, in parts, in company and after a fork is the same") {
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.type);
    Tiny tiny(kind.type), parts(kind.type, 3);
    CHECK(tiny.model->warnings() == std::vector<std::string>{});
    CHECK(tiny.model->picture_token() == kPlace);
    const Picture a(2, 16, 16), b(3, kind.wide ? 8 : 16, 16);
    const Ids ids = with_places({kind.square, kind.wide ? kind.wide : kind.square});
    const std::vector<PictureView> views{a.view(), b.view()};
    const auto whole = after(*tiny.model, shown(*tiny.model, ids, views), ids, ids.size());
    CHECK(distance(after(*parts.model, shown(*parts.model, ids, views), ids, ids.size()), whole) <=
          kFloatTolerance);
    CHECK(distance(after(*tiny.model, shown(*tiny.model, ids, views), ids, 1), whole) <= kFloatTolerance);

    // Beside a text without pictures, and one whose are the other way round.
    const Ids plain = some_ids(6);
    const int one = shown(*tiny.model, ids, views), other = tiny.model->open();
    Decoded out;
    tiny.model->forward(std::vector<Feed>{{other, plain}, {one, ids}}, out);
    CHECK(distance({out.logits.row(1).begin(), out.logits.row(1).end()}, whole) <= company_tolerance());
    const int alone = tiny.model->open();
    CHECK(distance({out.logits.row(0).begin(), out.logits.row(0).end()}, after(*tiny.model, alone, plain, 6)) <=
          company_tolerance());

    // What comes after the pictures goes on from a fork as from the whole.
    const int begun = shown(*tiny.model, ids, views);
    const std::span<const std::int32_t> all(ids);
    tiny.model->forward(std::vector<Feed>{{begun, all.first(ids.size() - 3), 0}}, out);
    const int copy = tiny.model->fork(begun);
    tiny.model->forward(std::vector<Feed>{{copy, all.last(3)}}, out);
    CHECK(distance({out.logits.row(0).begin(), out.logits.row(0).end()}, whole) <= kFloatTolerance);

    const Picture c(4, 16, 16);
    CHECK(distance(after(*tiny.model, shown(*tiny.model, ids, {c.view(), b.view()}), ids, ids.size()), whole) > 1e-3);
  }
}

TEST_CASE("vision-language: OneVision's picture is the whole and its tiles; of several each is the whole") {
  Tiny tiny("llava_onevision");
  const Picture tiles(2, 16, 16, 3), whole(3, 16, 16);
  PictureView view = tiles.view();
  view.tiles = 3;
  view.whole_height = 10;
  view.whole_width = 30;
  // 16 x 32 in tiles of 4 x 4 cells: 10 x 30 leaves 2 rows out of 4 padded ones (10/30 * 8 = 2.67).
  const int rows = 4 - 2 * ((4 - 2) / 2);
  const Ids ids = with_places({16 + rows * (8 + 1)});
  const auto seen = after(*tiny.model, shown(*tiny.model, ids, {view}), ids, ids.size());
  CHECK(std::isfinite(seen[0]));
  const Ids two = with_places({17, 17});
  CHECK(std::isfinite(after(*tiny.model, shown(*tiny.model, two, {whole.view(), whole.view()}), two, two.size())[0]));
  view.whole_width = 10;
  CHECK(error_of([&] { shown(*tiny.model, ids, {view}); }) ==
        "a picture is in 2 tiles of 16 patches, but the model wants 1 of 16");
}

TEST_CASE("vision-language: places and pictures that do not match are told in plain words") {
  Tiny llava("llava"), qwen("qwen2_vl");
  const Picture a(2, 16, 16), wide(3, 16, 24), odd(3, 12, 16);
  const Ids few = with_places({15});
  CHECK(error_of([&] { shown(*llava.model, few, {a.view()}); }) ==
        "the text has places for 15 tokens of pictures, but its 1 picture has 16");
  CHECK(error_of([&] { shown(*llava.model, few, {}); }) ==
        "the text has places for 15 tokens of pictures, but its 0 pictures have 0");
  CHECK(error_of([&] { shown(*llava.model, few, {wide.view()}); }) ==
        "a picture is made 24 x 16 pixels large, but the model sees 16 x 16");
  CHECK(error_of([&] { shown(*qwen.model, few, {odd.view()}); }) ==
        "a picture is made 16 x 12 pixels large, but the model sees multiples of 8");
  PictureView grey = a.view();
  grey.channels = 1;
  CHECK(error_of([&] { shown(*llava.model, few, {grey}); }) == "a picture has 1 channels, but the model sees 3");
}

TEST_CASE("vision-language: tokens of pictures turn by row and column, and so does what comes after them") {
  Tiny tiny("qwen2_vl");
  const Picture square(2, 16, 16), tall(2, 32, 8);
  const Ids ids = with_places({4});
  CHECK(distance(after(*tiny.model, shown(*tiny.model, ids, {square.view()}), ids, ids.size()),
                 after(*tiny.model, shown(*tiny.model, ids, {tall.view()}), ids, ids.size())) > 1e-3);
}

TEST_CASE("vision-language: parts of another kind are refused by name") {
  TempFolder folder;
  const auto refused = [&](const char* part, const char* type) {
    Json config = tiny_decoder_config("llava");
    config[part]["model_type"] = type;
    write_model(folder.path, config, {});
    return error_of([&] { load_model<CausalLm>({.folder = folder.path, .dtype = "float32"}); });
  };
  CHECK(refused("text_config", "opt").ends_with(
      "model_type 'opt' is not supported as the language model, wanted llama, mistral, qwen2 or qwen3"));
  CHECK(refused("vision_config", "dinov2").ends_with(
      "model_type 'dinov2' is not supported as what sees, wanted clip_vision_model or siglip_vision_model"));
}

}  // namespace hft::test
