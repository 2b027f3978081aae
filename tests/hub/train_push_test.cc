// hft train --push-to-hub: what each strategy sends, and that a Hub that fails costs no training.
#include <algorithm>
#include <set>

#include "tests/support/fake_hub.h"

using namespace hft;
using test::FakeHub;
namespace fs = std::filesystem;

namespace {

// A Hub, and runs of six steps that save every second one.
struct TrainAndPush {
  TrainAndPush()
      : hub(R"({"users": {"hf_token_of_ann": {"name": "ann"}}, "large": 30000})") {
    hub.start();
    std::string rows;
    for (int i = 0; i < 8; ++i)
      rows += Json{{"text", "the boats " + std::to_string(i)}, {"label", i % 2}}.dump() + "\n";
    test::spit(hub.folder / "rows.jsonl", rows);
  }
  test::Ran train(const std::string& repo, std::vector<std::string> more = {}) const {
    std::vector<std::string> args{"train", "--task", "classify", "-m",
                                  test::golden("distilbert-classify").string(), "--train-file",
                                  (hub.folder / "rows.jsonl").string(), "-o",
                                  (hub.folder / repo).string(), "--max-steps", "6", "--save-steps",
                                  "2", "--threads", "1", "--push-to-hub", "--hub-model-id",
                                  "ann/" + repo};
    args.insert(args.end(), more.begin(), more.end());
    return hub.run(args, kToken);
  }
  std::set<std::string> files(const std::string& repo) const {
    std::set<std::string> names;
    for (const Json& file : hub.run({"hub", "ls", "ann/" + repo, "--json"}, kToken).records())
      names.insert(file["name"].get<std::string>());
    return names;
  }
  std::size_t commits() const {
    const auto entries = hub.log("/commit/");
    return static_cast<std::size_t>(std::ranges::count_if(
        entries, [](const Json& e) { return e["method"] == "POST"; }));
  }
  const std::vector<std::string> kToken{"HF_TOKEN=hf_token_of_ann"};
  FakeHub hub;
};

bool any_below(const std::set<std::string>& names, const std::string& folder) {
  return std::ranges::any_of(names, [&](const auto& name) { return name.starts_with(folder); });
}

}  // namespace

TEST_CASE("train --push-to-hub: each strategy sends what Trainer's sends, when it does") {
  const TrainAndPush t;
  for (const auto& [strategy, commits] :
       {std::pair("end", 1), {"every_save", 4}, {"checkpoint", 4}, {"all_checkpoints", 4}}) {
    CAPTURE(strategy);
    t.hub.clear_log();
    const auto ran = t.train(strategy, {"--hub-strategy", strategy});
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    CHECK(t.commits() == commits);
    const auto names = t.files(strategy);
    for (const char* name : {"model.safetensors", "config.json", "README.md", "training_args.json"})
      CHECK_MESSAGE(names.contains(name), name);
    CHECK(!names.contains("optimizer.safetensors"));
    CHECK(names.contains("last-checkpoint/optimizer.safetensors") ==
          (std::string(strategy) == "checkpoint"));
    for (const char* name : {"checkpoint-2/", "checkpoint-4/", "checkpoint-6/"})
      CHECK(any_below(names, name) == (std::string(strategy) == "all_checkpoints"));
    // What was sent is what can be used.
    const auto used = t.hub.run({"classify", "-m", "ann/" + std::string(strategy), "--json", "a"},
                                t.kToken);
    CHECK(used.code == 0);
  }
}

TEST_CASE("train --push-to-hub: a save that cannot be sent goes along with the next") {
  const TrainAndPush t;
  t.hub.faults(R"([{"path": "/commit/", "status": 400, "times": 1, "body": "{\"error\": \"no\"}"}])");
  const auto ran = t.train("late", {"--hub-strategy", "all_checkpoints"});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(ran.err.find("step 2 could not be sent to the Hub: ") != std::string::npos);
  CHECK(ran.err.find("step 4 sent: ") != std::string::npos);
  const auto names = t.files("late");
  for (const char* name : {"checkpoint-2/", "checkpoint-4/", "checkpoint-6/"})
    CHECK(any_below(names, name));
}

TEST_CASE("train --push-to-hub: an end that cannot be sent says how, and a resumed run sends it") {
  const TrainAndPush t;
  t.hub.faults(R"([{"path": "/commit/", "status": 400, "body": "{\"error\": \"no\"}"}])");
  const auto ran = t.train("down", {"--hub-strategy", "end"});
  const std::string folder = (t.hub.folder / "down").string();
  CHECK(ran.code == 7);
  CHECK(ran.err.find("hint: the model is in " + folder + ": hft push " + folder +
                     " ann/down sends it\n") != std::string::npos);
  const std::string weights = test::slurp(folder + "/model.safetensors");
  REQUIRE(!weights.empty());
  t.hub.faults("[]");
  const auto again = t.train("down", {"--hub-strategy", "end", "--resume-from-checkpoint", "last"});
  INFO(again.err);
  CHECK(again.code == 0);
  CHECK((test::slurp(folder + "/model.safetensors") == weights));
  CHECK(t.files("down").contains("model.safetensors"));
}

TEST_CASE("train --push-to-hub: without a network or a token nothing is trained") {
  const TrainAndPush t;
  const auto refused = [&](const std::vector<std::string>& env) {
    return t.hub.run({"train", "--task", "classify", "-m",
                      test::golden("distilbert-classify").string(), "--train-file",
                      (t.hub.folder / "rows.jsonl").string(), "-o", (t.hub.folder / "x").string(),
                      "--push-to-hub", "--hub-model-id", "ann/x"},
                     env);
  };
  const auto offline = refused({"HF_TOKEN=hf_token_of_ann", "HF_HUB_OFFLINE=1"});
  CHECK(offline.code == 5);
  CHECK(offline.err.find(
            "--push-to-hub: HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids the network\n") !=
        std::string::npos);
  const auto nobody = refused({});
  CHECK(nobody.code == 4);
  CHECK(nobody.err.find("ann/x: to upload, log in first\nhint: set HF_TOKEN or run hft hub login\n") !=
        std::string::npos);
  CHECK(!fs::exists(t.hub.folder / "x"));
}
