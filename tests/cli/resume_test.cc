// --resume: what earlier runs left is kept when it is the same run's, whenever they were killed.
#include <random>

#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::slurp;
using test::spit;
using test::TempFolder;

namespace {

// Runs in a folder of its own, with a copy of a model.
struct Resuming {
  explicit Resuming(const std::string& name) {
    test::fs::copy(golden(name), folder / "m", test::fs::copy_options::recursive);
  }
  test::Ran run(const std::string& output, std::vector<std::string> more = {}) const {
    std::vector<std::string> args{"classify", "-m", "m", "--json", "--batch-size", "1",
                                  "-i",       "in.jsonl", "-o", output};
    args.insert(args.end(), more.begin(), more.end());
    return test::hft(args, {.cwd = folder.path});
  }
  test::Ran resume(const std::string& output, std::vector<std::string> more = {}) const {
    more.push_back("--resume");
    return run(output, more);
  }
  std::string text(const std::string& name) const { return slurp(folder / name); }
  void write(const std::string& name, const std::string& text) const { spit(folder / name, text); }
  bool exists(const std::string& name) const { return test::fs::exists(folder / name); }
  TempFolder folder;
};

std::string rows(int from, int to) {
  std::string all;
  for (int i = from; i < to; ++i)
    all += "{\"text\":\"row " + std::to_string(i) + " and " + std::to_string(i % 7) + "\",\"id\":" +
           std::to_string(i) + "}\n";
  return all;
}

std::string first_lines(const std::string& text, int count) {
  std::size_t at = 0;
  for (int i = 0; i < count; ++i) at = text.find('\n', at) + 1;
  return text.substr(0, at);
}

}  // namespace

TEST_CASE("resume: killed 12 times at any moment, then whole: the bytes of an unbroken run") {
  const Resuming r("bert-classify");
  r.write("in.jsonl", rows(0, 900) + "{bad\n" + rows(900, 1500) + "[]\n" + rows(0, 40));
  REQUIRE(r.run("whole.jsonl").code == 3);
  const std::string whole = r.text("whole.jsonl");
  std::mt19937 random(5);
  const auto killed = [&](const std::string& more) {
    const double seconds = std::uniform_real_distribution<>(0.02, 0.7)(random);
    test::command({"bash", "-c",
                   HFT_BINARY " classify -m m --json --batch-size 1 -i in.jsonl -o out.jsonl " +
                       more + " 2>/dev/null & sleep " + std::to_string(seconds) +
                       "; kill -KILL $! 2>/dev/null; wait $!"},
                  {.cwd = r.folder.path});
  };
  killed("");
  for (int i = 0; i < 5; ++i) killed("--resume");
  CHECK(r.resume("out.jsonl").code == 3);
  CHECK(r.text("out.jsonl") == whole);
  // What failed is tried again each time, and the good records stay, now from the whole file.
  for (int i = 0; i < 6; ++i) killed("--resume");
  CHECK(r.resume("out.jsonl").code == 3);
  CHECK(r.text("out.jsonl") == whole);
  CHECK_FALSE(r.exists("out.jsonl.partial"));
  CHECK_FALSE(r.exists(".out.jsonl.partial.hft.json"));
}

TEST_CASE("resume: killed early twice, nothing of the first run is lost") {
  const Resuming r("bert-classify");
  r.write("in.jsonl", rows(0, 30));
  REQUIRE(r.run("out.jsonl").code == 0);
  const std::string whole = r.text("out.jsonl");
  // As killed after 20 records, the last one torn, before anything had its name.
  test::fs::rename(r.folder / ".out.jsonl.hft.json", r.folder / ".out.jsonl.partial.hft.json");
  test::fs::remove(r.folder / "out.jsonl");
  r.write("out.jsonl.partial", first_lines(whole, 20) + "{\"id\":20,\"inp");
  for (const char* seconds : {"0.03", "0.15"})
    test::command({"bash", "-c",
                   std::string("timeout --foreground -s KILL ") + seconds + " " HFT_BINARY
                   " classify -m m --json --batch-size 1 -i in.jsonl -o out.jsonl --resume"},
                  {.cwd = r.folder.path});
  // The records that are kept are told by another mark.
  std::string marked = r.text("out.jsonl.partial");
  const auto at = marked.find("\"output\":");
  marked.replace(at + 9, marked.find("}]", at) + 2 - at - 9, "\"kept\"");
  r.write("out.jsonl.partial", marked);
  CHECK(r.resume("out.jsonl").code == 0);
  CHECK(first_lines(r.text("out.jsonl"), 1) ==
        "{\"id\":0,\"input\":\"row 0 and 0\",\"output\":\"kept\"}\n");
  CHECK(r.text("out.jsonl").substr(first_lines(r.text("out.jsonl"), 1).size()) ==
        whole.substr(first_lines(whole, 1).size()));
}

TEST_CASE("resume: killed before its first record, a run with other flags than an earlier one's begins") {
  const Resuming r("bert-classify");
  r.write("in.jsonl", rows(0, 3));
  REQUIRE(r.run("out.jsonl").code == 0);
  test::fs::remove(r.folder / "out.jsonl");  // its settings stay beside it
  r.write("out.jsonl.partial", "");
  const auto resumed = r.resume("out.jsonl", {"--top-k", "1"});
  CHECK(resumed.err == "");
  REQUIRE(resumed.code == 0);
  REQUIRE(r.run("fresh.jsonl", {"--top-k", "1"}).code == 0);
  CHECK(r.text("out.jsonl") == r.text("fresh.jsonl"));
}

TEST_CASE("resume: inputs are known by what they say, wherever they now stand") {
  const Resuming r("bert-classify");
  r.write("in.jsonl", rows(0, 6));
  REQUIRE(r.run("out.jsonl", {"--keep-columns", "id,text"}).code == 0);
  const std::string before = r.text("out.jsonl");
  r.write("in.jsonl", rows(10, 11) + rows(3, 6) + rows(0, 2));
  REQUIRE(r.resume("out.jsonl", {"--keep-columns", "id,text"}).code == 0);
  REQUIRE(r.run("fresh.jsonl", {"--keep-columns", "id,text"}).code == 0);
  CHECK(r.text("out.jsonl") == r.text("fresh.jsonl"));
}

TEST_CASE("resume: another model of the same name and sizes is noticed") {
  const Resuming r("bert-classify");
  r.write("in.jsonl", rows(0, 3));
  REQUIRE(r.run("out.jsonl").code == 0);
  std::string bytes = r.text("m/model.safetensors");
  bytes[bytes.size() - 2] ^= 1;
  const auto time = test::fs::last_write_time(r.folder / "m/model.safetensors");
  r.write("m/model.safetensors", bytes);
  test::fs::last_write_time(r.folder / "m/model.safetensors", time);
  const auto ran = r.resume("out.jsonl");
  CHECK(ran.code == 2);
  CHECK(ran.err ==
        "hft: out.jsonl: cannot resume: the model's files are not those it was made with\n"
        "hint: use the same settings, or --force to start anew\n");
}

TEST_CASE("resume: a file of somebody else, or of unknown settings, is left as it is") {
  const Resuming r("bert-classify");
  r.write("in.jsonl", rows(0, 3));
  r.write("out.jsonl", "my notes\n");
  const auto foreign = r.resume("out.jsonl");
  CHECK(foreign.code == 2);
  CHECK(foreign.err ==
        "hft: out.jsonl: cannot resume: its settings are not known, the file beside it that held "
        "them is not there\nhint: use --force to replace it\n");
  CHECK(r.text("out.jsonl") == "my notes\n");
  REQUIRE(r.run("out.jsonl", {"--force"}).code == 0);
  test::fs::remove(r.folder / ".out.jsonl.hft.json");
  CHECK(r.resume("out.jsonl").code == 2);
  REQUIRE(r.run("out.jsonl", {"--force"}).code == 0);
  r.write("out.jsonl", "not a record\n");
  const auto replaced = r.resume("out.jsonl");
  CHECK(replaced.code == 2);
  CHECK(replaced.err == "hft: out.jsonl: cannot resume: line 1 is no record\n"
                        "hint: use --force to replace it\n");
}

TEST_CASE("resume: a file that a flag names counts by its bytes") {
  TempFolder folder;
  test::fs::copy(golden("gpt2-generate"), folder / "m", test::fs::copy_options::recursive);
  spit(folder / "t.jinja", "{{ messages[0].content }}");
  const std::vector<std::string> args{
      "generate",        "-m",      "m",  "--json",  "--max-new-tokens", "2", "--no-do-sample",
      "--chat-template", "t.jinja", "-o", "o.jsonl", "a",                "b"};
  REQUIRE(test::hft(args, {.cwd = folder.path}).code == 0);
  auto again = args;
  again.insert(again.begin() + 1, "--resume");
  CHECK(test::hft(again, {.cwd = folder.path}).code == 0);
  spit(folder / "t.jinja", "{{ messages[0].content }}!");
  CHECK(test::hft(again, {.cwd = folder.path}).code == 2);
}

TEST_CASE("resume: vectors in an array file are not resumed, and that is said") {
  TempFolder folder;
  const auto ran = test::hft({"embed", "-m", golden("bert-embed").string(), "--resume", "-o",
                              (folder / "x.npy").string(), "a"});
  CHECK(ran.code == 2);
  CHECK(ran.err == "hft: --resume: an array file is written whole at the end; leave it out, or "
                   "write records (-o FILE.jsonl --json)\n");
}
