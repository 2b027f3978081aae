// hft tokenize through the real program: files of many lines on every core, and tokenizers made to
// break it (reliability.md rows 15-18): the limit named on one line, exit 9, soon.
#include <chrono>

#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::spit;
using test::TempFolder;

namespace {

Json plain() {
  return {{"model",
           {{"type", "BPE"}, {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}}}, {"merges", {"a b"}}}}};
}

Json with(const char* key, Json value) {
  Json json = plain();
  json[key] = std::move(value);
  return json;
}

Json regex(const char* pattern) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", pattern}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

Json repeated(const char* type, const char* key, const Json& part, std::size_t times) {
  Json parts = Json::array();
  for (std::size_t i = 0; i < times; ++i) parts.push_back(part);
  return {{"type", type}, {key, parts}};
}

Json replace(const std::string& content) {
  return {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", content}};
}

std::string nested(int depth) {
  std::string open, close;
  for (int i = 0; i < depth; ++i) open += R"({"type":"Sequence","normalizers":[)", close += "]}";
  return R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"normalizer":)" + open + close +
         "}";
}

}  // namespace

TEST_CASE(
    "tokenize: a tokenizer.json made to break it is exit 9, one line that names what is wrong, "
    "soon") {
  Json vocabulary = plain();
  vocabulary["model"]["vocab"]["b"] = 2147483648;
  Json merges = plain();
  merges["model"]["merges"] = {"a zz"};
  Json negative = plain();
  negative["model"]["vocab"]["b"] = -1;
  Json charsmap = {{"type", "Precompiled"}, {"precompiled_charsmap", "/////w=="}};
  Json sequence = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  Json parts = repeated("TemplateProcessing", "single", sequence, 100'000);
  parts.update({{"pair", Json::array()}, {"special_tokens", Json::object()}});
  const std::vector<std::pair<std::string, std::string>> hostile = {
      {with("pre_tokenizer", regex("(a+)+$")).dump(), "gave up on a text: retry-limit"},
      {with("pre_tokenizer", regex("(a|aa)+$")).dump(), "gave up on a text: "},
      {with("normalizer", repeated("Sequence", "normalizers", replace("aaaaaaaaaa"), 16)).dump(),
       "bytes of a text, the limit is 4198464 (64 times the text and 4194304)"},
      {with("normalizer", {{"type", "Prepend"}, {"prepend", std::string(5'000'000, 'x')}}).dump(),
       "the limit is 4198464"},
      {with("pre_tokenizer", repeated("Sequence", "pretokenizers", {{"type", "ByteLevel"}}, 64))
           .dump(),
       "the limit is "},
      {with("pre_tokenizer", repeated("Sequence", "pretokenizers", {{"type", "Whitespace"}}, 1000))
           .dump(),
       "'pretokenizers' has 1000 parts, the limit is 256"},
      {with("post_processor", parts).dump(), "'single' has 100000 parts, the limit is 256"},
      {with("normalizer", charsmap).dump(), "wanted a trie that fits"},
      {merges.dump(), "model.merges[0]: 'zz' is not in the vocabulary"},
      {vocabulary.dump(), "model.vocab: an id is 2147483648"},
      {negative.dump(), "model.vocab: an id is -1"},
      {with("added_tokens", {{{"id", 2147483648}, {"content", "<s>"}}}).dump(),
       "added_tokens[0]: 'id' is 2147483648"},
      {nested(100), "nested deeper than 16"},
      {nested(10'000), "not valid JSON"},
      {std::string(1'000'000, '['), "not valid JSON"},
      {"", "not valid JSON"},
      {plain().dump().substr(0, 40), "not valid JSON"}};
  for (const auto& [json, wanted] : hostile) {
    TempFolder folder;
    spit(folder / "tokenizer.json", json);
    const auto start = std::chrono::steady_clock::now();
    const auto ran = test::hft(
        {"tokenize", "-m", folder.path.string(), "--ids-only", std::string(63, 'a') + "\xc3\xa9"});
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    CAPTURE(json.substr(0, 200));
    CAPTURE(ran.err.substr(0, 400));
    CHECK(ran.code == 9);
    CHECK(ran.err.find(wanted) != std::string::npos);
    CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') <= 2);
    CHECK(seconds.count() < 30);  // of the machine's clock, which may be busy; alone it is below 1
  }
}

TEST_CASE("tokenize: a file of many lines is worked on in pieces, its records come in order") {
  TempFolder folder;
  std::string lines;
  for (int i = 0; i < 20'000; ++i)
    lines += i % 5000 == 77
                 ? "bad \xff byte\n"
                 : "line " + std::to_string(i) + " of the file, " + std::string(i % 40, 'x') + "\n";
  spit(folder / "lines.txt", lines);
  const auto ran = test::hft({"tokenize", "-m", golden("tokenizers/wordpiece-bert").string(),
                              "--lines", "--json", "-i", (folder / "lines.txt").string()});
  CHECK(ran.code == 3);
  const auto records = ran.records();
  REQUIRE(records.size() == 20'000);
  std::size_t failed = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].contains("error")) {
      failed += i % 5000 == 77;
      continue;
    }
    const std::string text =
        "line " + std::to_string(i) + " of the file, " + std::string(i % 40, 'x');
    if (records[i]["input"] != text || records[i]["output"]["ids"].empty())
      FAIL_CHECK("record ", i, " is of another line");
  }
  CHECK(failed == 4);
}

TEST_CASE("tokenize: an argument in brackets is one text") {
  const std::string model = golden("tokenizers/wordpiece-bert").string();
  const auto text = test::hft({"tokenize", "-m", model, "--json", "[a, b]", "--pair=[c, d]"});
  REQUIRE(text.records().size() == 1);
  CHECK(text.records()[0]["input"] == Json{{"text_pair", "[c, d]"}, {"text", "[a, b]"}});
  const auto ids = test::hft({"tokenize", "-m", model, "--json", "--ids-only", "one two"});
  const std::string list = ids.records().at(0)["output"].dump();
  const auto decoded = test::hft({"tokenize", "-m", model, "--json", "--decode", list});
  REQUIRE(decoded.records().size() == 1);
  CHECK(decoded.records()[0]["output"] == "one two");
}

TEST_CASE("tokenize: --chat-template takes the place of the model's") {
  TempFolder folder;
  spit(folder / "tokenizer.json", plain().dump());
  spit(folder / "chat.json", R"([{"role": "user", "content": "hi"}])");
  spit(folder / "own.jinja", "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}");
  const std::vector<std::string> arguments = {
      "tokenize",   "-m",         folder.path.string(),
      "--template", "--messages", (folder / "chat.json").string()};
  const auto without = test::hft(arguments);
  CHECK(without.code == 5);
  CHECK(without.err == "hft: " + folder.path.string() +
                           ": the model has no chat template\n"
                           "hint: give one with --chat-template FILE\n");
  auto more = arguments;
  more.insert(more.end(), {"--chat-template", (folder / "own.jinja").string()});
  CHECK(test::hft(more).out == "<user>hi\n");
}
