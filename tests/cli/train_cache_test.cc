// hft train: the tokens of large files are made once and kept, and it cannot be told from the result.
#include "tests/support/test.h"
#include "tasks/train/table.h"
#include "tasks/train/token_file.h"

using namespace hft;
namespace fs = std::filesystem;

namespace {

// Runs over a file of more than a megabyte, with a cache of their own.
struct Kept {
  Kept() { write_rows("0"); }
  void write_rows(const std::string& first_label) const {
    std::string rows;
    for (int i = 0; i < 9000; ++i)
      rows += R"({"text": "the boats )" + std::to_string(i) + std::string(80, ' ') +
              R"(wait", "label": )" + (i == 0 ? first_label : std::to_string(i % 2)) + "}\n";
    test::spit(folder / "rows.jsonl", rows);
  }
  test::Ran run(const std::string& output, std::vector<std::string> more = {},
                const std::string& home = "home") const {
    std::vector<std::string> args{"train", "--task", "classify", "-m",
                                  test::golden("distilbert-classify").string(), "--train-file",
                                  (folder / "rows.jsonl").string(), "-o",
                                  (folder / output).string(), "--max-steps", "2", "--threads", "1",
                                  "--report-to", "none", "-v"};
    args.insert(args.end(), more.begin(), more.end());
    const auto ran = test::hft(args, {.env = {"HF_HOME=" + (folder / home).string()}});
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    return ran;
  }
  std::string weights(const std::string& output) const {
    return test::slurp(folder / output / "model.safetensors");
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder / "home/hft/tokens"))
      found.push_back(entry.path());
    return found;
  }
  test::TempFolder folder;
};

bool tells(const test::Ran& ran, const std::string& text) {
  return ran.err.find(text) != std::string::npos;
}

TrainExample full_example() {
  return {.ids = {5, 6, 7},
          .type_ids = {0, 0, 1},
          .classes = {-100, 6, 7},
          .source = {9},
          .others = {{1, 2}, {}, {3}},
          .targets = {0.5F, -1e-30F}};
}

}  // namespace

TEST_CASE("train: tokens are made once, and what is learned is the same with them and without") {
  const Kept kept;
  const auto first = kept.run("first");
  CHECK(!tells(first, "tokens of "));
  REQUIRE(kept.files().size() == 1);
  CHECK(tells(kept.run("second"), "tokens of " + (kept.folder / "rows.jsonl").string() + ": "));
  const auto without = kept.run("without", {"--no-cache"});
  CHECK(!tells(without, "tokens of "));
  CHECK(!kept.weights("first").empty());
  CHECK((kept.weights("first") == kept.weights("second")));
  CHECK((kept.weights("first") == kept.weights("without")));
  // A run that goes on takes the data for the same, wherever its tokens are from.
  kept.run("without", {"--resume-from-checkpoint", "last"});
  CHECK(kept.files().size() == 1);
}

TEST_CASE("train: other rows, other arguments and other labels are other tokens") {
  const Kept kept;
  kept.run("first");
  kept.run("short", {"--max-length", "6"});
  CHECK(kept.files().size() == 2);
  kept.write_rows("1");
  CHECK(!tells(kept.run("other"), "tokens of "));
  CHECK(kept.files().size() == 3);
  kept.run("judged", {"--eval-file", (kept.folder / "rows.jsonl").string()});
  CHECK(kept.files().size() == 4);  // those of the evaluation have the training's labels
}

TEST_CASE("train: damaged tokens are told and made anew; where none can be kept, none are") {
  const Kept kept;
  kept.run("first");
  const fs::path file = kept.files()[0];
  std::string bytes = test::slurp(file);
  bytes[bytes.size() / 2] ^= 1;
  test::spit(file, bytes);
  CHECK(tells(kept.run("anew"), file.string() + ": is not as it was written; "));
  CHECK(tells(kept.run("again"), "tokens of "));
  CHECK((kept.weights("first") == kept.weights("anew")));
  test::spit(kept.folder / "file", "");
  CHECK(tells(kept.run("nowhere", {}, "file/home"), "tokens are not kept: "));
  CHECK((kept.weights("first") == kept.weights("nowhere")));
}

TEST_CASE("token file: gives back what it was given, and no flipped bit or torn end passes") {
  const test::TempFolder folder;
  TrainExample causal{.ids = {1, 2, 3, 4, 5}};
  causal.classes = causal.ids;
  TokenFileWriter writer(folder / "tokens");
  writer.add(full_example());
  writer.add(causal);
  writer.finish({{"names", {"a", "b"}}});
  const Examples examples(folder / "tokens");
  REQUIRE(examples.size() == 2);
  const TrainExample first = examples[0], wanted = full_example();
  CHECK((first.ids == wanted.ids));
  CHECK((first.type_ids == wanted.type_ids));
  CHECK((first.classes == wanted.classes));
  CHECK((first.source == wanted.source));
  CHECK((first.others == wanted.others));
  CHECK((first.targets == wanted.targets));
  CHECK((examples[1].ids == causal.ids));
  CHECK((examples[1].classes == causal.classes));
  CHECK(examples.length(0) == 3);
  CHECK(examples.length(1) == 5);
  CHECK(examples.about()["names"].dump() == R"(["a","b"])");

  const std::string bytes = test::slurp(folder / "tokens");
  const auto is_refused = [&](const std::string& changed) {
    test::spit(folder / "changed", changed);
    try {
      const Examples read(folder / "changed");
      return false;
    } catch (const Error& e) {
      return e.code == Errc::kBadData;
    }
  };
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    CAPTURE(at);
    std::string changed = bytes;
    changed[at] ^= 4;
    CHECK(is_refused(changed));
    if (at > 0) CHECK(is_refused(bytes.substr(0, at)));
  }
}

TEST_CASE("table: rows of a large file are read again, those of a small one kept") {
  const test::TempFolder folder;
  const std::string filler(1 << 20, 'x');
  std::string rows;
  for (int i = 0; i < 66; ++i)
    rows += R"({"text": ")" + filler + std::to_string(i) + R"(", "tags": [1]})" + "\n";
  test::spit(folder / "large.jsonl", rows);
  test::spit(folder / "small.jsonl", rows.substr(0, rows.find("\n{", 3 * filler.size()) + 1));
  for (const auto& [name, count] : {std::pair("large.jsonl", 66), {"small.jsonl", 3}}) {
    const Table table(folder / name);
    CHECK(table.has("text"));
    CHECK(table.lists("tags"));
    CHECK(!table.lists("text"));
    for (int pass = 0; pass < 2; ++pass) {
      int seen = 0;
      table.each([&](const Input& input) {
        CHECK(table.text(input, "text").ends_with("x" + std::to_string(seen)));
        ++seen;
      });
      CHECK(seen == count);
    }
  }
}
