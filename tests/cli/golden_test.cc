// Every folder of tests/golden is a checkpoint with golden.json: what the reference answered to the
// arguments and inputs in it. The program must answer the same. ("model" in golden.json names a
// model of scripts/setup in place of the folder.) scripts/make_golden.py writes them.
#include <algorithm>
#include <atomic>
#include <thread>
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

test::Ran run_case(const fs::path& model, const Json& wanted) {
  test::TempFolder temporary;
  const fs::path file = temporary / "inputs.jsonl";
  std::string lines;
  for (Json input : wanted["inputs"]) {
    for (const char* medium : {"image", "audio"})
      if (input.contains(medium)) {
        Json& given = input[medium];
        if (given.is_string()) given = test::golden(given).string();
        if (given.is_array())
          for (Json& one : given) one = test::golden(one).string();
      }
    lines += input.dump() + "\n";
  }
  test::spit(file, lines);
  std::vector<std::string> args = wanted["args"];
  args.insert(args.end(), {"-m", model.string(), "-i", file.string(), "--json"});
  return test::hft(args);
}

// The runs of all cases, as many at a time as there are processors.
std::vector<test::Ran> run_cases(const fs::path& model, const Json& cases) {
  std::vector<test::Ran> runs(cases.size());
  std::atomic<std::size_t> next = 0;
  auto work = [&] {
    for (std::size_t i; (i = next++) < runs.size();) runs[i] = run_case(model, cases[i]);
  };
  std::vector<std::jthread> threads(std::max(1u, std::thread::hardware_concurrency()));
  for (std::jthread& thread : threads) thread = std::jthread(work);
  threads.clear();  // joins
  return runs;
}

// No REQUIRE here: the other folders still run.
void check_run(const test::Ran& ran, const Json& wanted) {
  const Json& outputs = wanted["outputs"];
  INFO("hft ", joined(wanted["args"]), "\n", ran.err);
  CHECK(ran.code == 0);
  std::vector<Json> records = ran.records();
  CHECK(records.size() == outputs.size());
  for (std::size_t i = 0; i < std::min(records.size(), outputs.size()); ++i) {
    INFO("input ", wanted["inputs"][i].dump());
    INFO("record ", records[i].dump());
    const bool there = records[i].contains("output");
    CHECK(there);
    if (there) CHECK(test::difference(records[i]["output"], outputs[i], 1e-4, 2e-6) == "");
  }
}

}  // namespace

TEST_CASE("golden: every tiny checkpoint gives the answers of the reference") {
  REQUIRE(folders().size() >= 30);
  for (const fs::path& folder : folders()) {
    SUBCASE(folder.filename().c_str()) {
      const Json golden = read_json(folder / "golden.json");
      const Json& cases = golden["cases"];
      REQUIRE(cases.size() > 0);
      const bool installed = golden.contains("model");
      const auto runs = run_cases(installed ? test::model(golden["model"]) : folder, cases);
      for (std::size_t i = 0; i < runs.size(); ++i) check_run(runs[i], cases[i]);
    }
  }
}
