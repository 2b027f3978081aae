// hft bench: its three forms hold the same rows.
#include <sstream>

#include "tests/support/test.h"

using namespace hft;

namespace {

test::Ran bench(const std::string& format) {
  return test::hft({"bench", test::golden("llama-generate").string(), "--prompt-tokens", "0,8",
                    "--depth", "0,4", "--batch", "2", "--new-tokens", "3", "--repetitions", "1",
                    "--format", format});
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

}  // namespace

TEST_CASE("bench: text, JSON and CSV have a row for each length, depth and batch") {
  const std::vector<std::string> starts{"pp8,2,0,16,", "tg3,2,0,6,", "pp8,2,4,16,", "tg3,2,4,6,"};
  const auto csv = lines_of(bench("csv").out), json = lines_of(bench("json").out),
             text = lines_of(bench("text").out);
  REQUIRE(csv.size() == 5);
  REQUIRE(json.size() == 4);
  REQUIRE(text.size() == 6);
  CHECK(csv[0] == "test,batch,depth,tokens,seconds,tokens_per_second,best_tokens_per_second");
  for (std::size_t i = 0; i < starts.size(); ++i) {
    CHECK(csv[i + 1].starts_with(starts[i]));
    const Json row = Json::parse(json[i]);
    CHECK(row["test"].get<std::string>() + ",2," + row["depth"].dump() + "," +
              row["tokens"].dump() + "," ==
          starts[i]);
    CHECK(row["tokens_per_second"] > 0);
    CHECK(text[i + 1].starts_with(row["test"].get<std::string>() + " "));
  }
}
