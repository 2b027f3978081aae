// hft inspect of a model on the Hub: what it holds, without its weights.
#include "tests/support/fake_hub.h"
#include "tests/support/test.h"

using namespace hft;
namespace fs = test::fs;
using test::FakeHub;

TEST_CASE("inspect: a model on the Hub is told from the headers of its weights") {
  FakeHub hub(R"({"large": 1000})");
  const std::string id = "org/tiny";
  for (const char* name : {"config.json", "model.safetensors"})
    hub.add(id, name, test::slurp(test::golden("bert-classify") / name));
  hub.add(id, "README.md", "---\nlicense: mit\n---\n");
  // A tensor of so many zeros that it would be seen to be fetched.
  std::string header = R"({"big":{"dtype":"BF16","shape":[1500000],"data_offsets":[0,3000000]}})";
  while (header.size() % 8) header += ' ';
  std::string length(8, '\0');
  length[0] = static_cast<char>(header.size());
  hub.add("org/big", "model.safetensors", length + header + std::string(3000000, '\0'));
  hub.add("org/big", "config.json", R"({"model_type": "unheard-of"})");
  hub.start();
  const auto ran = hub.run({"inspect", id, "--json"});
  CHECK(ran.code == 0);
  const auto local = test::hft({"inspect", test::golden("bert-classify").string(), "--json"});
  const Json found = ran.records()[0], wanted = local.records()[0];
  for (const char* field : {"model_type", "tensors", "parameters", "bytes", "memory", "dtypes"})
    CHECK(found[field] == wanted[field]);
  CHECK(found["id"] == id);
  CHECK(found["license"] == "mit");
  CHECK(found["gated"] == false);
  CHECK(found["memory"]["float32"] == 4 * found["parameters"].get<std::int64_t>());
  CHECK(found["commands"].dump().find("\"classify\"") != std::string::npos);
  CHECK(!fs::exists(hub.repo(id)));
  const Json big = hub.run({"inspect", "org/big", "--json"}).records()[0];
  CHECK(big["parameters"] == 1500000);
  CHECK(big["bytes"] == 3000000);
  CHECK(big["commands"] == Json::array());
  std::int64_t sent = 0;
  for (const Json& request : hub.log()) sent += request["sent"].get<std::int64_t>();
  CHECK(sent < 1000000);
  const auto text = hub.run({"inspect", "org/big"});
  CHECK(text.out.find("memory                   float32 6.0 MB, bfloat16 3.0 MB, float16 3.0 MB, 8bit 3.0 MB, 4bit 3.0 MB\n") != text.out.npos);
  CHECK(hub.run({"inspect", "org/none"}).code == 4);
}

TEST_CASE("inspect: a host that sends a whole file in place of its beginning is cut off") {
  FakeHub hub(R"({"large": 1000})");
  std::string header = R"({"big":{"dtype":"F32","shape":[2000000],"data_offsets":[0,8000000]}})";
  while (header.size() % 8) header += ' ';
  std::string length(8, '\0');
  length[0] = static_cast<char>(header.size());
  hub.add("org/big", "model.safetensors", length + header + std::string(8000000, '\0'));
  hub.add("org/big", "config.json", R"({"model_type": "bert"})");
  hub.start();
  hub.faults(R"([{"ignore_range": true}])");
  const auto ran = hub.run({"inspect", "org/big", "--json"});
  CHECK(ran.code == 0);
  CHECK(ran.records()[0]["parameters"] == 2000000);
}

TEST_CASE("inspect: weights that only a download can tell of") {
  FakeHub hub;
  hub.add("org/old", "config.json", R"({"model_type": "bert"})");
  hub.add("org/old", "pytorch_model.bin", "PK");
  hub.start();
  const auto ran = hub.run({"inspect", "org/old"});
  CHECK(ran.code == 6);
  CHECK(ran.err.find("pytorch_model.bin: only safetensors can be inspected without downloading them\n"
                     "hint: hft hub download org/old, then hft inspect\n") != ran.err.npos);
}

TEST_CASE("inspect: a broken shard among good ones is told as bad data, however small it is") {
  const std::string whole = test::slurp(test::golden("bert-classify") / "model.safetensors");
  const std::string broken[] = {"", "abc", std::string(8, '\0'), whole.substr(0, 40), "<html>\n</html>\n",
                                "version https://git-lfs.github.com/spec/v1\noid sha256:00\n"};
  FakeHub hub;
  int number = 0;
  for (const std::string& bytes : broken) {
    const std::string id = "org/broken-" + std::to_string(number++);
    hub.add(id, "config.json", R"({"model_type": "bert"})");
    hub.add(id, "model.safetensors.index.json", R"({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})");
    hub.add(id, "model-1.safetensors", whole);
    hub.add(id, "model-2.safetensors", bytes);
  }
  hub.start();
  for (int i = 0; i < number; ++i) {
    const std::string id = "org/broken-" + std::to_string(i);
    const auto ran = hub.run({"inspect", id});
    CHECK_MESSAGE(ran.code == 9, id, ": ", ran.err);
    CHECK_MESSAGE(ran.err.find("model-2.safetensors: ") != ran.err.npos, ran.err);
    CHECK(ran.err.starts_with("hft: " + id + ": "));
  }
}
