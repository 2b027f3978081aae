// Which files of a repository are fetched for a model .
#include "hub/selection.h"

#include <algorithm>

#include "tests/support/test.h"

using namespace hft;

namespace {

hub::Tree tree(const std::vector<std::string>& names) {
  hub::Tree out;
  for (const auto& name : names) out.files.push_back({name, std::string(40, 'a'), 1});
  return out;
}

std::vector<std::string> chosen(const std::vector<std::string>& names,
                                const std::string& subfolder = "", const std::string& variant = "",
                                bool weights = true) {
  auto out = hub::files_of_model(tree(names), subfolder, variant, weights).names;
  std::sort(out.begin(), out.end());
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("selection: safetensors are taken once, other frameworks and copies are left") {
  CHECK(chosen({".gitattributes",
                "README.md",
                "config.json",
                "flax_model.msgpack",
                "generation_config.json",
                "merges.txt",
                "model.safetensors",
                "onnx/model.onnx",
                "onnx/config.json",
                "original/consolidated.00.pth",
                "original/params.json",
                "pytorch_model.bin",
                "rust_model.ot",
                "tf_model.h5",
                "tokenizer.json",
                "vocab.json",
                "openvino/openvino_model.bin",
                "model.gguf",
                "64.tflite",
                "coreml/x.mlpackage"}) ==
        Names{"README.md", "config.json", "generation_config.json", "merges.txt",
              "model.safetensors", "tokenizer.json", "vocab.json"});
}

TEST_CASE("selection: the order of weights is that of the reference") {
  CHECK(chosen({"config.json", "pytorch_model.bin", "model.safetensors.index.json",
                "model-00001-of-00002.safetensors"}) ==
        Names{"config.json", "model.safetensors.index.json"});
  CHECK(chosen({"config.json", "pytorch_model.bin", "pytorch_model.bin.index.json"}) ==
        Names{"config.json", "pytorch_model.bin"});
  const auto found = hub::files_of_model(
      tree({"config.json", "pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin"}), "",
      "", true);
  CHECK(found.index == "pytorch_model.bin.index.json");
}

TEST_CASE("selection: a variant's weights, and no others") {
  const Names names{"config.json", "model.safetensors", "model.fp16.safetensors",
                    "model.fp32.safetensors", "pytorch_model.fp16.bin"};
  CHECK(chosen(names, "", "fp16") == Names{"config.json", "model.fp16.safetensors"});
  CHECK(chosen(names) == Names{"config.json", "model.safetensors"});
  CHECK(hub::files_of_model(tree({"model.safetensors.index.fp16.json"}), "", "fp16", true).index ==
        "model.safetensors.index.fp16.json");
}

TEST_CASE("selection: a subfolder's files alone, with the card") {
  CHECK(chosen({"README.md", "config.json", "model.safetensors", "part/config.json",
                "part/model.safetensors", "part/vocab.txt"},
               "part") ==
        Names{"README.md", "part/config.json", "part/model.safetensors", "part/vocab.txt"});
}

TEST_CASE("selection: tokenizers of every kind, processors, modules, adapters") {
  CHECK(chosen({"source.spm", "target.spm", "vocab.json", "tokenizer_config.json",
                "pytorch_model.bin"}) == Names{"pytorch_model.bin", "source.spm", "target.spm",
                                               "tokenizer_config.json", "vocab.json"});
  CHECK(chosen({"preprocessor_config.json", "model.safetensors", "normalizer.json",
                "chat_template.jinja", "added_tokens.json", "tokenizer.model"})
            .size() == 6);
  CHECK(chosen({"modules.json", "1_Pooling/config.json", "2_Dense/config.json",
                "2_Dense/model.safetensors", "2_Dense/pytorch_model.bin", "model.safetensors",
                "onnx/model.onnx"}) == Names{"1_Pooling/config.json", "2_Dense/config.json",
                                             "2_Dense/model.safetensors", "model.safetensors",
                                             "modules.json"});
  CHECK(chosen({"adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"}) ==
        Names{"adapter_config.json", "adapter_model.safetensors"});
  CHECK(chosen({"config.json", "model.safetensors", "tokenizer.json"}, "", "", false) ==
        Names{"config.json", "tokenizer.json"});
}

TEST_CASE(
    "selection: an index names plain files beside it, of its format, that are there") {
  const auto shards = [](const std::string& map,
                         const std::string& index = "model.safetensors.index.json") {
    return hub::shards_of(index, "{\"weight_map\": " + map + "}",
                          tree({"a.safetensors", "b.safetensors", "part/a.safetensors", "a.bin"}));
  };
  CHECK(shards(R"({"x": "b.safetensors", "y": "a.safetensors", "z": "b.safetensors"})") ==
        Names{"a.safetensors", "b.safetensors"});
  CHECK(shards(R"({"x": "a.safetensors"})", "part/model.safetensors.index.json") ==
        Names{"part/a.safetensors"});
  for (const char* name : {"../a.safetensors", "/etc/a.safetensors", "part/a.safetensors", "a.bin",
                           "..\\\\a.safetensors", "C:a.safetensors", ""})
    CHECK(test::caught([&] { shards(std::string(R"({"x": ")") + name + "\"}"); }).code ==
          Errc::kBadData);
  CHECK(test::caught([&] { shards(R"({"x": 3})"); }).code == Errc::kBadData);
  CHECK(test::caught([&] { shards("[]"); }).code == Errc::kBadData);
  CHECK(test::error_of([&] { shards(R"({"x": "c.safetensors"})"); }) ==
        "model.safetensors.index.json: names c.safetensors, which the repository does not have");
}

TEST_CASE("selection: patterns are those of huggingface_hub") {
  const auto all = tree({"a.json", "b/c.json", "b/d.txt", "e.safetensors"});
  CHECK(hub::files_matching(all, {}, {"*.json"}, {}) == Names{"a.json", "b/c.json"});
  CHECK(hub::files_matching(all, {}, {"b/"}, {"*.txt"}) == Names{"b/c.json"});
  CHECK(hub::files_matching(all, {}, {}, {"b/*"}) == Names{"a.json", "e.safetensors"});
  CHECK(hub::files_matching(all, {"b/d.txt"}, {}, {}) == Names{"b/d.txt"});
  CHECK(test::error_of([&] { hub::files_matching(all, {"a.jsn"}, {}, {}); }) ==
        "a.jsn: no such file; closest: 'a.json'");
  CHECK(test::error_of([&] { hub::files_matching(all, {}, {"*.bin"}, {}); }) ==
        "no file matches: the repository has 4 files");
}
