// hft convert, and PyTorch's files through the real binary.
#include "tests/support/test.h"

#include "core/checkpoint/safetensors.h"
#include "tests/core/checkpoint/build_torch.h"

using namespace hft;
namespace fs = std::filesystem;

namespace {

// A golden checkpoint whose weights are pytorch_model.bin, in either format of torch.save.
struct TorchModel : test::TempFolder {
  explicit TorchModel(const std::string& name, bool zipped) : model(path / "model") {
    using namespace test::pickled;
    fs::copy(test::golden(name), model, fs::copy_options::recursive);
    std::vector<std::pair<std::string, std::string>> entries;
    std::vector<std::string> storages;
    std::vector<test::LegacyStorage> legacy;
    for (const auto& [tensor, stored] : open_checkpoint(model)) {
      const std::string key = std::to_string(storages.size());
      const char* type = stored.dtype == Dtype::kF32 ? "FloatStorage" : "BFloat16Storage";
      REQUIRE((stored.dtype == Dtype::kF32 || stored.dtype == Dtype::kBF16));
      std::vector<std::int64_t> strides(stored.shape.size(), 1);
      for (std::size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * stored.shape[i];
      entries.emplace_back(tensor, test::pickled::tensor({storage(type, key, stored.count()), 0,
                                                          stored.shape, strides}));
      storages.emplace_back(reinterpret_cast<const char*>(stored.bytes.data()),
                            stored.bytes.size());
      legacy.push_back({static_cast<std::uint64_t>(stored.count()), storages.back()});
    }
    for (const auto& entry : fs::directory_iterator(model))
      if (entry.path().string().find("safetensors") != std::string::npos) fs::remove(entry);
    test::spit(model / "pytorch_model.bin", zipped ? test::torch_zip(dict(entries), storages)
                                                   : test::torch_legacy(dict(entries), legacy));
  }
  fs::path model;
  std::string out() const { return (path / "out").string(); }
};

// A folder with one of torch's own files.
struct Golden : test::TempFolder {
  explicit Golden(const std::string& file) : model(path / "model") {
    fs::create_directory(model);
    test::spit(model / "config.json", R"({"model_type":"bert"})");
    test::spit(model / "pytorch_model.bin", test::slurp(test::golden("torch-files/" + file)));
  }
  test::Ran convert(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"convert", model.string(), "-o", (path / "out").string()});
    test::Ran ran = test::hft(more);
    for (std::size_t at; (at = ran.err.find(path.string())) != std::string::npos;)
      ran.err.replace(at, path.string().size(), "DIR");
    CHECK(ran.out.empty());
    return ran;
  }
  fs::path model;
};

std::vector<std::string> files_of(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}
using Files = std::vector<std::string>;

}  // namespace

TEST_CASE(
    "convert: what torch.save wrote becomes safetensors, bit for bit, in each format") {
  for (const char* file : {"zip.bin", "zip-protocol-4.bin", "legacy.bin"}) {
    CAPTURE(file);
    Golden golden(file);
    const auto ran = golden.convert();
    CHECK(ran.code == 0);
    CHECK(ran.err == "hft: DIR/out: 1 file of weights, 789 bytes\n");
    CHECK(test::slurp(golden / "out/model.safetensors") ==
          test::slurp(test::golden("torch-files/full.safetensors")));
    CHECK(test::slurp(golden / "out/config.json") ==
          "{\n  \"dtype\": \"float32\",\n  \"model_type\": \"bert\"\n}\n");
    CHECK(files_of(golden.path) == Files{"model", "out"});
  }
}

TEST_CASE(
    "convert: a model answers the same from pytorch_model.bin, from what convert makes of it, and "
    "before") {
  for (const bool zipped : {true, false})
    for (const std::string name : {"bert-classify", "electra-ner"}) {
      TorchModel torch(name, zipped);
      const std::string task = name == "electra-ner" ? "ner" : "classify";
      auto answer = [&](const std::string& folder) {
        return test::hft({task, "-m", folder, "--json", "Some text of Paris"});
      };
      const test::Ran before = answer(test::golden(name).string()),
                      ran = answer(torch.model.string());
      CHECK(ran.code == 0);
      CHECK(ran.out == before.out);
      REQUIRE(test::hft({"convert", torch.model.string(), "-o", torch.out()}).code == 0);
      CHECK(answer(torch.out()).out == before.out);
      for (const char* file : {"tokenizer.json", "config.json"})
        CHECK(fs::exists(fs::path(torch.out()) / file));
      CHECK_FALSE(fs::exists(fs::path(torch.out()) / "golden.bin"));
    }
}

TEST_CASE("inspect: a folder with pytorch_model.bin is described as one with safetensors is") {
  TorchModel torch("bert-classify", true);
  Json got = test::hft({"inspect", torch.model.string(), "--tensors", "--json"}).records()[0];
  Json wanted =
      test::hft({"inspect", test::golden("bert-classify").string(), "--tensors", "--json"})
          .records()[0];
  got.erase("folder");
  wanted.erase("folder");
  CHECK(got == wanted);
}

TEST_CASE("convert: --dtype changes the floats, --max-shard-size the files") {
  Golden golden("zip.bin");
  auto ran = golden.convert({"--dtype", "bfloat16", "--max-shard-size", "0.1KB"});
  CHECK(ran.code == 0);
  const Json index = Json::parse(test::slurp(golden / "out/model.safetensors.index.json"));
  CHECK(index["metadata"]["total_parameters"] == 216);
  const StoredTensors tensors = open_checkpoint(golden / "out");
  for (const char* name : {"base", "type.float64", "type.float16"})
    CHECK(tensors.at(name).dtype == Dtype::kBF16);
  CHECK(tensors.at("type.int64").dtype == Dtype::kI64);
  CHECK(tensors.at("type.float8_e5m2").dtype == Dtype::kF8E5M2);
  CHECK(Json::parse(test::slurp(golden / "out/config.json"))["dtype"] == "bfloat16");
}

TEST_CASE(
    "convert: what is there is kept without --force; with it the old weights go, other files "
    "stay") {
  Golden golden("zip.bin");
  fs::create_directory(golden / "out");
  CHECK(golden.convert({"--max-shard-size", "200"}).code == 0);
  const Files shards = files_of(golden / "out");
  CHECK(shards.size() > 3);
  test::spit(golden / "out/notes", "mine");
  auto ran = golden.convert();
  CHECK(ran.code == 2);
  CHECK(ran.err == "hft: DIR/out: exists already\nhint: use --force to write into it\n");
  CHECK(golden.convert({"--force"}).code == 0);
  CHECK(files_of(golden / "out") == Files{"config.json", "model.safetensors", "notes"});
  CHECK(golden.convert({"--force", "--max-shard-size", "200"}).code == 0);
  Files both = shards;
  both.push_back("notes");
  CHECK(files_of(golden / "out") == both);
}

TEST_CASE("convert: into its own folder with --force, the weights are then safetensors") {
  Golden golden("legacy.bin");
  const std::string model = golden.model.string();
  CHECK(test::hft({"convert", model, "-o", model + "/", "--force"}).code == 0);
  CHECK(files_of(golden.model) == Files{"config.json", "model.safetensors", "pytorch_model.bin"});
}

TEST_CASE(
    "convert: a model or folder that is not there, or no folder at all, leaves nothing behind") {
  Golden golden("zip.bin");
  const std::string model = golden.model.string(), deep = (golden / "no/out").string();
  test::Ran ran = test::hft({"convert", model, "-o", deep});
  CHECK(ran.code == 8);
  CHECK(ran.err == "hft: " + deep + ": the folder " + (golden / "no").string() + " is not there\n");
  CHECK(test::hft({"convert", model, "-o", model + "/config.json"}).err ==
        "hft: " + model + "/config.json: is a file, wanted a folder to write\n");
  ran = test::hft({"convert", model});
  CHECK(ran.code == 2);
  CHECK(ran.err == "hft: convert wants a model and a folder to write: hft convert MODEL -o DIR\n");
  CHECK(test::hft({"convert", "./missing", "-o", (golden / "out").string()}).code == 5);
  ran = golden.convert({"--max-shard-size", "5 cats"});
  CHECK(ran.code == 2);
  CHECK(ran.err ==
        "hft: --max-shard-size: '5 cats' is no size, wanted a number of bytes or one with KB, MB, "
        "GB or TB\n");
  test::spit(golden.model / "pytorch_model.bin",
             "\x80\x02"
             "cposix\nsystem\n.");
  CHECK(golden.convert().code == 9);
  CHECK(files_of(golden.path) == Files{"model"});
}

TEST_CASE("convert: a disk without room exits 8 and leaves nothing behind") {
  Golden golden("zip.bin");
  // A limit on the size of files stands in for the disk; the signal it sends is ignored.
  const std::string out = (golden / "out").string(),
                    script = "trap '' XFSZ; ulimit -f 1; exec " HFT_BINARY " convert " +
                             golden.model.string() + " -o " + out;
  const int status =
      std::system(("sh -c \"" + script + "\" 2>" + (golden / "err").string()).c_str());
  CHECK(WEXITSTATUS(status) == 8);
  CHECK(test::slurp(golden / "err").find("/model.safetensors: cannot write: File too large\n") !=
        std::string::npos);
  CHECK(files_of(golden.path) == Files{"err", "model"});
}

TEST_CASE(
    "convert: numbers that the type cannot hold are told of; a quantised model keeps its types") {
  Golden golden("zip.bin");
  const auto ran = golden.convert({"--dtype", "float16"});
  CHECK(ran.code == 0);
  CHECK(ran.err.starts_with("hft: numbers too large for float16 became infinite in "));
  test::spit(golden.model / "config.json",
             R"({"quantization_config":{"quant_method":"bitsandbytes"}})");
  const auto refused = golden.convert({"--force", "--dtype", "float16"});
  CHECK(refused.code == 6);
  CHECK(refused.err ==
        "hft: DIR/model/config.json: the model is quantised, its types cannot change\n");
}
