// Adapters of a repository that holds several, each in a folder of its name, as PEFT saves them.
#include "tests/support/fake_hub.h"

using namespace hft;
namespace fs = std::filesystem;

TEST_CASE("--adapter: org/name/folder is a folder of a repository, whose other files are not fetched") {
  const fs::path both = fs::path(HFT_SOURCE_DIR) / "tests/regression/adapters-together/both";
  test::FakeHub hub;
  for (const char* name : {"tide", "clock"})
    for (const char* file : {"adapter_config.json", "adapter_model.safetensors"})
      hub.add("lab/styles", std::string(name) + "/" + file, test::slurp(both / name / file));
  hub.start();
  const auto generated = [&](const std::string& adapter) {
    return hub.run({"generate", "--no-do-sample", "--max-new-tokens", "8", "--json", "-m",
                    test::golden("llama-generate").string(), "--adapter", adapter,
                    "The ferry waits"});
  };
  const auto ran = generated("lab/styles/tide");
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(ran.out == generated((both / "tide").string()).out);
  CHECK(ran.out != generated((both / "clock").string()).out);
  for (const Json& request : hub.log())
    CHECK(request["path"].get<std::string>().find("clock") == std::string::npos);
  CHECK(generated("lab/styles/wave").code == 5);
}
