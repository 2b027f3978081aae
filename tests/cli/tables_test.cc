// Tables of Parquet and Arrow as inputs and as results.
#include <algorithm>

#include "tests/support/gzip.h"
#include "tests/support/test.h"

using namespace hft;
namespace fs = test::fs;
using test::golden;
using test::gzipped;
using test::slurp;
using test::spit;
using test::TempFolder;

namespace {

const std::string kModel = golden("bert-classify").string();
const fs::path kTables = golden("tables");

test::Ran tokenize(const std::vector<std::string>& more, const test::RunOptions& options = {}) {
  std::vector<std::string> args{"tokenize", "-m", kModel, "--ids-only"};
  args.insert(args.end(), more.begin(), more.end());
  return test::hft(args, options);
}

// The data's columns of a record.
Json cells_of(Json record) {
  for (const char* ours : {"input", "output", "error"}) record.erase(ours);
  return record;
}

}  // namespace

TEST_CASE("tables: cells of every type are those that pyarrow reads") {
  const Json wanted = Json::parse(slurp(kTables / "rows.json"));
  for (const char* name : {"typed.parquet", "typed.arrow", "stream.arrow"}) {
    const auto ran = tokenize({"--json", "-i", (kTables / name).string(), "--keep-columns", "all"});
    CHECK(ran.code == 3);  // a text is null
    const auto records = ran.records();
    REQUIRE(records.size() == wanted.size());
    for (std::size_t i = 0; i < records.size(); ++i)
      CHECK(test::difference(cells_of(records[i]), wanted[i], 1e-15) == "");
    CHECK(records[2]["error"]["message"] ==
          "row 3 of " + (kTables / name).string() + ": has no column 'text'");
  }
  // Digits that a double does not hold.
  const auto ran = tokenize({"--json", "-i", (kTables / "typed.parquet").string(), "--keep-columns", "price,large,single"});
  CHECK(ran.out.find(R"("price":1.10,"large":18446744073709551615,"single":0.10000000149011612})") != ran.out.npos);
  CHECK(ran.out.find(R"("price":-0.05,"large":0,"single":-2.5})") != ran.out.npos);
}

TEST_CASE("tables: known by what they hold, compressed and from a pipe too") {
  TempFolder folder;
  const std::string table = slurp(kTables / "typed.parquet"), stream = slurp(kTables / "stream.arrow");
  spit(folder / "data", table);
  spit(folder / "data.gz", gzipped(table));
  spit(folder / "other", stream);
  for (const std::vector<std::string>& from :
       std::vector<std::vector<std::string>>{{"-i", "data"}, {"-i", "data.gz"}, {"-i", "other"}})
    CHECK(tokenize(from, {.cwd = folder.path}).records()[0]["input"] == "one");
  CHECK(tokenize({"-i", "-"}, {.in = table}).records()[1]["input"] == "Grüß 🌍");
  CHECK(tokenize({}, {.in = stream}).records()[0]["input"] == "one");
}

TEST_CASE("tables: a column that is not there, among those there are") {
  const auto ran = tokenize({"-i", (kTables / "typed.parquet").string(), "--text-column", "texts"});
  CHECK(ran.code == 2);
  CHECK(ran.err.find("hft: no column 'texts' in the data; it has: text, flag, small, large") == 0);
  CHECK(ran.err.find("; closest: 'text'\nhint: --text-column text\n") != ran.err.npos);
  const auto kept = tokenize({"-i", (kTables / "plain.parquet").string(), "--keep-columns", "word"});
  CHECK(kept.code == 2);
  CHECK(kept.err == "hft: no column 'word' in the data; it has: text, words; closest: 'words'\n"
                    "hint: --keep-columns words\n");
  const auto typed = tokenize({"-i", (kTables / "typed.parquet").string(), "--text-column", "flag", "--json"});
  CHECK(typed.code == 9);
  CHECK(typed.records()[0]["error"]["message"].get<std::string>().ends_with(
      "typed.parquet: column 'flag' is boolean, wanted a string"));
}

TEST_CASE("tables: damaged ones end in one line, wherever they are cut") {
  TempFolder folder;
  for (const std::string name : {"typed.parquet", "typed.arrow", "stream.arrow", "plain.parquet"}) {
    const std::string whole = slurp(kTables / name);
    for (std::size_t i = 0; i < 8; ++i) {
      std::string bytes = whole;
      if (i % 2)
        bytes.resize(whole.size() * (i + 1) / 9);
      else
        for (std::size_t at = 8 + i; at + 16 < bytes.size(); at += 97) bytes[at] ^= static_cast<char>(0x55 + i);
      spit(folder / name, bytes);
      const auto ran = tokenize({"-i", name, "--keep-columns", "all"}, {.cwd = folder.path});
      CHECK((ran.code == 9 || ran.code == 6 || ran.code == 3 || ran.code == 0 || ran.code == 2 || ran.code == 1));
      if (ran.code == 9) CHECK(std::ranges::count(ran.err, '\n') == 1);
    }
  }
  const auto said = [&](const std::string& name, const std::string& bytes) {
    spit(folder / name, bytes);
    const auto ran = tokenize({"-i", name}, {.cwd = folder.path});
    return std::to_string(ran.code) + " " + ran.err;
  };
  const std::string whole = slurp(kTables / "plain.parquet");
  CHECK(said("x.parquet", "{\"text\": 1}") == "9 hft: x.parquet: does not begin as Parquet does\n");
  CHECK(said("x.arrow", whole) == "9 hft: x.arrow: does not begin as Arrow does\n");
  CHECK(said("x.parquet", "") == "9 hft: x.parquet: is empty, wanted Parquet\n");
  CHECK(said("x.parquet", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n") ==
        "9 hft: x.parquet: is a Git LFS pointer, not the table itself\n"
        "hint: fetch the real file with: git lfs pull\n");
  CHECK(said("x.parquet", whole.substr(0, 300)).starts_with("9 hft: x.parquet: damaged or too large: "));
}

TEST_CASE("tables: pictures and sounds by their bytes, called what they are called in the data") {
  const std::string model = golden("vit").string();
  const auto ran = test::hft({"image-classify", "-m", model, "--json", "-i", (kTables / "pictures.parquet").string(), "--keep-columns", "label"});
  CHECK(ran.code == 0);
  const auto direct = test::hft({"image-classify", "-m", model, "--json", (golden("pictures") / "digit.png").string(),
                                 (golden("pictures") / "half.jpg").string()});
  const auto records = ran.records(), wanted = direct.records();
  REQUIRE(records.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) CHECK(records[i]["output"] == wanted[i]["output"]);
  CHECK(records[0]["input"] == "digit.png");
  CHECK(records[1]["input"] == "row 2 of " + (kTables / "pictures.parquet").string());
  CHECK(records[1]["label"] == 1);
  const auto heard = test::hft({"audio-classify", "-m", golden("wav2vec2").string(), "--json", "-i", (kTables / "sounds.parquet").string()});
  CHECK(heard.code == 0);
  CHECK(heard.records()[0]["input"] == "tone.wav");
}

TEST_CASE("tables: results as Parquet hold what the records hold") {
  TempFolder folder;
  spit(folder / "in.jsonl",
       "{\"text\": \"a b\", \"id\": 1, \"n\": 1, \"mixed\": 1, \"deep\": {\"x\": [1, 2.5]}}\n"
       "{\"text\": 5, \"id\": 2, \"n\": 2.5, \"mixed\": \"x\", \"deep\": {\"y\": true}}\n"
       "{\"text\": \"c\", \"id\": 3, \"n\": null, \"mixed\": [1], \"deep\": null}\n");
  const auto made = tokenize({"-i", "in.jsonl", "--keep-columns", "n,mixed,deep", "-o", "out.parquet"}, {.cwd = folder.path});
  CHECK(made.code == 3);
  CHECK(slurp(folder / "out.parquet").starts_with("PAR1"));
  CHECK(!fs::exists(folder / "out.parquet.partial"));
  const auto back = tokenize({"-i", "out.parquet", "--text-column", "input", "--keep-columns", "output,error,n,mixed,deep", "--json"}, {.cwd = folder.path});
  const auto rows = back.records();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["id"] == 1);
  CHECK(rows[0]["data_output"] == rows[0]["output"]);
  CHECK(rows[0]["deep"] == Json::parse(R"({"x": [1.0, 2.5], "y": null})"));
  CHECK(rows[0]["mixed"] == "1");
  CHECK(rows[1]["mixed"] == "x");
  CHECK(rows[1]["data_error"]["code"] == "bad_data");
  CHECK(rows[2]["mixed"] == "[1]");
  CHECK(rows[0]["n"] == 1.0);
  CHECK(tokenize({"a", "--format", "parquet"}).err ==
        "hft: --format parquet: is written when all records are there, it needs -o FILE\n");
  CHECK(tokenize({"a", "-o", "out.parquet"}, {.cwd = folder.path}).code == 2);
}

TEST_CASE("tables: a run that stopped goes on; a table that is there keeps no records") {
  TempFolder folder;
  std::string rows;
  for (int i = 0; i < 6; ++i) rows += "{\"text\": " + (i == 3 ? std::string("5") : "\"row " + std::to_string(i) + "\"") + "}\n";
  spit(folder / "in.jsonl", rows);
  const std::vector<std::string> whole{"-i", "in.jsonl", "-o", "whole.parquet"};
  CHECK(tokenize(whole, {.cwd = folder.path}).code == 3);
  const auto stopped = tokenize({"-i", "in.jsonl", "-o", "out.parquet", "--max-errors", "0"}, {.cwd = folder.path});
  CHECK(stopped.code != 0);
  CHECK(fs::exists(folder / "out.parquet.partial"));
  CHECK(!fs::exists(folder / "out.parquet"));
  const std::string kept = slurp(folder / "out.parquet.partial");
  CHECK(kept.find("row 0") != kept.npos);
  CHECK(tokenize({"-i", "in.jsonl", "-o", "out.parquet", "--resume"}, {.cwd = folder.path}).code == 3);
  CHECK(slurp(folder / "out.parquet") == slurp(folder / "whole.parquet"));
  CHECK(!fs::exists(folder / "out.parquet.partial"));
  const auto again = tokenize({"-i", "in.jsonl", "-o", "out.parquet", "--resume"}, {.cwd = folder.path});
  CHECK(again.code == 2);
  CHECK(again.err ==
        "hft: out.parquet: cannot resume: is a table already, which keeps no records apart\n"
        "hint: --force makes it anew; records as JSON lines are kept after failures too\n");
}

TEST_CASE("tables: without Apache Arrow one line says what to install") {
  TempFolder folder;
  const fs::path build = fs::path(HFT_BINARY).parent_path();
  for (const char* part : {"hft", "libhft_core.so"})
    fs::copy_file(build / part, folder / part, fs::copy_options::overwrite_existing);
  const auto ran = test::command({(folder / "hft").string(), "tokenize", "-m", kModel, "-i", (kTables / "plain.parquet").string()});
  CHECK(ran.code == 6);
  CHECK(ran.err == "hft: " + (kTables / "plain.parquet").string() +
                       ": Parquet and Arrow tables need Apache Arrow: libhft_tables.so is not beside the program (" +
                       fs::canonical(folder.path).string() + ")\n"
                       "hint: scripts/setup installs it (the pyarrow wheel), then scripts/build\n");
}
