// Small tokenizers of every component, against what the reference makes of the same texts
// (scripts/make_golden.py tokenizer_parts).
#include <fstream>

#include "core/tokenizers/decode_stream.h"
#include "core/tokenizers/tokenizer.h"
#include "tests/support/test.h"

using namespace hft;
using namespace hft::test;

namespace {

Json spans_of(const Encoding& e) {
  Json spans = Json::array();
  for (const Span& span : e.offsets) spans.push_back({span.begin, span.end});
  return spans;
}

void check_case(const Tokenizer& tokenizer, const Json& c) {
  const auto text = c["text"].get<std::string>();
  const bool pair = c.contains("pair");
  const auto encode = [&](bool offsets) {
    const EncodeOptions options{.offsets = offsets};
    return pair ? tokenizer.encode_pair(text, c["pair"].get<std::string>(), options)
                : tokenizer.encode(text, options);
  };
  const Encoding e = encode(true);
  CAPTURE(text);
  CHECK(Json(e.ids) == c["ids"]);
  CHECK(encode(false).ids == e.ids);
  CHECK(spans_of(e) == c["offsets"]);
  CHECK(Json(e.word_ids) == c["words"]);
  if (pair) CHECK(Json(e.type_ids) == c["types"]);
  if (!c.contains("decoded")) return;
  CHECK(tokenizer.decode(e.ids, !pair) == c["decoded"].get<std::string>());
  DecodeStream stream(tokenizer, !pair);
  std::string streamed;
  for (auto id : e.ids) streamed += stream.push(id);
  CHECK(streamed + stream.finish() == c["decoded"].get<std::string>());
}

}  // namespace

TEST_CASE("tokenizer goldens: ids, offsets, words and text are the reference's") {
  int folders = 0;
  for (const auto& entry : fs::directory_iterator(golden("tokenizers"))) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path().filename().string());
    const auto tokenizer = Tokenizer::load(entry.path());
    std::ifstream cases(entry.path() / "cases.jsonl");
    int n = 0;
    for (std::string line; std::getline(cases, line); ++n) check_case(tokenizer, Json::parse(line));
    CHECK(n > 20);
    ++folders;
  }
  CHECK(folders >= 25);
}
