// What every encoder-decoder of the registry promises, on tiny random checkpoints.
#include <algorithm>
#include <cmath>

#include "core/nn/twins.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

constexpr double kFloatTolerance = 2e-5;

std::unique_ptr<Seq2SeqLm> load_seq2seq(const fs::path& folder, const std::string& dtype = "auto") {
  ModelRequest request;
  request.folder = folder;
  request.dtype = dtype;
  request.deterministic = true;
  return load_model<Seq2SeqLm>(request);
}

template <class F>
void each_model(F f) {
  int count = 0;
  for (const auto& row : supported_models()) {
    if (std::ranges::count(row.tasks, "translate") == 0) continue;
    TempFolder folder;
    const Json config = tiny_seq2seq_config(row.model_type);
    write_model(folder.path, config, tiny_seq2seq_tensors(config));
    CAPTURE(row.model_type);
    f(config, folder.path);
    ++count;
  }
  CHECK(count >= 7);
}

// Deterministic models keep every bit whatever is computed together; twins do not.
double company_tolerance() { return twins_forced() ? kFloatTolerance : 0; }

int encode_one(Seq2SeqLm& model, const Ids& source) {
  return model.encode({.ids = source, .starts = {0, static_cast<std::int32_t>(source.size())}})[0];
}

}  // namespace

TEST_CASE("encoder-decoders: sources of any length together give what each gives alone") {
  each_model([](const Json&, const fs::path& folder) {
    const auto model = load_seq2seq(folder);
    CHECK(model->warnings() == std::vector<std::string>{});
    const std::vector<Ids> sources{some_ids(40), some_ids(1, 9), some_ids(80, 20), some_ids(33, 2)};
    TokenBatch batch;
    for (const Ids& ids : sources) {
      batch.ids.insert(batch.ids.end(), ids.begin(), ids.end());
      batch.starts.push_back(static_cast<std::int32_t>(batch.ids.size()));
    }
    const auto sequences = model->encode(batch);
    REQUIRE(sequences.size() == 4);
    const std::vector<Ids> targets{some_ids(3), some_ids(35, 4), some_ids(1, 30), some_ids(12, 8)};
    std::vector<Feed> feeds;
    for (std::size_t i = 0; i < 4; ++i) feeds.push_back({sequences[i], targets[i]});
    Decoded out;
    model->forward(feeds, out);
    for (std::size_t i = 0; i < 4; ++i) {
      const auto row = out.logits.row(static_cast<std::int64_t>(i));
      const auto alone = after(*model, encode_one(*model, sources[i]), targets[i], 100);
      CHECK(distance({row.begin(), row.end()}, alone) <= company_tolerance());
      CHECK(model->length(sequences[i]) == static_cast<std::int64_t>(targets[i].size()));
    }
  });
}

TEST_CASE("encoder-decoders: token by token and all at once give the same") {
  each_model([](const Json&, const fs::path& folder) {
    const auto model = load_seq2seq(folder);
    const Ids source = some_ids(50, 5), target = some_ids(70);
    const auto whole = after(*model, encode_one(*model, source), target, target.size());
    REQUIRE(whole.size() == 50);
    CHECK(distance(after(*model, encode_one(*model, source), target, 1), whole) <=
          company_tolerance());
  });
}

TEST_CASE("encoder-decoders: forks see one source and go their own ways, until all are closed") {
  each_model([](const Json&, const fs::path& folder) {
    const auto model = load_seq2seq(folder);
    const Ids source = some_ids(45, 6), start = some_ids(37), one = some_ids(9, 11),
              two = some_ids(9, 30);
    const auto joined = [&](const Ids& more) {
      Ids all = start;
      all.insert(all.end(), more.begin(), more.end());
      return after(*model, encode_one(*model, source), all, all.size());
    };
    const int trunk = encode_one(*model, source);
    after(*model, trunk, start, 37);
    const int branch = model->fork(trunk), other = encode_one(*model, some_ids(3, 1));
    const auto alone = after(*model, encode_one(*model, some_ids(3, 1)), one, 9);
    Decoded out;
    for (std::size_t i = 0; i < 9; ++i)
      model->forward(std::vector<Feed>{{trunk, std::span(one).subspan(i, 1)},
                                       {branch, std::span(two).subspan(i, 1)},
                                       {other, std::span(one).subspan(i, 1)}},
                     out);
    const auto row = [&](std::int64_t i) {
      const auto all = out.logits.row(i);
      return std::vector<float>(all.begin(), all.end());
    };
    CHECK(distance(row(0), joined(one)) < kFloatTolerance);
    CHECK(distance(row(1), joined(two)) < kFloatTolerance);
    CHECK(distance(row(2), alone) < kFloatTolerance);
    model->close(trunk);
    model->crop(branch, 37);
    CHECK(distance(after(*model, branch, one, 9), joined(one)) < kFloatTolerance);
    model->close(branch);
    CHECK_THROWS(model->length(branch));
  });
}

TEST_CASE("encoder-decoders: narrow types stay near float32, whatever type the file has") {
  each_model([](const Json& config, const fs::path& folder) {
    Tensors tensors = tiny_seq2seq_tensors(config);
    for (const auto stored : {at::kBFloat16, at::kHalf}) {
      for (auto& [name, tensor] : tensors) tensor = tensor.to(stored);
      write_model(folder, config, tensors);
      const auto exact = load_seq2seq(folder, "float32");
      const auto wanted = after(*exact, encode_one(*exact, some_ids(20)), some_ids(15, 8), 15);
      for (const char* dtype : {"bfloat16", "float16"}) {
        const auto model = load_seq2seq(folder, dtype);
        const auto found = after(*model, encode_one(*model, some_ids(20)), some_ids(15, 8), 15);
        CHECK(distance(found, wanted) < 0.25);
      }
    }
  });
}

TEST_CASE("encoder-decoders: what does not fit is refused in one line") {
  each_model([](const Json& config, const fs::path& folder) {
    const auto model = load_seq2seq(folder);
    const auto refused = [&](const Ids& ids) { return error_of([&] { encode_one(*model, ids); }); };
    CHECK(refused({1, 50}) == "token id 50 is outside [0, 50) of the model");
    CHECK(refused({-1}) == "token id -1 is outside [0, 50) of the model");
    CHECK(refused({}) == "input 0 of the batch has no tokens");
    if (model->max_source_positions() < 1000)
      CHECK(refused(some_ids(81)) == "an input has 81 tokens, but the model takes at most 80");
    CHECK(error_of([&] { after(*model, encode_one(*model, {5}), {50}, 1); }) ==
          "token id 50 is outside [0, 50) of the model");
    Tensors tensors = tiny_seq2seq_tensors(config);
    const std::string lost = tensors.begin()->first;
    tensors.erase(lost);
    write_model(folder, config, tensors);
    CHECK(error_of([&] { load_seq2seq(folder); }) ==
          folder.string() + ": the checkpoint lacks tensors that config.json implies: " + lost);
  });
}

TEST_CASE("encoder-decoders: a NaN is reported with the layer where it first shows") {
  each_model([](const Json& config, const fs::path& folder) {
    for (const std::string side : {"encoder", "decoder"}) {
      Tensors tensors = tiny_seq2seq_tensors(config);
      std::string layer;
      for (auto& [name, tensor] : tensors)
        if (const auto at = name.find(".1."); name.find(side) != std::string::npos &&
                                              at != std::string::npos && tensor.dim() == 2 &&
                                              layer.empty() && name.find(".0.") > at) {
          tensor.fill_(std::nan(""));
          layer = name.substr(0, at + 2);
        }
      REQUIRE(!layer.empty());
      write_model(folder, config, tensors);
      const auto model = load_seq2seq(folder);
      const Error error =
          caught([&] { after(*model, encode_one(*model, some_ids(5)), some_ids(3), 3); });
      CHECK(error.code == Errc::kNotFinite);
      CHECK(error.message == "NaN first shows in the output of '" + layer + "'");
    }
  });
}

TEST_CASE("encoder-decoders: embeddings are found under each of their names") {
  for (const std::string type : {"bart", "marian", "t5"}) {
    CAPTURE(type);
    const Json config = tiny_seq2seq_config(type);
    TempFolder folder;
    write_model(folder.path, config, tiny_seq2seq_tensors(config));
    const auto wanted = load_seq2seq(folder.path);
    const auto logits = after(*wanted, encode_one(*wanted, some_ids(9)), some_ids(4), 4);
    const std::string base = type == "t5" ? "transformer." : "model.";
    for (const std::string name : {"encoder.embed_tokens", "decoder.embed_tokens"}) {
      Tensors tensors = tiny_seq2seq_tensors(config);
      const at::Tensor table = tensors.at(base + "shared.weight");
      tensors.erase(base + "shared.weight");
      tensors[base + name + ".weight"] = tensors["lm_head.weight"] = table;
      write_model(folder.path, config, tensors);
      const auto model = load_seq2seq(folder.path);
      CHECK(model->warnings() == std::vector<std::string>{});
      // The twins' sums depend on where in memory the weights lie.
      CHECK(distance(after(*model, encode_one(*model, some_ids(9)), some_ids(4), 4), logits) <=
            company_tolerance());
    }
  }
}

TEST_CASE("encoder-decoders: models of another kind name the command that fits") {
  TempFolder folder;
  const auto hint = [&](const std::string& config, auto&& load) {
    spit(folder.path / "config.json", config);
    const Error error = caught([&] { load(); });
    CHECK(error.code == Errc::kUnsupported);
    return error.message.substr(error.message.find("model_type")) + " -> " + error.hint;
  };
  const auto seq2seq = [&] { load_seq2seq(folder.path); };
  CHECK(hint(R"({"model_type": "llama"})", seq2seq) ==
        "model_type 'llama' is a text-generating decoder, wanted an encoder-decoder of text -> hft "
        "generate");
  CHECK(hint(R"({"model_type": "bert", "architectures": ["BertForMaskedLM"]})", seq2seq) ==
        "model_type 'bert' is a text encoder, wanted an encoder-decoder of text -> hft fill-mask");
  CHECK(
      hint(R"({"model_type": "marian", "architectures": ["MarianMTModel"]})",
           [&] {
             ModelRequest request;
             request.folder = folder.path;
             load_model<CausalLm>(request);
           }) ==
      "model_type 'marian' is an encoder-decoder of text, wanted a text-generating decoder -> hft "
      "translate");
  spit(folder.path / "config.json",
       R"({"model_type": "bart", "architectures": ["BartForSequenceClassification"]})");
  CHECK(error_of(seq2seq) == (folder.path / "config.json").string() +
                                 ": is a BartForSequenceClassification (sequence classification), "
                                 "wanted one that writes text");
}

}  // namespace hft::test
