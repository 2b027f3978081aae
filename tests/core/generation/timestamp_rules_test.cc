// Times among a model's text, against the reference (tests/golden/speech), and windows of random
// scores, which must end.
#include "core/generation/timestamp_rules.h"

#include <limits>
#include <random>

#include "core/generation/generation_config.h"
#include "core/generation/numbers.h"
#include "core/generation/whisper_windows.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

constexpr std::int32_t kFirst = 18, kEos = 10;
constexpr std::int64_t kVocab = 30;

// A window as greedy search writes it, of random scores.
TokenIds random_window(std::mt19937& draw, const TimestampRules& rules) {
  std::normal_distribution<float> normal(0, 2);
  TokenIds written;
  while (written.size() < 40) {
    std::vector<float> scores(kVocab);
    for (float& s : scores) s = normal(draw);
    rules.apply(written, scores);
    const std::int32_t id = argmax(scores);
    if (id == kEos) break;
    written.push_back(id);
  }
  return written;
}

}  // namespace

TEST_CASE("timestamp rules: scores are the reference's") {
  const Json cases = read_json(test::golden("speech") / "speech.json")["rules"];
  REQUIRE(cases.size() > 70);
  for (const Json& c : cases) {
    TimestampRules rules{.first = kFirst, .eos = kEos, .latest_start = {}};
    if (!c["latest"].is_null()) rules.latest_start = c["latest"].get<std::int64_t>();
    std::vector<float> scores = c["in"];
    rules.apply(c["written"].get<TokenIds>(), scores);
    INFO(c.dump());
    for (std::size_t i = 0; i < scores.size(); ++i)
      CHECK(scores[i] == (c["out"][i].is_null() ? kRemoved : c["out"][i].get<float>()));
  }
}

TEST_CASE("timestamp rules: a thousand windows of random scores move on") {
  std::mt19937 draw(11);
  const TimestampRules rules{.first = kFirst, .eos = kEos, .latest_start = {}};
  for (int i = 0; i < 1000; ++i) {
    const TokenIds written = random_window(draw, rules);
    const CutWindow cut = cut_window(written, kFirst, 24);
    CHECK(cut.frames > 0);
    CHECK(cut.frames <= 24);
  }
}

TEST_CASE("windows: where two times follow each other a segment ends, and the next window begins") {
  const auto segments = [](const CutWindow& cut) {
    std::vector<std::vector<std::size_t>> out;
    for (const Segment& s : cut.segments) out.push_back({s.begin, s.end});
    return out;
  };
  using Ends = std::vector<std::vector<std::size_t>>;
  // <0> a b <5> <5> c <9> <9> d: what follows the last pair is heard once more.
  CutWindow cut = cut_window(TokenIds{18, 1, 2, 23, 23, 3, 27, 27, 4}, kFirst, 3000);
  CHECK(segments(cut) == Ends{{0, 4}, {4, 8}});
  CHECK(cut.frames == 18);
  // One time at the end: the rest of the window is silent.
  cut = cut_window(TokenIds{18, 1, 23, 23, 3, 27}, kFirst, 3000);
  CHECK(segments(cut) == Ends{{0, 3}, {3, 6}});
  CHECK(cut.frames == 3000);
  for (const TokenIds& whole : {TokenIds{}, TokenIds{18}, TokenIds{18, 1, 23}, TokenIds{1, 2}}) {
    cut = cut_window(whole, kFirst, 700);
    CHECK(segments(cut) == Ends{{0, whole.size()}});
    CHECK(cut.frames == 700);
  }
  // Without rules a model may end where it began: the window goes by all the same.
  CHECK(cut_window(TokenIds{18, 18}, kFirst, 500).frames == 500);
}

TEST_CASE("windows: repetition is what compresses, of two bytes a token") {
  TokenIds loop, normal;
  for (std::int32_t i = 0; i < 60; ++i) {
    loop.push_back(100 + i % 3);
    normal.push_back(static_cast<std::int32_t>((static_cast<std::int64_t>(i) * 7919 + 17) % 51865));
  }
  CHECK(compression_ratio(loop, 51865) > 4);
  CHECK(compression_ratio(normal, 51865) < 1.0);
  CHECK(compression_ratio({}, 51865) == 0);
  CHECK(compression_ratio(TokenIds{5, 5, 5, 5}, 200) == doctest::Approx(4.0 / 12));  // one byte each
}

TEST_CASE("windows: silence wants both an unlikely text and a model that says so") {
  WhisperSettings s;
  s.logprob_threshold = -1;
  s.no_speech_threshold = 0.6;
  const TokenIds text{1, 2, 3};
  CHECK(judge({text, -2, 0.9f}, s, 100) == Verdict::kSilence);
  CHECK(judge({text, -2, 0.1f}, s, 100) == Verdict::kAgain);
  CHECK(judge({text, -0.5f, 0.9f}, s, 100) == Verdict::kTaken);
  CHECK(judge({text, -0.5f, 0.1f}, s, 100) == Verdict::kTaken);
  s.logprob_threshold.reset();  // without it nothing is unlikely
  CHECK(judge({text, -2, 0.9f}, s, 100) == Verdict::kTaken);
  s.compression_ratio_threshold = 1.35;
  CHECK(judge({TokenIds(60, 4), -0.5f, 0}, s, 100) == Verdict::kAgain);
}

TEST_CASE("windows: the text before one is half the positions at most, pairs at an end are one") {
  const std::vector<TokenIds> said{{18, 1, 2, 20, 20}, {18, 3}};
  CHECK(earlier_text(said, {9}, kFirst, 448) == TokenIds{9, 18, 1, 2, 20, 18, 3});
  CHECK(earlier_text(said, {}, kFirst, 8) == TokenIds{20, 18, 3});
}
