// Files made to break a reader: each is one clear error, soon (reliability.md rows 15-17).
#include <algorithm>
#include <array>
#include <ctime>
#include <random>

#include "core/tokenizers/spm_model.h"
#include "core/tokenizers/tokenizer.h"
#include "tests/support/test.h"

using namespace hft;
using namespace hft::test;

namespace {

Json plain() {
  return {{"model",
           {{"type", "BPE"}, {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}}}, {"merges", {"a b"}}}}};
}

Error load_error(const Json& json) {
  TempFolder folder;
  spit(folder / "tokenizer.json", json.dump());
  return caught([&] { Tokenizer::load(folder.path); });
}
std::string message(const Json& json) { return load_error(json).message; }

Json nested(const char* key, int depth) {
  Json inner = {{"type", "Sequence"}, {key, Json::array()}};
  for (int i = 0; i < depth; ++i) inner = {{"type", "Sequence"}, {key, {inner}}};
  return inner;
}

// Of this process alone: the machine may be busy.
double seconds(const std::function<void()>& f) {
  const std::clock_t start = std::clock();
  f();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

}  // namespace

TEST_CASE("hostile tokenizer.json: an unknown component is named with its path") {
  Json json = plain();
  json["pre_tokenizer"] = {{"type", "Sequence"},
                           {"pretokenizers", {{{"type", "Whitespace"}}, {{"type", "Jieba"}}}}};
  const Error e = load_error(json);
  CHECK(e.code == Errc::kUnsupported);
  CHECK(e.message.find("tokenizer.json: pre_tokenizer.pretokenizers[1]: 'type' is \"Jieba\", "
                       "wanted one of BertPreTokenizer, ") == 0);
  json = plain();
  json["model"]["type"] = "Neural";
  CHECK(message(json) ==
        "tokenizer.json: model: 'type' is \"Neural\", wanted one of BPE, WordPiece, WordLevel, "
        "Unigram");
}

TEST_CASE("hostile tokenizer.json: merges are checked against the vocabulary") {
  Json json = plain();
  json["model"]["merges"] = {"a b", "a zz"};
  CHECK(message(json) == "tokenizer.json: model.merges[1]: 'zz' is not in the vocabulary");
  json["model"]["merges"] = Json::parse(R"([["b", "a"]])");
  CHECK(message(json) == "tokenizer.json: model.merges[0]: 'ba' is not in the vocabulary");
  json["model"]["merges"] = {"a b c"};
  CHECK(message(json) ==
        "tokenizer.json: model.merges[0]: is 'a b c', wanted two tokens with one space between");
  json["model"]["merges"] = {5};
  CHECK(message(json) == "tokenizer.json: model.merges[0]: is neither \"a b\" nor [\"a\", \"b\"]");
}

TEST_CASE("hostile tokenizer.json: an id sizes no array beyond the number of tokens") {
  for (const Json& id : {Json(2147483648), Json(70'000), Json(-1), Json(1.5), Json("0")}) {
    Json json = plain();
    json["model"]["vocab"]["b"] = id;
    CHECK(message(json).find("tokenizer.json: model.vocab: an id is ") == 0);
  }
  Json json = plain();
  json["added_tokens"] = {{{"id", 1LL << 40}, {"content", "<s>"}}};
  CHECK(message(json) ==
        "tokenizer.json: added_tokens[0]: 'id' is 1099511627776, wanted an integer in [0, "
        "2147483647]");
}

TEST_CASE("hostile tokenizer.json: Sequences nest to a limit") {
  for (const auto& [part, key] : {std::pair{"normalizer", "normalizers"},
                                  {"pre_tokenizer", "pretokenizers"},
                                  {"post_processor", "processors"},
                                  {"decoder", "decoders"}}) {
    Json json = plain();
    json[part] = nested(key, 17);
    CHECK(message(json).find(": nested deeper than 16") != std::string::npos);
    json[part] = nested(key, 10);
    TempFolder folder;
    spit(folder / "tokenizer.json", json.dump());
    CHECK(Tokenizer::load(folder.path).id("ab") == 2);
  }
  TempFolder folder;
  spit(folder / "tokenizer.json", std::string(100'000, '['));
  CHECK(error_of([&] { Tokenizer::load(folder.path); }).find("not valid JSON") !=
        std::string::npos);
}

TEST_CASE("hostile tokenizer.json: a regular expression that backtracks for ever gives up") {
  TempFolder folder;
  Json json = plain();
  json["pre_tokenizer"] = {{"type", "Split"},
                           {"pattern", {{"Regex", "(a+)+$"}}},
                           {"behavior", "Isolated"},
                           {"invert", false}};
  spit(folder / "tokenizer.json", json.dump());
  const auto tokenizer = Tokenizer::load(folder.path);
  std::string text;
  CHECK(seconds([&] { text = error_of([&] { tokenizer.encode(std::string(64, 'a') + "b"); }); }) <
        5);
  CHECK(text.find("the regular expression '(a+)+$' gave up on a text: ") == 0);
  json["pre_tokenizer"]["pattern"]["Regex"] = "(a";
  spit(folder / "tokenizer.json", json.dump());
  CHECK(error_of([&] { Tokenizer::load(folder.path); }) ==
        "tokenizer.json: pre_tokenizer: '(a' is not a regular expression: end pattern with "
        "unmatched parenthesis");
}

TEST_CASE("hostile tokenizer.json: fields of the wrong kind are named") {
  Json json = plain();
  json["model"].erase("merges");
  CHECK(message(json) == "tokenizer.json: model: 'merges' is missing, wanted a list");
  json = plain();
  json["model"]["vocab"] = 5;
  CHECK(message(json) ==
        "tokenizer.json: model: 'vocab' is not an object, wanted {\"token\": id, …}");
  json = plain();
  json.erase("model");
  CHECK(message(json) == "tokenizer.json: 'model' is missing");
  json = plain();
  json["version"] = "9.0";
  CHECK(message(json) == "tokenizer.json: 'version' is \"9.0\", wanted \"1.0\"");
  json = plain();
  json["post_processor"] = {{"type", "TemplateProcessing"},
                            {"single", {{{"SpecialToken", {{"id", "[CLS]"}, {"type_id", 0}}}}}},
                            {"pair", Json::array()}};
  CHECK(message(json) ==
        "tokenizer.json: post_processor.single[0]: the special token '[CLS]' is not among "
        "special_tokens");
  json = Json::parse(R"({"model": {"type": "Unigram", "unk_id": 7, "vocab": [["a", -1.0]]}})");
  CHECK(message(json) == "tokenizer.json: model: 'unk_id' is 7, but there are 1 tokens");
  json = plain();
  json["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "/////w=="}};
  CHECK(message(json) ==
        "tokenizer.json: normalizer: precompiled_charsmap: holds 4 bytes and a trie of 4294967295, "
        "wanted a trie that fits");
}

TEST_CASE("hostile SentencePiece models: lengths and pieces are checked") {
  const auto error = [](std::string_view bytes) {
    return error_of([&] { parse_spm(bytes, "x.model"); });
  };
  CHECK(error("") == "x.model: no pieces, not a SentencePiece model");
  CHECK(error("\x0a\x7f") == "x.model: field 1 has 127 bytes, but 0 are left");
  CHECK(error("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") ==
        "x.model: a number does not end");
  CHECK(error(std::string_view("\x0a\x07\x0a\x00\x15\x00\x00\xc0\x7f", 9)) ==
        "x.model: pieces[0].score: not a finite number");
  CHECK(error(std::string_view("\x0a\x02\x10\x05", 4)) ==
        "x.model: pieces[0]: field 2 is no 4-byte number");
  CHECK(error("\x0a\x03\x0a\x01\xff") == "x.model: pieces[0].piece: not UTF-8");
  std::string huge("\x0a\x80\x80\x80\x08");  // 16 MiB that are not there
  CHECK(error(huge) == "x.model: field 1 has 16777216 bytes, but 0 are left");
}

TEST_CASE("hostile texts: a long word takes linear time, NUL and marks are text") {
  TempFolder folder;
  Json json = plain();
  json["model"]["unk_token"] = "a";
  spit(folder / "tokenizer.json", json.dump());
  const auto tokenizer = Tokenizer::load(folder.path);
  std::string text;
  for (int i = 0; i < 500'000; ++i) text += "ab";
  double small = 0, large = 0;
  std::size_t n = 0;
  small = seconds([&] { tokenizer.encode(text.substr(0, 100'000)); });
  large = seconds([&] { n = tokenizer.encode(text).size(); });
  CHECK(n == 500'000);
  CHECK(large < 30 * small + 0.05);
  // NUL is unknown, that is "a".
  CHECK(tokenizer.encode(std::string_view("b\0b", 3)).ids == std::vector<std::int32_t>{1, 2});
}

TEST_CASE("hostile texts: a long word is merged in windows just as by the definition") {
  std::mt19937 draw(7);
  const auto pick = [&](std::size_t n) { return draw() % n; };
  for (int round = 0; round < 8; ++round) {
    std::vector<std::string> tokens{"a", "b", "c"};
    std::vector<std::array<std::size_t, 3>> merges;  // left, right, merged
    while (merges.size() < 25) {
      const std::size_t left = pick(tokens.size()), right = pick(tokens.size());
      const std::string both = tokens[left] + tokens[right];
      if (both.size() > 600 || std::find(tokens.begin(), tokens.end(), both) != tokens.end())
        continue;
      merges.push_back({left, right, tokens.size()});
      tokens.push_back(both);
    }
    std::shuffle(merges.begin(), merges.end(), draw);
    Json model = {{"type", "BPE"}, {"vocab", Json::object()}, {"merges", Json::array()}};
    for (std::size_t i = 0; i < tokens.size(); ++i) model["vocab"][tokens[i]] = i;
    for (const auto& [left, right, merged] : merges)
      model["merges"].push_back({tokens[left], tokens[right]});
    TempFolder folder;
    spit(folder / "tokenizer.json", Json{{"model", model}}.dump());
    std::string text;
    while (text.size() < 5000) text += std::string(1 + pick(round % 2 ? 900 : 3), "abc"[pick(3)]);

    std::vector<std::int32_t> ids;
    for (char c : text) ids.push_back(c - 'a');
    for (std::size_t best = 0;
         best < merges.size();) {  // the lowest rank, leftmost, again and again
      best = merges.size();
      std::size_t at = 0;
      for (std::size_t i = 0; i + 1 < ids.size(); ++i)
        for (std::size_t rank = 0; rank < best; ++rank)
          if (static_cast<std::size_t>(ids[i]) == merges[rank][0] &&
              static_cast<std::size_t>(ids[i + 1]) == merges[rank][1])
            best = rank, at = i;
      if (best == merges.size()) break;
      ids[at] = static_cast<std::int32_t>(merges[best][2]);
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at + 1));
    }
    CHECK(Tokenizer::load(folder.path).encode(text).ids == ids);
  }
}

TEST_CASE("hostile texts: a megabyte without a space passes a regular expression that looks back") {
  TempFolder folder;
  Json json = plain();
  json["pre_tokenizer"] = {
      {"type", "Split"},
      {"pattern", {{"Regex", "[\\p{Lu}\\p{M}]*[\\p{Ll}\\p{M}]+|[\\p{Lu}\\p{M}]+[\\p{Ll}]*|\\s+"}}},
      {"behavior", "Isolated"},
      {"invert", false}};
  spit(folder / "tokenizer.json", json.dump());
  const auto tokenizer = Tokenizer::load(folder.path);
  std::string text;
  for (int i = 0; i < 600'000; ++i) text += "ab";
  CHECK(tokenizer.encode(text).size() == 600'000);
}

TEST_CASE("hostile tokenizer.json: decoders add to a text within a limit") {
  TempFolder folder;
  Json json = plain();
  Json part = {
      {"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", std::string(1000, 'a')}};
  json["decoder"] = {{"type", "Sequence"}, {"decoders", {part, part, part}}};
  spit(folder / "tokenizer.json", json.dump());
  const auto tokenizer = Tokenizer::load(folder.path);
  CHECK(error_of([&] {
          tokenizer.decode({0});
        }).find("bytes of a text of 1000000, the limit is 67108864") != std::string::npos);
}
