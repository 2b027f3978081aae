// Hostile pictures through the real program: a line each, the exit code of their kind, and the run
// goes on.
#include <algorithm>

#include "tests/media/hostile.h"

using namespace hft;
using namespace std::string_literals;
using test::spit;

namespace {

test::Ran classify(std::vector<std::string> more) {
  std::vector<std::string> args{"image-classify", "-m", test::golden("vit").string(), "--json"};
  args.insert(args.end(), more.begin(), more.end());
  return test::hft(args);
}

}  // namespace

TEST_CASE("hostile pictures: each is one error record, whatever else is in the run") {
  const test::TempFolder folder;
  const auto all = test::hostile_pictures();
  REQUIRE(all.size() >= 60);
  for (const auto& [name, bytes] : all) spit(folder / name, bytes);
  spit(folder / "good.jpg", test::picture("photo-61x40.jpg"));
  const test::Ran ran = classify({folder.path.string()});
  CHECK(ran.code == 3);
  const auto records = ran.records();
  REQUIRE(records.size() == all.size() + 1);
  for (const Json& record : records) {
    const std::string name = test::fs::path(record["input"].get<std::string>()).filename();
    CAPTURE(name);
    CHECK(record.contains("output") == (name == "good.jpg"));
    if (record.contains("output")) continue;
    const std::string code = record["error"]["code"], message = record["error"]["message"];
    CHECK((code == "bad_data" || code == "unsupported"));
    CHECK(message.find('\n') == std::string::npos);
    CHECK(message.starts_with((folder / name).string() + ": "));
  }
  CHECK(std::ranges::count(ran.err, '\n') == static_cast<std::ptrdiff_t>(all.size()) + 1);
}

TEST_CASE("hostile pictures: alone, the exit code is that of the fault") {
  const test::TempFolder folder;
  const auto code = [&](const std::string& name, const std::string& bytes) {
    spit(folder / name, bytes);
    return classify({(folder / name).string()}).code;
  };
  CHECK(code("huge.png", test::png(65535, 65535)) == 9);
  CHECK(code("text.png", "no picture") == 9);
  CHECK(code("photo.heic",
             "\0\0\0\x18"
             "ftypheic"s) == 6);
  CHECK(classify({(folder / "none.png").string()}).code == 5);
}
