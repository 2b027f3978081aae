// hft loglikelihood: choices, texts, few-shot examples; the values of lm-evaluation-harness.
#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::spit;
using test::TempFolder;

namespace {

const std::string kModel = golden("gpt2-generate").string();

std::vector<Json> outputs(const TempFolder& folder, std::vector<std::string> more) {
  std::vector<std::string> args{"loglikelihood", "-m", kModel, "--json", "--dtype", "float32"};
  args.insert(args.end(), more.begin(), more.end());
  const auto ran = test::hft(args, {.cwd = folder.path});
  CHECK(ran.err == "");
  std::vector<Json> all;
  for (const Json& record : ran.records()) all.push_back(record["output"]);
  return all;
}

}  // namespace

TEST_CASE("loglikelihood: white space before a choice is the choice's; a row is what it is alone") {
  TempFolder folder;
  spit(folder / "x.jsonl",
       "{\"text\":\"The harbour master counts\",\"choices\":[\"nine boats\",\"a\"]}\n"
       "{\"text\":\"The harbour master counts \",\"choices\":[\"nine boats\"]}\n"
       "{\"text\":\"\",\"choices\":[\"nine\",\"again\"]}\n"
       "{\"text\":\"x\",\"choices\":[]}\n");
  const auto ran = test::hft({"loglikelihood", "-m", kModel, "--json", "-i", "x.jsonl"}, {.cwd = folder.path});
  CHECK(ran.code == 3);
  const auto records = ran.records();
  CHECK(records[3]["error"]["message"] == "'choices' is empty");
  const Json first = records[0]["output"];
  CHECK(first[0]["choice"] == "nine boats");
  CHECK(first[0]["loglikelihood"].get<double>() < 0);
  // Two spaces where one alone was asked for with --target-delimiter "".
  spit(folder / "y.jsonl", "{\"text\":\"The harbour master counts \",\"choices\":[\"nine boats\"]}\n");
  CHECK(outputs(folder, {"-i", "y.jsonl", "--target-delimiter", ""})[0][0] == first[0]);
  spit(folder / "z.jsonl", "{\"text\":\"\",\"choices\":[\"nine\",\"again\"]}\n");
  CHECK(outputs(folder, {"-i", "z.jsonl"})[0] == records[2]["output"]);
}

TEST_CASE("loglikelihood: of a whole text each token counts once; the sum of its parts") {
  TempFolder folder;
  spit(folder / "t.jsonl", "{\"text\":\"The harbour master counts nine boats\"}\n");
  const Json whole = outputs(folder, {"-i", "t.jsonl"})[0];
  CHECK(whole["words"] == 6);
  CHECK(whole["bytes"] == 36);
  spit(folder / "p.jsonl", "{\"text\":\"\",\"choices\":[\"The harbour master counts nine boats\"]}\n");
  const Json part = outputs(folder, {"-i", "p.jsonl", "--target-delimiter", ""})[0][0];
  CHECK(part["loglikelihood"].get<double>() ==
        doctest::Approx(whole["loglikelihood"].get<double>()).epsilon(1e-9));
}

TEST_CASE("loglikelihood: few-shot examples stand before every text; evaluated as acc and perplexity") {
  TempFolder folder;
  spit(folder / "train.jsonl", "{\"text\":\"Q1\",\"choices\":[\"a\",\"b\"],\"label\":1}\n");
  spit(folder / "x.jsonl", "{\"text\":\"Q2\",\"choices\":[\"a\",\"b\"],\"label\":0}\n");
  spit(folder / "y.jsonl", "{\"text\":\"D Q1 b\\n\\nQ2\",\"choices\":[\"a\",\"b\"],\"label\":0}\n");
  CHECK(outputs(folder, {"-i", "x.jsonl", "--num-fewshot", "1", "--fewshot", "train.jsonl",
                         "--description", "D "}) == outputs(folder, {"-i", "y.jsonl"}));
  const auto eval = test::hft({"eval", "--task", "multiple-choice", "-m", kModel, "-i", "x.jsonl", "--",
                               "--num-fewshot", "1", "--fewshot", "train.jsonl"},
                              {.cwd = folder.path});
  CHECK(eval.err == "");
  CHECK(eval.records()[0]["metrics"].contains("acc_norm"));
  spit(folder / "t.jsonl", "{\"text\":\"nine boats\"}\n{\"text\":\"a clock\"}\n");
  const auto text = test::hft({"eval", "--task", "language-modeling", "-m", kModel, "-i", "t.jsonl",
                               "--metric", "bits_per_byte,perplexity"},
                              {.cwd = folder.path});
  CHECK(text.code == 0);
}
