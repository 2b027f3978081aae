// A repository with a file whose name cannot be kept here is as usable as another.
#include "tests/support/fake_hub.h"

using namespace hft;
using test::FakeHub;
namespace fs = std::filesystem;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "odd names: the rest is listed, fetched and run; the file itself is left out with a note") {
  FakeHub hub;
  hub.add_model("org/odd");
  for (const char* name : {"a:b.txt", "x\\y.txt", "line\nbreak", "dot.", "sub/con:trol"})
    hub.add("org/odd", name, "x");
  hub.start();
  const auto run = hub.run({"classify", "-m", "org/odd", "x"});
  CAPTURE(run.err);
  CHECK(run.code == 0);
  CHECK_FALSE(has(run.err, "left out"));
  CHECK(hub.run({"hub", "download", "org/odd", "config.json"}).code == 0);
  const auto ls = hub.run({"hub", "ls", "org/odd", "--json"});
  CHECK(ls.code == 0);
  CHECK(ls.records().size() == 13);
  const auto all = hub.run({"hub", "download", "org/odd"});
  CAPTURE(all.err);
  CHECK(all.code == 0);
  CHECK(has(all.err, "hft: left out: the file name 'a:b.txt': it begins with a drive\n"));
  CHECK(has(all.err, "hft: left out: the file name 'x\\y.txt': it has a backslash\n"));
  CHECK_FALSE(has(all.err, "con:trol"));
  const auto one = hub.run({"hub", "download", "org/odd", "a:b.txt"});
  CHECK(one.code == 9);
  CHECK(one.err == "hft: org/odd@main: unsafe file name 'a:b.txt': it begins with a drive\n");
  CHECK(
      hub.run({"hub", "download", "org/odd", "--exclude", "*b.txt", "line*"}, {"HF_HUB_OFFLINE=1"})
          .code == 0);
}

TEST_CASE("odd names: a list with '..' hinders no task, and nothing is made of it") {
  FakeHub hub(R"({"repos": {"org/up": {}}})");
  hub.add_model("org/up");
  hub.start();
  const auto list = hub.run({"hub", "ls", "org/up", "--json"}).records();
  const auto commit = hub.run({"hub", "info", "org/up", "--json"}).records()[0]["commit"];
  Json siblings = Json::array();
  for (const Json& file : list)
    siblings.push_back(
        {{"rfilename", file["name"]}, {"blobId", file["digest"]}, {"size", file["bytes"]}});
  for (const char* name : {"..", "../evil", "a/../../evil"})
    siblings.push_back({{"rfilename", name}, {"blobId", std::string(40, 'a')}, {"size", 1}});
  for (Json& entry : siblings)
    if (entry["blobId"].get<std::string>().size() == 64)
      entry["lfs"] = {{"sha256", entry["blobId"]}, {"size", entry["size"]}};
  hub.faults(
      Json::array(
          {{{"path", "/api/models"},
            {"status", 200},
            {"body", Json{{"id", "org/up"}, {"sha", commit}, {"siblings", siblings}}.dump()}}})
          .dump());
  CHECK(hub.run({"classify", "-m", "org/up", "x"}).code == 0);
  CHECK(hub.run({"hub", "download", "org/up", "config.json"}).code == 0);
  const auto before = test::tree_of(hub.home());
  const auto all = hub.run({"hub", "download", "org/up"});
  CHECK(all.code == 9);
  CHECK(all.err == "hft: org/up@main: unsafe file name '..': it has the part '..'\n");
  CHECK(test::tree_of(hub.home()) == before);
}
