// Folders and archives of pictures with what is said about them: labels by folder, tables of
// metadata, WebDataset's samples, splits.
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

const std::string kPicture = slurp(golden("pictures") / "digit.png");

test::Ran classify(const TempFolder& folder, std::vector<std::string> more) {
  std::vector<std::string> args{"image-classify", "-m", golden("vit").string(), "--json", "--top-k", "1"};
  args.insert(args.end(), more.begin(), more.end());
  return test::hft(args, {.cwd = folder.path});
}

std::string shown_cell(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::vector<std::string> inputs(const test::Ran& ran, const std::string& column = "") {
  std::vector<std::string> all;
  for (const Json& record : ran.records())
    all.push_back(record["input"].get<std::string>() +
                  (column.empty() ? "" : " " + shown_cell(record.value(column, Json()))));
  return all;
}

void put(const fs::path& file, std::string_view bytes) {
  fs::create_directories(file.parent_path());
  spit(file, bytes);
}

// A member of a tar archive (ustar).
std::string member(const std::string& name, const std::string& bytes, char type = '0') {
  std::string header(512, '\0');
  const auto set = [&](std::size_t at, const std::string& text) { header.replace(at, text.size(), text); };
  char size[16];
  std::snprintf(size, sizeof size, "%011zo", bytes.size());
  set(0, name);
  set(100, "0000644");
  set(124, size);
  set(136, "00000000000");
  set(148, "        ");
  header[156] = type;
  set(257, std::string("ustar\0", 6) + "00");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  char check[16];
  std::snprintf(check, sizeof check, "%06o", sum);
  set(148, std::string(check) + std::string(1, '\0'));
  std::string out = header + bytes;
  out.resize((out.size() + 511) / 512 * 512);
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("folders: the name of a picture's folder is its label, as text") {
  TempFolder folder;
  for (const char* label : {"10", "2", "cat"}) put(folder / "set" / label / "a.png", kPicture);
  CHECK(inputs(classify(folder, {"-i", "set", "--keep-columns", "label"}), "label") ==
        Texts{"set/10/a.png 10", "set/2/a.png 2", "set/cat/a.png cat"});
  // Of one folder alone, or of some that lie less deep, the names say nothing.
  put(folder / "one/cat/a.png", kPicture);
  CHECK(classify(folder, {"-i", "one", "--keep-columns", "label"}).code == 2);
  CHECK(inputs(classify(folder, {"-i", "one"})) == Texts{"one/cat/a.png"});
  // A folder with pictures of its own is read without those in it, unless -R asks for them.
  put(folder / "set/b.png", kPicture);
  CHECK(inputs(classify(folder, {"-i", "set"})) == Texts{"set/b.png"});
  CHECK(classify(folder, {"-R", "-i", "set", "--limit", "2"}).records().size() == 2);
}

TEST_CASE("folders: metadata names the files beside it, and folders are no labels then") {
  TempFolder folder;
  put(folder / "set/train/x/a.png", kPicture);
  put(folder / "set/train/b.png", kPicture);
  put(folder / "set/train/metadata.jsonl",
      "{\"file_name\": \"x/a.png\", \"label\": \"dog\"}\n{\"file_name\": \"../../out.png\", \"label\": \"?\"}\n"
      "{\"file_name\": \"b.png\", \"label\": null}\n");
  put(folder / "out.png", kPicture);
  const auto ran = classify(folder, {"-i", "set/train", "--keep-columns", "label"});
  CHECK(ran.code == 3);
  CHECK(inputs(ran, "label")[0] == "set/train/x/a.png dog");
  CHECK(inputs(ran, "label")[2] == "set/train/b.png null");
  CHECK(ran.records()[1]["error"]["message"] ==
        "line 2 of set/train/metadata.jsonl: column 'file_name' is '../../out.png', which leads out of the data's folder");
  fs::remove(folder / "set/train/metadata.jsonl");
  put(folder / "set/train/metadata.csv", "file_name,text\nb.png,\"two, words\"\n");
  CHECK(inputs(classify(folder, {"-i", "set/train", "--keep-columns", "text"}), "text") ==
        Texts{"set/train/b.png two, words"});
}

TEST_CASE("folders: an archive of samples, whose columns are what follows their names' first dot") {
  TempFolder folder;
  const std::string archive = member("./0001.png", kPicture) + member("0001.cls", "7\n") +
                              member("0001.json", "{\"k\": [1]}") + member("dir", "", '5') +
                              member("dir/b.seg.txt", "words") + member("dir/b.PNG", kPicture) +
                              member("c.png", "no picture") + std::string(1024, '\0');
  spit(folder / "s.tar", archive);
  spit(folder / "s.tar.gz", gzipped(archive));
  spit(folder / "s", archive);
  for (const std::string name : {"s.tar", "s.tar.gz", "s"}) {
    const auto ran = classify(folder, {"-i", name, "--id-column", "__key__", "--keep-columns", "cls,json,seg.txt"});
    CHECK(ran.code == 3);
    const auto records = ran.records();
    REQUIRE(records.size() == 3);
    CHECK(records[0]["id"] == "0001");
    CHECK(records[0]["input"] == "0001.png");
    CHECK(records[0]["cls"] == 7);
    CHECK(records[0]["json"] == Json::parse("{\"k\": [1]}"));
    CHECK(records[1]["input"] == "dir/b.PNG");
    CHECK(records[1]["seg.txt"] == "words");
    CHECK(records[2]["error"]["code"] == "bad_data");
  }
  const auto said = [&](const std::string& bytes) {
    spit(folder / "t.tar", bytes);
    const auto ran = classify(folder, {"-i", "t.tar"});
    return std::to_string(ran.code) + " " + ran.err;
  };
  CHECK(said(member("../a.png", kPicture)) ==
        "9 hft: t.tar: unsafe file name '../a.png' in the archive: it leads out\n");
  CHECK(said(member("/a.png", kPicture)) ==
        "9 hft: t.tar: unsafe file name '/a.png' in the archive: it leads out\n");
  CHECK(said(archive.substr(0, 700)) == "9 hft: t.tar: the tar archive ends in the middle of a file\n");
  std::string torn = archive;
  torn[700] ^= 1;
  torn[10] ^= 1;
  CHECK(said(torn) == "9 hft: t.tar: damaged tar archive: a header's checksum is wrong\n");
}

TEST_CASE("folders: an archive's texts are the inputs of a task of texts") {
  TempFolder folder;
  spit(folder / "t.tar", member("a.txt", "one") + member("a.cls", "1") + member("b.txt", "two"));
  const auto ran = test::hft({"tokenize", "-m", golden("bert-classify").string(), "--json", "--ids-only", "-i", "t.tar"},
                             {.cwd = folder.path});
  CHECK(inputs(ran) == Texts{"one", "two"});
}

TEST_CASE("folders: splits are found by the names of folders and files, and by README.md") {
  TempFolder folder;
  const auto tokenize = [&](std::vector<std::string> more) {
    std::vector<std::string> args{"tokenize", "-m", golden("bert-classify").string(), "--json", "--ids-only"};
    args.insert(args.end(), more.begin(), more.end());
    return test::hft(args, {.cwd = folder.path});
  };
  put(folder / "set/my-train.jsonl", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n");
  put(folder / "set/dev.jsonl", "{\"text\": \"c\"}\n");
  put(folder / "set/test_1.csv", "text\nd\n");
  CHECK(inputs(tokenize({"-i", "set", "--split", "train"})) == Texts{"a", "b"});
  CHECK(inputs(tokenize({"-i", "set", "--split", "validation"})) == Texts{"c"});
  CHECK(tokenize({"-i", "set", "--split", "tests"}).err ==
        "hft: set: --split: there is no 'tests'; there are: train, validation, test; closest: 'test'\n");
  put(folder / "set/README.md",
      "---\nconfigs:\n- config_name: small\n  data_files:\n  - split: train\n    path: dev.*\n"
      "- config_name: all\n  data_files: \"*.jsonl\"\n---\n");
  CHECK(tokenize({"-i", "set", "--split", "train"}).err == "hft: set: --subset: name one of those there are: small, all\n");
  CHECK(inputs(tokenize({"-i", "set", "--split", "train", "--subset", "small"})) == Texts{"c"});
  CHECK(inputs(tokenize({"-i", "set", "--split", "train", "--subset", "all"})) == Texts{"c", "a", "b"});
}

TEST_CASE("folders: slices of a split, whose bounds between two rows go to the even one") {
  TempFolder folder;
  std::string lines;
  for (int i = 0; i < 25; ++i) lines += "{\"text\": \"t" + std::to_string(i) + "\"}\n";
  put(folder / "set/train.jsonl", lines);
  const auto sliced = [&](const std::string& slice) {
    return test::hft({"tokenize", "-m", golden("bert-classify").string(), "--json", "--ids-only", "-i", "set", "--split", "train" + slice},
                     {.cwd = folder.path});
  };
  CHECK(inputs(sliced("[:10%]")) == Texts{"t0", "t1"});
  CHECK(sliced("[10%:30%]").records().size() == 6);
  CHECK(sliced("[:50%]").records().size() == 12);
  CHECK(inputs(sliced("[-2:]")) == Texts{"t23", "t24"});
  CHECK(inputs(sliced("[3:5]")) == Texts{"t3", "t4"});
  CHECK(sliced("[3]").err == "hft: --split: 'train[3]' is not NAME, NAME[from:to] or NAME[from%:to%]\n");
}
