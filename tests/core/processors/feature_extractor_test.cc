#include "core/processors/feature_extractor.h"

#include <algorithm>

#include "tests/media/sounds.h"

namespace hft {
namespace {

constexpr double kFeatureTolerance = 1e-4;

FeatureExtractor extractor_of(const Json& settings, const Json& config = nullptr,
                              const std::string& file = "preprocessor_config.json") {
  const test::TempFolder folder;
  test::spit(folder / file, to_line(settings));
  if (!config.is_null()) test::spit(folder / "config.json", to_line(config));
  return FeatureExtractor::from_folder(folder.path);
}

Json small_whisper() {
  return {{"feature_extractor_type", "WhisperFeatureExtractor"}, {"chunk_length", 2}};
}

// Samples from memory as a reader gives them.
class GivenSamples : public media::SoundReader {
 public:
  explicit GivenSamples(std::span<const float> samples) : samples_(samples) {}
  std::size_t read(std::span<float> out) override {
    const std::size_t n = std::min(out.size(), samples_.size());
    std::copy_n(samples_.begin(), n, out.begin());
    samples_ = samples_.subspan(n);
    return n;
  }

 private:
  std::span<const float> samples_;
};

}  // namespace

TEST_CASE("feature extractors: numbers are the reference's") {
  for (const Json& one : test::sounds()["features"]) {
    CAPTURE(one["settings"].dump());
    CAPTURE(one["samples"].dump());
    const auto samples = test::signal(one["samples"].get<std::size_t>(), one["gain"].get<double>());
    const Features features = extractor_of(one["settings"])(samples);
    CHECK(features.frames == one["shape"][0].get<std::int64_t>());
    CHECK(features.bins == one["shape"][1].get<int>());
    REQUIRE(features.data.size() == static_cast<std::size_t>(features.frames * features.bins));
    const auto step = one["step"].get<std::size_t>();
    // Decibels are forty times the logarithms that Whisper's numbers are.
    const bool decibels = one["settings"]["feature_extractor_type"] == "ClapFeatureExtractor";
    const double tolerance = kFeatureTolerance * (decibels ? 40 : 1);
    double worst = 0;
    for (std::size_t i = 0; i < one["values"].size(); ++i)
      worst = std::max(worst, std::abs(features.data[i * step] - one["values"][i].get<double>()));
    CHECK(worst < tolerance);
  }
}

TEST_CASE("MelWindows: windows of a long sound are cut from the features of the whole") {
  // Quiet, then loud: one floor for all, from the whole file.
  for (const std::size_t n : {1u, 20000u, 31999u, 32000u, 32001u, 100123u}) {
    CAPTURE(n);
    const auto samples = test::signal(n, 50.0);
    const FeatureExtractor extractor = extractor_of(small_whisper());
    const Features whole = extractor(samples);
    MelWindows windows(extractor.settings(),
                       [&] { return std::make_unique<GivenSamples>(samples); });
    CHECK(windows.samples() == static_cast<std::int64_t>(n));
    REQUIRE(windows.frames() == whole.frames);
    for (std::int64_t first : {0, 0, 3, 150, 199, 420, 560}) {
      const Features window = windows.window(first, 200);
      REQUIRE(window.data.size() == 200 * 80);
      bool same = true;
      for (std::int64_t i = 0; i < 200 * 80; ++i) {
        const auto at = static_cast<std::size_t>(first * 80 + i);
        const float wanted = at < whole.data.size() ? whole.data[at] : 0.0f;
        same &= window.data[static_cast<std::size_t>(i)] == wanted;
      }
      CHECK(same);
    }
  }
}

TEST_CASE("MelFrames: pieces of any size give the same frames") {
  const auto samples = test::signal(7001);
  MelSettings settings;
  for (const auto& [hop, centred, last] :
       {std::tuple{160, true, true}, {400, true, true}, {500, false, false}, {77, true, false}}) {
    settings.hop = hop;
    settings.centred = centred;
    settings.drops_last = last;
    std::vector<float> whole;
    MelFrames all(settings);
    all.push(samples, whole);
    all.finish(whole);
    const std::size_t frames = centred ? 7001u / static_cast<unsigned>(hop) + (last ? 0 : 1)
                                       : 1 + (7001u - 400u) / static_cast<unsigned>(hop);
    CHECK(whole.size() == frames * 80);
    for (const std::size_t piece : {1u, 13u, 399u, 5000u}) {
      std::vector<float> pieces;
      MelFrames mel(settings);
      for (std::size_t at = 0; at < samples.size(); at += piece)
        mel.push(std::span(samples).subspan(at, std::min(piece, samples.size() - at)), pieces);
      mel.finish(pieces);
      CHECK(pieces == whole);
    }
  }
}

TEST_CASE("feature extractors: silence, and no sample at all") {
  const FeatureExtractor whisper = extractor_of(small_whisper());
  const Features silent = whisper(std::vector<float>(16000));
  CHECK(std::ranges::all_of(silent.data, [](float x) { return x == -1.5f; }));
  CHECK(whisper({}).frames == 200);
  const Features flat = extractor_of({{"feature_extractor_type", "Wav2Vec2FeatureExtractor"}})(
      std::vector<float>(10));
  CHECK(std::ranges::all_of(flat.data, [](float x) { return x == 0.0f; }));
  const Features ast =
      extractor_of({{"feature_extractor_type", "ASTFeatureExtractor"}})(std::vector<float>(399));
  CHECK(ast.frames == 1024);
}

TEST_CASE("feature extractors: known by class, by part or by the model's type") {
  const Json wav2vec2 = {{"do_normalize", false}, {"sampling_rate", 8000}};
  const FeatureSettings by_model = extractor_of(wav2vec2, {{"model_type", "hubert"}}).settings();
  CHECK(by_model.kind == FeatureKind::kWaveform);
  CHECK(by_model.rate == 8000);
  CHECK_FALSE(by_model.normalises);
  const Json nested = {{"feature_extractor", small_whisper()}};
  CHECK(extractor_of(nested, nullptr, "processor_config.json").settings().samples == 32000);
}

TEST_CASE("feature extractors: mistakes name the file, the field and what is wanted") {
  const auto error = [](const Json& settings) {
    const test::TempFolder folder;
    test::spit(folder / "preprocessor_config.json", to_line(settings));
    std::string message =
        test::error_of([&] { static_cast<void>(FeatureExtractor::from_folder(folder.path)); });
    const std::string lead = (folder / "preprocessor_config.json").string() + ": ";
    return message.starts_with(lead) ? message.substr(lead.size()) : message;
  };
  CHECK(error({{"feature_extractor_type", "NoSuchFeatureExtractor"}}) ==
        "the feature extractor 'NoSuchFeatureExtractor' is not supported, wanted "
        "Wav2Vec2FeatureExtractor, WhisperFeatureExtractor, ASTFeatureExtractor, "
        "ClapFeatureExtractor");
  CHECK(error({{"sampling_rate", 16000}}) == "names no feature_extractor_type");
  CHECK(error({{"feature_extractor_type", "WhisperFeatureExtractor"}, {"hop_length", 0}})
            .ends_with("'hop_length' is 0, wanted an integer in [1, 32768]"));
  const test::TempFolder empty;
  CHECK(test::error_of([&] { static_cast<void>(FeatureExtractor::from_folder(empty.path)); }) ==
        empty.path.string() +
            ": has no preprocessor_config.json, which says what a sound is made into");
}

}  // namespace hft
