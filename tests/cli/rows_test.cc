// Where inputs come from: formats by suffix and content, files that cannot be read, columns,
// shards.
#include <sys/stat.h>

#include "tests/support/gzip.h"
#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::gzipped;
using test::spit;
using test::TempFolder;

namespace {

const std::string kModel = golden("bert-classify").string();

test::Ran tokenize(const TempFolder& folder, std::vector<std::string> more, std::string in = "",
                   std::vector<std::string> env = {}) {
  std::vector<std::string> args{"tokenize", "-m", kModel, "--json", "--ids-only"};
  args.insert(args.end(), more.begin(), more.end());
  return test::hft(args, {.in = std::move(in), .env = std::move(env), .cwd = folder.path});
}

std::vector<std::string> inputs(const test::Ran& ran) {
  std::vector<std::string> all;
  for (const Json& record : ran.records()) all.push_back(record["input"]);
  return all;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("rows: content decides the format where the suffix does not") {
  TempFolder folder;
  const std::string lines = "{ \"text\" : \"a\" }\n\n{\"text\":\"b\"}\n";
  for (const std::string name : {"data", "x.jsonlines", "X.JSONL", "y.dat"}) {
    spit(folder / name, lines);
    CHECK(inputs(tokenize(folder, {"-i", name})) == Texts{"a", "b"});
  }
  spit(folder / "array", "\xEF\xBB\xBF [ {\"text\": \"a\"},\n {\"text\": \"b\"} ]");
  CHECK(inputs(tokenize(folder, {"-i", "array"})) == Texts{"a", "b"});
  spit(folder / "pretty", "{\n  \"text\": \"a\"\n}\n");
  CHECK(inputs(tokenize(folder, {"-i", "pretty"})) == Texts{"a"});
  spit(folder / "torn", "{\"text\": \"a\n{\"text\": \"b\"}\n");
  CHECK(tokenize(folder, {"-i", "torn"}).code == 3);
  for (const std::string text : {"{ not data }", "[Verse 1] la", "{{ x }}", "[1, 2]"}) {
    spit(folder / "text", text);
    CHECK(inputs(tokenize(folder, {"-i", "text"})) == Texts{text});
  }
  CHECK(inputs(tokenize(folder, {"-i", "-"}, lines)) == Texts{"a", "b"});
  // Nothing names stdin as data: it is, where its first line has the column.
  CHECK(inputs(tokenize(folder, {}, lines)) == Texts{"a", "b"});
  CHECK(inputs(tokenize(folder, {}, "{\"key\": 1}\n")) == Texts{"{\"key\": 1}"});
}

TEST_CASE("rows: archives and other encodings are named, with a way to read them") {
  TempFolder folder;
  const auto refused = [&](const std::string& name, const std::string& bytes, int code,
                           const std::string& message) {
    spit(folder / name, bytes);
    const auto ran = tokenize(folder, {"-i", name});
    CHECK(ran.code == code);
    CHECK(ran.err == message);
  };
  refused("a.jsonl.gz", std::string("\x1f\x8b\x08\0\0", 5), 9,
          "hft: a.jsonl.gz: the gzip data ends in the middle\n");
  refused("b.jsonl.gz", "\x1f\x8b..", 9,
          "hft: b.jsonl.gz: damaged gzip: unknown compression method\n");
  refused("a.zip", "PK\x03\x04....", 6,
          "hft: a.zip: is a zip archive, which is not read\nhint: unzip -p a.zip | hft … -i -\n");
  refused("b", "BZh91AY&SY", 6,
          "hft: b: is bzip2, which is not read\nhint: bunzip2 -c b | hft … -i -\n");
  refused("bare.txt", std::string("h\0i\0", 4), 9,
          "hft: bare.txt: is UTF-16, wanted UTF-8\n"
          "hint: iconv -f UTF-16 -t UTF-8 bare.txt | hft … -i -\n");
  refused("win.txt", std::string("\xff\xfeh\0i\0", 6), 9,
          "hft: win.txt: is UTF-16, wanted UTF-8\n"
          "hint: iconv -f UTF-16 -t UTF-8 win.txt | hft … -i -\n");
  refused("t.parquet", "PAR1", 9,
          "hft: t.parquet: damaged or too large: Parquet file size is 4 bytes, smaller than the minimum "
          "file footer (8 bytes)\n");
}

TEST_CASE("rows: a file that cannot be read is an error record, the others are done") {
  TempFolder folder;
  const auto in = folder / "in";
  test::fs::create_directories(in / "deep");
  spit(in / "a.txt", "good");
  spit(in / "b.json", "[{\"text\": \"bad\"");
  spit(in / "c.json", "\"x\"");
  spit(in / "d.csv", "text,text\nbad,bad\n");
  spit(in / "e.txt", "caf\xe9");
  spit(in / "f.gz", "\x1f\x8b..");
  test::fs::create_symlink("..", in / "deep/up");
  test::fs::create_symlink("self", in / "deep/self");
  spit(in / "z.txt", "also good");
  const auto ran = tokenize(folder, {"-R", "-i", "in"});
  CHECK(ran.code == 3);
  const auto records = ran.records();
  REQUIRE(records.size() == 9);
  CHECK(records[0].contains("output"));
  CHECK(records[1]["error"]["code"] == "bad_data");
  CHECK(records[1]["input"] == "in/b.json");
  CHECK(records[3]["error"]["message"] == "line 1 of in/d.csv: two columns are called 'text'");
  CHECK(records[4]["error"]["message"] == "in/deep/self: Too many levels of symbolic links");
  CHECK(records[5]["error"]["message"] == "in/deep/up: is a link to a folder it lies in");
  CHECK(records[6]["error"]["message"] == "in/e.txt: not UTF-8 at byte 3");
  CHECK(records[7]["error"]["message"] == "in/f.gz: damaged gzip: unknown compression method");
  CHECK(records[8]["input"] == "also good");
  // Also where reading itself fails, and where a listed name is not there.
  const auto list =
      tokenize(folder, {"--files-from", "-"}, "in/a.txt\n/proc/self/mem\nnowhere\nin/z.txt\n");
  CHECK(list.code == 3);
  REQUIRE(list.records().size() == 4);
  CHECK(list.records()[1]["error"]["message"] == "/proc/self/mem: cannot read: Input/output error");
  CHECK(list.records()[2]["error"]["code"] == "not_found");
  CHECK(tokenize(folder, {"-i", "in/b.json"}).code == 9);
}

TEST_CASE("rows: a list of files may be empty only by mistake, -0 needs one") {
  TempFolder folder;
  const auto empty = tokenize(folder, {"--files-from", "-"});
  CHECK(empty.code == 5);
  CHECK(empty.err == "hft: --files-from: stdin names no file\n");
  CHECK(tokenize(folder, {"-0", "x"}).err ==
        "hft: -0: parts the names of a list, it needs --files-from LIST\n");
  spit(folder / "a\nb.txt", "text");
  CHECK(inputs(tokenize(folder, {"--files-from", "-", "-0"}, std::string("a\nb.txt\0", 8))) ==
        Texts{"text"});
  spit(folder / "a.txt", "a");
  const auto both = tokenize(folder, {"-i", "a.txt", "some text"});
  CHECK(both.code != 0);
  CHECK(both.err.find("as arguments") != std::string::npos);
  CHECK(tokenize(folder, {"text", "--files-from", "a.txt"}).code == 2);
}

TEST_CASE("rows: a column that no row has is a mistake, whatever flag asks for it") {
  TempFolder folder;
  spit(folder / "x.jsonl", "{\"text\":\"a\",\"label\":1}\n{\"text\":\"b\",\"key\":\"k\"}\n");
  const auto refused = [&](std::vector<std::string> more, const std::string& message) {
    more.insert(more.end(), {"-i", "x.jsonl"});
    const auto ran = tokenize(folder, more);
    CHECK(ran.code == 2);
    CHECK(ran.out == "");
    CHECK(ran.err == message);
  };
  refused({"--keep-columns", "lable"},
          "hft: no column 'lable' in the data; it has: text, label, key; closest: 'label'\n"
          "hint: --keep-columns label\n");
  refused({"--id-column", "kye"},
          "hft: no column 'kye' in the data; it has: text, label, key; closest: 'key'\n"
          "hint: --id-column key\n");
  refused({"--text-pair-column", "pair"},
          "hft: no column 'pair' in the data; it has: text, label, key\n"
          "hint: --text-pair-column NAME\n");
  CHECK(tokenize(folder, {"-i", "x.jsonl", "--id-column", "key"}).records()[1]["id"] == "k");
  CHECK(tokenize(folder, {"--keep-columns", "label", "plain"}).err ==
        "hft: --keep-columns: no column 'label': the inputs are texts, which have no columns\n");
  CHECK(tokenize(folder, {"--keep-columns", "all", "plain"}).code == 0);
}

TEST_CASE("rows: numbers of the data keep every digit") {
  TempFolder folder;
  spit(folder / "x.jsonl",
       "{\"text\":\"a\",\"id\":123456789012345678901234567890,\"n\":[1.10,{\"m\":-0.5}]}\n"
       "{\"text\":\"b\",\"id\":18446744073709551615,\"n\":0.12345678901234567890}\n");
  const auto ran = tokenize(folder, {"-i", "x.jsonl", "--keep-columns", "n"});
  CHECK(ran.code == 0);
  CHECK(ran.out.starts_with("{\"id\":123456789012345678901234567890,\"input\":\"a\","));
  CHECK(ran.out.find(",\"n\":[1.10,{\"m\":-0.5}]}\n{\"id\":18446744073709551615,") !=
        std::string::npos);
  CHECK(ran.out.ends_with(",\"n\":0.12345678901234567890}\n"));
}

TEST_CASE("rows: data columns with names of ours are carried under another") {
  TempFolder folder;
  spit(folder / "x.jsonl", "{\"text\":\"good\",\"output\":\"gold\",\"label\":\"L\",\"input\":2}\n");
  const auto ran = test::hft({"classify", "-m", kModel, "--json", "--keep-columns", "all", "-i",
                              "x.jsonl"},
                             {.cwd = folder.path});
  const Json record = ran.records()[0];
  CHECK(record["input"] == "good");
  CHECK(record["output"].is_array());
  CHECK(record["data_output"] == "gold");
  CHECK(record["data_input"] == 2);
  CHECK(record["label"] == "L");
  CHECK(ran.err == "hft: the data's column 'output' is written as 'data_output'\n");
  const auto csv = test::hft(
      {"classify", "-m", kModel, "--format", "csv", "--keep-columns", "label", "-i", "x.jsonl"},
      {.cwd = folder.path});
  CHECK(csv.out.starts_with("id,input,label,score,data_label\n,good,"));
  CHECK(csv.out.ends_with(",L\n"));
}

TEST_CASE("rows: CSV of data always has the ids; a column that comes too late is told") {
  TempFolder folder;
  spit(folder / "x.jsonl", "{\"text\":\"good\"}\n{\"id\":\"B7\",\"text\":\"bad\",\"more\":1}\n");
  const auto ran = test::hft({"classify", "-m", kModel, "--format", "csv", "--keep-columns", "all",
                              "-i", "x.jsonl"},
                             {.cwd = folder.path});
  CHECK(ran.out.starts_with("id,input,label,score,text\n,good,"));
  CHECK(ran.out.find("\nB7,bad,") != std::string::npos);
  CHECK(ran.err ==
        "hft: column 'more' first comes after the header was written; it is left out\n");
}

TEST_CASE("rows: shards of job arrays, with steps and with gaps") {
  TempFolder folder;
  const Texts texts{"a", "b", "c", "d", "e", "f", "g"};
  const auto shard = [&](std::vector<std::string> env) {
    return tokenize(folder, texts, "", std::move(env));
  };
  CHECK(inputs(shard({"SLURM_ARRAY_TASK_ID=10", "SLURM_ARRAY_TASK_COUNT=3",
                      "SLURM_ARRAY_TASK_MIN=0", "SLURM_ARRAY_TASK_MAX=10", "SLURM_ARRAY_TASK_STEP=5"})) == Texts{"c", "f"});
  CHECK(inputs(shard({"SLURM_ARRAY_TASK_ID=2", "SLURM_ARRAY_TASK_COUNT=2", "SLURM_ARRAY_TASK_MIN=1",
                      "SLURM_ARRAY_TASK_MAX=2", "SLURM_ARRAY_TASK_STEP=1"})) ==
        Texts{"b", "d", "f"});
  const auto gaps = shard({"SLURM_ARRAY_TASK_ID=3", "SLURM_ARRAY_TASK_COUNT=3",
                           "SLURM_ARRAY_TASK_MIN=1", "SLURM_ARRAY_TASK_MAX=7",
                           "SLURM_ARRAY_TASK_STEP=1"});
  CHECK(gaps.code == 2);
  CHECK(gaps.err ==
        "hft: the job array's ids leave gaps: SLURM_ARRAY_TASK_ID is 3 of 3 tasks from 1 to 7\n"
        "hint: say which part this task takes: --shard i/n, or --shard 0/1 for all\n");
  CHECK(inputs(shard({"JOB_COMPLETION_INDEX=1", "JOB_COMPLETION_COUNT=4"})) == Texts{"b", "f"});
}

TEST_CASE("rows: CSV cells are texts as written, quotes hold separators and line ends") {
  TempFolder folder;
  spit(folder / "t.csv",
       "\xEF\xBB\xBFtext,label,id\r\n\"a,\r\nb \"\"c\"\"\",NA,001\r\n\r\nplain \" quote,None,2\n"
       "\"\",true,3\n");
  const auto ran = tokenize(folder, {"-i", "t.csv", "--keep-columns", "label"});
  CHECK(ran.err == "");
  const auto records = ran.records();
  REQUIRE(records.size() == 3);
  CHECK(records[0]["input"] == "a,\r\nb \"c\"");
  CHECK(records[0]["id"] == "001");
  CHECK(records[0]["label"] == "NA");
  CHECK(records[1]["input"] == "plain \" quote");
  CHECK(records[1]["label"] == "None");
  CHECK(records[2]["input"] == "");
  CHECK(records[2]["label"] == "true");
}

TEST_CASE("rows: a malformed row of CSV is an error record that names its line, the next is read") {
  TempFolder folder;
  spit(folder / "t.csv",
       "text,label\none\ntwo,2\nthree,3,x\n\"four\"4,4\nfive,\xff\nsix,6\n\"never,closed\nseven,7\n");
  const auto ran = tokenize(folder, {"-i", "t.csv"});
  CHECK(ran.code == 3);
  const auto records = ran.records();
  REQUIRE(records.size() == 7);
  const auto error = [&](std::size_t i) { return records[i]["error"]["message"]; };
  CHECK(error(0) == "line 2 of t.csv: has 1 cell, the first line has 2");
  CHECK(records[1]["input"] == "two");
  CHECK(error(2) == "line 4 of t.csv: has 3 cells, the first line has 2");
  CHECK(error(3) == "line 5 of t.csv: text behind a closing quote at byte 6");
  CHECK(error(4) == "line 6 of t.csv: not UTF-8 at byte 46");
  CHECK(records[5]["input"] == "six");
  CHECK(error(6) == "line 8 of t.csv: a quote that begins here is never closed");
}

TEST_CASE("rows: tables are told by their first line where the suffix does not, TSV by its tabs") {
  TempFolder folder;
  spit(folder / "t.tsv", "text\tlabel\na, b\t1\n");
  CHECK(tokenize(folder, {"-i", "t.tsv"}).records()[0]["input"] == "a, b");
  spit(folder / "data", "label,text\n1,one\n2,two\n");
  CHECK(tokenize(folder, {"-i", "data"}).records().size() == 2);
  CHECK(tokenize(folder, {}, "text\tlabel\none\t1\n").records()[0]["input"] == "one");
  // Text with commas is text.
  CHECK(tokenize(folder, {}, "the text, and more\nb\n").records().size() == 1);
  CHECK(tokenize(folder, {"-i", "data", "--text-column", "texts"}).err ==
        "hft: --text-column: no column 'texts': the inputs are texts, which have no columns\n");
  CHECK(tokenize(folder, {"-i", "data", "--input-format", "csv", "--text-column", "texts"}).err ==
        "hft: no column 'texts' in the data; it has: label, text; closest: 'text'\n"
        "hint: --text-column text\n");
}

TEST_CASE("rows: gzip and zstd around any text format") {
  TempFolder folder;
  const std::string gz = gzipped("text,label\none,1\ntwo,2\n");
  spit(folder / "t.csv.gz", gz);
  CHECK(tokenize(folder, {"-i", "t.csv.gz"}).records()[1]["input"] == "two");
  spit(folder / "lines", gzipped("{\"text\":\"x\"}\n{\"text\":\"y\"}\n"));
  CHECK(tokenize(folder, {"-i", "lines"}).records().size() == 2);
  CHECK(tokenize(folder, {"--lines"}, gzipped("a\nb\n")).records()[1]["input"] == "b");
  spit(folder / "z.txt.zst", std::string("\x28\xb5\x2f\xfd\0\x58\x29\0\0" "hello", 14));
  CHECK(tokenize(folder, {"-i", "z.txt.zst"}).records()[0]["input"] == "hello");
  spit(folder / "cut.csv.gz", gz.substr(0, gz.size() - 9));
  const auto cut = tokenize(folder, {"-i", "cut.csv.gz"});
  CHECK(cut.code == 3);
  CHECK(cut.err.find("cut.csv.gz: the gzip data ends in the middle\n") != std::string::npos);
}

TEST_CASE("rows: --max-errors ends a run whose inputs fail, what was written stays") {
  TempFolder folder;
  std::string rows;
  for (int i = 0; i < 9; ++i) rows += i % 3 == 2 ? "{bad\n" : "{\"text\":\"x\"}\n";
  spit(folder / "x.jsonl", rows);
  const auto ran = tokenize(folder, {"-i", "x.jsonl", "--max-errors", "1", "-o", "out.jsonl"});
  CHECK(ran.code == 1);
  CHECK(ran.err.ends_with("hft: --max-errors: 2 inputs failed, 1 may\nhint: with -o FILE --resume "
                          "runs what failed and what is missing\n"));
  CHECK(test::slurp(folder / "out.jsonl.partial").size() > 0);
  CHECK(tokenize(folder, {"-i", "x.jsonl", "--max-errors", "3", "-o", "out.jsonl", "--resume"}).code == 3);
}

TEST_CASE("merge: shards become the bytes of one run, whatever their order; a short one is named") {
  TempFolder folder;
  std::string rows;
  for (int i = 0; i < 10; ++i) rows += "{\"text\":\"row " + std::to_string(i) + "\"}\n";
  spit(folder / "x.jsonl", rows);
  REQUIRE(tokenize(folder, {"-i", "x.jsonl", "-o", "whole.jsonl"}).code == 0);
  for (const char* part : {"0", "1", "2"})
    REQUIRE(tokenize(folder, {"-i", "x.jsonl", "--shard", std::string(part) + "/3", "-o",
                              std::string(part) + ".jsonl"})
                .code == 0);
  const auto merge = [&](std::vector<std::string> args) {
    args.insert(args.begin(), "merge");
    return test::hft(args, {.cwd = folder.path});
  };
  CHECK(merge({"2.jsonl", "0.jsonl", "1.jsonl", "-o", "all.jsonl"}).code == 0);
  CHECK(test::slurp(folder / "all.jsonl") == test::slurp(folder / "whole.jsonl"));
  CHECK(test::slurp(folder / ".all.jsonl.hft.json") == test::slurp(folder / ".whole.jsonl.hft.json"));
  CHECK(merge({"0.jsonl", "2.jsonl"}).err == "hft: shard 1/3 is missing\n");
  for (const char* part : {"0", "1", "2"})
    test::fs::remove(folder / ("." + std::string(part) + ".jsonl.hft.json"));
  CHECK(merge({"0.jsonl", "1.jsonl", "2.jsonl"}).out == test::slurp(folder / "whole.jsonl"));
  const auto wrong = merge({"1.jsonl", "0.jsonl", "2.jsonl"});
  CHECK(wrong.code == 9);
  CHECK(wrong.err.starts_with("hft: 1.jsonl: has fewer records than shards behind it\n"));
}

TEST_CASE("merge: shards of lines become the table of one run; shards that are tables are refused") {
  TempFolder folder;
  std::string rows;
  for (int i = 0; i < 9; ++i) rows += "{\"text\":" + (i == 4 ? std::string("5") : "\"row " + std::to_string(i) + "\"") + "}\n";
  spit(folder / "x.jsonl", rows);
  const auto write = [&](const std::string& to, const std::vector<std::string>& more = {}) {
    std::vector<std::string> args{"tokenize", "-m", kModel, "-i", "x.jsonl", "-o", to};
    args.insert(args.end(), more.begin(), more.end());
    return test::hft(args, {.cwd = folder.path}).code;
  };
  REQUIRE(write("whole.parquet") == 3);
  for (const char* part : {"0", "1"})
    for (const char* form : {".jsonl", ".parquet"})
      write(std::string(part) + form, {"--shard", std::string(part) + "/2"});
  const auto merge = [&](std::vector<std::string> args) {
    args.insert(args.begin(), "merge");
    return test::hft(args, {.cwd = folder.path});
  };
  CHECK(merge({"1.jsonl", "0.jsonl", "-o", "all.parquet"}).code == 0);
  CHECK(test::slurp(folder / "all.parquet") == test::slurp(folder / "whole.parquet"));
  CHECK(!test::fs::exists(folder / "all.parquet.partial"));
  const auto tables = merge({"0.parquet", "1.parquet", "-o", "more.parquet"});
  CHECK(tables.code == 2);
  CHECK(tables.err ==
        "hft: 0.parquet: is a Parquet table, wanted records as JSON lines\n"
        "hint: write the shards as JSON lines; merge makes a table of them: -o FILE.parquet\n");
  CHECK(!test::fs::exists(folder / "more.parquet"));
}
