// Every Python tokenizer class on files of its own, against what the reference makes of the same
// texts (scripts/make_golden.py tokenizer_classes).
#include <fstream>
#include <set>

#include "core/tokenizers/tokenizer.h"
#include "tests/support/test.h"

using namespace hft;
using namespace hft::test;

namespace {

void check_case(const Tokenizer& tokenizer, const Json& c) {
  const auto text = c["text"].get<std::string>();
  const bool pair = c.contains("pair");
  const EncodeOptions options{.offsets = true};
  const Encoding e = pair ? tokenizer.encode_pair(text, c["pair"].get<std::string>(), options)
                          : tokenizer.encode(text, options);
  CAPTURE(text);
  CHECK(Json(e.ids) == c["ids"]);
  CHECK(tokenizer.decode(e.ids, !pair) == c["decoded"].get<std::string>());
  if (!c.contains("offsets")) return;  // a class without a fast twin
  Json offsets = Json::array();
  for (const Span& span : e.offsets) offsets.push_back({span.begin, span.end});
  CHECK(offsets == c["offsets"]);
  CHECK(Json(e.type_ids) == c["types"]);
}

}  // namespace

TEST_CASE("tokenizer classes: each reads its own files as the reference does") {
  std::ifstream lines(golden("tokenizer-classes") / "classes.jsonl");
  std::set<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    const Json c = Json::parse(line);
    CAPTURE(c["class"]);
    CAPTURE(c["json"].dump());
    TempFolder folder;
    for (const auto& [name, file] : c["files"].items())
      fs::copy_file(golden("tokenizer-classes") / file.get<std::string>(), folder / name.c_str());
    for (const auto& [name, json] : c["json"].items()) spit(folder / name.c_str(), json.dump());
    const auto tokenizer = Tokenizer::load(folder.path);
    for (const Json& one : c["cases"]) check_case(tokenizer, one);
    names.insert(c["class"].get<std::string>());
  }
  CHECK(names.size() >= 57);
}

TEST_CASE("tokenizer classes: a translation model's tokenizer takes its source language") {
  const auto load = [](const char* name, const std::string& language) {
    TempFolder folder;
    const fs::path files = golden("tokenizer-classes");
    fs::copy_file(files / "fairseq.model", folder / "sentencepiece.bpe.model");
    if (std::string_view(name) == "M2M100")
      fs::copy_file(files / "m2m.json", folder / "vocab.json");
    spit(folder / "tokenizer_config.json",
         Json{{"tokenizer_class", std::string(name) + "Tokenizer"}}.dump());
    return Tokenizer::load(folder.path, {.src_lang = language});
  };
  const auto mbart = load("MBart", "ro_RO");
  CHECK(mbart.languages().size() == 25);
  const auto ids = mbart.encode("hello").ids;
  CHECK(ids.back() == mbart.language_id("ro_RO"));
  CHECK(ids[ids.size() - 2] == mbart.id("</s>"));
  const auto m2m = load("M2M100", "de");
  CHECK(m2m.token(m2m.encode("hello").ids.front()) == "__de__");
  CHECK(m2m.language_id("fr") == m2m.id("__fr__"));
  CHECK(!m2m.language_id("xx"));
  CHECK(load("Nllb", "deu_Latn").token(load("Nllb", "deu_Latn").encode("x").ids.front()) ==
        "deu_Latn");
  const Error e = caught([&] { load("MBart50", "french"); });
  CHECK(e.code == Errc::kUsage);
  CHECK(e.message == "language 'french' is not one of the model's 52; closest: 'fr_XX'");
  CHECK(error_of([&] { load("M2M100", "french"); }) ==
        "language 'french' is not one of the model's 100; closest: 'fr'");
}
