// What an encoder-decoder that hears promises beside what others do, on a tiny random checkpoint.
#include <cmath>
#include <numeric>

#include "core/nn/twins.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

constexpr std::int64_t kFrames = 20, kBins = 6;
constexpr double kFloatTolerance = 2e-5;

Json config() {
  Json config = tiny_seq2seq_config("whisper");
  config["decoder_attention_heads"] = 4;
  return config;
}

Tensors tensors() { return tiny_seq2seq_tensors(config()); }

std::unique_ptr<Seq2SeqLm> loaded(const fs::path& folder, const std::string& dtype = "auto") {
  ModelRequest request;
  request.folder = folder;
  request.dtype = dtype;
  request.deterministic = true;
  return load_model<Seq2SeqLm>(request);
}

struct Tiny {
  TempFolder folder;
  std::unique_ptr<Seq2SeqLm> model;
  Tiny() {
    write_model(folder.path, config(), tensors());
    model = loaded(folder.path);
  }
};

std::vector<float> window(int seed) {
  std::vector<float> all(kFrames * kBins);
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = std::sin(0.7f * static_cast<float>(i + 1) * static_cast<float>(seed));
  return all;
}
SoundView view(const std::vector<float>& window) { return {window.data(), kFrames, kBins}; }
int hear_one(Seq2SeqLm& model, const std::vector<float>& heard) {
  const SoundView one = view(heard);
  return model.hear({&one, 1})[0];
}
double company_tolerance() { return twins_forced() ? kFloatTolerance : 0; }

}  // namespace

TEST_CASE("whisper: windows together give what each gives alone, in any number") {
  Tiny tiny;
  CHECK(tiny.model->warnings() == std::vector<std::string>{});
  const Ids target = some_ids(12);
  for (int count = 1; count <= 5; ++count) {
    std::vector<std::vector<float>> windows;
    std::vector<SoundView> views;
    for (int i = 0; i < count; ++i) windows.push_back(window(i + 2));
    for (const auto& w : windows) views.push_back(view(w));
    const auto sequences = tiny.model->hear(views);
    REQUIRE(sequences.size() == windows.size());
    for (std::size_t i = 0; i < windows.size(); ++i)
      CHECK(distance(after(*tiny.model, sequences[i], target, 12),
                     after(*tiny.model, hear_one(*tiny.model, windows[i]), target, 12)) <=
            company_tolerance());
  }
}

TEST_CASE("whisper: token by token and all at once give the same, and each window something else") {
  Tiny tiny;
  const Ids target = some_ids(30);
  const auto whole = after(*tiny.model, hear_one(*tiny.model, window(3)), target, 30);
  CHECK(distance(after(*tiny.model, hear_one(*tiny.model, window(3)), target, 1), whole) <=
        company_tolerance());
  CHECK(distance(after(*tiny.model, hear_one(*tiny.model, window(4)), target, 30), whole) > 1e-3);
}

TEST_CASE("whisper: the attention of heads is told for every token, and leaves the text as it is") {
  Tiny tiny;
  const Ids target = some_ids(9);
  const int sequence = hear_one(*tiny.model, window(5));
  const std::vector<Seq2SeqLm::SourceHead> heads{{1, 3}, {0, 0}, {1, 0}};
  const int fork = tiny.model->fork(sequence);
  const Attended seen = tiny.model->attended(fork, target, heads);
  CHECK(seen.heads == 3);
  CHECK(seen.tokens == 9);
  CHECK(seen.positions == 10);
  REQUIRE(seen.weights.size() == 3 * 9 * 10);
  for (std::size_t row = 0; row < 27; ++row)
    CHECK(std::accumulate(seen.weights.begin() + row * 10, seen.weights.begin() + row * 10 + 10,
                          0.0f) == doctest::Approx(1));
  CHECK(tiny.model->length(fork) == 9);
  // The first of the tokens sees what it sees alone.
  const int other = tiny.model->fork(sequence);
  const Attended first = tiny.model->attended(other, std::span(target).first(1), {&heads[2], 1});
  for (std::size_t s = 0; s < 10; ++s)
    CHECK(first.weights[s] == doctest::Approx(seen.weights[2 * 90 + s]));
  CHECK(distance(after(*tiny.model, sequence, target, 9),
                 after(*tiny.model, hear_one(*tiny.model, window(5)), target, 9)) == 0);
}

TEST_CASE("whisper: narrow types stay near float32, whatever type the file has") {
  TempFolder folder;
  Tensors all = tensors();
  for (const auto stored : {at::kBFloat16, at::kHalf}) {
    for (auto& [name, tensor] : all) tensor = tensor.to(stored);
    write_model(folder.path, config(), all);
    const auto exact = loaded(folder.path, "float32");
    const auto wanted = after(*exact, hear_one(*exact, window(6)), some_ids(15), 15);
    for (const char* dtype : {"bfloat16", "float16"}) {
      const auto model = loaded(folder.path, dtype);
      CHECK(distance(after(*model, hear_one(*model, window(6)), some_ids(15), 15), wanted) < 0.25);
    }
  }
}

TEST_CASE("whisper: a stored head that is the embeddings' own is no news; another is one") {
  TempFolder folder;
  Tensors all = tensors();
  all["proj_out.weight"] = all.at("model.decoder.embed_tokens.weight");
  write_model(folder.path, config(), all);
  CHECK(loaded(folder.path)->warnings() == std::vector<std::string>{});
  all["proj_out.weight"] = all["proj_out.weight"] + 1;
  write_model(folder.path, config(), all);
  CHECK(loaded(folder.path)->warnings().size() == 1);
}

TEST_CASE("whisper: what does not fit is refused in one line") {
  Tiny tiny;
  const std::vector<float> heard = window(2);
  const SoundView shorter{heard.data(), kFrames - 2, kBins};
  CHECK(error_of([&] { tiny.model->hear({&shorter, 1}); }) ==
        "a window of 18 frames of 6 bins, but the model hears 20 of 6");
  CHECK(error_of([&] { tiny.model->encode({.ids = {1}, .starts = {0, 1}}); }) ==
        "the model reads no texts");
  Tensors all = tensors();
  all.at("model.encoder.layers.1.fc1.weight").fill_(std::nan(""));
  write_model(tiny.folder.path, config(), all);
  const auto model = loaded(tiny.folder.path);
  const Error error = caught([&] { hear_one(*model, heard); });
  CHECK(error.code == Errc::kNotFinite);
  CHECK(error.message == "NaN first shows in the output of 'model.encoder.layers.1'");
}

}  // namespace hft::test
