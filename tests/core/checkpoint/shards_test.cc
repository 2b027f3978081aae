// Model folders: one file of weights, shards named by an index, and folders without either.
#include <sys/stat.h>

#include "core/checkpoint/safetensors.h"
#include "tests/core/checkpoint/build_file.h"
#include "tests/core/checkpoint/build_torch.h"
#include "tests/support/test.h"

using namespace hft;
using test::tensors_named;

namespace {

constexpr const char* kFirst = "model-00001-of-00002.safetensors";
constexpr const char* kSecond = "model-00002-of-00002.safetensors";

struct Folder : test::TempFolder {
  Folder& put(const std::string& name, std::string_view bytes) {
    test::spit(*this / name, bytes);
    return *this;
  }
  Folder& index(std::vector<std::pair<std::string, Json>> entries) {
    Json map = Json::object();
    for (auto& [tensor, shard] : entries) map[tensor] = shard;
    return put("model.safetensors.index.json", Json{{"metadata", {}}, {"weight_map", map}}.dump());
  }
  // The error without the folder's path, and its code checked.
  std::string refusal(Errc code, const std::string& variant = "") {
    Error error = test::caught([&] { open_checkpoint(path, variant); });
    CHECK(error.code == code);
    std::string text = error.message;
    for (std::size_t at; (at = text.find(path.string())) != text.npos;)
      text.replace(at, path.string().size(), "DIR");
    return text;
  }
};

}  // namespace

TEST_CASE("checkpoint: model.safetensors wins over an index") {
  Folder folder;
  folder.put("model.safetensors", tensors_named({"a", "b"})).index({{"x", kFirst}});
  CHECK(open_checkpoint(folder.path).size() == 2);
}

TEST_CASE("checkpoint: shards are read as one, each tensor from its own file") {
  Folder folder;
  folder.put(kFirst, tensors_named({"a", "b"})).put(kSecond, tensors_named({"c"}));
  folder.index({{"a", kFirst}, {"b", kFirst}, {"c", kSecond}});
  StoredTensors tensors = open_checkpoint(folder.path);
  REQUIRE(tensors.size() == 3);
  CHECK(tensors.at("a").file->path() == folder / kFirst);
  CHECK(tensors.at("c").file->path() == folder / kSecond);
}

TEST_CASE("checkpoint: a variant names its own files") {
  Folder folder;
  folder.put("model.fp16.safetensors", tensors_named({"a"}));
  CHECK(open_checkpoint(folder.path, "fp16").size() == 1);
  CHECK(folder.refusal(Errc::kNotFound, "bf16") ==
        "DIR: no weights; tried model.bf16.safetensors, model.safetensors.index.bf16.json, "
        "pytorch_model.bf16.bin, pytorch_model.bin.index.bf16.json");
  folder.put("model.safetensors.index.bf16.json",
             R"({"weight_map":{"z":"model.bf16-00001-of-00001.safetensors"}})");
  folder.put("model.bf16-00001-of-00001.safetensors", tensors_named({"z"}));
  CHECK(open_checkpoint(folder.path, "bf16").contains("z"));
}

TEST_CASE("checkpoint: shard names that are not plain .safetensors names open nothing") {
  for (const char* name : {"../model.safetensors", "/etc/x.safetensors", "sub/x.safetensors",
                           "..\\x.safetensors", "pytorch_model.bin", "", ".safetensors"}) {
    Folder folder;
    folder.index({{"a", name}});
    CHECK(folder.refusal(Errc::kBadData) == "DIR/model.safetensors.index.json: weight_map: '" +
                                                std::string(name) +
                                                "' is not the plain name of a .safetensors file");
  }
  Folder folder;
  folder.index({{"a", 3}});
  CHECK(folder.refusal(Errc::kBadData) ==
        "DIR/model.safetensors.index.json: weight_map: the shard of 'a' is not a string");
}

TEST_CASE("checkpoint: an index that does not agree with its shards is refused") {
  Folder folder;
  folder.put(kFirst, tensors_named({"a", "b"})).index({{"a", kFirst}, {"c", kSecond}});
  CHECK(
      folder.refusal(Errc::kNotFound) ==
      "DIR/model-00002-of-00002.safetensors: no such file, but model.safetensors.index.json names "
      "it as a shard");
  folder.put(kSecond, tensors_named({"b", "c"}));
  CHECK(folder.refusal(Errc::kBadData) ==
        "DIR/model-00002-of-00002.safetensors: tensor 'b' is also in "
        "model-00001-of-00002.safetensors");
  folder.put(kSecond, tensors_named({"d"}));
  CHECK(folder.refusal(Errc::kBadData) ==
        "DIR/model.safetensors.index.json: tensor 'c' is not in model-00002-of-00002.safetensors "
        "nor in another shard");
  folder.put(kSecond, tensors_named({"c"})).index({{"a", kSecond}, {"c", kSecond}, {"b", kFirst}});
  CHECK(folder.refusal(Errc::kBadData) ==
        "DIR/model.safetensors.index.json: tensor 'a' is not in model-00002-of-00002.safetensors "
        "but in model-00001-of-00002.safetensors");
}

TEST_CASE("checkpoint: an index of the wrong shape is refused with its field") {
  Folder folder;
  folder.put("model.safetensors.index.json", "{}");
  CHECK(folder.refusal(Errc::kBadData) ==
        "DIR/model.safetensors.index.json: 'weight_map' is missing, wanted an object");
  folder.put("model.safetensors.index.json", R"({"weight_map":{}})");
  CHECK(folder.refusal(Errc::kBadData) ==
        "DIR/model.safetensors.index.json: weight_map: names no tensor");
  folder.put("model.safetensors.index.json", R"({"weight_map":{"a":"x.safetensors","a":"y"}})");
  CHECK(folder.refusal(Errc::kBadData) == "DIR/model.safetensors.index.json: duplicate key 'a'");
  folder.put("model.safetensors.index.json", R"({"weight_map":{"a")");
  CHECK(folder.refusal(Errc::kBadData) ==
        "DIR/model.safetensors.index.json: not valid JSON: line 1, column 19: expected ':'");
}

TEST_CASE("checkpoint: a FIFO as a shard is refused, not waited for") {
  Folder folder;
  folder.index({{"a", kFirst}});
  REQUIRE(::mkfifo((folder / kFirst).c_str(), 0600) == 0);
  CHECK(folder.refusal(Errc::kBadData) ==
        "DIR/model-00001-of-00002.safetensors: not a regular file");
}

TEST_CASE("checkpoint: PyTorch's files are read when there is no safetensors, in the order of L1") {
  auto torch_file = [](const std::string& name) {
    using namespace test::pickled;
    return test::torch_zip(dict({{name, tensor({})}}), {std::string(24, 'x')});
  };
  Folder folder;
  folder.put("pytorch_model.bin.index.json",
             R"({"weight_map":{"s":"pytorch_model-00001-of-00001.bin"}})");
  folder.put("pytorch_model-00001-of-00001.bin", torch_file("s"));
  CHECK(open_checkpoint(folder.path).contains("s"));
  folder.put("pytorch_model.bin", torch_file("b"));
  CHECK(open_checkpoint(folder.path).contains("b"));
  folder.index({{"i", kFirst}}).put(kFirst, tensors_named({"i"}));
  CHECK(open_checkpoint(folder.path).contains("i"));
  folder.put("model.safetensors", tensors_named({"a"}));
  CHECK(open_checkpoint(folder.path).contains("a"));
  folder.put("pytorch_model.fp16.bin", torch_file("v"));
  CHECK(open_checkpoint(folder.path, "fp16").contains("v"));
}

TEST_CASE("checkpoint: an index names shards of its own format alone") {
  Folder folder;
  folder.put("pytorch_model.bin.index.json",
             R"({"weight_map":{"a":"model-00001-of-00002.safetensors"}})");
  CHECK(
      folder.refusal(Errc::kBadData) ==
      "DIR/pytorch_model.bin.index.json: weight_map: 'model-00001-of-00002.safetensors' is not the "
      "plain name of a .bin file");
}

TEST_CASE(
    "checkpoint: a file of PyTorch that is spoilt is named, and nothing is tried in its place") {
  Folder folder;
  folder.put("pytorch_model.bin",
             test::torch_zip("\x80\x02" + test::pickled::global("posix", "system") + "."));
  folder.put("pytorch_model.bin.index.json",
             R"({"weight_map":{"s":"pytorch_model-00001-of-00001.bin"}})");
  CHECK(
      folder.refusal(Errc::kBadData) ==
      "DIR/pytorch_model.bin: m/data.pkl: byte 2: global 'posix.system' is not allowed: weights do "
      "not need it");
}

TEST_CASE("checkpoint: a folder without weights says what it has or what was tried") {
  Folder folder;
  CHECK(folder.refusal(Errc::kNotFound) ==
        "DIR: no weights; tried model.safetensors, model.safetensors.index.json, "
        "pytorch_model.bin, pytorch_model.bin.index.json");
  folder.put("tf_model.h5", "x");
  CHECK(folder.refusal(Errc::kUnsupported) ==
        "DIR: holds tf_model.h5 (TensorFlow weights) but no model.safetensors and no "
        "pytorch_model.bin; only these are read");
  CHECK(test::caught([&] { open_checkpoint(folder / "none"); }).message ==
        (folder / "none").string() + ": no such folder");
}
