// Every folder beside this file is a fault that was once found; README.md says what case.json holds.
#include <algorithm>

#include "tests/support/test.h"

using namespace hft;
namespace fs = std::filesystem;

namespace {

const fs::path kShared = fs::path(HFT_SOURCE_DIR) / "tests" / "regression";

std::vector<fs::path> folders() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(kShared))
    if (fs::exists(entry.path() / "case.json")) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

Json outputs_of(const std::vector<Json>& records) {
  Json outputs = Json::array();
  for (const Json& record : records) outputs.push_back(record.value("output", Json()));
  return outputs;
}

void check_run(const Json& wanted, const fs::path& folder) {
  const std::string line = wanted.at("shell").get<std::string>();
  const test::Ran ran =
      test::command({"bash", "-c", "hft() { \"" HFT_BINARY "\" \"$@\"; }\n" + line},
                    {.env = {"SHARED=" + kShared.string()}, .cwd = folder});
  INFO("$ ", line, "\nstdout: ", ran.out, "\nstderr: ", ran.err);
  CHECK(ran.code == wanted.value("exit", 0));
  if (wanted.contains("outputs"))
    CHECK(test::difference(outputs_of(ran.records()), wanted["outputs"], 1e-4, 2e-6) == "");
  if (wanted.contains("records"))
    CHECK(test::difference(Json(ran.records()), wanted["records"], 1e-4, 2e-6) == "");
  if (wanted.contains("stdout")) CHECK(ran.out == wanted["stdout"].get<std::string>());
  if (wanted.value("silent", false)) CHECK(ran.err == "");
  if (!wanted.contains("stderr")) return;
  const Json texts =
      wanted["stderr"].is_array() ? wanted["stderr"] : Json::array({wanted["stderr"]});
  for (const Json& text : texts) {
    const bool stands = ran.err.find(text.get<std::string>()) != std::string::npos;
    INFO("wanted on stderr: ", text.get<std::string>());
    CHECK(stands);
  }
}

}  // namespace

TEST_CASE("regression: what once went wrong stays right") {
  REQUIRE(folders().size() >= 1);
  for (const fs::path& folder : folders()) {
    SUBCASE(folder.filename().c_str()) {
      const Json wanted = read_json(folder / "case.json");
      REQUIRE(wanted.at("runs").size() > 0);
      test::TempFolder temporary;
      fs::copy(folder, temporary / "case", fs::copy_options::recursive);
      for (const Json& run : wanted["runs"]) check_run(run, temporary / "case");
    }
  }
}
