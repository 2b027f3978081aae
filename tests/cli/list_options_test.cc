// Options that take a list: one argument each time, commas, repetition, JSON; the input behind
// them stays an input.
#include "tests/support/test.h"

using namespace hft;
using test::golden;

namespace {

test::Ran run(std::vector<std::string> args, const std::string& model) {
  args.insert(args.begin() + 1, {"-m", golden(model).string(), "--json"});
  return test::hft(args, {.in = "what stdin has [MASK]"});
}

std::vector<std::string> sorted_labels(const test::Ran& ran) {
  auto labels = ran.records().at(0)["output"]["labels"].get<std::vector<std::string>>();
  std::sort(labels.begin(), labels.end());
  return labels;
}

}  // namespace

TEST_CASE("list options: the text that follows is the input") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"classify", "--candidate-labels", "sea,land", "The tide [MASK]"}, "bert-zero-shot"},
      {{"fill-mask", "--targets", "a,the", "The tide [MASK]"}, "bert-mlm"},
      {{"ner", "--ignore-labels", "O,PER", "The tide [MASK]"}, "bert-ner-cased"},
      {{"classify", "--keep-columns", "all", "The tide [MASK]"}, "bert-classify"},
      {{"tokenize", "--require-license", "mit", "The tide [MASK]"}, "bert-classify"},
      {{"generate", "--stop", "a,b", "--bad-words", "c", "--eos-token-id", "1,2",
        "--max-new-tokens", "1", "--no-do-sample", "The tide [MASK]"},
       "gpt2-generate"},
  };
  for (const auto& [args, model] : cases) {
    const test::Ran ran = run(args, model);
    INFO(args[0], " ", args[1], ": ", ran.err);
    if (args[1] == "--require-license") {
      CHECK(ran.code == 6);  // the folder has no card: the option was read, and its list was short
      continue;
    }
    REQUIRE(ran.code == 0);
    CHECK(ran.records().at(0)["input"] == "The tide [MASK]");
  }
}

TEST_CASE("list options: a label with a comma is given by a repeated flag or in a JSON list") {
  using Labels = std::vector<std::string>;
  const auto labels = [](std::vector<std::string> args) {
    args.insert(args.begin(), "classify");
    args.push_back("The tide");
    const test::Ran ran = run(args, "bert-zero-shot");
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    return sorted_labels(ran);
  };
  const std::string flag = "--candidate-labels";
  CHECK(labels({flag, " sea , land,"}) == Labels{"land", "sea"});
  CHECK(labels({flag, "salt, water", flag, "land"}) == Labels{"land", "salt, water"});
  CHECK(labels({flag, R"(["salt, water", "land"])"}) == Labels{"land", "salt, water"});
  CHECK(labels({flag + "=[\"salt, water\"]", flag, "land"}) == Labels{"land", "salt, water"});
  CHECK(labels({flag, "[sea],[land]"}) == Labels{"[land]", "[sea]"});
}

TEST_CASE("list options: names are parted by commas however often the flag stands") {
  const auto ignored = [](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"ner", "--aggregation-strategy", "none"});
    flags.push_back("Ada lives in Rome");
    return run(flags, "bert-ner-cased").records().at(0)["output"];
  };
  const Json once = ignored({"--ignore-labels", "O,PER,LABEL_1"});
  CHECK(once == ignored({"--ignore-labels", "O,PER", "--ignore-labels", "LABEL_1"}));
  CHECK(once == ignored({"--ignore-labels", R"(["O", "PER", "LABEL_1"])"}));
}

TEST_CASE("list options: an argument that names nothing is a mistake") {
  for (const std::string nothing : {",", " , "}) {
    const test::Ran ran = run({"fill-mask", "--targets", nothing, "The [MASK]"}, "bert-mlm");
    CHECK(ran.code == 2);
    CHECK(ran.err == "hft: --targets: '" + nothing + "' names nothing\n");
  }
  const test::Ran stop = run({"generate", "--stop", "", "x"}, "gpt2-generate");
  CHECK(stop.code == 2);
  CHECK(stop.err == "hft: --stop: '' names nothing\n");
}
