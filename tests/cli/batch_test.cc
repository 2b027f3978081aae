// Requests of OpenAI's Batch API as inputs of hft generate; a file for each input.
#include "tests/support/test.h"

using namespace hft;
namespace fs = test::fs;
using test::golden;
using test::slurp;
using test::spit;
using test::TempFolder;

namespace {

constexpr const char* kTemplate =
    "{% for m in messages %}{{ m['content'] }} {% endfor %}";

std::string request(const std::string& id, const std::string& body) {
  return R"({"custom_id": ")" + id + R"(", "method": "POST", "url": "/v1/chat/completions", "body": )" + body + "}\n";
}

}  // namespace

TEST_CASE("batch: a request becomes its response, with its own settings") {
  TempFolder folder;
  spit(folder / "t.jinja", kTemplate);
  spit(folder / "b.jsonl",
       request("one", R"({"model": "m", "messages": [{"role": "user", "content": "the cat"}], "max_tokens": 3, "temperature": 0})") +
           request("two", R"({"model": "m", "messages": [{"role": "user", "content": "the cat"}], "max_completion_tokens": 5, "temperature": 0})") +
           request("three", R"({"messages": "no list"})") +
           request("four", R"({"messages": [{"role": "user", "content": "x"}], "logit_bias": {"1": 2}})") +
           request("five", R"({"model": "m", "prompt": "the cat", "max_tokens": 2, "temperature": 0})"));
  const std::vector<std::string> common{"generate", "-m", golden("llama-generate").string(), "--chat-template", "t.jinja"};
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> args = common;
    args.insert(args.end(), more.begin(), more.end());
    return test::hft(args, {.cwd = folder.path});
  };
  const auto ran = run({"-i", "b.jsonl"});
  CHECK(ran.code == 3);
  const auto rows = ran.records();
  REQUIRE(rows.size() == 5);
  CHECK(rows[0]["custom_id"] == "one");
  CHECK(rows[0]["id"] == "batch_req_one");
  CHECK(rows[0]["error"] == nullptr);
  CHECK(rows[0]["response"]["status_code"] == 200);
  const Json& body = rows[0]["response"]["body"];
  CHECK(body["object"] == "chat.completion");
  CHECK(body["model"] == "m");
  CHECK(body["choices"][0]["message"]["role"] == "assistant");
  CHECK(body["usage"]["completion_tokens"] == 3);
  CHECK(body["choices"][0]["finish_reason"] == "length");
  CHECK(rows[1]["response"]["body"]["usage"]["completion_tokens"] == 5);
  CHECK(rows[2]["error"]["code"] == "bad_data");
  CHECK(rows[2]["response"] == nullptr);
  CHECK(rows[3]["error"]["message"].get<std::string>().ends_with("body: 'logit_bias' is not supported"));
  CHECK(rows[4]["response"]["body"]["object"] == "text_completion");
  // As the same conversation gets without a batch.
  spit(folder / "c.json", R"([{"role": "user", "content": "the cat"}])");
  const auto plain = run({"--messages", "c.json", "--max-new-tokens", "3", "--no-do-sample", "--json"});
  CHECK(plain.records()[0]["output"][0]["generated_text"][1]["content"] == body["choices"][0]["message"]["content"]);
  CHECK(run({"-i", "b.jsonl", "-o", "out.jsonl"}).code == 3);
  CHECK(slurp(folder / "out.jsonl") == ran.out);
}

TEST_CASE("outputs: a file for each input, which a second run passes over") {
  TempFolder folder;
  const auto tokenize = [&](std::vector<std::string> more) {
    std::vector<std::string> args{"tokenize", "-m", golden("bert-classify").string(), "--ids-only", "--output-dir", "out"};
    args.insert(args.end(), more.begin(), more.end());
    return test::hft(args, {.cwd = folder.path});
  };
  spit(folder / "rows.jsonl", "{\"id\": \"x/1\", \"text\": \"one\"}\n{\"id\": 7, \"text\": \"two\"}\n{\"text\": 5}\n{\"text\": \"one\"}\n");
  const auto ran = tokenize({"-i", "rows.jsonl", "--json"});
  CHECK(ran.code == 3);
  CHECK(ran.out == "");
  CHECK(Json::parse(slurp(folder / "out/x_1.json"))["input"] == "one");
  CHECK(Json::parse(slurp(folder / "out/7.json"))["id"] == 7);
  CHECK(fs::exists(folder / "out/0004.json"));
  CHECK(!fs::exists(folder / "out/0003.json"));
  const auto again = tokenize({"-i", "rows.jsonl", "--json"});
  CHECK(again.code == 2);
  CHECK(again.err.find("out/x_1.json: exists already\nhint: --force replaces it, --skip-existing leaves it\n") != again.err.npos);
  spit(folder / "out/7.json", "kept");
  CHECK(tokenize({"-i", "rows.jsonl", "--json", "--skip-existing"}).code == 3);
  CHECK(slurp(folder / "out/7.json") == "kept");
  CHECK(tokenize({"-i", "rows.jsonl", "--json", "--force"}).code == 3);
  CHECK(slurp(folder / "out/7.json") != "kept");
  CHECK(tokenize({"-i", "rows.jsonl", "-o", "x.jsonl"}).err == "hft: --output-dir and --output contradict each other\n");
  CHECK(test::hft({"tokenize", "-m", golden("bert-classify").string(), "x", "--skip-existing"}).err ==
        "hft: --skip-existing is for --output-dir\n");
}

TEST_CASE("outputs: pictures' results are called after the pictures") {
  TempFolder folder;
  const auto ran = test::hft({"image-classify", "-m", golden("vit").string(), "--json", "--output-dir", (folder / "out").string(),
                              (golden("pictures") / "digit.png").string()});
  CHECK(ran.code == 0);
  CHECK(Json::parse(slurp(folder / "out/digit.json"))["output"].is_array());
}
