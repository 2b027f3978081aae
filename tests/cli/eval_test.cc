// hft eval and hft eval compare, through the real program.
#include "core/base/text.h"
#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::slurp;
using test::spit;
using test::TempFolder;

namespace {

test::Ran eval(const TempFolder& folder, std::vector<std::string> args,
               std::vector<std::string> env = {}) {
  args.insert(args.begin(), "eval");
  return test::hft(args, {.env = std::move(env), .cwd = folder.path});
}

// Ten right answers of twelve.
std::string stored(int wrong = 2) {
  std::string all;
  for (int i = 0; i < 12; ++i)
    all += "{\"id\":" + std::to_string(i) + ",\"input\":\"row " + std::to_string(i) +
           "\",\"prediction\":\"" + (i < wrong ? "b" : "a") + "\",\"label\":\"a\"}\n";
  return all;
}

const std::vector<std::string> kLabels{"--task", "text-classification", "--predictions"};

std::vector<std::string> with(std::vector<std::string> first, std::vector<std::string> more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}

}  // namespace

TEST_CASE("eval: stored predictions become figures with intervals, twice the same bytes") {
  TempFolder folder;
  spit(folder / "p.jsonl", stored());
  const auto ran = eval(folder, with(kLabels, {"p.jsonl", "--metric", "accuracy,f1,f1_micro",
                                               "--output-path", "r.json"}));
  CHECK(ran.code == 0);
  CHECK(ran.err.empty());
  const Json result = ran.records()[0];
  CHECK(result["task"] == "text-classification");
  CHECK(result["examples"] == 12);
  CHECK(result["metrics"]["accuracy"]["value"].get<double>() == doctest::Approx(10 / 12.0));
  CHECK(result["metrics"]["accuracy"]["interval_method"] == "wilson");
  CHECK(result["metrics"]["accuracy"]["interval"][0].get<double>() ==
        doctest::Approx(0.5519700));
  CHECK(result["metrics"]["f1"]["value"].get<double>() == doctest::Approx(0.4545454545));
  CHECK(result["confusion"] == Json{{10, 2}, {0, 0}});
  CHECK(result["data"][0]["digest"].get<std::string>().size() == 32);
  CHECK(result["flags"]["--metric"] == Json{"accuracy,f1,f1_micro"});
  const std::string before = slurp(folder / "r.json");
  CHECK(eval(folder, with(kLabels, {"p.jsonl", "--metric", "accuracy,f1,f1_micro", "--output-path",
                                    "r.json"}))
            .err == "hft: r.json: exists already\nhint: use --force to replace it\n");
  CHECK(eval(folder, with(kLabels, {"p.jsonl", "--metric", "accuracy,f1,f1_micro", "--output-path",
                                    "r.json", "--force"}))
            .code == 0);
  CHECK(slurp(folder / "r.json") == before);
}

TEST_CASE("eval: a gate that is not met ends with 100 and says so in every report") {
  TempFolder folder;
  spit(folder / "p.jsonl", stored());
  const auto ran =
      eval(folder,
           with(kLabels, {"p.jsonl", "--fail-under", "accuracy=0.9", "--junit", "junit.xml",
                          "--summary", "s.md", "--plots", "plots", "--samples", "s.jsonl"}),
           {"GITHUB_STEP_SUMMARY=" + (folder / "step.md").string()});
  CHECK(ran.code == 100);
  CHECK(ran.err.find("hft: gate not met: accuracy is 0.8333333333333334, wanted: >= 0.9\n") == 0);
  CHECK(slurp(folder / "junit.xml")
            .find("<failure message=\"accuracy is 0.8333, wanted &gt;= 0.9\"/>") !=
        std::string::npos);
  CHECK(slurp(folder / "s.md").find("| accuracy &gt;= 0.9 |") == std::string::npos);
  CHECK(slurp(folder / "s.md").find("| accuracy >= 0.9 | 0.8333 | **not met** |") !=
        std::string::npos);
  CHECK(slurp(folder / "step.md") == slurp(folder / "s.md"));
  CHECK(slurp(folder / "plots/confusion.svg").starts_with("<svg "));
  CHECK(slurp(folder / "plots/confusion.png").starts_with("\x89PNG"));
  CHECK(slurp(folder / "s.jsonl").starts_with(
      R"({"id":0,"input":"row 0","prediction":"b","reference":["a"],"scores":{"accuracy":0.0,"f1":0.0}})"));
  CHECK(eval(folder, with(kLabels, {"p.jsonl", "--fail-under", "accuracy=0.8"})).code == 0);
  // Of an error rate the number is the most.
  spit(folder / "w.jsonl", "{\"prediction\":\"a b\",\"reference\":\"a c\"}\n");
  const auto words = {"--task", "transcribe", "--predictions", "w.jsonl", "--fail-under"};
  std::vector<std::string> args(words.begin(), words.end());
  CHECK(eval(folder, with(args, {"wer=0.5"})).code == 0);
  CHECK(eval(folder, with(args, {"wer=0.4"})).code == 100);
}

TEST_CASE("eval: against a baseline each figure has its difference, a test and what it could show") {
  TempFolder folder;
  spit(folder / "old.jsonl", stored(0));
  spit(folder / "new.jsonl", stored(6));
  const auto ran = eval(folder, with(kLabels, {"new.jsonl", "--baseline", "old.jsonl", "--metric",
                                               "accuracy", "--max-drop", "accuracy=0.1"}));
  CHECK(ran.code == 100);
  const Json figure = ran.records()[0]["metrics"]["accuracy"];
  CHECK(figure["difference"] == -0.5);
  CHECK(figure["test"] == "mcnemar");
  CHECK(figure["p_value"].get<double>() == doctest::Approx(0.03125));
  CHECK(figure["smallest_detectable_difference"].get<double>() == doctest::Approx(0.4224).epsilon(1e-3));
  // A result alone has no examples to compare, but its figures.
  REQUIRE(eval(folder, with(kLabels, {"old.jsonl", "--output-path", "old.json"})).code == 0);
  const auto drop = eval(folder, with(kLabels, {"new.jsonl", "--baseline", "old.json", "--max-drop",
                                                "accuracy=0.1"}));
  CHECK(drop.code == 100);
  CHECK(drop.records()[0]["metrics"]["accuracy"]["baseline"] == 1.0);
  CHECK(!drop.records()[0]["metrics"]["accuracy"].contains("p_value"));
  for (const char* test : {"bootstrap", "permutation"})
    CHECK(eval(folder, with(kLabels, {"new.jsonl", "--baseline", "old.jsonl", "--significance", test}))
              .records()[0]["metrics"]["accuracy"]["test"] == test);
}

TEST_CASE("eval: a task's own command answers; its records can be kept, resumed and evaluated again") {
  TempFolder folder;
  spit(folder / "data.csv",
       "text,label\n\"It's cheap,\nisn't it?\",0\nok,1\n,0\n\"one \"\"two\"\" three\",1\n");
  const std::vector<std::string> args{"--task", "text-classification", "-m",
                                      golden("bert-classify").string(), "-i", "data.csv",
                                      "--metric", "accuracy,log_loss,calibration_error,auroc",
                                      "--positive-label", "POSITIVE"};
  const auto ran = eval(folder, with(args, {"-o", "records.jsonl"}));
  CHECK(ran.err == "");
  CHECK(ran.code == 0);
  const Json result = ran.records()[0];
  CHECK(result["labels"].contains("NEGATIVE"));
  CHECK(result["model"]["digest"].get<std::string>().size() == 32);
  CHECK(result["metrics"]["log_loss"]["value"].get<double>() > 0);
  const std::string records = slurp(folder / "records.jsonl");
  CHECK(records.find("\"label\":\"0\"") != std::string::npos);
  CHECK(eval(folder, args).out.substr(0, 60) == ran.out.substr(0, 60));
  // The evaluation of what was kept, and of what a killed run left.
  const auto again = eval(folder, {"--predictions", "records.jsonl", "--metric", "accuracy",
                                   "--labels", "NEGATIVE,POSITIVE"});
  CHECK(again.records()[0]["metrics"]["accuracy"] == result["metrics"]["accuracy"]);
  test::fs::rename(folder / "records.jsonl", folder / "records.jsonl.partial");
  test::fs::rename(folder / ".records.jsonl.hft.json", folder / ".records.jsonl.partial.hft.json");
  spit(folder / "records.jsonl.partial", records.substr(0, records.size() - 20));
  const auto resumed = eval(folder, with(args, {"-o", "records.jsonl", "--resume"}));
  CHECK(resumed.out == ran.out);
  CHECK(slurp(folder / "records.jsonl") == records);
}

TEST_CASE("eval: tags of words, answers of SQuAD, and a part of a generated text") {
  TempFolder folder;
  spit(folder / "ner.jsonl",
       "{\"tokens\":[\"Ada\",\"met\",\"Karl\",\"Weber\"],\"ner_tags\":[\"B-PER\",\"O\",\"B-PER\",\"I-PER\"]}\n");
  const auto ner = eval(folder, {"--task", "ner", "-m", golden("bert-ner-cased").string(), "-i",
                                 "ner.jsonl", "--samples", "s.jsonl"});
  REQUIRE(ner.code == 0);
  const Json tags = parse_json(slurp(folder / "s.jsonl"), "");
  CHECK(split(tags["prediction"].get<std::string>(), ' ').size() == 4);
  CHECK(tags["reference"] == "B-PER O B-PER I-PER");
  spit(folder / "qa.jsonl",
       "{\"question\":\"Who counts?\",\"context\":\"Ada counts the boats.\",\"answers\":{\"text\":[\"Ada\"],\"answer_start\":[0]}}\n");
  const auto qa = eval(folder, {"--task", "question-answering", "-m", golden("bert-qa").string(),
                                "-i", "qa.jsonl"});
  CHECK(qa.err == "");
  CHECK(qa.records()[0]["metrics"].contains("exact_match"));
  spit(folder / "g.jsonl", "{\"prediction\":\"so it is 42, or 43\",\"reference\":\"42\"}\n");
  CHECK(eval(folder, {"--task", "generate", "--predictions", "g.jsonl", "--extract", "[0-9]+"})
            .records()[0]["metrics"]["exact_match"]["value"] == 1.0);
}

TEST_CASE("eval compare: lists what changed, and the figures on stderr") {
  TempFolder folder;
  spit(folder / "a.jsonl", stored(1));
  spit(folder / "b.jsonl", stored(2));
  const auto ran = test::hft({"eval", "compare", "--task", "text-classification", "a.jsonl",
                              "b.jsonl", "--metric", "accuracy"},
                             {.cwd = folder.path});
  CHECK(ran.code == 0);
  CHECK(ran.out ==
        R"({"id":1,"input":"row 1","change":"lost","reference":"a","first":"a","second":"b","accuracy":[1.0,0.0]})"
        "\n");
  CHECK(ran.err.find("-0.0833 to 0.9167, p = 1.0000 (mcnemar)\n") != std::string::npos);
}

TEST_CASE("eval: what is asked wrongly is a usage error that says what there is") {
  TempFolder folder;
  spit(folder / "p.jsonl", stored());
  const auto refused = [&](std::vector<std::string> args, const std::string& message) {
    const auto ran = eval(folder, args);
    CHECK(ran.code == 2);
    CHECK(ran.err == message);
    CHECK(ran.out.empty());
  };
  refused(with(kLabels, {"p.jsonl", "--metric", "acuracy"}),
          "hft: --metric: text-classification has no 'acuracy'; it has accuracy, precision, "
          "precision_macro, precision_micro, precision_weighted, recall, recall_macro, recall_micro, "
          "recall_weighted, f1, f1_macro, f1_micro, f1_weighted, matthews, log_loss, "
          "calibration_error, auroc, pearson, spearman, mae, mse; closest: 'accuracy'\n");
  refused(with(kLabels, {"p.jsonl", "--metric", "log_loss"}),
          "hft: --metric: no 'log_loss' for these answers; there is accuracy, precision, "
          "precision_macro, precision_micro, precision_weighted, recall, recall_macro, recall_micro, "
          "recall_weighted, f1, f1_macro, f1_micro, f1_weighted, matthews\n");
  refused(with(kLabels, {"p.jsonl", "--reference-column", "labl"}),
          "hft: line 1 of p.jsonl: --reference-column: no column 'labl' in the data; it has: id, "
          "input, prediction, label\n");
  refused(with(kLabels, {"p.jsonl", "--max-drop", "accuracy=0.1"}),
          "hft: --max-drop needs --baseline FILE\n");
  refused(with(kLabels, {"p.jsonl", "--fail-under", "accuracy"}),
          "hft: --fail-under: 'accuracy' is not METRIC=NUMBER, such as accuracy=0.9\n");
  refused({"--predictions", "p.jsonl"},
          "hft: --task: names what p.jsonl holds the predictions of\n"
          "hint: --task text-classification, for example\n");
  refused({"--task", "text-clasification", "--predictions", "p.jsonl"},
          "hft: --task: there is no evaluation of 'text-clasification'; there is one of "
          "text-classification, zero-shot-classification, token-classification, question-answering, "
          "summarization, translation, text-generation, image-classification, object-detection, "
          "image-segmentation, audio-classification, automatic-speech-recognition, image-to-text, "
          "visual-question-answering, document-question-answering, feature-extraction, text-ranking, "
          "multiple-choice, language-modeling; closest: 'text-classification'\n");
  refused({"-m", "m", "-i", "p.jsonl"},
          "hft: --task: name what is evaluated, such as text-classification\n");
  spit(folder / "n.jsonl", "{\"prediction\":\"POSITIVE\",\"label\":1}\n");
  refused(with(kLabels, {"n.jsonl"}),
          "hft: the column 'label' holds numbers, the predictions names\n"
          "hint: --labels NAME,NAME… gives the names in the order of the numbers\n");
  CHECK(eval(folder, with(kLabels, {"n.jsonl", "--labels", "NEGATIVE,POSITIVE"}))
            .records()[0]["metrics"]["accuracy"]["value"] == 1.0);
  const auto missing = eval(folder, {"--task", "detect", "-m", "m", "-i", "none.json"});
  CHECK(missing.code == 5);
  CHECK(missing.err == "hft: none.json: no such file\n");
}

TEST_CASE("eval: the jobs of docs/ci run a script that gates, and a second run changes no byte") {
  TempFolder folder;
  spit(folder / "test.jsonl",
       "{\"text\":\"ok\",\"label\":1}\n{\"text\":\"It's cheap, isn't it?\",\"label\":0}\n");
  const std::string source = HFT_SOURCE_DIR;
  for (const char* job : {"github-action.yml", "gitlab-ci.yml"})
    CHECK(slurp(source + "/docs/ci/" + job).find("docs/ci/evaluate") != std::string::npos);
  const auto job = [&](const std::string& gate) {
    return test::command(
        {source + "/docs/ci/evaluate"},
        {.env = {"PATH=" + test::fs::path(HFT_BINARY).parent_path().string() + ":/usr/bin:/bin",
                 "TASK=text-classification", "MODEL=" + golden("bert-classify").string(),
                 "DATA=test.jsonl", "GATE=" + gate,
                 "GITHUB_STEP_SUMMARY=" + (folder / "step.md").string()},
         .cwd = folder.path});
  };
  const auto first = job("accuracy=0");
  CHECK(first.err == "");
  CHECK(first.code == 0);
  const std::string result = slurp(folder / "result.json");
  CHECK(job("accuracy=0").code == 0);
  CHECK(slurp(folder / "result.json") == result);
  CHECK(slurp(folder / "step.md") == slurp(folder / "summary.md") + slurp(folder / "summary.md"));
  CHECK(job("accuracy=1.1").code == 100);
  CHECK(slurp(folder / "junit.xml").find("failures=\"1\"") != std::string::npos);
}
