// What is DeBERTa's alone: the heads its files may have, and configs that no file has.
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

struct Model {
  TempFolder folder;
  Json config = tiny_config("deberta-v2");
  Tensors tensors;

  explicit Model(Head head, const Json& fields = Json::object()) {
    config.update(fields);
    tensors = tiny_tensors(config, head);
  }
  void write() const { write_model(folder.path, config, tensors); }
};

}  // namespace

TEST_CASE("deberta: the head of pre-training serves where the file has no other") {
  Model model(Head::kMaskedLm, {{"legacy", false}});
  model.write();
  const Matrix own = load(model.folder.path, Head::kMaskedLm)->forward(tiny_batch());
  model.config.erase("legacy");
  model.tensors["mask_predictions.dense.weight"] = at::ones({24, 24});
  model.write();
  auto told_by_its_names = load(model.folder.path, Head::kMaskedLm);
  CHECK(told_by_its_names->warnings() == std::vector<std::string>{});
  CHECK(told_by_its_names->forward(tiny_batch()).data == own.data);
  model.config["legacy"] = true;
  model.write();
  CHECK(caught([&] { load(model.folder.path, Head::kMaskedLm); }).message ==
        model.folder.path.string() +
            ": the checkpoint has no head for masked language modelling, it lacks "
            "cls.predictions.transform.dense.weight, cls.predictions.transform.dense.bias, "
            "cls.predictions.transform.LayerNorm.weight, cls.predictions.transform.LayerNorm.bias, "
            "cls.predictions.bias");
}

TEST_CASE("deberta: a checkpoint without a pooler is told to have no head") {
  Model model(Head::kClassify);
  std::erase_if(model.tensors, [](const auto& item) { return item.first.starts_with("pooler."); });
  model.write();
  CHECK(caught([&] { load(model.folder.path, Head::kClassify); }).message ==
        model.folder.path.string() +
            ": the checkpoint has no head for sequence classification, it lacks pooler.dense.weight, "
            "pooler.dense.bias");
}

TEST_CASE("deberta: without positions of its own a text may be longer than those of training") {
  Model model(Head::kFeatures, {{"position_biased_input", false}});
  model.write();
  auto loaded = load(model.folder.path, Head::kFeatures);
  CHECK(loaded->max_positions() > 1'000'000);
  TokenBatch batch;
  batch.ids.assign(200, 9);
  batch.starts.push_back(200);
  CHECK(loaded->forward(batch).rows == 200);
}

TEST_CASE("deberta: a list of kinds of scores may be one word with bars between them") {
  Model model(Head::kFeatures);
  model.write();
  const Matrix listed = load(model.folder.path, Head::kFeatures)->forward(tiny_batch());
  model.config["pos_att_type"] = "P2C | c2p";
  model.write();
  CHECK(load(model.folder.path, Head::kFeatures)->forward(tiny_batch()).data == listed.data);
}

TEST_CASE("deberta: convolutions and heads that no checkpoint has are refused") {
  const auto refusal = [](const std::string& type, const char* field, const Json& value) {
    Model model(Head::kFeatures);
    model.config["model_type"] = type;
    model.config[field] = value;
    model.write();
    const std::string message = error_of([&] { load(model.folder.path, Head::kFeatures); });
    return message.substr(message.find("config.json: ") + 13);
  };
  CHECK(refusal("deberta-v2", "conv_kernel_size", 4) ==
        "conv_kernel_size is 4, wanted an odd number");
  CHECK(refusal("deberta-v2", "conv_groups", 2) == "conv_groups 2 is not supported, wanted 1");
  CHECK(refusal("deberta", "talking_head", true) ==
        "talking_head is not supported, wanted false");
}

}  // namespace hft::test
