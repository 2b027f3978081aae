// The one runner: an input that fails, at whatever stage, fails alone.
#include <cstring>

#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::spit;
using test::TempFolder;

namespace {

// Makes one row of a tensor NaN in the copied model's weights.
void spoil_row(const test::fs::path& file, const std::string& tensor, std::size_t row) {
  std::string bytes = test::slurp(file);
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  const Json header = Json::parse(bytes.substr(8, size));
  const Json& one = header.at(tensor);
  const std::size_t begin = one["data_offsets"][0], end = one["data_offsets"][1];
  const std::size_t width = (end - begin) / one["shape"][0].get<std::size_t>();
  std::memset(bytes.data() + 8 + size + begin + row * width, 0xff, width);
  spit(file, bytes);
}

// 1,000 inputs, three of which fail: too long, without numbers, malformed.
std::string thousand() {
  std::string rows, fifty, endless;
  for (int i = 0; i < 50; ++i) fifty += "a ";
  for (int i = 0; i < 400; ++i) endless += "a ";
  for (int i = 0; i < 1000; ++i) {
    if (i == 400)
      rows += "{bad\n";
    else
      rows += to_line({{"text", i == 300   ? fifty
                                : i == 500 ? endless
                                           : "a" + std::to_string(i)}}) +
              "\n";
  }
  return rows;
}

void check_thousand(const std::string& model, const std::string& tensor,
                    std::vector<std::string> args) {
  TempFolder folder;
  test::fs::copy(golden(model), folder / "m", test::fs::copy_options::recursive);
  spit(folder / "in.jsonl", thousand());
  args.insert(args.end(), {"-m", "m", "--json", "--no-truncation", "-i", "in.jsonl"});
  const auto sound = test::hft(args, {.cwd = folder.path}).records();
  spoil_row(folder / "m/model.safetensors", tensor, 45);
  const auto ran = test::hft(args, {.cwd = folder.path});
  CHECK(ran.code == 3);
  const auto records = ran.records();
  REQUIRE(records.size() == 1000);
  REQUIRE(sound.size() == 1000);
  for (std::size_t i = 0; i < 1000; ++i) {
    CAPTURE(i);
    if (i != 300 && i != 400 && i != 500) CHECK(records[i] == sound[i]);
  }
  CHECK(sound[300].contains("output"));
  CHECK(records[300]["error"]["code"] == "not_finite");
  CHECK(records[300]["error"]["message"].get<std::string>().starts_with("NaN first shows in "));
  CHECK(records[400]["error"]["code"] == "bad_data");
  CHECK(records[500].contains("error"));
  CHECK(ran.err.ends_with("hft: 3 of 1,000 inputs failed\n"));
}

}  // namespace

TEST_CASE("runner: of 1,000 inputs the three that fail, fail alone: an encoder") {
  check_thousand("bert-classify", "bert.embeddings.position_embeddings.weight", {"classify"});
}

TEST_CASE("runner: of 1,000 inputs the three that fail, fail alone: a decoder") {
  check_thousand("gpt2-generate", "wpe.weight",
                 {"generate", "--no-do-sample", "--max-new-tokens", "2"});
}

TEST_CASE("runner: of 1,000 inputs the three that fail, fail alone: an encoder-decoder") {
  check_thousand("bart-cnn", "model.encoder.embed_positions.weight",
                 {"summarize", "--num-beams", "1", "--no-do-sample", "--min-length", "0",
                  "--max-new-tokens", "2"});
}

TEST_CASE("runner: a model that does not load is told at once, though the input has no end") {
  TempFolder folder;
  test::fs::copy(golden("bert-classify"), folder / "m", test::fs::copy_options::recursive);
  spit(folder / "m/model.safetensors", "torn");
  const auto ran = test::command(
      {"bash", "-c", "sleep 20 | timeout 10 " HFT_BINARY " classify -m m --lines; kill %1"},
      {.cwd = folder.path, .timeout_s = 12});
  CHECK(ran.err.starts_with("hft: "));
}

TEST_CASE("runner: a slow pipe is answered line by line") {
  const auto ran = test::command(
      {"bash", "-c",
       "exec 3< <(echo one; sleep 0.3; echo two); " HFT_BINARY " classify -m " +
           golden("bert-classify").string() + " --json --lines <&3 | head -1"});
  CHECK(ran.records().size() == 1);
}
