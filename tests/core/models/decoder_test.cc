// What every decoder of the registry promises, on tiny random checkpoints.
#include <algorithm>
#include <cmath>

#include "core/checkpoint/model_kinds.h"
#include "core/nn/twins.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

constexpr double kFloatTolerance = 2e-5;

std::unique_ptr<CausalLm> load_decoder(const fs::path& folder, std::int64_t chunk = 0,
                                       const std::string& dtype = "auto",
                                       bool deterministic = false) {
  ModelRequest request;
  request.deterministic = deterministic;
  request.folder = folder;
  request.prefill_chunk = chunk;
  request.dtype = dtype;
  return load_model<CausalLm>(request);
}

template <class F>
void each_decoder(F f) {
  for (const auto& row : supported_models()) {
    if (std::ranges::count(row.tasks, "generate") == 0) continue;
    TempFolder folder;
    const Json config = tiny_decoder_config(row.model_type);
    write_model(folder.path, config, tiny_decoder_tensors(config));
    CAPTURE(row.model_type);
    f(config, folder.path);
  }
}

// What is told to be deterministic keeps every bit whatever it is computed with; twins do not.
double company_tolerance(bool deterministic) {
  return deterministic && !twins_forced() ? 0 : kFloatTolerance;
}

}  // namespace

TEST_CASE("decoders: token by token, in parts of a pass and all at once give the same") {
  each_decoder([](const Json&, const fs::path& folder) {
    const Ids ids = some_ids(75);  // more than a block, and than the window
    for (const bool deterministic : {false, true}) {
      const auto model = load_decoder(folder, 0, "auto", deterministic),
                 parts = load_decoder(folder, 7, "auto", deterministic);
      CHECK(model->warnings() == std::vector<std::string>{});
      const double tolerance = company_tolerance(deterministic);
      const auto whole = after(*model, model->open(), ids, ids.size());
      REQUIRE(whole.size() == 50);
      CHECK(distance(after(*model, model->open(), ids, 1), whole) <= tolerance);
      CHECK(distance(after(*parts, parts->open(), ids, ids.size()), whole) <= tolerance);
    }
  });
}

TEST_CASE("decoders: sequences fed together get what each gets alone, whatever rows are wanted") {
  each_decoder([](const Json&, const fs::path& folder) {
    const auto model = load_decoder(folder, 0, "auto", true);
    const Ids a = some_ids(40), b = some_ids(1, 9), c = some_ids(13, 20);
    Decoded out;
    out.want_hidden = true;
    const int first = model->open(), second = model->open(), third = model->open();
    model->forward(std::vector<Feed>{{first, a}, {second, b, 0}, {third, c, 13}}, out);
    REQUIRE(out.logits.rows == 14);
    CHECK(out.hidden.rows == 14);
    const auto row = out.logits.row(0), last = out.logits.row(13);
    CHECK(distance({row.begin(), row.end()}, after(*model, model->open(), a, 40)) <=
          company_tolerance(true));
    CHECK(distance({last.begin(), last.end()}, after(*model, model->open(), c, 13)) <=
          company_tolerance(true));
    CHECK(model->length(first) == 40);
    CHECK(model->length(second) == 1);
  });
}

TEST_CASE("decoders: a fork goes its own way, and a crop takes back what was fed") {
  each_decoder([](const Json&, const fs::path& folder) {
    const auto model = load_decoder(folder);
    const Ids start = some_ids(37), one = some_ids(20, 11), two = some_ids(20, 30);
    const auto joined = [&](const Ids& more) {
      Ids all = start;
      all.insert(all.end(), more.begin(), more.end());
      return after(*model, model->open(), all, all.size());
    };
    const int trunk = model->open();
    after(*model, trunk, start, 37);
    const int branch = model->fork(trunk);
    const auto of_trunk = after(*model, trunk, one, 1), of_branch = after(*model, branch, two, 20);
    CHECK(distance(of_trunk, joined(one)) < kFloatTolerance);
    CHECK(distance(of_branch, joined(two)) < kFloatTolerance);
    model->close(trunk);
    model->crop(branch, 37);
    CHECK(model->length(branch) == 37);
    CHECK(distance(after(*model, branch, one, 20), of_trunk) < kFloatTolerance);
  });
}

TEST_CASE("decoders: classifying and embedding, a batch gives what its texts give alone") {
  each_decoder([](Json config, const fs::path& folder) {
    if (is_vision_language(Fields(config, "config.json"))) return;
    config["num_labels"] = 3;
    config["pad_token_id"] = 7;
    for (const Head head : {Head::kClassify, Head::kEmbed}) {
      Tensors tensors = tiny_tensors(config, head);
      CHECK(tensors.contains("score.weight") == (head == Head::kClassify));
      write_model(folder, config, tensors);
      const auto model = load(folder, head);
      CHECK(model->warnings() == std::vector<std::string>{});
      TokenBatch batch = tiny_batch();
      batch.ids.back() = batch.ids[batch.ids.size() - 2] = 7;
      const Matrix all = model->forward(batch);
      REQUIRE(all.rows == 4);
      for (std::int64_t b = 0; b < 4; ++b)
        CHECK(distance(model->forward(only(batch, b)).data,
                       {all.row(b).begin(), all.row(b).end()}) < kFloatTolerance);
    }
  });
}

TEST_CASE("decoders: padding at the end of a text is no last token") {
  TempFolder folder;
  Json config = tiny_decoder_config("gpt2");
  config["pad_token_id"] = 7;
  write_model(folder.path, config, tiny_tensors(config, Head::kClassify));
  const auto model = load(folder.path, Head::kClassify);
  const auto scores = [&](std::vector<std::int32_t> ids) {
    TokenBatch batch;
    batch.ids = std::move(ids);
    batch.starts.push_back(static_cast<std::int32_t>(batch.ids.size()));
    return model->forward(batch).data;
  };
  CHECK(distance(scores({5, 9, 7, 7}), scores({5, 9})) < kFloatTolerance);
  CHECK(distance(scores({7, 9}), scores({7})) > 0.01);
  CHECK(distance(scores({7, 7}), scores({7})) < kFloatTolerance);
}

TEST_CASE("decoders: narrow types stay near float32, whatever type the file has") {
  each_decoder([](const Json& config, const fs::path& folder) {
    Tensors tensors = tiny_decoder_tensors(config);
    for (const auto stored : {at::kBFloat16, at::kHalf}) {
      for (auto& [name, tensor] : tensors) tensor = tensor.to(stored);
      write_model(folder, config, tensors);
      const Ids ids = some_ids(30);
      const auto exact = load_decoder(folder, 0, "float32");
      const auto wanted = after(*exact, exact->open(), ids, 30);
      for (const char* dtype : {"bfloat16", "float16"}) {
        const auto model = load_decoder(folder, 0, dtype);
        CHECK(distance(after(*model, model->open(), ids, 30), wanted) < 0.25);
      }
    }
  });
}

TEST_CASE("decoders: what does not fit is refused in one line") {
  each_decoder([](const Json& config, const fs::path& folder) {
    const auto model = load_decoder(folder);
    Decoded out;
    const auto refused = [&](const Ids& ids) {
      return error_of([&] { model->forward(std::vector<Feed>{{model->open(), ids}}, out); });
    };
    CHECK(refused({1, 50}) == "token id 50 is outside [0, 50) of the model");
    CHECK(refused({-1}) == "token id -1 is outside [0, 50) of the model");
    CHECK(refused(Ids(model->max_positions() + 1, 3)) ==
          "the text has " + std::to_string(model->max_positions() + 1) +
              " tokens, but the model takes at most " + std::to_string(model->max_positions()));
    Tensors tensors = tiny_decoder_tensors(config);
    const std::string lost = tensors.begin()->first;
    tensors.erase(lost);
    write_model(folder, config, tensors);
    CHECK(error_of([&] { load_decoder(folder); }) ==
          folder.string() + ": the checkpoint lacks tensors that config.json implies: " + lost);
  });
}

TEST_CASE("decoders: a NaN is reported with the layer where it first shows") {
  each_decoder([](const Json& config, const fs::path& folder) {
    Tensors tensors = tiny_decoder_tensors(config);
    std::string layer;
    for (auto& [name, tensor] : tensors)
      if (const auto at = name.find(".1.");
          at != std::string::npos && tensor.dim() == 2 && layer.empty() &&
          name.find("embed") == std::string::npos && name.find("experts") == std::string::npos) {
        tensor.fill_(std::nan(""));
        layer = name.substr(0, at + 2);
      }
    REQUIRE(!layer.empty());
    write_model(folder, config, tensors);
    const auto model = load_decoder(folder);
    const Error error = caught([&] { after(*model, model->open(), some_ids(5), 5); });
    CHECK(error.code == Errc::kNotFinite);
    CHECK(error.message == "NaN first shows in the output of '" + layer + "'");
  });
}

TEST_CASE("decoders: a window that has passed cannot be taken back") {
  TempFolder folder;
  Json config = tiny_decoder_config("mistral");
  config["max_position_embeddings"] = 256;
  write_model(folder.path, config, tiny_decoder_tensors(config));
  const auto model = load_decoder(folder.path);
  const int sequence = model->open();
  after(*model, sequence, Ids(256, 4), 64);
  const Error error = caught([&] { model->crop(sequence, 20); });
  CHECK(error.code == Errc::kUsage);
  CHECK(error.message ==
        "a sequence of 256 tokens cannot go back to 20: the sliding window of 40 has forgotten "
        "what came before");
  model->crop(sequence, 0);
  CHECK(distance(after(*model, sequence, some_ids(9), 9),
                 after(*model, model->open(), some_ids(9), 9)) == 0);
}

TEST_CASE("decoders: a text encoder is no decoder and the other way round") {
  TempFolder folder;
  spit(folder.path / "config.json", R"({"model_type": "bert"})");
  CHECK(error_of([&] { load_decoder(folder.path); }) ==
        (folder.path / "config.json").string() +
            ": model_type 'bert' is a text encoder, wanted a text-generating decoder");
  spit(folder.path / "config.json", R"({"model_type": "llama"})");
  CHECK(error_of([&] { load(folder.path, Head::kTokenClassify); }) ==
        (folder.path / "config.json").string() +
            ": model_type 'llama' is a text-generating decoder, wanted a text encoder");
}

}  // namespace hft::test
