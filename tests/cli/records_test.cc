// What every command does with inputs and results (docs: the command line's contract).
#include <fstream>

#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::spit;
using test::TempFolder;

namespace {
const std::string kModel = golden("bert-classify").string();

std::vector<std::string> classify(std::vector<std::string> more) {
  std::vector<std::string> args{"classify", "-m", kModel};
  args.insert(args.end(), more.begin(), more.end());
  return args;
}
}  // namespace

TEST_CASE("records: results come in input order, ids first, failed rows as error records, exit 3") {
  TempFolder folder;
  spit(folder / "x.jsonl",
       "\xEF\xBB\xBF{\"text\":\"one "
       "two\",\"id\":\"a\"}\r\n{bad\n{\"txt\":\"x\"}\n{\"text\":\"\"}\n{\"text\":5}\n");
  const auto ran = test::hft(classify({"-i", (folder / "x.jsonl").string()}));
  CHECK(ran.code == 3);
  const auto records = ran.records();
  REQUIRE(records.size() == 5);
  CHECK(records[0].begin().key() == "id");
  CHECK(records[0]["input"] == "one two");
  CHECK(records[0]["output"].size() == 1);
  CHECK(records[1]["error"]["code"] == "bad_data");
  CHECK(records[1]["error"]["message"].get<std::string>().find("line 2 of ") != std::string::npos);
  CHECK(records[2]["error"]["message"].get<std::string>().ends_with(
      "line 3 of " + (folder / "x.jsonl").string() + ": has no column 'text'"));
  CHECK(records[3]["input"] == "");
  CHECK(records[3].contains("output"));
  CHECK(records[4]["error"]["message"].get<std::string>().ends_with(
      "column 'text' is number, wanted a string"));
  CHECK(ran.err.find("hft: 3 of 5 inputs failed\n") != std::string::npos);
}

TEST_CASE("records: every input failing is exit 1, a lone surrogate is an error of its row") {
  const auto ran = test::hft(classify({"-i", "-", "--input-format", "jsonl"}),
                             {.in = "{\"text\":\"\\ud800\"}\n"});
  CHECK(ran.code == 1);
  CHECK(ran.records()[0].contains("error"));
}

TEST_CASE("records: standard input is one text, with --lines one per line") {
  CHECK(test::hft(classify({}), {.in = "one\ntwo\n"}).records().size() == 1);
  const auto lines = test::hft(classify({"--lines"}), {.in = "one\r\n\ntwo"}).records();
  REQUIRE(lines.size() == 3);
  CHECK(lines[0]["input"] == "one");
  CHECK(lines[1]["input"] == "");
  CHECK(lines[2]["input"] == "two");
}

TEST_CASE("records: invalid UTF-8 names line and byte of the file") {
  const auto ran = test::hft(classify({"--lines"}), {.in = "good\nba\xff"
                                                           "d\n"});
  CHECK(ran.code == 3);
  CHECK(ran.records()[1]["error"]["message"] == "line 2 of stdin: not UTF-8 at byte 7");
}

TEST_CASE("records: a column no row has is a usage error that names the columns") {
  TempFolder folder;
  spit(folder / "x.jsonl", "{\"sentence\":\"a\",\"label\":1}\n{\"sentence\":\"b\"}\n");
  const auto ran =
      test::hft(classify({"-i", (folder / "x.jsonl").string(), "--text-column", "sentense"}));
  CHECK(ran.code == 2);
  CHECK(ran.out.empty());
  CHECK(ran.err ==
        "hft: no column 'sentense' in the data; it has: sentence, label; closest: 'sentence'\n"
        "hint: --text-column sentence\n");
}

TEST_CASE("records: --limit and --shard choose inputs, --keep-columns carries data along") {
  TempFolder folder;
  spit(folder / "x.jsonl",
       "{\"text\":\"a\",\"label\":0}\n{\"text\":\"b\",\"label\":1}\n{\"text\":\"c\",\"label\":2}\n{"
       "\"text\":\"d\",\"label\":3}\n");
  const auto file = (folder / "x.jsonl").string();
  const auto shard =
      test::hft(classify({"-i", file, "--shard", "1/2", "--keep-columns", "label"})).records();
  REQUIRE(shard.size() == 2);
  CHECK(shard[0]["input"] == "b");
  CHECK(shard[1]["label"] == 3);
  CHECK(test::hft(classify({"-i", file, "--limit", "3"})).records().size() == 3);
  CHECK(test::hft(classify({"-i", file, "--shard", "2/2"})).err ==
        "hft: --shard: '2/2' is not i/n with 0 <= i < n, such as 0/3\n");
}

TEST_CASE("records: csv and tsv have a header and quote what needs it") {
  const auto csv = test::hft(classify({"--format", "csv", "a, \"b\""})).out;
  CHECK(csv.starts_with("input,label,score\n\"a, \"\"b\"\"\","));
  CHECK(test::hft(classify({"--format", "tsv", "a\tb"}))
            .out.starts_with("input\tlabel\tscore\na\\tb\t"));
}

TEST_CASE("output: an existing file is refused without --force, a missing folder is exit 8") {
  TempFolder folder;
  const auto file = (folder / "out.jsonl").string();
  CHECK(test::hft(classify({"a", "-o", file})).code == 0);
  const auto again = test::hft(classify({"a", "-o", file}));
  CHECK(again.code == 2);
  CHECK(again.err == "hft: " + file + ": exists already\nhint: use --force to replace it\n");
  CHECK(test::hft(classify({"b", "-o", file, "--force"})).code == 0);
  CHECK(Json::parse(test::slurp(file))["input"] == "b");
  const auto lost = test::hft(classify({"a", "-o", (folder / "no/out.jsonl").string()}));
  CHECK(lost.code == 8);
  CHECK(lost.err == "hft: " + (folder / "no/out.jsonl").string() + ": the folder " +
                        (folder / "no").string() + " is not there\n");
}

TEST_CASE(
    "output: --resume drops a torn line, runs what is missing or failed, refuses other settings") {
  TempFolder folder;
  const auto data = (folder / "x.jsonl").string(), file = (folder / "out.jsonl").string();
  spit(data, "{\"text\":\"a\"}\n{bad\n{\"text\":\"c\"}\n");
  REQUIRE(test::hft(classify({"-i", data, "-o", file})).code == 3);
  const std::string whole = test::slurp(file);
  spit(data, "{\"text\":\"a\"}\n{\"text\":\"b\"}\n{\"text\":\"c\"}\n");
  spit(file, whole.substr(0, whole.size() - 10));
  CHECK(test::hft(classify({"-i", data, "-o", file, "--resume"})).code == 0);
  const auto fresh = test::hft(classify({"-i", data}));
  CHECK(test::slurp(file) == fresh.out);
  const auto other = test::hft(classify({"-i", data, "-o", file, "--resume", "--top-k", "2"}));
  CHECK(other.code == 2);
  CHECK(other.err.find("cannot resume: flags was {}, is {\"--top-k\":[\"2\"]}") !=
        std::string::npos);
}

TEST_CASE("output: a full device is exit 8 with a line, never silence") {
  TempFolder folder;
  const auto ran = test::hft(classify({"a", "-o", "/proc/nothing/x"}));
  CHECK(ran.code == 8);
}

TEST_CASE("tokens: a batch of 200 mixed lengths gives what one by one gives") {
  TempFolder folder;
  std::ofstream data(folder / "x.jsonl");
  for (int i = 0; i < 200; ++i) {
    std::string text;
    for (int w = 0; w < (i * 37) % 61; ++w) text += "word" + std::to_string((i + w) % 13) + " ";
    data << Json{{"text", text}}.dump() << "\n";
  }
  data.close();
  for (const std::string name :
       {"bert-classify", "distilbert-classify", "electra-classify", "mpnet-classify"}) {
    const std::vector<std::string> args{"classify", "-m", golden(name).string(),        "--top-k",
                                        "all",      "-i", (folder / "x.jsonl").string()};
    auto alone = args;
    alone.insert(alone.end(), {"--batch-size", "1"});
    const auto together = test::hft(args).records(), single = test::hft(alone).records();
    REQUIRE(together.size() == 200);
    for (std::size_t i = 0; i < 200; ++i)
      CHECK(test::difference(together[i], single[i], 1e-5, 1e-5) == "");
  }
}
