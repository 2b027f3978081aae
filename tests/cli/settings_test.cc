// Options from hft.toml and HFT_*: which wins, what is refused, what hft env --config says.
#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::spit;
using test::TempFolder;

namespace {

test::Ran ran(const TempFolder& folder, std::vector<std::string> args,
              std::vector<std::string> env = {}) {
  env.push_back("XDG_CONFIG_HOME=" + (folder / "config").string());
  return test::hft(args, {.env = env, .cwd = folder.path});
}

std::size_t labels(const test::Ran& ran) { return ran.records()[0]["output"].size(); }

}  // namespace

TEST_CASE("settings: a flag wins over HFT_*, that over ./hft.toml, that over the user's file") {
  TempFolder folder;
  const std::string model = golden("bert-classify").string();
  const std::vector<std::string> args{"classify", "a text", "--json"};
  test::fs::create_directories(folder / "config/hft");
  spit(folder / "config/hft/config.toml", "model = '" + model + "'  # for all\n[classify]\ntop_k = \"all\"\n");
  CHECK(labels(ran(folder, args)) == 2);
  spit(folder / "hft.toml", "[classify]\ntop-k = 1\n");
  CHECK(labels(ran(folder, args)) == 1);
  CHECK(labels(ran(folder, args, {"HFT_TOP_K=all"})) == 2);
  std::vector<std::string> flag = args;
  flag.insert(flag.end(), {"--top-k", "1"});
  CHECK(labels(ran(folder, flag, {"HFT_TOP_K=all"})) == 1);
  spit(folder / "other.toml", "[classify]\ntop-k = \"all\"\n");
  flag = args;
  flag.insert(flag.end(), {"--config", "other.toml"});
  CHECK(labels(ran(folder, flag)) == 2);
  const auto env = ran(folder, {"env", "--config"}, {"HFT_DTYPE=float32"});
  CHECK(env.out.find("--top-k 1  (hft.toml: [\"classify\"])\n") != std::string::npos);
  CHECK(env.out.find("--dtype float32  (HFT_DTYPE: ") != std::string::npos);
}

TEST_CASE("settings: a key that is no option, a command that is none and bad TOML are refused") {
  TempFolder folder;
  const auto refused = [&](const std::string& text, int code, const std::string& message) {
    spit(folder / "hft.toml", text);
    const auto one = ran(folder, {"classify", "-m", golden("bert-classify").string(), "x"});
    CHECK(one.code == code);
    CHECK(one.err == message);
  };
  refused("[classify]\ntopk = 1\n", 2,
          "hft: hft.toml: classify has no option 'topk'; closest: 'top-k'\n");
  refused("dtyp = 'x'\n", 2, "hft: hft.toml: there is no option 'dtyp'; closest: 'dtype'\n");
  refused("[clasify]\n", 2, "hft: hft.toml: there is no command 'clasify'\n");
  refused("dtype = float32\n", 9,
          "hft: hft.toml: line 1: 'float32' is no text in quotes, number, true, false or list\n");
  refused("a = 1\na = 2\n", 9, "hft: hft.toml: line 2: 'a' stands twice\n");
  refused("dtype = \"float32\n", 9, "hft: hft.toml: line 1: a quote is not closed\n");
}

TEST_CASE("settings: switches may be on or off, lists are lists") {
  TempFolder folder;
  const std::string model = golden("bert-ner-cased").string();
  spit(folder / "hft.toml", "json = true\n[ner]\nno-truncation = false\nignore_labels = [\n  'O',\n  'B-PER', 'I-PER' ]\n");
  const auto one = ran(folder, {"ner", "-m", model, "Ada met Karl Weber at the Berlin office."});
  CHECK(one.code == 0);
  for (const Json& entity : one.records()[0]["output"]) CHECK(entity["entity_group"] != "PER");
}
