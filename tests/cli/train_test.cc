// hft train against what transformers' Trainer logged (tests/golden/train), and what it promises:
// a resumed run is the unbroken one, a stopped one loses nothing, bad data is named.
#include <cmath>

#include "tests/support/test.h"

using namespace hft;
namespace fs = std::filesystem;

namespace {

std::string lines_of(const Json& rows) {
  std::string text;
  for (const Json& row : rows) text += row.dump() + "\n";
  return text;
}

std::vector<Json> log_of(const fs::path& file) {
  std::vector<Json> entries;
  const std::string text = test::slurp(file);
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    entries.push_back(Json::parse(text.substr(at, end - at)));
    at = end + 1;
  }
  return entries;
}

std::vector<std::string> flags_of(const Json& arguments) {
  std::vector<std::string> flags;
  for (const auto& [name, value] : arguments.items()) {
    flags.push_back("--" + name);
    if (value == true) continue;
    flags.push_back(value.is_string() ? value.get<std::string>() : value.dump());
  }
  return flags;
}

// A small run: labels of 20 texts.
struct Small {
  Small() {
    std::string rows;
    for (int i = 0; i < 20; ++i)
      rows += Json{{"text", std::string(i % 7, 'a') + " the boats " + std::to_string(i)},
                   {"label", i % 2}}
                  .dump() +
              "\n";
    test::spit(folder / "rows.jsonl", rows);
  }
  test::Ran run(const std::string& output, std::vector<std::string> more = {},
                const std::string& file = "rows.jsonl",
                const std::string& model = "distilbert-classify") const {
    std::vector<std::string> args{"train",
                                  "--task",
                                  "classify",
                                  "-m",
                                  test::golden(model).string(),
                                  "--train-file",
                                  (folder / file).string(),
                                  "-o",
                                  (folder / output).string(),
                                  "--max-steps",
                                  "12",
                                  "--per-device-train-batch-size",
                                  "3",
                                  "--threads",
                                  "1"};
    args.insert(args.end(), more.begin(), more.end());
    return test::hft(args);
  }
  // What stderr says of rows, the folder's path left out.
  std::string refusal(const std::string& rows, std::vector<std::string> more = {},
                      int code = 9) const {
    test::spit(folder / "bad.jsonl", rows);
    const auto ran = run("refused", std::move(more), "bad.jsonl");
    CHECK(ran.code == code);
    std::string text = ran.err;
    const std::string path = folder.path.string() + "/";
    for (auto at = text.find(path); at != std::string::npos; at = text.find(path))
      text.erase(at, path.size());
    return text;
  }
  test::TempFolder folder;
};

}  // namespace

TEST_CASE("train: the loss of each of 50 steps is that of Trainer") {
  for (const auto& entry : fs::directory_iterator(test::golden("train"))) {
    CAPTURE(entry.path().filename().string());
    const Json wanted = Json::parse(test::slurp(entry.path()));
    test::TempFolder folder;
    test::spit(folder / "train.jsonl", lines_of(wanted["train"]));
    test::spit(folder / "eval.jsonl", lines_of(wanted["eval"]));
    std::vector<std::string> args{"train",
                                  "--task",
                                  wanted["task"],
                                  "-m",
                                  test::golden(wanted["model"]).string(),
                                  "--train-file",
                                  (folder / "train.jsonl").string(),
                                  "--eval-file",
                                  (folder / "eval.jsonl").string(),
                                  "-o",
                                  (folder / "out").string(),
                                  "--save-strategy",
                                  "no",
                                  "--dropout",
                                  "0",
                                  "--report-to",
                                  "none",
                                  "--logging-file",
                                  (folder / "log").string(),
                                  "--threads",
                                  "1"};
    for (auto& flag : flags_of(wanted["arguments"])) args.push_back(std::move(flag));
    const auto ran = test::hft(args);
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    const std::vector<Json> log = log_of(folder / "log");
    REQUIRE(log.size() == wanted["log"].size());
    for (std::size_t i = 0; i < log.size(); ++i)
      for (const auto& [name, value] : wanted["log"][i].items()) {
        CAPTURE(i);
        CAPTURE(name);
        REQUIRE(log[i].contains(name));
        const double got = log[i][name].get<double>(), is = value.get<double>();
        CAPTURE(got);
        CAPTURE(is);
        CHECK(std::fabs(got - is) <= (name == "grad_norm" ? 5e-3 : 1e-3) * std::fabs(is) + 1e-9);
      }
  }
}

TEST_CASE("train: a resumed run is the unbroken one, to the last bit") {
  const Small small;
  const std::vector<std::string> more{
      "--save-steps", "5",   "--logging-steps", "2", "--gradient-accumulation-steps", "2",
      "--lr",         "1e-3"};
  REQUIRE(small.run("whole", more).code == 0);
  fs::create_directories(small.folder / "broken");
  fs::copy(small.folder / "whole/checkpoint-5", small.folder / "broken/checkpoint-5");
  // A newer one that is not whole is named and left.
  fs::create_directories(small.folder / "broken/checkpoint-9");
  std::vector<std::string> resumed = more;
  resumed.insert(resumed.end(), {"--resume-from-checkpoint", "last"});
  const auto ran = small.run("broken", resumed);
  REQUIRE(ran.code == 0);
  CHECK(ran.err.find("checkpoint-9 is left out, as it is not whole: ") != std::string::npos);
  CHECK(ran.err.find("going on from ") != std::string::npos);
  for (const char* file : {"checkpoint-10/model.safetensors", "checkpoint-10/optimizer.safetensors",
                           "checkpoint-10/trainer_state.json",
                           "checkpoint-12/optimizer.safetensors", "model.safetensors"}) {
    CAPTURE(file);
    const std::string wanted = test::slurp(small.folder / "whole" / file);
    CHECK(!wanted.empty());
    CHECK((test::slurp(small.folder / "broken" / file) == wanted));
  }

  // Another run does not go on from there: of another model, by other arguments.
  fs::copy(test::golden("distilbert-classify"), small.folder / "model");
  std::string config = test::slurp(small.folder / "model/config.json");
  config.replace(config.find("\"dropout\": 0.1"), 14, "\"dropout\": 0.3");
  test::spit(small.folder / "model/config.json", config);
  const auto noisier = small.run("broken", resumed, "rows.jsonl", (small.folder / "model").string());
  CHECK(noisier.code == 2);
  CHECK(noisier.err.find("checkpoint-12: is of another run: dropout was 0.1, is 0.3\n") !=
        std::string::npos);
  resumed.insert(resumed.end(), {"--weight-decay", "0.5"});
  const auto other = small.run("broken", resumed);
  CHECK(other.code == 2);
  CHECK(other.err.find("checkpoint-12: is of another run: weight_decay was 0.0, is 0.5\nhint: "
                       "--force goes on all the same") != std::string::npos);
  const auto again = small.run("whole", more);
  CHECK(again.code == 2);
  CHECK(again.err.find("whole: exists already\nhint: --resume-from-checkpoint last goes on, "
                       "--force begins anew") != std::string::npos);
}

TEST_CASE(
    "train: checkpoints are rotated, the best one stays, and its weights are taken at the end") {
  const Small small;
  const std::string eval = (small.folder / "rows.jsonl").string();
  const auto ran = small.run(
      "out", {"--eval-file", eval, "--eval-strategy", "steps", "--eval-steps", "2", "--save-steps",
              "2", "--save-total-limit", "1", "--load-best-model-at-end", "--lr", "0.3"});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const Json state = Json::parse(test::slurp(small.folder / "out/trainer_state.json"));
  const fs::path best = state["best_model_checkpoint"].get<std::string>();
  CHECK(fs::exists(small.folder / "out/checkpoint-12"));
  CHECK((test::slurp(best / "model.safetensors") ==
         test::slurp(small.folder / "out/model.safetensors")));
  std::size_t kept = 0;
  for (const auto& entry : fs::directory_iterator(small.folder / "out"))
    kept += entry.path().filename().string().starts_with("checkpoint-");
  CHECK(kept <= 2);
  for (const char* file : {"all_results.json", "eval_results.json", "train_results.json",
                           "README.md", "training_curve.svg", "training_curve.png", "config.json", "vocab.txt"})
    CHECK_MESSAGE(fs::exists(small.folder / "out" / file), file);

  // hft classify finds the accuracy that the evaluation told.
  const auto classified =
      test::hft({"classify", "-m", (small.folder / "out").string(), "-i", eval, "--json"});
  REQUIRE(classified.code == 0);
  int right = 0, i = 0;
  for (const Json& record : classified.records())
    right += record["output"][0]["label"] == (i++ % 2 ? "POSITIVE" : "NEGATIVE");
  CHECK(right / 20.0 == doctest::Approx(ran.records()[0]["eval_accuracy"].get<double>()));
}

TEST_CASE("train: SIGTERM saves, exits 143, and the run goes on from there") {
  const Small small;
  const std::string shell =
      "\"$0\" \"$@\" & p=$!; i=0; until grep -q loss log 2>/dev/null || [ $i = 100 ]; do sleep "
      "0.1; i=$((i+1)); done; kill -TERM $p; wait $p";
  std::vector<std::string> args{"sh",
                                "-c",
                                shell,
                                HFT_BINARY,
                                "train",
                                "--task",
                                "classify",
                                "-m",
                                test::golden("distilbert-classify").string(),
                                "--train-file",
                                "rows.jsonl",
                                "-o",
                                "out",
                                "--max-steps",
                                "100000",
                                "--logging-steps",
                                "1",
                                "--logging-file",
                                "log",
                                "--save-strategy",
                                "no"};
  const auto ran = test::command(args, {.cwd = small.folder.path});
  CHECK(ran.code == 143);
  CHECK(ran.err.find(" is saved\nhint: --resume-from-checkpoint last goes on from it\n") !=
        std::string::npos);
  std::size_t kept = 0;
  for (const auto& entry : fs::directory_iterator(small.folder / "out"))
    kept += fs::exists(entry.path() / "optimizer.safetensors");
  CHECK(kept == 1);
}

TEST_CASE("train: a loss that is no number stops with exit 10, the last good checkpoint kept") {
  const Small small;
  const auto ran = small.run("out", {"--lr", "1e30", "--lr-scheduler-type", "constant",
                                     "--save-steps", "1", "--max-grad-norm", "0"});
  CHECK(ran.code == 10);
  CHECK(ran.err.find(
            "is no finite number (learning rate 1e+30)\nhint: the last good checkpoint is ") !=
        std::string::npos);
  CHECK(fs::exists(small.folder / "out/checkpoint-1/model.safetensors"));
}

TEST_CASE("train: what is wrong with data is said in a line") {
  const Small small;
  const std::string good = R"({"text": "a", "label": 0})"
                           "\n";
  CHECK(small.refusal("") == "hft: bad.jsonl: holds no rows\n");
  CHECK(small.refusal(good + R"({"text": "b"})"
                             "\n") == "hft: line 2 of bad.jsonl: has no 'label'\n");
  CHECK(small.refusal(good + R"({"text": 7, "label": 0})"
                             "\n") ==
        "hft: line 2 of bad.jsonl: column 'text' is number, wanted a string\n");
  CHECK(small.refusal(good + "{\"text\": \n").starts_with("hft: line 2 of bad.jsonl: "));
  CHECK(small.refusal(R"({"text": "a", "lable": 0})"
                      "\n",
                      {}, 2) ==
        "hft: no column 'label' in bad.jsonl; it has: text, lable\nhint: --label-column lable\n");
  CHECK(small.refusal(good, {"--text-column", "txt"}, 2) ==
        "hft: no column 'txt' in bad.jsonl; it has: text, label\nhint: --text-column text\n");
  CHECK(small.refusal(good, {"--eval-strategy", "epoch"}, 2) ==
        "hft: --eval-strategy epoch: there is nothing to evaluate on\nhint: --eval-file FILE\n");
  CHECK(small
            .refusal(good + R"({"text": "b", "label": 4})"
                            "\n",
                     {}, 2)
            .find("tensor 'classifier.weight' is [2, 32] in the checkpoint, but this task's labels "
                  "imply [5, 32]\n"
                  "hint: --ignore-mismatched-sizes makes new weights in its place") !=
        std::string::npos);
  test::spit(small.folder / "eval.jsonl", R"({"text": "a", "label": "x"})"
                                          "\n");
  CHECK(small.refusal(good, {"--eval-file", (small.folder / "eval.jsonl").string()}) ==
        "hft: line 1 of eval.jsonl: the label 'x' is not one of NEGATIVE, POSITIVE\n");
  CHECK(!fs::exists(small.folder / "refused"));
}

TEST_CASE("train: a disk that is full, and a kill, lose no whole checkpoint") {
  const Small small;
  // The weights fit, what the optimiser remembers does not.
  const std::string program = "\"$0\" train --task classify -m " +
                              test::golden("distilbert-classify").string() +
                              " --train-file rows.jsonl --max-steps 40 "
                              "--per-device-train-batch-size 3 --save-steps 1 --threads 1 -o out ";
  const auto full = test::command({"sh", "-c", "ulimit -f 300; exec " + program, HFT_BINARY},
                                  {.cwd = small.folder.path});
  CHECK(full.code == 8);
  CHECK(full.err.find("optimizer.safetensors") != std::string::npos);
  CHECK((!fs::exists(small.folder / "out") || fs::is_empty(small.folder / "out")));

  const auto killed = test::command(
      {"sh", "-c",
       program +
           "& p=$!; while [ ! -e out/checkpoint-3 ]; do sleep 0.01; done; kill -9 $p; wait $p",
       HFT_BINARY},
      {.cwd = small.folder.path});
  CHECK(killed.code == 137);
  for (const auto& entry : fs::directory_iterator(small.folder / "out"))
    if (entry.path().filename().string().starts_with("checkpoint-"))
      for (const char* file :
           {"model.safetensors", "optimizer.safetensors", "trainer_state.json", "hft_state.json"})
        CHECK_MESSAGE(fs::exists(entry.path() / file), (entry.path() / file).string());
  const auto on =
      test::command({"sh", "-c", "exec " + program + "--resume-from-checkpoint last", HFT_BINARY},
                    {.cwd = small.folder.path});
  REQUIRE(on.code == 0);
  const std::string resumed = test::slurp(small.folder / "out/checkpoint-40/optimizer.safetensors");
  REQUIRE(test::command({"sh", "-c", "exec " + program + "--force", HFT_BINARY},
                        {.cwd = small.folder.path})
              .code == 0);
  CHECK((test::slurp(small.folder / "out/checkpoint-40/optimizer.safetensors") == resumed));
  CHECK(resumed.size() > 100'000);
}

TEST_CASE("train: a table teaches what the same rows of JSON teach") {
  const Small small;
  std::string table = "text,label\n";
  for (int i = 0; i < 20; ++i)
    table += std::string(i % 7, 'a') + " the boats " + std::to_string(i) + "," +
             std::to_string(i % 2) + "\n";
  test::spit(small.folder / "rows.csv", table);
  REQUIRE(small.run("json").code == 0);
  REQUIRE(small.run("csv", {}, "rows.csv").code == 0);
  CHECK((test::slurp(small.folder / "csv/model.safetensors") ==
         test::slurp(small.folder / "json/model.safetensors")));
}
