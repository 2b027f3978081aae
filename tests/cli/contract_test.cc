// What scripts rely on, of every command there is: what goes to a pipe, exit codes, help.
#include <set>

#include "core/base/text.h"
#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::slurp;
using test::spit;
using test::TempFolder;
using Words = std::vector<std::string>;

namespace {

// Without a network, a token or settings.
Words alone(const TempFolder& folder) {
  return {"HF_HUB_OFFLINE=1", "HF_HOME=" + (folder / "hf").string(),
          "XDG_CONFIG_HOME=" + folder.path.string(), "HF_TOKEN"};
}

std::vector<Words> all_commands() {
  std::vector<Words> all;
  for (const std::string& name : split(test::hft({"help", "--commands"}).out, '\n'))
    if (!name.empty()) all.push_back(split(name, ' '));
  return all;
}

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void check_clean(const test::Ran& ran) {
  CHECK(ran.out.find('\x1b') == ran.out.npos);
  CHECK(ran.err.find('\x1b') == ran.err.npos);
  CHECK(ran.err.find('\r') == ran.err.npos);
}

bool is_documented(int code) {
  static const std::string text = test::hft({"help", "exit-codes"}).out;
  return text.find("\n  " + std::to_string(code) + " ") != text.npos;
}

}  // namespace

TEST_CASE(
    "contract: every command, bare, with help and with a wrong flag: clean pipes, documented "
    "codes") {
  TempFolder folder;
  const auto commands = all_commands();
  CHECK(commands.size() > 40);
  for (const Words& command : commands) {
    INFO(joined(command, " "));
    const test::RunOptions quiet{.env = alone(folder), .cwd = folder.path};
    const auto help = test::hft(with(command, {"--help"}), quiet);
    CHECK(help.code == 0);
    CHECK(help.err.empty());
    check_clean(help);
    const auto wrong = test::hft(with(command, {"--no-such-flag"}), quiet);
    const bool passes_on = command[0] == "run" || command[0] == "pipeline";
    CHECK(wrong.code == 2);
    CHECK(wrong.out.empty());
    if (!passes_on)
      CHECK(wrong.err.starts_with("hft: " + joined(command, " ") +
                                  ": unknown option '--no-such-flag'"));
    check_clean(wrong);
    if (command[0] == "doctor") continue;  // opens all parts of the program
    const auto bare = test::hft(command, quiet);
    CHECK(is_documented(bare.code));
    if (bare.code != 0) {
      CHECK(bare.out.empty());
      CHECK(bare.err.find("hft: ") != bare.err.npos);
    }
    check_clean(bare);
  }
}

TEST_CASE("contract: every flag of every command has help, every command the common ones") {
  const std::string zsh = test::hft({"completion", "zsh"}).out;
  CHECK(zsh.find("=[]") == zsh.npos);
  CHECK(zsh.find("'[]") == zsh.npos);
  for (const Words& command : all_commands()) {
    INFO(joined(command, " "));
    const std::string help = test::hft(with({"help"}, command)).out;
    for (const char* flag :
         {"--quiet", "--verbose", "--progress", "--color", "--config", "--dry-run"})
      if (flag != std::string("--dry-run") ||
          (command[0] != "run" && command[0] != "pipeline"))  // they pass it on
        CHECK_MESSAGE(help.find(flag) != help.npos, flag);
    // A flag begins its line; what it is for stands beside it or below.
    const auto lines = split(help, '\n');
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string line = trimmed(lines[i]);
      if (!lines[i].starts_with("  -") || line.find("--") == line.npos) continue;
      const bool beside = line.find("  ") != line.npos;
      const bool below = i + 1 < lines.size() && lines[i + 1].starts_with("          ");
      CHECK_MESSAGE((beside || below), line);
    }
  }
}

TEST_CASE("contract: the exit codes of cli.md are reached") {
  TempFolder folder;
  const std::string model = golden("bert-classify").string();
  const auto code = [&](const Words& args, const Words& env = {}) {
    return test::hft(args, {.env = with(alone(folder), env), .cwd = folder.path}).code;
  };
  spit(folder / "bad.jsonl", "{\"text\":7}\n");
  spit(folder / "mixed.jsonl", "{\"text\":7}\n{\"text\":\"a\"}\n");
  spit(folder / "p.jsonl", "{\"prediction\":\"a\",\"label\":\"b\"}\n");
  test::fs::copy(model, folder / "torn", test::fs::copy_options::recursive);
  spit(folder / "torn/model.safetensors", slurp(folder / "torn/model.safetensors").substr(0, 1000));
  CHECK(code({"classify", "-m", model, "a"}) == 0);
  CHECK(code({"classify", "-m", model, "-i", "bad.jsonl"}) == 1);
  CHECK(code({"classify", "-m", model, "-i", "mixed.jsonl", "--text-column", "txt"}) == 2);
  CHECK(code({"classify", "-m", model, "-i", "mixed.jsonl"}) == 3);
  CHECK(code({"hub", "whoami"}, {"HF_HUB_OFFLINE=0"}) == 4);
  CHECK(code({"classify", "-m", "no/model", "a"}) == 5);
  CHECK(code({"image-classify", "-m", model, "a.png"}) == 6);
  CHECK(code({"classify", "-m", "no/model", "a"},
             {"HF_HUB_OFFLINE=0", "HF_ENDPOINT=http://127.0.0.1:1", "HFT_HUB_RETRY_WAIT=0"}) == 7);
  CHECK(code({"classify", "-m", model, "a", "-o", "/dev/full"}) == 8);
  CHECK(code({"classify", "-m", "torn", "a"}) == 9);
  CHECK(code({"eval", "--task", "classify", "--predictions", "p.jsonl", "--fail-under",
              "accuracy=1"}) == 100);
  // 10 is mistakes_test's, 11 below, 12 of training on several machines, 130 and 143
  // program_test's.
  const auto busy = test::command(
      {"bash", "-c",
       "mkfifo in; \"$0\" tokenize -m \"$1\" --lines --json -i in -o o.jsonl & exec 3> in; echo a "
       ">&3; "
       "while [ ! -e o.jsonl.partial ]; do sleep 0.01; done; "
       "\"$0\" tokenize -m \"$1\" --json a -o o.jsonl; code=$?; exec 3>&-; wait; exit $code",
       HFT_BINARY, model},
      {.env = alone(folder), .cwd = folder.path});
  CHECK(busy.code == 11);
  CHECK(busy.err == "hft: o.jsonl.partial: another hft is writing it\n");
}

TEST_CASE("contract: a reader that takes one line is left quietly, whatever writes") {
  TempFolder folder;
  std::string rows;
  for (int i = 0; i < 20'000; ++i) rows += "a line of text, number " + std::to_string(i) + "\n";
  spit(folder / "lines.txt", rows);
  std::string records;
  for (int i = 0; i < 20'000; ++i)
    records += "{\"id\":" + std::to_string(i) + ",\"prediction\":\"a\",\"label\":\"" +
               (i % 2 ? "a" : "b") + "\"}\n";
  spit(folder / "a.jsonl", records);
  std::string other = records;
  for (std::size_t at = 0; (at = other.find("\"prediction\":\"a\"", at)) != other.npos; ++at)
    other[at + 14] = 'b';
  spit(folder / "b.jsonl", other);
  const std::string model = golden("bert-classify").string();
  for (const std::string& line :
       {"tokenize -m " + model + " --lines --json -i lines.txt",
        "tokenize -m " + model + " --lines --ids-only -i lines.txt", std::string("help generate"),
        std::string("completion bash"), std::string("models"), std::string("env"),
        std::string("merge a.jsonl b.jsonl"),
        std::string(
            "eval compare --task classify --metric accuracy --resamples 10 a.jsonl b.jsonl")}) {
    INFO(line);
    const auto ran = test::command(
        {"bash", "-c", "set -o pipefail; \"" HFT_BINARY "\" " + line + " 2> err | head -1"},
        {.cwd = folder.path});
    CHECK(ran.code == 0);
    CHECK(std::count(ran.out.begin(), ran.out.end(), '\n') == 1);
    if (!line.starts_with("eval")) CHECK(slurp(folder / "err") == "");
  }
}

TEST_CASE("contract: --dry-run tells what is in force and runs nothing") {
  TempFolder folder;
  spit(folder / "hft.toml", "dtype = \"float32\"\n[classify]\ntop-k = 2\n");
  Words env = alone(folder);
  env.push_back("HFT_SEED=3");
  const auto ran =
      test::hft({"classify", "-m", golden("bert-classify").string(), "a text", "--dry-run", "--lines", "-o", "out.jsonl"},
                {.env = env, .cwd = folder.path});
  CHECK(ran.code == 0);
  CHECK(ran.err.empty());
  for (const char* line : {"hft classify\n", "hft classify\n",
                           "  --lines  (command line)\n", "  --dtype float32  (hft.toml)\n",
                           "  --top-k 2  (hft.toml)\n", "  TEXT a text  (command line)\n"})
    CHECK_MESSAGE(ran.out.find(line) != ran.out.npos, line, ran.out);
  CHECK_FALSE(test::fs::exists(folder / "out.jsonl"));
  CHECK(test::hft({"classify", "--dtype", "float8", "--dry-run"}, {.cwd = folder.path}).code == 2);
}

TEST_CASE(
    "contract: --output-dir writes a file for each input, --skip-existing goes on after them") {
  TempFolder folder;
  const std::string model = golden("bert-classify").string();
  spit(folder / "one.txt", "the sea");
  spit(folder / "two.txt", "the land");
  const auto run = [&](const Words& more) {
    return test::hft(with({"classify", "-m", model, "--output-dir", "out"}, more),
                     {.cwd = folder.path});
  };
  CHECK(run({"-i", "one.txt", "-i", "two.txt"}).code == 0);
  CHECK(slurp(folder / "out/one.json").starts_with("{\"input\":\"the sea\",\"output\":[{"));
  CHECK(slurp(folder / "out/two.json").starts_with("{\"input\":\"the land\",\"output\":[{"));
  const auto again = run({"-i", "one.txt"});
  CHECK(again.code == 2);
  CHECK(again.err.find("out/one.json: exists already") != again.err.npos);
  spit(folder / "out/one.json", "kept");
  spit(folder / "three.txt", "the air");
  CHECK(run({"-i", "one.txt", "-i", "three.txt", "--skip-existing"}).code == 0);
  CHECK(slurp(folder / "out/one.json") == "kept");
  CHECK(test::fs::exists(folder / "out/three.json"));
  CHECK(run({"-i", "one.txt", "--force"}).code == 0);
  CHECK(slurp(folder / "out/one.json") != "kept");
  // Rows are called by their ids, texts by their numbers; the form is the file's.
  spit(folder / "rows.jsonl", "{\"id\":\"a/b\",\"text\":\"x\"}\n{\"text\":7}\n");
  const auto rows = run({"-i", "rows.jsonl", "--format", "csv"});
  CHECK(rows.code == 3);
  CHECK(slurp(folder / "out/a_b.csv").starts_with("id,input,"));
  CHECK(run({"some text", "--force"}).code == 0);
  CHECK(test::fs::exists(folder / "out/0001.json"));
  for (const Words& more : {Words{"-o", "x"}, Words{"--resume"}})
    CHECK(run(with(more, {"a"})).code == 2);
  CHECK(test::hft({"classify", "-m", model, "--skip-existing", "a"}).err ==
        "hft: --skip-existing is for --output-dir\n");
}
