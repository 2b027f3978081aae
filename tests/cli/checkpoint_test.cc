// What the program says, and which code it ends with, when a model folder's weights are not right.
#include "tests/support/test.h"

using namespace hft;
namespace fs = std::filesystem;

namespace {

// A copy of a golden checkpoint, to be spoilt.
struct Spoilt : test::TempFolder {
  explicit Spoilt(const std::string& name = "bert-classify") {
    fs::copy(test::golden(name), path, fs::copy_options::recursive);
  }
  fs::path weights() const { return path / "model.safetensors"; }
  // Runs classify; the folder's path in stderr is shown as DIR.
  test::Ran run(const std::string& command = "classify") const {
    test::Ran ran = test::hft({command, "-m", path.string(), "--json", "some text"});
    for (std::size_t at; (at = ran.err.find(path.string())) != std::string::npos;)
      ran.err.replace(at, path.string().size(), "DIR");
    CHECK(ran.out.empty());
    return ran;
  }
};

}  // namespace

TEST_CASE("weights: a Git LFS pointer in their place exits 9 and says how to fetch them") {
  Spoilt model;
  test::spit(model.weights(), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  test::Ran ran = model.run();
  CHECK(ran.code == 9);
  CHECK(ran.err ==
        "hft: DIR/model.safetensors: is a Git LFS pointer, not the weights themselves\n"
        "hint: fetch the real file with: git lfs pull\n");
}

TEST_CASE("weights: a file of another format exits 6 and names it") {
  Spoilt model;
  test::spit(model.weights(), std::string("GGUF\3\0\0\0\0\0\0\0\0\0\0\0", 16));
  test::Ran ran = model.run();
  CHECK(ran.code == 6);
  CHECK(
      ran.err.starts_with("hft: DIR/model.safetensors: is a GGUF file (llama.cpp), not "
                          "safetensors\nhint: "));
}

TEST_CASE("weights: a file cut short exits 9 and names the tensor") {
  Spoilt model;
  fs::resize_file(model.weights(), fs::file_size(model.weights()) - 100);
  test::Ran ran = model.run();
  CHECK(ran.code == 9);
  CHECK(ran.err.find("the file was cut short\n") != std::string::npos);
}

TEST_CASE("weights: none exits 5, only those of TensorFlow 6") {
  Spoilt model;
  fs::remove(model.weights());
  test::Ran ran = model.run();
  CHECK(ran.code == 5);
  CHECK(ran.err ==
        "hft: DIR: no weights; tried model.safetensors, model.safetensors.index.json, "
        "pytorch_model.bin, pytorch_model.bin.index.json\n");
  test::spit(model.path / "tf_model.h5", "x");
  ran = model.run();
  CHECK(ran.code == 6);
  CHECK(ran.err.starts_with(
      "hft: DIR: holds tf_model.h5 (TensorFlow weights) but no "
      "model.safetensors and no pytorch_model.bin; only these are read\nhint: "));
}

TEST_CASE("weights: a pickle that calls os.system exits 9, names it, and runs nothing") {
  Spoilt model;
  fs::remove(model.weights());
  const fs::path proof = model.path / "proof";
  test::spit(model.path / "pytorch_model.bin",
             "\x80\x02"
             "cposix\nsystem\nU" +
                 std::string(1, static_cast<char>(proof.string().size() + 6)) + "touch " +
                 proof.string() + "\x85R.");
  test::Ran ran = model.run();
  CHECK(ran.code == 9);
  CHECK(ran.err ==
        "hft: DIR/pytorch_model.bin: byte 2: global 'posix.system' is not allowed: weights do not "
        "need it\nhint: hft runs no code of a file; take the repository's model.safetensors, or a "
        "copy from a source you trust\n");
  CHECK_FALSE(fs::exists(proof));
}

TEST_CASE("weights: pytorch_model.bin that is a Git LFS pointer, a torn file") {
  Spoilt model;
  fs::remove(model.weights());
  const fs::path bin = model.path / "pytorch_model.bin";
  test::spit(bin, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  test::Ran ran = model.run();
  CHECK(ran.code == 9);
  CHECK(ran.err ==
        "hft: DIR/pytorch_model.bin: is a Git LFS pointer, not the weights themselves\n"
        "hint: fetch the real file with: git lfs pull\n");
  for (const char* name : {"zip.bin", "legacy.bin"}) {
    const std::string whole = test::slurp(test::golden("torch-files/" + std::string(name)));
    test::spit(bin, whole.substr(0, whole.size() - 9));
    ran = model.run();
    CHECK(ran.code == 9);
    CHECK(ran.err.find("the file was cut short") != std::string::npos);
  }
}

TEST_CASE("weights: a missing shard exits 5 and is named") {
  Spoilt model("electra-ner");
  fs::path shard;
  for (const auto& entry : fs::directory_iterator(model.path))
    if (entry.path().filename().string().starts_with("model-00002-of-")) shard = entry.path();
  REQUIRE_FALSE(shard.empty());
  fs::remove(shard);
  test::Ran ran = model.run("ner");
  CHECK(ran.code == 5);
  CHECK(ran.err == "hft: DIR/" + shard.filename().string() +
                       ": no such file, but model.safetensors.index.json names it as a shard\n");
}
