// The program around the commands: help, mistakes in the command line, start-up, signals.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "core/base/text.h"
#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::model;
using test::TempFolder;

TEST_CASE("program: a mistyped command or option names the nearest and exits 2") {
  const auto command = test::hft({"clasify", "x"});
  CHECK(command.code == 2);
  CHECK(
      command.err ==
      "hft: unknown command 'clasify'; closest: 'classify'\nhint: hft --help lists the commands\n");
  const auto option = test::hft({"classify", "--top-kk", "2", "x"});
  CHECK(option.code == 2);
  CHECK(
      option.err ==
      "hft: classify: unknown option '--top-kk'; closest: '--top-k'\nhint: hft classify --help\n");
  CHECK(test::hft({"classify", "--dtype", "float8", "x"}).code == 2);
}

TEST_CASE("program: underscores in option names are hyphens") {
  const auto ran =
      test::hft({"classify", "-m", golden("bert-classify").string(), "--top_k=all", "x"});
  CHECK(ran.code == 0);
}

TEST_CASE("program: help lists every command, each command's help has examples or options") {
  const auto overview = test::hft({"--help"});
  CHECK(overview.code == 0);
  std::istringstream names(test::hft({"help", "--commands"}).out);
  for (std::string name; std::getline(names, name);) {
    CHECK(overview.out.find("\n  " + name + " ") != std::string::npos);
    auto words = split(name, ' ');
    words.push_back("--help");
    const auto help = test::hft(words);
    CHECK(help.code == 0);
    CHECK(help.out == test::hft({"help", name}).out);
    CHECK(help.out.find("Usage: hft " + name) != std::string::npos);
  }
  for (const std::string topic : {"exit-codes", "environment", "formats"})
    CHECK(test::hft({"help", topic}).out.size() > 200);
}

TEST_CASE("program: commands of two words have groups, which list them") {
  const auto group = test::hft({"hub", "--help"});
  CHECK(group.code == 0);
  CHECK(group.out == test::hft({"help", "hub"}).out);
  CHECK(group.out.find("\n  hub cache ls ") != std::string::npos);
  CHECK(test::hft({"help", "hub", "cache", "ls"}).out ==
        test::hft({"hub", "cache", "ls", "--help"}).out);
  const auto alone = test::hft({"hub"});
  CHECK(alone.code == 2);
  CHECK(alone.err == "hft: hub: one of its commands is wanted\nhint: hft help hub lists them\n");
  const auto mistyped = test::hft({"hub", "downlaod", "x"});
  CHECK(mistyped.code == 2);
  CHECK(mistyped.err ==
        "hft: unknown command 'hub downlaod'; closest: 'hub download'\nhint: hft --help lists the "
        "commands\n");
}

TEST_CASE("program: help, tokenize and inspect do not load LibTorch or curl") {
  const auto loads = [](const std::vector<std::string>& args) {
    const auto ran = test::hft(args, {.env = {"LD_DEBUG=files"}});
    CHECK(ran.code == 0);
    return ran.err.find("libtorch") != std::string::npos ||
           ran.err.find("libhft_engine") != std::string::npos ||
           ran.err.find("libcurl") != std::string::npos;
  };
  CHECK_FALSE(loads({"--help"}));
  CHECK_FALSE(loads({"completion", "bash"}));
  CHECK_FALSE(loads({"tokenize", "-m", model("all-MiniLM-L6-v2").string(), "Hello"}));
  CHECK_FALSE(loads({"inspect", model("all-MiniLM-L6-v2").string()}));
  CHECK(loads({"classify", "-m", golden("bert-classify").string(), "x"}));
}

TEST_CASE("program: env tells which kernels serve this processor, and why no other") {
  const auto plain = test::hft({"env", "--json"}, {.env = {"HFT_CPU=plain", "HF_HOME=/x"}});
  REQUIRE(plain.code == 0);
  const Json told = plain.records()[0];
  CHECK(told["version"] == HFT_VERSION);
  CHECK(told["processor"] == "plain");
  CHECK(told["kernels"]["product"]["row"] == "plain");
  CHECK(told["cache"] == "/x/hub");
  CHECK(test::hft({"env"}, {.env = {"HFT_CPU=plain"}}).out.find("  product           plain (") !=
        std::string::npos);
  CHECK(test::hft({"env"}, {.env = {"HFT_CPU=z80"}}).code == 2);
}

TEST_CASE("program: completions/ and man/ are what the program writes") {
  TempFolder folder;
  const std::string script = std::string(HFT_SOURCE_DIR) + "/scripts/generate";
  REQUIRE(std::system(("HFT=" + std::string(HFT_BINARY) + " " + script + " " + folder.path.string())
                          .c_str()) == 0);
  for (const std::string part : {"completions", "man"})
    for (const auto& file : std::filesystem::directory_iterator(folder / part)) {
      const auto committed = std::filesystem::path(HFT_SOURCE_DIR) / part / file.path().filename();
      CHECK_MESSAGE(test::slurp(file.path()) == test::slurp(committed), "run scripts/generate for ",
                    committed);
    }
}

namespace {
// Starts hft with its standard input left open; sends signals; returns exit code and output.
struct Waiting {
  explicit Waiting(std::vector<std::string> args) {
    int in[2], out[2];
    REQUIRE(::pipe(in) == 0);
    REQUIRE(::pipe(out) == 0);
    pid = ::fork();
    if (pid == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::close(2);
      ::close(in[1]);
      ::close(out[0]);
      std::vector<char*> argv{const_cast<char*>("hft")};
      for (auto& arg : args) argv.push_back(arg.data());
      argv.push_back(nullptr);
      ::execv(HFT_BINARY, argv.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    write_end = in[1];
    read_end = out[0];
  }
  ~Waiting() {
    ::close(write_end);
    if (read_end >= 0) ::close(read_end);
  }
  std::string read_line() {
    std::string line;
    for (char c; ::read(read_end, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  int wait() {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  pid_t pid;
  int write_end, read_end;
};
}  // namespace

TEST_CASE(
    "program: slow input is answered at once, Ctrl-C then ends it with 130, SIGTERM with 143") {
  for (auto [number, code] : {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}}) {
    Waiting run({"classify", "--lines", "-m", golden("bert-classify").string()});
    REQUIRE(::write(run.write_end, "hello\n", 6) == 6);
    CHECK(Json::parse(run.read_line())["input"] == "hello");
    ::kill(run.pid, number);
    CHECK(run.wait() == code);
  }
}

TEST_CASE("program: a reader that goes away ends it quietly with 0") {
  Waiting run({"tokenize", "--lines", "-m", model("all-MiniLM-L6-v2").string()});
  REQUIRE(::write(run.write_end, "hello\n", 6) == 6);
  run.read_line();
  ::close(run.read_end);
  run.read_end = -1;
  REQUIRE(::write(run.write_end, "again\n", 6) == 6);
  CHECK(run.wait() == 0);
}
