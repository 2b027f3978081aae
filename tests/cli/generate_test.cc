// hft generate and hft chat: what is refused, streams that equal whole answers, inputs together and
// alone, conversations line by line.
#include "tests/support/test.h"

using namespace hft;

namespace {

const std::string kGpt2 = test::golden("gpt2-generate").string();
const std::string kQwen = test::golden("qwen2-generate").string();

test::Ran generate(std::vector<std::string> args, const test::RunOptions& options = {}) {
  args.insert(args.begin(), {"generate", "-m", kGpt2});
  return test::hft(args, options);
}

void refused(const std::vector<std::string>& args, const std::string& message) {
  std::vector<std::string> all{"Hello"};
  all.insert(all.end(), args.begin(), args.end());
  const test::Ran ran = generate(all);
  CHECK(ran.code == 2);
  CHECK(ran.out == "");
  CHECK(ran.err.substr(0, ran.err.find('\n')) == "hft: " + message);
}

}  // namespace

TEST_CASE("generate: settings that cannot be are refused in one line") {
  refused({"--top-p", "1.5"}, "--top-p: 1.5 is outside [0, 1]");
  refused({"--temperature", "-1"}, "--temperature: -1.0 is not above 0");
  refused({"--max-new-tokens", "0"}, "--max-new-tokens: 0 is outside [1, 1000000000]");
  refused({"--repetition-penalty", "0"}, "--repetition-penalty: 0.0 is not above 0");
  refused({"--num-beams", "4", "--stream"}, "--stream: beams choose the text at the end");
  refused({"--num-return-sequences", "2", "--stream"},
          "--stream: several texts cannot be shown at once");
  refused({"--num-return-sequences", "2", "--no-do-sample"},
          "--num-return-sequences: 2 without sampling or beams would all be the same");
  refused({"--num-return-sequences", "3", "--num-beams", "2"},
          "--num-return-sequences: 3 are more than the 2 of --num-beams");
  refused({"--num-beams", "4", "--num-beam-groups", "3", "--no-do-sample"},
          "--num-beam-groups: 4 beams cannot be shared out over 3 groups");
  refused({"--eos-token-id", "1,x"},
          "--eos-token-id: 'x' is not a whole number; wanted a list such as 1,2");
  refused({"--messages", "chat.json"},
          "--messages: the conversation is the only input, leave out the others");
}

TEST_CASE("generate: a prompt longer than the model takes is refused with --no-truncation") {
  std::string prompt;
  for (int i = 0; i < 400; ++i) prompt += " clock";
  const test::Ran ran = generate({prompt, "--no-truncation"});
  CHECK(ran.code == 1);
  CHECK(ran.err.find("tokens, the model takes 300 with at least one to generate") !=
        std::string::npos);
}

TEST_CASE("generate: a bad value in the model's files is bad data") {
  test::TempFolder folder;
  test::fs::copy(kGpt2, folder.path / "m", test::fs::copy_options::recursive);
  test::spit(folder / "m/generation_config.json", R"({"top_p": "high"})");
  const test::Ran ran = test::hft({"generate", "-m", folder / "m", "Hello"});
  CHECK(ran.code == 9);
  CHECK(ran.err.find("generation_config.json: 'top_p' is \"high\", which is no number") !=
        std::string::npos);
}

TEST_CASE("generate: flags without effect are said to be") {
  const test::Ran ran = generate({"Hello", "--no-do-sample", "--temperature", "0.5", "--top-p",
                                  "0.5", "--max-new-tokens", "3"});
  CHECK(ran.code == 0);
  CHECK(ran.err == "hft: --temperature, --top-p: of no effect without --do-sample\n");
  const test::Ran zero = generate({"Hello", "--temperature", "0", "--max-new-tokens", "3"});
  CHECK(zero.err == "hft: --temperature 0: the likeliest token is taken (--no-do-sample)\n");
  CHECK(zero.out == ran.out);
}

TEST_CASE("generate: a stream is the text that is printed whole") {
  for (const std::string prompt : {"The harbour master", "東京 and", "Good 🎉", "It's , isn't"})
    for (const std::string seed : {"1", "2", "3"})
      for (const std::string full : {"--full-text", "--no-full-text"}) {
        const std::vector<std::string> args{prompt, "--seed",           seed, "--temperature",
                                            "2",    "--max-new-tokens", "40", full};
        std::vector<std::string> streamed = args;
        streamed.push_back("--stream");
        const test::Ran whole = generate(args), pieces = generate(streamed);
        CHECK(whole.code == 0);
        CHECK(pieces.out == whole.out);
      }
}

TEST_CASE("generate: a stream of JSON has a line for each token and says how it ended") {
  const test::Ran ran = generate({"The clock", "--stream", "--json", "--no-do-sample",
                                  "--max-new-tokens", "5", "--logprobs", "2"});
  const auto lines = ran.records();
  REQUIRE(lines.size() >= 6);
  std::string text;
  for (const Json& line : lines) text += line.value("text", "");
  const test::Ran whole =
      generate({"The clock", "--no-full-text", "--no-do-sample", "--max-new-tokens", "5"});
  CHECK(text + "\n" == whole.out);
  CHECK(lines[0]["top"].size() == 2);
  CHECK(lines[0]["logprob"] == lines[0]["top"][0]["logprob"]);
  CHECK(lines.back()["done"] == true);
  CHECK(lines.back()["finish_reason"] == "length");
  CHECK(lines.back()["usage"]["completion_tokens"] == 5);
}

TEST_CASE("generate: inputs together give what each gives alone") {
  const std::vector<std::string> prompts{"The harbour", "A",
                                         "Maria Lopez never liked the broken clock, but", "Good 🎉"};
  const std::vector<std::vector<std::string>> ways{{"--seed", "5"},
                                                   {"--no-do-sample", "--num-beams", "3"},
                                                   {"--seed", "5", "--num-return-sequences", "2"}};
  for (const auto& way : ways) {
    std::vector<std::string> args = prompts;
    args.insert(args.end(), {"--json", "--max-new-tokens", "12"});
    args.insert(args.end(), way.begin(), way.end());
    const auto together = generate(args).records();
    REQUIRE(together.size() == prompts.size());
    args.insert(args.end(), {"--batch-size", "1"});
    const auto apart = generate(args).records();
    for (std::size_t i = 0; i < prompts.size(); ++i) CHECK(together[i] == apart[i]);
  }
}

TEST_CASE("generate: an assistant changes nothing of greedy text") {
  const std::vector<std::string> plain{"The harbour master", "--no-do-sample", "--max-new-tokens",
                                       "25"};
  std::vector<std::string> assisted = plain;
  assisted.insert(assisted.end(), {"--assistant-model", kGpt2});
  CHECK(generate(assisted).out == generate(plain).out);
}

TEST_CASE("generate: an assistant with other tokens is refused") {
  const test::Ran ran = generate({"Hello", "--assistant-model", kQwen});
  CHECK(ran.code == 6);
  CHECK(ran.err == "hft: --assistant-model: its tokens are not those of the model\n");
}

TEST_CASE("generate: a conversation out of a file, with a system message, with another template") {
  test::TempFolder folder;
  test::spit(folder / "chat.json", R"([{"role": "user", "content": "Why?"}])");
  test::spit(folder / "t.jinja",
             "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}");
  const std::vector<std::string> tail{"-m", kQwen,   "--no-do-sample", "--max-new-tokens",
                                      "8",  "--json"};
  auto run = [&](std::vector<std::string> args) {
    args.insert(args.begin(), "generate");
    args.insert(args.end(), tail.begin(), tail.end());
    const auto records = test::hft(args).records();
    REQUIRE(records.size() == 1);
    return records[0];
  };
  const Json file = run({"--messages", folder / "chat.json"});
  CHECK(file["input"] == (folder / "chat.json").string());
  CHECK(file["output"][0]["generated_text"].size() == 2);
  CHECK(file["output"][0]["generated_text"][1]["role"] == "assistant");
  const Json system = run({"--system", "You are kind.", "Why?"});
  // The template's own system message says the same.
  CHECK(system["output"][0]["generated_text"].back() == file["output"][0]["generated_text"].back());
  const Json other = run({"--chat-template", folder / "t.jinja", "Why?"});
  CHECK(other["output"][0]["generated_text"].size() == 2);
}

TEST_CASE("generate: a closed pipe ends it quietly") {
  const std::string command =
      std::string(HFT_BINARY) + " generate -m " + kGpt2 +
      " --stream Hello --max-new-tokens 200 | head -c 1 > /dev/null; exit ${PIPESTATUS[0]}";
  CHECK(std::system(("bash -c '" + command + "'").c_str()) == 0);
}

TEST_CASE("chat: each line of a pipe is answered, with what was said before") {
  test::TempFolder folder;
  const std::string saved = folder / "saved.json";
  const test::Ran ran =
      test::hft({"chat", "-m", kQwen, "--no-do-sample", "--max-new-tokens", "6"},
                {.in = "Who counts the boats?\nWhy?\n/save " + saved + "\n/clear\nWhy?\n/exit\n"});
  CHECK(ran.code == 0);
  CHECK(ran.out.find('\x1b') == std::string::npos);
  const Json messages = read_json(saved);
  REQUIRE(messages.size() == 4);
  CHECK(messages[2] == Json({{"role", "user"}, {"content", "Why?"}}));
  // The second answer is the one that the whole conversation gets at once.
  test::spit(folder / "chat.json",
             Json(Json::array_t{messages[0], messages[1], messages[2]}).dump());
  const test::Ran whole = test::hft({"generate", "-m", kQwen, "--no-do-sample", "--max-new-tokens",
                                     "6", "--messages", folder / "chat.json"});
  CHECK(whole.out == messages[3]["content"].get<std::string>() + "\n");
}

TEST_CASE("chat: a mistake is said and the conversation goes on") {
  const test::Ran ran = test::hft({"chat", "-m", kQwen, "--no-do-sample", "--max-new-tokens", "2"},
                                  {.in = "/clera\nWhy?\n"});
  CHECK(ran.code == 3);
  CHECK(ran.err == "hft: /clera: is no command; closest: /clear (/help lists them)\n");
  CHECK(ran.out.size() > 0);
  CHECK(test::hft({"chat", "-m", kQwen, "--num-beams", "2"}, {.in = "x\n"}).code == 2);
  CHECK(test::hft({"chat", "-m", kGpt2}, {.in = "x\n"}).code == 5);
}

TEST_CASE("generate: with --deterministic a prompt is answered alike alone and with others") {
  const std::vector<std::string> prompts{"The ferry", "Maria counts nine red boats and", "ok"};
  const auto answers = [](std::vector<std::string> args) {
    args.insert(args.end(),
                {"--deterministic", "--no-do-sample", "--json", "--max-new-tokens", "12"});
    const test::Ran ran = generate(args);
    CHECK(ran.code == 0);
    return ran.out;
  };
  std::string alone;
  for (const auto& prompt : prompts) alone += answers({prompt});
  CHECK(answers(prompts) == alone);
}
