// What the shells offer: bash always, fish where it is installed.
#include "tests/support/test.h"

using namespace hft;
using test::TempFolder;
using Words = std::vector<std::string>;

namespace {

Words lines_of(const std::string& text) {
  Words lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) lines.push_back(line.substr(0, line.find('\t')));
  return lines;
}

bool offers(const Words& offered, const std::string& word) {
  return std::find(offered.begin(), offered.end(), word) != offered.end();
}

struct Bash {
  Bash() {
    test::fs::create_directories(folder / "my model");
    test::spit(folder / "my model/a b.txt", "");
    test::spit(folder / "c.bash", test::hft({"completion", "bash"}).out);
  }
  // What <TAB> gives behind these words.
  Words operator()(Words words) const {
    words.insert(words.begin(),
                 {"bash", "-c",
                  "source ./c.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _hft; "
                  "printf '%s\\n' \"${COMPREPLY[@]}\"",
                  "bash", "hft"});
    return lines_of(test::command(words, {.cwd = folder.path}).out);
  }
  TempFolder folder;
};

}  // namespace

TEST_CASE("completion: bash offers files with spaces whole") {
  const Bash tab;
  CHECK(tab({"classify", "-m", "my"}) == Words{"my model"});
  CHECK(tab({"classify", "-m", "my\\ model/a"}) == Words{"my model/a b.txt"});
  CHECK(tab({"classify", "my model/a"}) == Words{"my model/a b.txt"});
  CHECK(tab({"hub", "upload", "org/name", "my"}) == Words{"my model"});
}

TEST_CASE("completion: bash offers commands, topics, shells, options and their choices") {
  const Bash tab;
  CHECK(tab({"hel"}) == Words{"help"});
  CHECK(tab({"help", "clas"}) == Words{"classify"});
  CHECK(tab({"help", "exi"}) == Words{"exit-codes"});
  CHECK(tab({"help", "hub", "cache", "pr"}) == Words{"prune"});
  CHECK(tab({"hub", "cache", ""}) == Words{"ls", "rm", "prune", "verify"});
  CHECK(tab({"completion", ""}) == Words{"bash", "zsh", "fish"});
  CHECK(tab({"classify", "--dtype", "b"}) == Words{"bfloat16"});
  CHECK(tab({"classify", "--dtype", "=", "b"}) == Words{"bfloat16"});
  CHECK(tab({"classify", "--dtype", "="}).size() == 4);
  CHECK(tab({"ner", "--aggregation-strategy", ""}).size() == 5);
  CHECK(tab({"bench", "--format", ""}) == Words{"text", "json", "csv"});
  CHECK(tab({"classify", "--top-k", ""}).empty());
  CHECK(tab({"classify", "--candidate"}) == Words{"--candidate-labels"});
  CHECK(tab({"classify", "--output", "my"}) == Words{"my model"});
}

TEST_CASE("completion: fish offers the same") {
  if (std::system("command -v fish > /dev/null") != 0) return;
  TempFolder folder;
  test::fs::create_directories(folder / "my model");
  test::spit(folder / "c.fish", test::hft({"completion", "fish"}).out);
  const auto tab = [&](const std::string& line) {
    return lines_of(
        test::command({"fish", "--no-config", "-c", "source c.fish; complete -C '" + line + "'"},
                      {.env = {"HOME=" + folder.path.string()}, .cwd = folder.path})
            .out);
  };
  CHECK(tab("hft help clas") == Words{"classify"});
  CHECK(tab("hft hub cache ").size() == 4);
  CHECK(tab("hft completion b") == Words{"bash"});
  CHECK(tab("hft classify --dtype b") == Words{"bfloat16"});
  CHECK(tab("hft classify --dtype=b") == Words{"--dtype=bfloat16"});
  CHECK(offers(tab("hft classify -m my"), "my model/"));
  CHECK(offers(tab("hft classify --cand"), "--candidate-labels"));
  CHECK(tab("hft hub download --loc").size() == 2);
}

TEST_CASE("completion: help and completion have help of their own") {
  for (const std::string name : {"completion", "help"}) {
    const test::Ran ran = test::hft({"help", name});
    CHECK(ran.code == 0);
    CHECK(ran.out.find("Usage: hft " + name) != std::string::npos);
    CHECK(test::hft({name, "--help"}).out == ran.out);
    CHECK(test::hft({name, "-h"}).out == ran.out);
  }
  for (const Words& args : {Words{"hub", "cache", "-h"}, Words{"help", "hub", "cache"}})
    CHECK(test::hft(args).out.starts_with("Usage: hft hub cache COMMAND"));
  const test::Ran none = test::hft({"completion"});
  CHECK(none.code == 2);
  CHECK(none.err ==
        "hft: completion: name a shell: bash, zsh or fish\nhint: hft completion --help\n");
  CHECK(test::hft({"help", "environment"}).out.find("NO_COLOR") != std::string::npos);
}
