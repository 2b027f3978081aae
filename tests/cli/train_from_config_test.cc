// hft train --from-config: all weights are new, drawn as the model's class draws them in Python.
#include <cmath>
#include <cstring>

#include "core/checkpoint/safetensors.h"
#include "tests/support/test.h"

using namespace hft;
namespace fs = std::filesystem;

namespace {

// A folder without weights, of a golden model.
struct WithoutWeights {
  WithoutWeights(const std::string& golden, const std::string& data, std::string task)
      : task(std::move(task)) {
    fs::copy(test::golden(golden), folder / "start");
    fs::remove(folder / "start/model.safetensors");
    test::spit(folder / "rows.jsonl", data);
  }
  test::Ran train(const std::string& output, std::vector<std::string> more) const {
    std::vector<std::string> args{"train",   "--task",         task,
                                  "-m",      (folder / "start").string(),
                                  "-o",      (folder / output).string(),
                                  "--train-file", (folder / "rows.jsonl").string(),
                                  "--save-strategy", "no", "--threads", "1"};
    args.insert(args.end(), more.begin(), more.end());
    return test::hft(args);
  }
  test::TempFolder folder;
  std::string task;
};

std::vector<float> numbers_of(const SafetensorsFile& file, const std::string& name) {
  const StoredTensor& tensor = file.tensors.at(name);
  std::vector<float> numbers(static_cast<std::size_t>(tensor.count()));
  std::memcpy(numbers.data(), tensor.bytes.data(), tensor.bytes.size());
  return numbers;
}

double spread_of(const std::vector<float>& numbers) {
  double sum = 0;
  for (const float x : numbers) sum += static_cast<double>(x) * x;
  return std::sqrt(sum / static_cast<double>(numbers.size()));
}

}  // namespace

TEST_CASE("train --from-config: GPT-2's weights are spread as in Python, the same for a seed") {
  const WithoutWeights model("gpt2-generate", R"({"text": "the clock tower and the boats"})" "\n",
                             "generate");
  const std::vector<std::string> still{"--from-config", "--lr", "1e-12", "--max-steps", "1"};
  const auto ran = model.train("out", still);
  CHECK(ran.code == 0);
  CHECK(ran.err.starts_with("hft: all weights are new, drawn with seed 42\n"));
  const auto file = open_safetensors(model.folder / "out/model.safetensors");
  CHECK(spread_of(numbers_of(file, "transformer.h.0.attn.c_attn.weight")) ==
        doctest::Approx(0.02).epsilon(0.05));
  CHECK(spread_of(numbers_of(file, "transformer.h.0.mlp.c_proj.weight")) ==
        doctest::Approx(0.01).epsilon(0.05));  // 2 layers: 0.02 / sqrt(4)
  CHECK(spread_of(numbers_of(file, "transformer.h.1.attn.c_attn.bias")) < 1e-9);
  for (const float x : numbers_of(file, "transformer.ln_f.weight")) CHECK(x == 1);

  model.train("again", still);
  CHECK((test::slurp(model.folder / "out/model.safetensors") ==
         test::slurp(model.folder / "again/model.safetensors")));
  auto other = still;
  other.insert(other.end(), {"--seed", "7"});
  model.train("other", other);
  CHECK((test::slurp(model.folder / "out/model.safetensors") !=
         test::slurp(model.folder / "other/model.safetensors")));
}

TEST_CASE("train --from-config: BERT's padding is 0; what it makes answers") {
  const WithoutWeights model("bert-classify",
                             "{\"text\": \"the boats\", \"label\": \"a\"}\n"
                             "{\"text\": \"a clock\", \"label\": \"b\"}\n",
                             "classify");
  CHECK(model.train("out", {"--max-steps", "1"}).code == 5);
  CHECK(model.train("out", {"--from-config", "--max-steps", "1", "--lr", "1e-12"}).code == 0);
  const auto file = open_safetensors(model.folder / "out/model.safetensors");
  const auto words = numbers_of(file, "bert.embeddings.word_embeddings.weight");
  const auto width = file.tensors.at("bert.embeddings.word_embeddings.weight").shape[1];
  CHECK(spread_of({words.begin(), words.begin() + width}) == 0);
  CHECK(spread_of({words.begin() + width, words.end()}) > 0.01);
  CHECK(test::hft({"classify", "-m", (model.folder / "out").string(), "x"}).code == 0);
}

TEST_CASE("train --from-config: an adapter of nothing is refused") {
  const WithoutWeights model("gpt2-generate", "x\n", "generate");
  const auto ran = model.train("out", {"--from-config", "--lora-r", "4"});
  CHECK(ran.code == 2);
  CHECK(ran.err ==
        "hft: --from-config: an adapter (--lora-r) wants a model that was trained\n");
}
