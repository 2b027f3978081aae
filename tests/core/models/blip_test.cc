// What an encoder-decoder that sees promises beside what others do, on a tiny random checkpoint.
#include <cmath>

#include "core/nn/twins.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

constexpr std::int64_t kSide = 16;
constexpr double kFloatTolerance = 2e-5;

struct Tiny {
  TempFolder folder;
  std::unique_ptr<Seq2SeqLm> model;
  explicit Tiny(bool asks) {
    Json config = tiny_seq2seq_config("blip");
    config["architectures"] = {asks ? "BlipForQuestionAnswering" : "BlipForConditionalGeneration"};
    write_model(folder.path, config, tiny_seq2seq_tensors(config));
    ModelRequest request;
    request.folder = folder.path;
    request.deterministic = true;
    model = load_model<Seq2SeqLm>(request);
  }
};

std::vector<float> picture(int seed) {
  std::vector<float> all(3 * kSide * kSide);
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = std::sin(0.7f * static_cast<float>(i + 1) * static_cast<float>(seed));
  return all;
}
PictureView view(const std::vector<float>& pixels) { return {3, kSide, kSide, pixels.data()}; }

Questions asked(const std::vector<std::int32_t>& of, const std::vector<Ids>& texts) {
  Questions questions{of, {}};
  for (const Ids& text : texts) {
    questions.texts.ids.insert(questions.texts.ids.end(), text.begin(), text.end());
    questions.texts.starts.push_back(static_cast<std::int32_t>(questions.texts.ids.size()));
  }
  return questions;
}
double company_tolerance() { return twins_forced() ? kFloatTolerance : 0; }

}  // namespace

TEST_CASE("blip: pictures together give what each gives alone") {
  Tiny tiny(false);
  CHECK(tiny.model->warnings() == std::vector<std::string>{});
  CHECK(tiny.model->sight() == Seq2SeqLm::Sight::kSees);
  CHECK(tiny.model->max_source_positions() == 5);
  const Ids target = some_ids(12);
  const std::vector<std::vector<float>> pixels{picture(2), picture(3), picture(4)};
  std::vector<PictureView> views;
  for (const auto& p : pixels) views.push_back(view(p));
  const auto together = tiny.model->see(views, {{0, 1, 2}, {}});
  std::vector<std::vector<float>> all;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const int alone = tiny.model->see({&views[i], 1}, {{0}, {}})[0];
    all.push_back(after(*tiny.model, alone, target, 1));
    CHECK(distance(after(*tiny.model, together[i], target, 12), all[i]) <= company_tolerance());
  }
  CHECK(distance(all[0], all[1]) > 1e-3);
}

TEST_CASE("blip: questions to one picture or to several give what each gives alone") {
  Tiny tiny(true);
  CHECK(tiny.model->sight() == Seq2SeqLm::Sight::kIsAsked);
  const Ids target = some_ids(8);
  const std::vector<std::vector<float>> pixels{picture(2), picture(3)};
  const std::vector<PictureView> views{view(pixels[0]), view(pixels[1])};
  const std::vector<Ids> texts{some_ids(5), some_ids(9), some_ids(3)};
  const std::vector<std::int32_t> of{1, 0, 1};
  const auto together = tiny.model->see(views, asked(of, texts));
  std::vector<std::vector<float>> all;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const int alone = tiny.model->see({&views[of[i]], 1}, asked({0}, {texts[i]}))[0];
    all.push_back(after(*tiny.model, alone, target, 8));
    CHECK(distance(after(*tiny.model, together[i], target, 8), all[i]) <= company_tolerance());
  }
  CHECK(distance(all[0], all[2]) > 1e-3);
}

TEST_CASE("blip: what it cannot see is told") {
  Tiny tiny(true);
  const auto pixels = picture(2);
  const PictureView grey{1, kSide, kSide, pixels.data()};
  CHECK(error_of([&] { tiny.model->see({&grey, 1}, asked({0}, {some_ids(2)})); }) ==
        "a picture has 1 channels, but the model sees 3");
  CHECK(error_of([&] { tiny.model->encode({{1, 2}, {}, {0, 2}}); }) == "the model reads no texts");
}

}  // namespace hft::test
