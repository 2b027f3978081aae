// From attention and tokens to text with times, against the reference (tests/golden/speech).
#include <numeric>

#include "core/processors/alignment.h"
#include "core/processors/spoken_text.h"
#include "core/processors/spoken_words.h"
#include "core/tokenizers/speech_languages.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

Json cases(const std::string& name) {
  return read_json(test::golden("speech") / "speech.json")[name];
}
Tokenizer tokenizer() { return Tokenizer::load(test::golden("whisper-english")); }

Json listed(const std::vector<TimedText>& chunks) {
  Json out = Json::array();
  for (const TimedText& c : chunks)
    out.push_back({c.text, c.start ? Json(*c.start) : Json(), c.end ? Json(*c.end) : Json()});
  return out;
}

SpokenText::Times times_of(const std::string& name) {
  return name == "none"    ? SpokenText::Times::kNone
         : name == "words" ? SpokenText::Times::kWords
                           : SpokenText::Times::kSegments;
}

}  // namespace

TEST_CASE("alignment: paths and ties are the reference's") {
  for (const Json& c : cases("paths")) {
    const std::vector<double> costs = c["costs"];
    Json path = Json::array();
    for (const auto& [row, column] : time_warping_path(costs, c["rows"], c["cols"]))
      path.push_back({row, column});
    CHECK(path == c["path"]);
  }
}

TEST_CASE("alignment: positions of tokens are the reference's") {
  for (const Json& c : cases("alignments")) {
    const std::vector<std::int64_t> shape = c["shape"];
    INFO(c["shape"].dump());
    CHECK(token_positions(c["weights"], shape[0], shape[1], 7) ==
          c["positions"].get<std::vector<std::int64_t>>());
  }
  CHECK(token_positions({}, 2, 0, 7).empty());
}

TEST_CASE("alignment: a median reflects the edges and leaves what is shorter than half of it") {
  std::vector<float> row{5, 1, 9, 2, 8};
  median_filter(row, 3);
  CHECK(row == std::vector<float>{1, 5, 2, 8, 2});
  std::vector<float> few{3, 1, 2};
  median_filter(few, 7);
  CHECK(few == std::vector<float>{3, 1, 2});
}

TEST_CASE("spoken text: overlaps are joined as the reference joins them") {
  for (const Json& c : cases("joins")) {
    std::vector<std::vector<SpokenToken>> parts;
    for (std::size_t i = 0; i < c["parts"].size(); ++i) {
      parts.emplace_back();
      for (std::size_t j = 0; j < c["parts"][i].size(); ++j)
        parts.back().push_back({c["parts"][i][j], c["times"][i][j][0], c["times"][i][j][1]});
    }
    INFO(c.dump());
    Json ids = Json::array(), timed = Json::array({Json::array(), Json::array()});
    for (const SpokenToken& t : joined_at_overlaps(parts, false)) ids.push_back(t.id);
    for (const SpokenToken& t : joined_at_overlaps(parts, true)) {
      timed[0].push_back(t.id);
      timed[1].push_back({t.start, t.end});
    }
    CHECK(ids == c["joined"]);
    CHECK(timed == c["timed"]);
  }
}

TEST_CASE("spoken text: texts and chunks are the reference's") {
  const Tokenizer known = tokenizer();
  for (const Json& c : cases("decoded")) {
    SpokenText text(known, times_of(c["times"]), 0.02);
    for (const Json& o : c["outputs"]) {
      const std::vector<std::int32_t> ids = o["ids"];
      const std::vector<float> times = o["times"];
      if (o.contains("stride"))
        text.add(ids, times, {o["stride"][0], o["stride"][1], o["stride"][2]});
      else
        text.add(ids, times);
    }
    text.finish();
    INFO(c.dump());
    CHECK(text.text() == c["text"].get<std::string>());
    if (c["times"] != "none") CHECK(listed(text.chunks()) == c["chunks"]);
  }
}

TEST_CASE("spoken text: what comes in pieces is what comes at once") {
  const Tokenizer known = tokenizer();
  for (const Json& c : cases("decoded")) {
    if (c["outputs"].size() != 1 || c["outputs"][0].contains("stride")) continue;
    const std::vector<std::int32_t> ids = c["outputs"][0]["ids"];
    const std::vector<float> times = c["outputs"][0]["times"];
    SpokenText text(known, times_of(c["times"]), 0.02);
    std::size_t before = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      text.add(std::span(ids).subspan(i, 1), std::span(times).subspan(i, 1));
      CHECK(text.chunks().size() >= before);  // what is there stays
      before = text.chunks().size();
    }
    text.finish();
    CHECK(text.text() == c["text"].get<std::string>());
  }
}

TEST_CASE("spoken words: tokens are parted and punctuation joined as the reference does") {
  const Tokenizer known = tokenizer();
  for (const Json& c : cases("words")) {
    const SpokenWords found = words_of_tokens(known, c["ids"], c["language"]);
    INFO(c.dump());
    CHECK(Json(found.words) == c["words"]);
    CHECK(Json(found.tokens) == c["tokens"]);
  }
}

TEST_CASE("speech languages: names, codes and other names") {
  CHECK(speech_languages().size() == 100);
  CHECK(speech_language_code("german") == "de");
  CHECK(speech_language_code("de") == "de");
  CHECK(speech_language_code("burmese") == "my");
  CHECK(speech_language_code("klingon") == "");
  CHECK(speech_language_name("yue") == "cantonese");
}
