// Every folder of tests/golden is a checkpoint with golden.json: what the reference answered to the
// arguments and inputs in it. The program must answer the same. ("model" in golden.json names a
// model of scripts/setup in place of the folder.) scripts/make_golden.py writes them.
#include <algorithm>
#include <vector>

#include "tests/support/test.h"

using namespace hft;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> folders() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(test::golden("")))
    if (fs::exists(entry.path() / "golden.json")) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::string joined(const Json& args) {
  std::string text;
  for (const Json& arg : args) text += (text.empty() ? "" : " ") + arg.get<std::string>();
  return text;
}

void check_case(const fs::path& folder, const Json& wanted) {
  test::TempFolder temporary;
  std::string lines;
  for (const Json& input : wanted["inputs"]) lines += input.dump() + "\n";
  test::spit(temporary / "inputs.jsonl", lines);
  std::vector<std::string> args = wanted["args"];
  for (const std::string& arg : {std::string("-m"), folder.string(), std::string("-i"),
                                 (temporary / "inputs.jsonl").string(), std::string("--json")})
    args.push_back(arg);
  test::Ran ran = test::hft(args);
  INFO("hft ", joined(wanted["args"]), " -m ", folder.filename().string(), "\n", ran.err);
  CHECK(ran.code == 0);
  std::vector<Json> records = ran.records();
  CHECK(records.size() == wanted["outputs"].size());  // no REQUIRE: the other folders still run
  for (std::size_t i = 0; i < std::min(records.size(), wanted["outputs"].size()); ++i) {
    INFO("input ", wanted["inputs"][i].dump());
    INFO("record ", records[i].dump());
    const bool there = records[i].contains("output");
    CHECK(there);
    if (there)
      CHECK(test::difference(records[i]["output"], wanted["outputs"][i], 1e-4, 2e-6) == "");
  }
}

}  // namespace

TEST_CASE("golden: every tiny checkpoint gives the answers of the reference") {
  REQUIRE(folders().size() >= 30);
  for (const fs::path& folder : folders()) {
    SUBCASE(folder.filename().c_str()) {
      const Json golden = read_json(folder / "golden.json");
      REQUIRE(golden["cases"].size() > 0);
      const bool installed = golden.contains("model");
      const fs::path model = installed ? test::model(golden["model"]) : folder;
      for (const Json& wanted : golden["cases"]) check_case(model, wanted);
    }
  }
}
