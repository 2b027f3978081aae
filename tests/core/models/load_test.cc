#include "core/models/registry.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

struct Bert {
  TempFolder folder;
  Json config = tiny_config("bert");
  Tensors tensors;
  explicit Bert(Head head) : tensors(tiny_tensors(config, head)) {}
  std::unique_ptr<TextModel> load(Head head) {
    write_model(folder.path, config, tensors);
    return test::load(folder.path, head);
  }
  Error refused(Head head) {
    return caught([&] { load(head); });
  }
  std::string at(const std::string& file) { return (folder / file).string(); }
};

}  // namespace

TEST_CASE("load: an unknown model_type names the closest one") {
  Bert bert(Head::kFeatures);
  bert.config["model_type"] = "robertta";
  auto error = bert.refused(Head::kFeatures);
  CHECK(error.code == Errc::kUnsupported);
  CHECK(error.message == "model_type 'robertta' is not supported; closest: 'roberta'");
  CHECK(error.hint == "hft models");
  bert.config["model_type"] = "xyz";
  CHECK(bert.refused(Head::kFeatures).message ==
        "model_type 'xyz' is not supported; closest: 'xlm-roberta'");
}

TEST_CASE("load: code of the repository is never run") {
  Bert bert(Head::kFeatures);
  bert.config["auto_map"] = {{"AutoModel", "modeling_x.XModel"}};
  CHECK(bert.load(Head::kFeatures)->warnings() ==
        std::vector{bert.at("config.json") + ": 'auto_map' names Python code of the repository; " +
                    "none is needed, and none is ever run"});
  bert.config["model_type"] = "x_bert";
  auto error = bert.refused(Head::kFeatures);
  CHECK(error.code == Errc::kUnsupported);
  CHECK(error.message == bert.at("config.json") +
                             ": model_type 'x_bert' needs Python code from the repository "
                             "(modeling_x.XModel), which hft never runs, with or without "
                             "--trust-remote-code");
}

TEST_CASE("load: a decoder or a vision model is named for what it is") {
  Bert bert(Head::kFeatures);
  bert.config["model_type"] = "gpt2";
  auto error = bert.refused(Head::kTokenClassify);
  CHECK(error.code == Errc::kUnsupported);
  CHECK(error.message ==
        bert.at("config.json") +
            ": model_type 'gpt2' is a text-generating decoder, wanted a text encoder");
  bert.config["model_type"] = "vit";
  CHECK(bert.refused(Head::kClassify).message ==
        bert.at("config.json") + ": model_type 'vit' is a vision model, wanted a text encoder");
}

TEST_CASE("load: an encoder without the wanted head is named") {
  Bert bert(Head::kFeatures);
  bert.config["model_type"] = "nomic_bert";
  const Error error = bert.refused(Head::kAnswer);
  CHECK(error.code == Errc::kUnsupported);
  CHECK(error.message == bert.at("config.json") +
                             ": model_type 'nomic_bert' has no head for question answering");
}

TEST_CASE("load: a way to quantise that is not read is named before the tensors are looked at") {
  Bert bert(Head::kFeatures);
  const std::string wanted =
      "), wanted one of bitsandbytes, gptq, awq, fp8, mxfp4, compressed-tensors, or floats";
  const auto refused = [&](const Json& config, const std::string& what) {
    bert.config["quantization_config"] = config;
    const Error error = bert.refused(Head::kFeatures);
    CHECK(error.code == Errc::kUnsupported);
    CHECK(error.message == bert.at("config.json") + ": the checkpoint is quantised (" + what + wanted);
  };
  refused({{"quant_method", "hqq"}}, "hqq");
  refused({{"weights", 4}}, "an unnamed method");
  refused({{"quant_method", "gptq"}, {"bits", 5}}, "gptq, 5 bits");
  refused({{"quant_method", "awq"}, {"bits", 4}, {"version", "gemv"}}, "awq, version gemv");
  refused({{"quant_method", "compressed-tensors"}, {"format", "nvfp4-pack-quantized"}},
          "compressed-tensors, format nvfp4-pack-quantized");
}

TEST_CASE("load: a checkpoint made for another task names it and the command that fits") {
  Bert bert(Head::kAnswer);
  bert.config["architectures"] = {"BertForQuestionAnswering"};
  auto error = bert.refused(Head::kClassify);
  CHECK(error.code == Errc::kUnsupported);
  CHECK(error.message ==
        bert.at("config.json") +
            ": is a BertForQuestionAnswering (question answering), but hft classify "
            "needs a head for sequence classification");
  CHECK(error.hint == "hft qa");
  CHECK(bert.load(Head::kAnswer)->warnings().empty());
}

TEST_CASE("load: a head that is not in the checkpoint is refused unless it may be random") {
  Bert bert(Head::kFeatures);
  bert.config["architectures"] = {"BertModel"};
  auto error = bert.refused(Head::kClassify);
  CHECK(error.code == Errc::kUnsupported);
  CHECK(error.message == bert.folder.path.string() +
                             ": the checkpoint has no head for sequence classification, it lacks "
                             "bert.pooler.dense.weight, bert.pooler.dense.bias, classifier.weight, "
                             "classifier.bias");
  auto model = load_model<TextModel>({.folder = bert.folder.path,
                                .head = Head::kClassify,
                                .device = "cpu",
                                .allow_random_head = true});
  REQUIRE(model->warnings().size() == 1);
  CHECK(model->warnings()[0] ==
        "the head is not trained: random weights stand in for bert.pooler.dense.weight, "
        "bert.pooler.dense.bias, classifier.weight, classifier.bias");
  CHECK(model->forward(tiny_batch()).cols == 4);
}

TEST_CASE("load: missing tensors of the encoder are a broken checkpoint, head or not") {
  Bert bert(Head::kFeatures);
  bert.tensors.erase("bert.encoder.layer.0.output.dense.weight");
  bert.tensors.erase("bert.encoder.layer.1.attention.self.key.bias");
  auto error = bert.refused(Head::kClassify);
  CHECK(error.code == Errc::kBadData);
  CHECK(error.message.starts_with(
      bert.folder.path.string() +
      ": the checkpoint lacks tensors that config.json implies: "
      "bert.encoder.layer.0.output.dense.weight, bert.encoder.layer.1.attention.self.key.bias"));
}

TEST_CASE("load: a config that invents layers ends with a short message") {
  Bert bert(Head::kFeatures);
  bert.config["num_hidden_layers"] = 4096;
  auto error = bert.refused(Head::kFeatures);
  CHECK(error.code == Errc::kBadData);
  CHECK(error.message.size() < 2000);
  CHECK(error.message.ends_with(" more"));
  bert.config["num_hidden_layers"] = 1e12;
  CHECK(bert.refused(Head::kFeatures).message ==
        bert.at("config.json") +
            ": 'num_hidden_layers' is 1000000000000.0, wanted an integer in [0, 4096]");
}

TEST_CASE("load: numbers of config.json that contradict each other are refused") {
  Bert bert(Head::kFeatures);
  bert.config["num_attention_heads"] = 5;
  auto error = bert.refused(Head::kFeatures);
  CHECK(error.code == Errc::kBadData);
  CHECK(error.message == bert.at("config.json") +
                             ": the hidden size 24 is not a multiple of the number of attention "
                             "heads 5");
  bert.config["num_attention_heads"] = 3;
  bert.config["position_embedding_type"] = "relative_key";
  error = bert.refused(Head::kFeatures);
  CHECK(error.code == Errc::kUnsupported);
  CHECK(error.message == bert.at("config.json") +
                             ": position_embedding_type 'relative_key' is not supported, wanted "
                             "'absolute'");
  bert.config.erase("position_embedding_type");
  bert.config["hidden_act"] = "prelu";
  CHECK(bert.refused(Head::kFeatures).code == Errc::kUnsupported);
}

TEST_CASE("load: unused tensors are told of, except those nobody uses") {
  Bert bert(Head::kTokenClassify);
  bert.tensors["bert.embeddings.position_ids"] = at::arange(20).unsqueeze(0);
  bert.tensors["bert.pooler.dense.weight"] = at::zeros({24, 24});
  bert.tensors["cls.seq_relationship.bias"] = at::zeros({2});
  CHECK(bert.load(Head::kTokenClassify)->warnings() ==
        std::vector<std::string>{"the model does not use 2 tensors of the checkpoint: "
                                 "bert.pooler.dense.weight, cls.seq_relationship.bias"});
}

TEST_CASE("load: gamma and beta of old checkpoints are the norms' weight and bias") {
  Bert bert(Head::kMaskedLm);
  const auto exact = bert.load(Head::kMaskedLm)->forward(tiny_batch()).data;
  Tensors old;
  for (auto& [name, tensor] : bert.tensors) {
    std::string renamed = name;
    if (name.ends_with("LayerNorm.weight")) renamed.replace(renamed.size() - 6, 6, "gamma");
    if (name.ends_with("LayerNorm.bias")) renamed.replace(renamed.size() - 4, 4, "beta");
    old[renamed] = tensor;
  }
  bert.tensors = old;
  auto model = bert.load(Head::kMaskedLm);
  CHECK(model->warnings().empty());
  CHECK(model->forward(tiny_batch()).data == exact);
}

TEST_CASE("load: the decoder is tied to the embeddings unless config.json says otherwise") {
  Bert bert(Head::kMaskedLm);
  const auto tied = bert.load(Head::kMaskedLm)->forward(tiny_batch()).data;
  bert.tensors["cls.predictions.decoder.weight"] = at::ones({50, 24});
  bert.tensors["cls.predictions.decoder.bias"] = at::ones({50});
  auto model = bert.load(Head::kMaskedLm);
  CHECK(model->warnings() ==
        std::vector<std::string>{"'cls.predictions.decoder.weight' is not used: config.json ties it "
                                 "to the embeddings, from which it differs"});
  CHECK(model->forward(tiny_batch()).data == tied);
  bert.config["tie_word_embeddings"] = false;
  CHECK(distance(bert.load(Head::kMaskedLm)->forward(tiny_batch()).data, tied) > 0.1);
}

TEST_CASE("load: rows of a masked model are the rows asked for") {
  Bert bert(Head::kMaskedLm);
  auto model = bert.load(Head::kMaskedLm);
  TokenBatch batch = tiny_batch();
  const Matrix all = model->forward(batch);
  batch.rows = {2, 9, 22};
  const Matrix some = model->forward(batch);
  REQUIRE(some.rows == 3);
  std::vector<float> wanted;
  for (int row : batch.rows) wanted.insert(wanted.end(), all.row(row).begin(), all.row(row).end());
  CHECK(distance(some.data, wanted) < 1e-5);
}

TEST_CASE("load: the type computed with is the config's, else the checkpoint's") {
  Bert bert(Head::kFeatures);
  const auto exact = bert.load(Head::kFeatures)->forward(tiny_batch()).data;
  const auto narrow =
      test::load(bert.folder.path, Head::kFeatures, "bfloat16")->forward(tiny_batch()).data;
  REQUIRE(distance(narrow, exact) > 1e-4);
  for (const char* key : {"dtype", "torch_dtype"}) {
    bert.config[key] = "bfloat16";
    CHECK(bert.load(Head::kFeatures)->forward(tiny_batch()).data == narrow);
    bert.config.erase(key);
  }
  for (auto& [name, tensor] : bert.tensors) tensor = tensor.to(at::kBFloat16);
  CHECK(distance(bert.load(Head::kFeatures)->forward(tiny_batch()).data, narrow) < 0.15);
  bert.config["dtype"] = "float32";
  CHECK(distance(bert.load(Head::kFeatures)->forward(tiny_batch()).data, narrow) > 1e-4);
}

TEST_CASE("load: flags that name no type or device are usage errors") {
  Bert bert(Head::kFeatures);
  bert.load(Head::kFeatures);
  auto refused = [&](const char* dtype, const char* device) {
    return caught(
        [&] { load_model<TextModel>({.folder = bert.folder.path, .dtype = dtype, .device = device}); });
  };
  CHECK(refused("int3", "cpu").code == Errc::kUsage);
  CHECK(refused("int3", "cpu").message ==
        "--dtype: 'int3' is not one of auto, float32, bfloat16, float16");
  CHECK(refused("auto", "tpu").message == "--device: 'tpu' is not one of auto, cpu, cuda, cuda:N");
  CHECK(refused("auto", "cuda:x").code == Errc::kUsage);
  if (!at::hasCUDA()) {
    CHECK(refused("auto", "cuda:1").code == Errc::kUnsupported);
    CHECK(refused("auto", "cuda:1").message ==
          "--device cuda:1: no CUDA device is at hand, wanted auto or cpu");
  }
}

TEST_CASE("load: a padding token inside a RoBERTa text keeps the padding position") {
  TempFolder folder;
  const Json config = tiny_config("roberta");
  write_model(folder.path, config, tiny_tensors(config, Head::kFeatures));
  auto model = load(folder.path, Head::kFeatures);
  CHECK(model->max_positions() == 18);
  auto run = [&](std::vector<std::int32_t> ids) {
    const auto count = static_cast<std::int32_t>(ids.size());
    TokenBatch batch;
    batch.ids = std::move(ids);
    batch.starts.push_back(count);
    return model->forward(batch).data;
  };
  const auto padded = run({5, 1, 6});
  CHECK(distance(padded, run({5, 7, 6})) > 1e-3);
  CHECK(padded.size() == 3 * 24);
}

TEST_CASE("load: the support table lists every architecture with its commands") {
  const auto rows = supported_models();
  CHECK(rows.size() >= architectures().size());
  const auto tasks = [&](std::string_view type) {
    const auto row = std::ranges::find(rows, type, &Support::model_type);
    REQUIRE(row != rows.end());
    return row->tasks;
  };
  using Names = std::vector<std::string>;
  CHECK(tasks("bert") == Names{"embed", "classify", "ner", "qa", "fill-mask"});
  CHECK(tasks("camembert") == tasks("roberta"));
  CHECK(tasks("smollm3") == Names{"generate", "chat", "classify", "embed"});
  CHECK(tasks("bart") == Names{"summarize", "translate", "classify", "qa"});
  CHECK(tasks("m2m_100") == Names{"summarize", "translate"});
  CHECK(tasks("umt5") == Names{"summarize", "translate", "embed", "classify", "ner", "qa"});
}

}  // namespace hft::test
