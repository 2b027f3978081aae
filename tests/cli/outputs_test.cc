// Where results are written: devices, pipes, links, caches, modes, disks without room.
#include <sys/stat.h>

#include "tests/support/test.h"

using namespace hft;
namespace fs = std::filesystem;
using test::golden;
using test::slurp;
using test::spit;
using test::TempFolder;

namespace {

// Shell lines in a folder, where hft is the program and M, G are a model and the goldens.
test::Ran shell(const TempFolder& folder, const std::string& lines,
                std::vector<std::string> env = {}) {
  env.push_back("M=" + golden("bert-classify").string());
  env.push_back("G=" + golden("").string());
  return test::command({"bash", "-c", "hft() { \"" HFT_BINARY "\" \"$@\"; }\n" + lines},
                       {.env = std::move(env), .cwd = folder.path});
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

unsigned mode(const fs::path& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("outputs: - is stdout, and so are /dev/stdout and a link to it") {
  TempFolder folder;
  const std::string wanted = shell(folder, "hft tokenize -m $M --json sea").out;
  REQUIRE(!wanted.empty());
  fs::create_symlink("/proc/self/fd/1", folder / "link");
  for (const std::string name : {"-", "/dev/stdout", "/dev/fd/1", "link"}) {
    INFO(name);
    CHECK(shell(folder, "hft tokenize -m $M --json sea -o " + name).out == wanted);
  }
  // What the file behind stdout held before is kept.
  shell(folder, "echo before > log; hft tokenize -m $M --json sea -o /dev/stdout >> log");
  CHECK(slurp(folder / "log") == "before\n" + wanted);
  CHECK(names_in(folder.path) == Names{"link", "log"});
}

TEST_CASE("outputs: a pipe and a device are written through, without --force") {
  TempFolder folder;
  const test::Ran ran =
      shell(folder,
            "mkfifo pipe; cat pipe > got & hft tokenize -m $M --json sea -o pipe "
            "&& wait && test -p pipe && hft tokenize -m $M --json sea -o /dev/null "
            "&& test -c /dev/null");
  CHECK(ran.code == 0);
  CHECK(slurp(folder / "got").starts_with("{\"input\":\"sea\""));
  CHECK(names_in(folder.path) == Names{"got", "pipe"});
  shell(folder, "cat pipe > got & hft embed -m $G/bert-embed -o pipe sea; wait");
  CHECK(slurp(folder / "got").starts_with("{\"input\":\"sea\""));
  const test::Ran resumed = shell(folder, "hft tokenize -m $M --json sea -o /dev/null --resume");
  CHECK(resumed.code == 2);
  CHECK(resumed.err == "hft: --resume needs -o FILE and --json\n");
  CHECK(shell(folder, "hft tokenize -m $M --json sea -o /dev/full").code == 8);
}

TEST_CASE("outputs: a link stays a link and its file is written, there or not yet") {
  TempFolder folder;
  fs::create_directory(folder / "disk");
  for (const std::string name : {"r.jsonl", "x.npy", "folder"})
    fs::create_symlink("disk/" + name, folder / name);
  CHECK(shell(folder, "hft tokenize -m $M --json sea -o r.jsonl").code == 0);
  CHECK(shell(folder, "hft embed -m $G/bert-embed sea -o x.npy").code == 0);
  CHECK(shell(folder, "hft convert $M -o folder").code == 0);
  for (const std::string name : {"r.jsonl", "x.npy", "folder"}) {
    CHECK(fs::is_symlink(folder / name));
    CHECK(fs::exists(folder / ("disk/" + name)));
  }
  CHECK(shell(folder, "hft tokenize -m $M --json sea -o r.jsonl").code == 2);
  CHECK(shell(folder, "hft tokenize -m $M --json land -o r.jsonl --force").code == 0);
  CHECK(slurp(folder / "disk/r.jsonl").starts_with("{\"input\":\"land\""));
  CHECK(fs::is_symlink(folder / "r.jsonl"));
}

TEST_CASE("outputs: nothing is written into a cache of models") {
  TempFolder folder;
  const std::string repository = "cache/models--a--b";
  fs::create_directories(folder / (repository + "/snapshots/1"));
  fs::create_directories(folder / (repository + "/blobs"));
  spit(folder / (repository + "/blobs/2"), "x");
  fs::create_symlink("../../blobs/2", folder / (repository + "/snapshots/1/config.json"));
  fs::create_symlink(repository + "/snapshots", folder / "link");
  for (const std::string& output :
       {repository + "/snapshots/1/config.json", repository + "/snapshots/1/new.jsonl",
        std::string("cache/new.jsonl"), std::string("link/1/new.jsonl")})
    for (const std::string home : {"", "cache"}) {
      INFO(output, " HF_HUB_CACHE=", home);
      const auto env = home.empty() ? Names{} : Names{"HF_HUB_CACHE=" + (folder / home).string()};
      const auto ran = shell(folder, "hft tokenize -m $M --json sea --force -o " + output, env);
      CHECK(ran.code == 2);
      CHECK(ran.err.find("whose files are not to be changed") != std::string::npos);
    }
  for (const std::string& output : {repository + "/snapshots/1", std::string("cache/new")})
    CHECK(shell(folder, "hft convert $M --force -o " + output).code == 2);
  CHECK(shell(folder, "hft embed -m $G/bert-embed sea -o cache/x.npy").code == 2);
  CHECK(slurp(folder / (repository + "/blobs/2")) == "x");
  CHECK(names_in(folder / "cache") == Names{"models--a--b"});
}

TEST_CASE("outputs: modes are what the umask leaves") {
  for (const auto& [umask, file, made] : std::vector<std::tuple<std::string, unsigned, unsigned>>{
           {"077", 0600, 0700}, {"002", 0664, 0775}}) {
    TempFolder folder;
    CHECK(shell(folder, "umask " + umask +
                            "; hft embed -m $G/bert-embed -o x.npy sea && hft classify -m $M "
                            "--json sea -o o.jsonl && hft convert $M -o new")
              .code == 0);
    for (const std::string name : {"x.npy", "o.jsonl", ".o.jsonl.hft.json", "new/model.safetensors",
                                   "new/config.json", "new/vocab.txt"}) {
      INFO(name);
      CHECK(mode(folder / name) == file);
    }
    CHECK(mode(folder / "new") == made);
  }
}

TEST_CASE("outputs: with closed standard streams nothing strays into a file") {
  TempFolder folder;
  CHECK(shell(folder, "hft classify -m $M --json sea -v -o o.jsonl 2>&- <&- >&-").code == 0);
  CHECK(slurp(folder / "o.jsonl").starts_with("{\"input\":\"sea\""));
  CHECK(shell(folder, "hft classify -m $M --json sea >&-").code == 8);
  CHECK(shell(folder, "HF_HUB_OFFLINE=1 hft classify -m none --json sea 2>&-").code == 5);
}

TEST_CASE("outputs: a full disk is exit 8 and one line, whoever prints") {
  TempFolder folder;
  for (const std::string command :
       {"completion bash", "completion zsh", "completion fish", "help generate", "--help",
        "help --man generate", "help --commands", "models", "--version", "inspect $M",
        "classify -m $M --json sea"}) {
    INFO(command);
    const test::Ran ran = shell(folder, "hft " + command + " > /dev/full");
    CHECK(ran.code == 8);
    CHECK(ran.err == "hft: stdout: cannot write: No space left on device\n");
  }
  CHECK(shell(folder, "hft completion zsh | head -1; exit ${PIPESTATUS[0]}").code == 0);
}

TEST_CASE("outputs: past the size that a file may have: exit 8, nothing left behind") {
  TempFolder folder;
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "the sea and the land\n";
  spit(folder / "in.txt", lines);
  const auto limited = [&](const std::string& kb, const std::string& command) {
    const test::Ran ran = shell(folder, "ulimit -c 0; ulimit -f " + kb + "; hft " + command);
    INFO(command, ": ", ran.err);
    CHECK(ran.code == 8);
    CHECK(ran.err.ends_with(": cannot write: File too large\n"));
  };
  limited("20", "tokenize -m $M --json --lines -i in.txt > out");
  limited("4", "convert $M -o new");
  limited("4", "embed -m $G/bert-embed --lines --limit 100 -i in.txt -o x.npy");
  limited("1", "completion bash > out");
  CHECK(names_in(folder.path) == Names{"in.txt", "out"});
}

TEST_CASE("outputs: a working directory that was removed stops only what is written into it") {
  TempFolder folder;
  const std::string gone = "mkdir gone; cd gone; rmdir ../gone; ";
  const test::Ran ran = shell(folder, gone + "hft classify -m $M --json sea");
  CHECK(ran.code == 0);
  CHECK(ran.records().size() == 1);
  CHECK(shell(folder, gone + "hft classify -m $M --json sea -o o.jsonl").code == 8);
}
