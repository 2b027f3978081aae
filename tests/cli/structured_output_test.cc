// hft generate and chat with --json-schema, --regex and --choices: every way to search writes what
// conforms, texts that would have conformed anyway stay, what cannot be is refused in one line.
#include <regex>

#include "tests/support/test.h"

using namespace hft;

namespace {

const std::string kGpt2 = test::golden("gpt2-generate").string();
constexpr const char* kPerson =
    R"({"type": "object", "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer", "minimum": 0,
        "maximum": 120}, "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3}},
        "required": ["name", "age"], "additionalProperties": false})";

test::Ran generate(std::vector<std::string> args, const test::RunOptions& options = {}) {
  args.insert(args.begin(), {"generate", "-m", kGpt2, "--no-full-text"});
  return test::hft(args, options);
}

void check_person(const Json& one) {
  INFO(one.dump());
  REQUIRE(one["finish_reason"] == "eos");
  const Json person = Json::parse(one["generated_text"].get<std::string>(), nullptr, false);
  REQUIRE(person.is_object());
  CHECK(person["name"].is_string());
  CHECK(person["age"].is_number_integer());
  CHECK(person["age"] >= 0);
  CHECK(person["age"] <= 120);
  CHECK(person.value("tags", Json::array()).size() <= 3);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

TEST_CASE("structured output: greedy search, sampling, beams and drafts write what conforms") {
  test::TempFolder folder;
  test::spit(folder / "person.json", kPerson);
  const std::vector<std::vector<std::string>> strategies{
      {"--no-do-sample"},
      {"--do-sample", "--temperature", "2", "--seed", "3", "--num-return-sequences", "4"},
      {"--no-do-sample", "--num-beams", "4", "--num-return-sequences", "2"},
      {"--do-sample", "--num-beams", "2", "--seed", "1"},
      {"--no-do-sample", "--num-beams", "4", "--num-beam-groups", "2", "--diversity-penalty", "1"},
      {"--no-do-sample", "--penalty-alpha", "0.6", "--top-k", "4"},
      {"--no-do-sample", "--prompt-lookup-num-tokens", "3"}};
  for (const auto& strategy : strategies) {
    std::vector<std::string> args{
        "A person: {\"name\": \"Ada\"", "--json",           "--json-schema",
        folder / "person.json",         "--max-new-tokens", "200"};
    args.insert(args.end(), strategy.begin(), strategy.end());
    const test::Ran ran = generate(args);
    INFO(strategy[1], " ", ran.err);
    REQUIRE(ran.code == 0);
    for (const Json& one : ran.records()[0]["output"]) check_person(one);
  }
}

TEST_CASE("structured output: inputs together are what they are alone") {
  test::TempFolder folder;
  test::spit(folder / "person.json", kPerson);
  const std::vector<std::string> flags{"--json",         "--json-schema",    folder / "person.json",
                                       "--no-do-sample", "--max-new-tokens", "200"};
  std::vector<std::string> together{"The harbour", "Ada", "JSON:"};
  together.insert(together.end(), flags.begin(), flags.end());
  const auto records = generate(together).records();
  REQUIRE(records.size() == 3);
  for (const Json& record : records) {
    check_person(record["output"][0]);
    std::vector<std::string> alone{record["input"].get<std::string>()};
    alone.insert(alone.end(), flags.begin(), flags.end());
    CHECK(generate(alone).records()[0]["output"] == record["output"]);
  }
}

TEST_CASE("structured output: a text that conforms anyway has the same tokens") {
  const std::vector<std::string> flags{"Ada",    "--no-do-sample",   "--stream",
                                       "--json", "--max-new-tokens", "12"};
  const auto run = [&](std::vector<std::string> more) {
    more.insert(more.begin(), flags.begin(), flags.end());
    const test::Ran ran = generate(more);
    CHECK(ran.code == 0);
    std::string text;
    std::vector<std::int64_t> ids;
    for (const Json& line : ran.records()) {
      text += line.value("text", "");
      if (line.contains("id")) ids.push_back(line["id"]);
    }
    return std::pair{text, ids};
  };
  const auto [text, ids] = run({});
  REQUIRE(ids.size() == 12);
  CHECK(run({"--regex", "[\\s\\S]*"}).second == ids);
  CHECK(run({"--choices", Json::array({"no", text + " and more", "The"}).dump()}).second == ids);
}

TEST_CASE("structured output: regular expressions and choices") {
  const test::Ran regex = generate({"A number:", "--regex", "[1-9][0-9]{2}-(é|ü)\\.", "--do-sample",
                                    "--seed", "5", "--num-return-sequences", "5", "--json"});
  REQUIRE(regex.code == 0);
  for (const Json& one : regex.records()[0]["output"])
    CHECK(std::regex_match(one["generated_text"].get<std::string>(),
                           std::regex("[1-9][0-9]{2}-(é|ü)\\.")));
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"--choices", "positive, negative"},
        {"--choices", "positive", "--choices", "negative"},
        {"--choices", "[\"positive\", \"negative\"]"}}) {
    std::vector<std::string> args{"It is", "--no-do-sample"};
    args.insert(args.end(), flags.begin(), flags.end());
    const test::Ran ran = generate(args);
    CHECK((ran.out == "positive\n" || ran.out == "negative\n"));
  }
}

TEST_CASE("structured output: beams give no more texts than there are") {
  const test::Ran ran = generate({"It is", "--no-do-sample", "--choices", "a,b", "--num-beams", "4",
                                  "--num-return-sequences", "4", "--json"});
  REQUIRE(ran.code == 0);
  const Json output = ran.records()[0]["output"];
  REQUIRE(output.size() == 2);
  CHECK(output[0]["generated_text"] != output[1]["generated_text"]);
}

TEST_CASE("structured output: a text that is cut is said to be") {
  const std::vector<std::string> args{"A:",        "--no-do-sample",   "--regex",
                                      "[a-z]{40}", "--max-new-tokens", "3"};
  std::vector<std::string> json = args;
  json.push_back("--json");
  CHECK(generate(json).records()[0]["output"][0]["finish_reason"] == "length");
  const test::Ran text = generate(args);
  CHECK(text.code == 0);
  CHECK(text.err == "hft: a text does not conform: it ended before it was whole (length)\n");
}

TEST_CASE("structured output: lengths give way to what the text may be") {
  // The text cannot go on, whatever --min-new-tokens asks.
  const test::Ran least =
      generate({"A:", "--no-do-sample", "--choices", "b", "--min-new-tokens", "9", "--json"});
  CHECK(least.records()[0]["output"][0]["generated_text"] == "b");
  // Settings that leave no token are the error of the input.
  const test::Ran none = generate(
      {"A:", "--no-do-sample", "--regex", "(ab){9}", "--no-repeat-ngram-size", "1", "--json"});
  CHECK(none.code == 1);
  CHECK(
      none.records()[0]["error"]["message"] ==
      "no token is left with which the text conforms: the vocabulary or other settings leave none");
}

TEST_CASE("structured output: what cannot be is refused in one line, before the model is loaded") {
  test::TempFolder folder;
  const auto refused = [&](const std::vector<std::string>& flags, int code,
                           const std::string& message) {
    std::vector<std::string> args{"generate", "-m", folder / "none", "x"};
    args.insert(args.end(), flags.begin(), flags.end());
    const test::Ran ran = test::hft(args, {.cwd = folder.path});
    CHECK(ran.code == code);
    CHECK(ran.out == "");
    CHECK(first_line(ran.err) == "hft: " + message);
  };
  test::spit(folder / "torn.json", "{\"type\": ");
  test::spit(folder / "none-conform.json", R"({"type": "string", "enum": [1]})");
  test::spit(folder / "refused.json", R"({"properties": {"a": {"maxContains": 2}}})");
  test::spit(folder / "wrong.json", R"({"properties": {"a": {"minLength": "2"}}})");
  refused({"--regex", "a(?=b)"}, 6, "--regex: at 2: lookahead (?=…) is not supported");
  refused({"--regex", "(a)\\1"}, 6, "--regex: at 4: a backreference is not supported");
  refused({"--regex", "(a"}, 2, "--regex: at 1: unmatched (");
  refused({"--regex", "a[]"}, 2, "--regex: no text matches this expression");
  refused({"--regex", "a", "--choices", "a,b"}, 2,
          "--json-schema, --regex, --choices: one of them at a time");
  refused({"--choices", ""}, 2, "--choices: is empty; a variable that is not set?");
  refused({"--json-schema", "missing.json"}, 5, "missing.json: no such file");
  refused({"--json-schema", "none-conform.json"}, 9,
          "none-conform.json: no value conforms with this schema");
  refused({"--json-schema", "refused.json"}, 6,
          "refused.json: #/properties/a: 'maxContains' is not supported");
  refused({"--json-schema", "wrong.json"}, 9,
          "wrong.json: #/properties/a: 'minLength' is \"2\", wanted a whole number of at least 0");
  const test::Ran torn =
      test::hft({"generate", "-m", "none", "x", "--json-schema", folder / "torn.json"});
  CHECK(torn.code == 9);
}

TEST_CASE("structured output: chat answers conform too") {
  const test::Ran ran =
      test::hft({"chat", "-m", test::golden("llama-generate").string(), "--choices", "yes,no"},
                {.in = "Hello\nAgain\n"});
  CHECK(ran.code == 0);
  CHECK(std::regex_match(ran.out, std::regex("((yes|no)\n){2}")));
}

TEST_CASE("structured output: a row's response_format comes before the flags") {
  test::TempFolder folder;
  test::spit(
      folder / "rows.jsonl",
      R"({"text": "a", "response_format": {"type": "json_schema", "json_schema": {"schema": {"const": null}}}}
{"text": "b", "response_format": {"type": "text"}}
{"text": "c"}
{"text": "d", "response_format": {"type": "json_schema", "json_schema": {"schema": {"maxContains": 1}}}}
{"text": "e", "response_format": {"type": "xml"}}
)");
  const test::Ran ran = generate({"-i", folder / "rows.jsonl", "--choices", "yes", "--no-do-sample",
                                  "--max-new-tokens", "90", "--json"});
  CHECK(ran.code == 3);
  const auto records = ran.records();
  REQUIRE(records.size() == 5);
  CHECK(Json::parse(records[0]["output"][0]["generated_text"].get<std::string>()).is_null());
  CHECK(!records[1]["output"][0].contains("finish_reason"));
  CHECK(records[2]["output"][0]["generated_text"] == "yes");
  CHECK(records[3]["error"]["message"] == "response_format: #: 'maxContains' is not supported");
  CHECK(records[4]["error"]["message"] ==
        "response_format: 'type' is \"xml\", wanted json_schema, json_object or text");
}
