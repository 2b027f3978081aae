// hft train: noise, precision, memory, kinds of data; what each promises beside the losses of
// train_test.cc.
#include <array>
#include <cmath>
#include <cstring>

#include "tests/support/test.h"

using namespace hft;
namespace fs = std::filesystem;

namespace {

// Runs on labels of 20 texts, each logged.
struct TrainOptions {
  TrainOptions() {
    std::string rows;
    for (int i = 0; i < 20; ++i)
      rows += Json{{"text", std::string(i % 7, 'a') + " the boats " + std::to_string(i)},
                   {"label", i % 2}}
                  .dump() +
              "\n";
    test::spit(folder / "rows.jsonl", rows);
  }
  test::Ran run(const std::string& task, const std::string& model, const std::string& file,
                const std::string& output, std::vector<std::string> more = {}) const {
    std::vector<std::string> args{"train", "--task", task, "-m", test::golden(model).string(),
                                  "--train-file", (folder / file).string(), "-o",
                                  (folder / output).string(), "--max-steps", "8",
                                  "--per-device-train-batch-size", "4", "--logging-steps", "1",
                                  "--threads", "1", "--save-steps", "8"};
    args.insert(args.end(), more.begin(), more.end());
    return test::hft(args);
  }
  // The losses of a run of eight steps.
  std::vector<double> losses(const std::string& output, const std::vector<std::string>& more = {},
                             const std::string& model = "distilbert-classify") const {
    const auto ran = run("classify", model, "rows.jsonl", output, more);
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    std::vector<double> losses;
    const Json state = Json::parse(test::slurp(folder / output / "trainer_state.json"));
    for (const Json& entry : state["log_history"])
      if (entry.contains("loss")) losses.push_back(entry["loss"].get<double>());
    CHECK(losses.size() == 8);
    return losses;
  }
  test::TempFolder folder;
};

double farthest_loss(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::fabs(a[i] - b[i]));
  return most;
}

}  // namespace

TEST_CASE("train: dropout is config.json's, the same for a seed, and gone with --dropout 0") {
  const TrainOptions o;
  const auto first = o.losses("first"), again = o.losses("again");
  CHECK((first == again));
  CHECK(farthest_loss(first, o.losses("other", {"--seed", "7", "--data-seed", "42"})) > 1e-4);
  const auto none = o.losses("none", {"--dropout", "0"});
  CHECK(farthest_loss(first, none) > 1e-4);
  // Layers that are computed again for their gradients give the same ones.
  CHECK(farthest_loss(none, o.losses("thrifty", {"--dropout", "0", "--gradient-checkpointing"})) < 1e-6);
  const auto noisy = o.losses("noisy", {"--gradient-checkpointing"});
  CHECK((noisy == o.losses("noisy-again", {"--gradient-checkpointing"})));
  CHECK(farthest_loss(noisy, none) > 1e-4);
}

TEST_CASE("train: --bf16 is near float32, and its weights are float32") {
  const TrainOptions o;
  const auto exact = o.losses("exact", {"--dropout", "0"}),
             near = o.losses("near", {"--dropout", "0", "--bf16"});
  CHECK(farthest_loss(exact, near) < 0.2);
  CHECK((exact != near));
  CHECK(fs::file_size(o.folder / "near/model.safetensors") ==
        fs::file_size(o.folder / "exact/model.safetensors"));
}

TEST_CASE("train: AdamW in 8 bits remembers less, and learns alike") {
  const TrainOptions o;
  const std::vector<std::string> more{"--dropout", "0"};
  auto small = more;
  small.insert(small.end(), {"--optim", "adamw_8bit"});
  CHECK(farthest_loss(o.losses("32", more), o.losses("8", small)) < 0.5);
  CHECK(fs::file_size(o.folder / "8/checkpoint-8/optimizer.safetensors") <
        0.8 * static_cast<double>(fs::file_size(o.folder / "32/checkpoint-8/optimizer.safetensors")));
}

TEST_CASE("train: adapters over 4 bits are used over the same 4 bits") {
  const TrainOptions o;
  const std::string rows = (o.folder / "rows.jsonl").string();
  const auto ran = o.run("classify", "distilbert-classify", "rows.jsonl", "adapter",
                         {"--lora-r", "4", "--lora-dropout", "0.1", "--load-in-4bit", "--lr", "1e-2",
                          "--eval-file", rows});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const auto used = test::hft({"classify", "-m", test::golden("distilbert-classify").string(),
                               "--adapter", (o.folder / "adapter").string(), "-i", rows, "--json"});
  CHECK(used.code == 0);
  CHECK(used.records().size() == 20);
  CHECK(o.run("classify", "distilbert-classify", "rows.jsonl", "x", {"--load-in-4bit"}).err ==
        "hft: --load-in-4bit and --load-in-8bit: weights in codes are not trained\nhint: --lora-r 16 "
        "trains adapters over them\n");
}

TEST_CASE("train: folders of pictures are labels, and what was learned is served") {
  const TrainOptions o;
  for (const auto& [label, first, second] :
       {std::array{"ants", "clear.png", "digit.png"}, {"bees", "grey.png", "palette.png"}}) {
    fs::create_directories(o.folder / "photos" / label);
    for (const char* name : {first, second})
      fs::copy(test::golden("pictures") / name, o.folder / "photos" / label / name);
  }
  const auto ran = o.run("image-classify", "vit", "photos", "model",
                         {"--ignore-mismatched-sizes", "--eval-file", (o.folder / "photos").string()});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(ran.records()[0].contains("eval_accuracy"));
  const Json config = Json::parse(test::slurp(o.folder / "model/config.json"));
  CHECK(config["id2label"].dump() == R"({"0":"ants","1":"bees"})");
  CHECK(fs::exists(o.folder / "model/preprocessor_config.json"));
  const auto served = test::hft({"image-classify", "-m", (o.folder / "model").string(),
                                 (o.folder / "photos/ants/clear.png").string(), "--json"});
  REQUIRE(served.code == 0);
  CHECK(served.records()[0]["output"].size() == 2);

  test::spit(o.folder / "bad.jsonl", R"({"image": "no.png", "label": "ants"})"
                                     "\n");
  const auto bad = o.run("image-classify", "vit", "bad.jsonl", "x", {"--ignore-mismatched-sizes"});
  CHECK(bad.code == 5);
  CHECK(bad.err.find("bad.jsonl: no.png: no such file\n") != std::string::npos);
}

TEST_CASE("train: of conversations an assistant's turns are learned, as marked or as written") {
  const TrainOptions o;
  const auto row = [](const char* role, const char* text) {
    return Json{{"role", role}, {"content", text}};
  };
  std::string rows;
  for (int i = 0; i < 6; ++i)
    rows += Json{{"messages", Json::array({row("user", "who counts"),
                                           row("assistant", "the harbour master")})}}
                .dump() +
            "\n";
  test::spit(o.folder / "chats.jsonl", rows);
  test::spit(o.folder / "plain.jinja",
             "{% for m in messages %}<{{ m.role }}>{{ m.content }};{% endfor %}"
             "{% if add_generation_prompt %}<assistant>{% endif %}");
  test::spit(o.folder / "marked.jinja",
             "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}"
             "{{ m.content }};{% endgeneration %}{% else %}{{ m.content }};{% endif %}{% endfor %}"
             "{% if add_generation_prompt %}<assistant>{% endif %}");
  for (const char* name : {"plain", "marked"}) {
    const auto ran = o.run("generate", "llama-generate", "chats.jsonl", name,
                           {"--chat-template", (o.folder / (std::string(name) + ".jinja")).string()});
    INFO(ran.err);
    REQUIRE(ran.code == 0);
  }
  CHECK((test::slurp(o.folder / "plain/model.safetensors") ==
         test::slurp(o.folder / "marked/model.safetensors")));
  test::spit(o.folder / "mute.jsonl",
             Json{{"messages", Json::array({row("user", "who counts")})}}.dump() + "\n");
  const auto mute = o.run("generate", "llama-generate", "mute.jsonl", "x",
                          {"--chat-template", (o.folder / "plain.jinja").string()});
  CHECK(mute.code == 9);
  CHECK(mute.err.find("mute.jsonl: has no token of an answer to learn (within --max-length, of an "
                      "assistant's turn)\n") != std::string::npos);
}

TEST_CASE("train: event files hold what was logged") {
  const TrainOptions o;
  o.losses("out");
  fs::path events;
  for (const auto& entry : fs::recursive_directory_iterator(o.folder / "out/runs"))
    if (entry.is_regular_file()) events = entry.path();
  REQUIRE(!events.empty());
  const std::string bytes = test::slurp(events);
  CHECK(bytes.find("brain.Event:2") != std::string::npos);
  std::size_t records = 0, at = 0;
  for (; at + 12 <= bytes.size(); ++records) {
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data() + at, 8);
    at += 16 + length;
  }
  CHECK(at == bytes.size());
  CHECK(records == 10);  // the version, eight losses and the end
  CHECK(bytes.find("train/loss") != std::string::npos);
}
