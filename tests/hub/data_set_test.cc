// Data sets of the Hub as inputs.
#include "hub/data_set.h"

#include "tests/support/fake_hub.h"
#include "tests/support/test.h"

using namespace hft;
namespace fs = test::fs;
using test::FakeHub;

namespace {

using Names = std::vector<std::string>;

Names split_of(const Names& names, const std::string& split, const std::string& readme = "") {
  return hub::files_of_split(names, readme, {split, ""});
}

std::vector<std::string> texts(const test::Ran& ran) {
  std::vector<std::string> all;
  for (const Json& record : ran.records()) all.push_back(record["input"]);
  return all;
}

}  // namespace

TEST_CASE("data sets: splits are found as the datasets library finds them") {
  const Names sharded{"README.md", "data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet",
                      "data/extra-00000-of-00001.parquet", "data/test-00000-of-00001-a1b2.parquet"};
  CHECK(split_of(sharded, "train") == Names{"data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"});
  CHECK(split_of(sharded, "extra") == Names{"data/extra-00000-of-00001.parquet"});
  const Names folders{"a/training/x.csv", "a/eval-2/y.csv", "readme.txt", "valid/z.csv", ".hidden/train/h.csv", "__x/train/h.csv"};
  CHECK(split_of(folders, "train") == Names{"a/training/x.csv"});
  CHECK(split_of(folders, "test") == Names{"a/eval-2/y.csv"});
  CHECK(split_of(folders, "validation") == Names{"valid/z.csv"});
  CHECK(split_of({"my_train.json", "my.test_1.json", "constraint.json"}, "train") == Names{"my_train.json"});
  CHECK(split_of({"b.csv", "a.csv", "notes.txt", "config.json"}, "") == Names{"a.csv", "b.csv"});
  CHECK(test::error_of([&] { split_of(sharded, ""); }) == "--split: name one of those there are: train, test, extra");
  CHECK(test::caught([&] { split_of({"README.md", "model.bin"}, ""); }).code == Errc::kNotFound);
}

TEST_CASE("data sets: README.md's configs say where their splits are") {
  const std::string readme =
      "---\nlicense: mit\nconfigs:\n- config_name: en\n  default: true\n  data_dir: lang/en\n"
      "- config_name: de\n  data_files:\n  - split: train\n    path: [lang/de/a.jsonl, lang/de/b.jsonl]\n"
      "  - split: test\n    path: \"lang/de/test*\"\n---\ntext";
  const Names names{"README.md", "lang/en/train.jsonl", "lang/de/a.jsonl", "lang/de/b.jsonl", "lang/de/test-1.jsonl"};
  CHECK(split_of(names, "train", readme) == Names{"lang/en/train.jsonl"});
  CHECK(hub::files_of_split(names, readme, {"test", "de"}) == Names{"lang/de/test-1.jsonl"});
  CHECK(hub::files_of_split(names, readme, {"train", "de"}) == Names{"lang/de/a.jsonl", "lang/de/b.jsonl"});
  CHECK(test::error_of([&] { hub::files_of_split(names, readme, {"", "fr"}); }) ==
        "--subset: there is no 'fr'; there are: en, de");
}

TEST_CASE("data sets: a file, a pattern, a folder or a split is fetched once, into the cache that Python shares") {
  FakeHub hub;
  const std::string set = "datasets/org/texts";
  hub.add(set, "README.md", "---\nlicense: cc0-1.0\n---\n");
  hub.add(set, "data/train.jsonl", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n");
  hub.add(set, "data/test.jsonl", "{\"text\": \"c\"}\n");
  hub.add(set, "more/x.csv", "text,label\nd,1\n");
  hub.start();
  const auto tokenize = [&](std::vector<std::string> more, std::vector<std::string> env = {}) {
    std::vector<std::string> args{"tokenize", "-m", test::golden("bert-classify").string(), "--json", "--ids-only"};
    args.insert(args.end(), more.begin(), more.end());
    return hub.run(args, std::move(env));
  };
  const auto file = tokenize({"-i", "hf://datasets/org/texts/more/x.csv", "--keep-columns", "label"});
  CHECK(file.code == 0);
  CHECK(texts(file) == Names{"d"});
  CHECK(file.err.find("datasets/org/texts: licence cc0-1.0") != file.err.npos);
  CHECK(hub.log("train.jsonl").empty());
  CHECK(texts(tokenize({"-i", "hf://datasets/org/texts", "--split", "train"})) == Names{"a", "b"});
  CHECK(texts(tokenize({"-i", "hf://datasets/org/texts@main/data", "--split", "test"})) == Names{"c"});
  CHECK(texts(tokenize({"-i", "hf://datasets/org/texts/data/*.jsonl"})) == Names{"c", "a", "b"});
  CHECK(fs::exists(hub.cache() / "datasets--org--texts" / "refs" / "main"));
  CHECK(hub.cache_faults() == "");
  hub.clear_log();
  CHECK(texts(tokenize({"-i", "hf://datasets/org/texts", "--split", "train"}, {"HF_HUB_OFFLINE=1"})) == Names{"a", "b"});
  CHECK(hub.log().empty());
  const auto missing = tokenize({"-i", "hf://datasets/org/texts/data/tran.jsonl"});
  CHECK(missing.code == 5);
  CHECK(missing.err.find("data/tran.jsonl: no such file; closest: 'data/train.jsonl'") != missing.err.npos);
  CHECK(tokenize({"-i", "hf://datasets/org/nothing"}).code == 4);
  CHECK(tokenize({"-i", "hf://org/texts"}).err ==
        "hft: hf://org/texts: is no data set of the Hub\nhint: hf://datasets/ORG/NAME[@REVISION][/PATH]\n");
  CHECK(tokenize({"-i", "hf://datasets/org/texts"}).err.find(
            "hf://datasets/org/texts: --split: name one of those there are: train, test") != std::string::npos);
  const auto place = tokenize({"-i", "hf://datasets/org/texts/more/x.csv", "--text-column", "txet"});
  CHECK(place.code == 2);
}

TEST_CASE("data sets: pictures on the Hub have their folders' labels, or what metadata says of them") {
  FakeHub hub;
  const std::string picture = test::slurp(test::golden("pictures") / "digit.png");
  for (const char* name : {"train/cat/a.png", "train/dog/b.png"}) hub.add("datasets/org/folders", name, picture);
  hub.add("datasets/org/told", "train/a.png", picture);
  hub.add("datasets/org/told", "train/b.png", picture);
  hub.add("datasets/org/told", "train/metadata.csv", "file_name,label\nb.png,bird\n");
  hub.start();
  const auto labels = [&](const std::string& set) {
    const auto ran = hub.run({"image-classify", "-m", test::golden("vit").string(), "--json", "-i", "hf://" + set, "--split", "train",
                              "--keep-columns", "label"});
    CHECK(ran.code == 0);
    Names all;
    for (const Json& record : ran.records()) all.push_back(record["label"]);
    return all;
  };
  CHECK(labels("datasets/org/folders") == Names{"cat", "dog"});
  CHECK(labels("datasets/org/told") == Names{"bird"});
  const auto listed = hub.run({"hub", "ls", "datasets/org/told", "--json"});
  CHECK(listed.records().size() == 3);
  CHECK(hub.run({"hub", "download", "datasets/org/folders"}).code == 0);
  CHECK(fs::exists(hub.cache() / "datasets--org--folders"));
}
