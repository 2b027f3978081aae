// Logits processors and filters against the scores transformers gave (tests/golden/generation).
#include <cmath>
#include <limits>

#include "core/generation/generation_config.h"
#include "core/generation/logits_processors.h"
#include "core/generation/numbers.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

float read_score(const Json& v) {
  if (v.is_null() || v == "-inf") return kRemoved;
  if (v == "inf") return std::numeric_limits<float>::infinity();
  if (v == "nan") return std::numeric_limits<float>::quiet_NaN();
  return v.get<float>();
}

std::vector<float> read_row(const Json& row) {
  std::vector<float> out;
  for (const Json& v : row) out.push_back(read_score(v));
  return out;
}

GenerationConfig config_of(Json settings) {
  if (!settings.contains("eos_token_id")) settings["eos_token_id"] = 1;
  GenerationSources sources;
  sources.pipeline = Pipeline::kNone;
  sources.config = Json::object();
  sources.flags = settings;
  return resolve_generation(sources).config;
}

}  // namespace

TEST_CASE("logits processors: every one gives the scores of the reference") {
  const Json golden = read_json(test::golden("generation") / "processors.json");
  REQUIRE(golden["cases"].size() >= 40);
  for (const Json& c : golden["cases"]) {
    INFO(c["name"].get<std::string>());
    const GenerationConfig config = config_of(c["settings"]);
    const TokenIds ids = c["ids"];
    const std::int64_t prompt = c["prompt"];
    Lengths lengths{c["settings"].value("max_length", 20), config.min_length};
    if (config.min_new_tokens) lengths.min = prompt + *config.min_new_tokens;
    std::vector<float> scores = read_row(c["in"]);
    const std::vector<float> wanted = read_row(c["out"]);
    const LogitsProcessors processors(config, lengths, prompt,
                                      std::span(ids).first(static_cast<std::size_t>(prompt)),
                                      static_cast<std::int64_t>(scores.size()));
    processors.process(ids, scores);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      INFO("token ", i);
      if (std::isinf(wanted[i]))
        CHECK(scores[i] == wanted[i]);
      else
        CHECK(std::abs(scores[i] - wanted[i]) <= 1e-6 * std::max(1.0f, std::abs(wanted[i])));
    }
  }
}

TEST_CASE("logits processors: a token that several groups chose is kept away from several times") {
  const GenerationConfig config = config_of({{"num_beams", 2}});
  const TokenIds ids{1, 2}, chosen{3, 0, 3};
  const LogitsProcessors processors(config, {20, 0}, 2, ids, 4);
  std::vector<float> scores{0, 0, 0, 0};
  processors.process(ids, scores, 0, {chosen, 0.5f});
  CHECK(scores == std::vector<float>{-0.5f, 0, 0, -1.0f});
}

TEST_CASE("logits processors: a bias outside the vocabulary is refused") {
  const GenerationConfig config = config_of({{"sequence_bias", {{{2, 9}, 1.0}}}});
  CHECK(test::error_of([&] {
          LogitsProcessors(config, {20, 0}, 1, {}, 9);
        }) == "--sequence-bias: token 9 is outside the vocabulary of 9");
}

TEST_CASE("numbers: the best come first, removed ones last") {
  const std::vector<float> scores{1, 4, 3, kRemoved, 5, 2};
  std::vector<std::int64_t> order;
  for (const Ranked& r : largest(scores, 6)) order.push_back(r.index);
  CHECK(order == std::vector<std::int64_t>{4, 1, 2, 5, 0, 3});
  CHECK(largest(scores, 2)[1].index == 1);
  CHECK(largest(scores, 0).empty());
  CHECK(argmax(std::vector<float>{1, 3, 3}) == 1);
  CHECK(kth_largest(scores, 4) == 2);
  CHECK(kth_largest(std::vector<float>{3, 1, 3, 3, 2}, 3) == 3);
}

TEST_CASE("numbers: what was removed stays without probability") {
  std::vector<float> scores{0, kRemoved, 0};
  log_softmax(scores);
  CHECK(scores[1] == kRemoved);
  CHECK(scores[0] == doctest::Approx(std::log(0.5)));
  softmax(scores);
  CHECK(scores == std::vector<float>{0.5f, 0.0f, 0.5f});
}
