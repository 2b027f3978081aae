// Uploads through the real program: what is sent, what is refused, and that nothing is half done.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <random>
#include <thread>

#include "tests/support/fake_hub.h"

using namespace hft;
using test::FakeHub;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kAnn{"HF_TOKEN=hf_token_of_ann"};
const std::string kSettings =
    R"({"users": {"hf_token_of_ann": {"name": "ann", "orgs": ["lab"]}, "hf_token_of_bob": {"name": "bob"}}, "part": 100000})";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A Hub, and a model's folder to push.
struct Pushing {
  explicit Pushing(const std::string& settings = kSettings) : hub(settings) {
    hub.start();
    fs::create_directories(model());
    for (const char* name : {"config.json", "tokenizer.json"})
      fs::copy(test::golden("bert-classify") / name, model() / name);
    write("model.safetensors", test::noise(250'000));
  }
  fs::path model() const { return hub.folder / "model"; }
  void write(const std::string& name, const std::string& bytes) const {
    fs::create_directories((model() / name).parent_path());
    test::spit(model() / name, bytes);
  }
  test::Ran push(std::vector<std::string> more = {},
                 const std::vector<std::string>& env = kAnn) const {
    std::vector<std::string> args{"push", model().string(), "ann/mine"};
    args.insert(args.end(), more.begin(), more.end());
    return hub.run(args, env);
  }
  // "name size" of the repository's files, as hft lists them.
  std::vector<Json> files(const std::string& revision = "main") const {
    return hub.run({"hub", "ls", "ann/mine", "--json", "--revision", revision}, kAnn).records();
  }
  std::size_t count(const std::string& path, const std::string& method) const {
    const auto entries = hub.log(path);
    return static_cast<std::size_t>(std::count_if(
        entries.begin(), entries.end(), [&](const Json& e) { return e["method"] == method; }));
  }
  FakeHub hub;
};

}  // namespace

TEST_CASE(
    "push: creates the repository, sends large files in parts, makes a card, commits once") {
  const Pushing p;
  const auto ran = p.push({"--private"});
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.err == "hft: ann/mine: created, private\nhft: uploaded 4 files, 0 unchanged\n");
  CHECK(ran.out.starts_with(p.hub.hub + "/ann/mine/commit/"));
  CHECK(p.count("/part/", "PUT") == 3);
  CHECK(p.count("/commit/main", "POST") == 1);
  CHECK(p.count("/lfs/objects/verify", "POST") == 1);
  for (const Json& entry : p.hub.log())
    CHECK((entry["origin"] == "hub") == (entry["token"] != ""));  // the storage sees no token
  const auto files = p.files();
  CHECK(files.size() == 5);
  const auto card = std::find_if(files.begin(), files.end(),
                                 [](const Json& f) { return f["name"] == "README.md"; });
  CHECK(card != files.end());
  CHECK_FALSE(fs::exists(p.model() / "README.md"));
  CHECK(p.hub.run({"hub", "info", "ann/mine"}).code == 4);  // private
}

TEST_CASE("push: an unchanged folder uploads nothing; only what changed is sent") {
  const Pushing p;
  const auto first = p.push();
  REQUIRE(first.code == 0);
  p.hub.clear_log();
  const auto again = p.push();
  CHECK(again.code == 0);
  CHECK(again.err == "hft: nothing to upload: 3 unchanged\n");
  CHECK(again.out == first.out);  // the same commit
  CHECK(p.count("", "PUT") + p.count("", "POST") == 0);
  p.write("tokenizer_config.json", "{\"a\": 1}");
  const auto third = p.push();
  CHECK(third.err == "hft: uploaded 1 file, 3 unchanged\n");
  CHECK(p.count("", "PUT") == 0);
  CHECK(p.files().size() == 6);
  // The card that somebody wrote meanwhile is kept.
  test::spit(p.hub.folder / "card.md", "# Better\n");
  REQUIRE(p.hub
              .run({"hub", "upload", "ann/mine", (p.hub.folder / "card.md").string(), "README.md"},
                   kAnn)
              .code == 0);
  CHECK(p.push().err == "hft: nothing to upload: 4 unchanged\n");
}

TEST_CASE("push: a dry run shows files and sizes and sends nothing") {
  const Pushing p;
  const auto ran = p.push({"--dry-run"});
  CHECK(ran.code == 0);
  CHECK(has(ran.out, "250.0 kB  model.safetensors\n"));
  CHECK(p.count("", "POST") + p.count("", "PUT") == 0);
  CHECK(p.hub.run({"hub", "info", "ann/mine"}, kAnn).code == 5);
}

TEST_CASE("push: pull requests, messages, branches, another namespace") {
  const Pushing p;
  REQUIRE(p.push().code == 0);
  p.write("new.json", "{}");
  const auto pr = p.push({"--create-pr", "--commit-message", "Try this"});
  CHECK(pr.code == 0);
  CHECK(pr.out == p.hub.hub + "/ann/mine/discussions/1\n");
  CHECK(p.files().size() == 5);
  CHECK(p.files("refs/pr/1").size() == 6);
  const auto branch = p.push({"--revision", "next"});
  CHECK(branch.code == 0);
  CHECK(p.files("next").size() == 6);
  CHECK(p.hub.run({"push", p.model().string(), "mine"}, kAnn).err ==
        "hft: uploaded 1 file, 3 unchanged\n");
  CHECK(p.hub.run({"push", p.model().string(), "lab/other"}, kAnn).code == 0);
  CHECK(p.hub.run({"push", p.model().string(), "bob/x"}, kAnn).code == 4);
  p.write("new.json", "{\"b\": 2}");
  const auto foreign = p.push({}, {"HF_TOKEN=hf_token_of_bob"});
  CHECK(foreign.code == 4);
  CHECK(has(foreign.err,
            "hft: ann/mine@main: 403 from the Hub: your token does not allow it: Forbidden: you "
            "have no write access to this repository\n"));
  const auto anonymous = p.push({}, {});
  CHECK(anonymous.code == 4);
  CHECK(anonymous.err ==
        "hft: ann/mine: to upload, log in first\nhint: set HF_TOKEN or run hft hub login\n");
}

TEST_CASE("push: leftovers of training and .git are left out, and named") {
  const Pushing p;
  for (const char* name : {"checkpoint-100/model.safetensors", "optimizer.pt", "rng_state_0.pth",
                           "scheduler.pt", ".git/config", ".cache/huggingface/x", "_tmp/x"})
    p.write(name, "x");
  const auto ran = p.push();
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "hft: left out: "));
  CHECK(has(ran.err, "optimizer.pt"));
  CHECK(p.files().size() == 5);
}

TEST_CASE("upload: where a file goes is read as cp reads it") {
  const Pushing p;
  REQUIRE(p.push().code == 0);
  const std::string file = (p.model() / "config.json").string();
  const auto lands = [&](const std::string& place, const std::string& name) {
    CAPTURE(place);
    CHECK(p.hub.run({"hub", "upload", "ann/mine", file, place}, kAnn).code == 0);
    const auto files = p.files();
    CHECK(
        std::any_of(files.begin(), files.end(), [&](const Json& f) { return f["name"] == name; }));
  };
  lands("sub/", "sub/config.json");
  lands("./deep/er/", "deep/er/config.json");
  lands("other/name.json", "other/name.json");
  lands("dots/.", "dots/config.json");
  lands("top.json", "top.json");
  const auto folder = p.hub.run({"hub", "upload", "ann/mine", file, "sub"}, kAnn);
  CHECK(folder.code == 2);
  CHECK(
      folder.err ==
      "hft: ann/mine@main: sub is a folder there, not a file\nhint: to put a file into it, end its "
      "name with '/'\n");
  for (const char* place : {".", "./"})
    CHECK(has(p.hub.run({"hub", "upload", "ann/mine", file, place}, kAnn).err, "1 unchanged"));
  p.write("tree/x.txt", "x");
  const std::string tree = (p.model() / "tree").string();
  for (const char* place : {"into/", "into", "./into/."}) {
    CHECK(p.hub.run({"hub", "upload", "ann/mine", tree, place}, kAnn).code == 0);
    CHECK(p.hub.run({"hub", "download", "ann/mine", "into/x.txt"}, kAnn).code == 0);
  }
}

TEST_CASE("upload: what git and huggingface_hub keep for themselves is left out at any depth") {
  const Pushing p;
  for (const char* name : {"sub/.git/HEAD", "module/.git", "sub/.cache/huggingface/download/x",
                           ".cache/huggingface/x", ".cache/mine"})
    p.write(name, "x");
  fs::create_directory_symlink("sub", p.model() / "latest");
  const auto ran = p.hub.run({"hub", "upload", "ann/mine", p.model().string()}, kAnn);
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "hft: left out: latest\n"));
  for (const Json& file : p.files()) {
    CHECK_FALSE(has(file["name"], ".git/"));
    CHECK_FALSE(has(file["name"], "huggingface"));
  }
  // What is excluded may be anything.
  fs::create_symlink("/etc/passwd", p.model() / "sub/passwd");
  fs::create_symlink("nowhere", p.model() / "sub/dangling");
  p.write("sub/C:drive", "x");
  CHECK(p.hub.run({"hub", "upload", "ann/mine", p.model().string()}, kAnn).code == 9);
  CHECK(p.hub.run({"hub", "upload", "ann/mine", p.model().string(), "--exclude", "sub/*"}, kAnn)
            .code == 0);
}

TEST_CASE("upload: a .gitignore that goes along already says what is left out") {
  const Pushing p;
  p.write(".gitignore", "*.log\n");
  p.write("run.log", "x");
  const auto ran = p.push();
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "hft: run.log: left out, as .gitignore says\n"));
  for (const Json& file : p.files()) CHECK(file["name"] != "run.log");
}

TEST_CASE("upload: an address that has expired is asked for anew") {
  const Pushing p;
  p.hub.faults(R"([{"path": "/part/", "times": 1, "status": 403}])");
  CHECK(p.push().code == 0);
  CHECK(p.count("objects/batch", "POST") == 2);
  p.write("more.bin", test::noise(300'000, 5));
  p.hub.faults(R"([{"path": "/part/", "status": 403}])");
  const auto always = p.push();
  CHECK(always.code == 7);
  CHECK(has(always.err, "the storage answered 403; its signed address may have expired (5 tries)"));
}

TEST_CASE("row 52: a file with a token is refused with exit 9, and nothing is sent or created") {
  const Pushing p;
  p.write("notes/run.sh", "#!/bin/sh\nexport HF_TOKEN=hf_AbCdEfGhIjKlMnOpQrStUvWxYz01234567\n");
  for (const auto& args : {std::vector<std::string>{"push", p.model().string(), "ann/mine"},
                           {"hub", "upload", "ann/mine", p.model().string()},
                           {"hub", "upload", "ann/mine", (p.model() / "notes/run.sh").string()}}) {
    const auto ran = p.hub.run(args, kAnn);
    CHECK(ran.code == 9);
    CHECK(has(ran.err, "run.sh: holds a token of the Hub (at byte 26); nothing was uploaded\n"));
    CHECK_FALSE(has(ran.err + ran.out, "AbCdEf"));
  }
  CHECK(p.hub.log().empty());
  // The user's own token, whatever it looks like; also deep in a large file.
  fs::remove_all(p.model() / "notes");
  p.write("weights.bin", test::noise(1'500'000) + "hf_token_of_ann" + test::noise(100));
  const auto own = p.push();
  CHECK(own.code == 9);
  CHECK(has(own.err, "weights.bin: holds a token of the Hub (at byte 1500000)"));
}

TEST_CASE("row 52: links out of the folder are refused; a snapshot of the cache can be pushed") {
  const Pushing p;
  fs::create_symlink("/etc/passwd", p.model() / "passwd");
  const auto ran = p.push();
  CHECK(ran.code == 9);
  CHECK(has(ran.err, "passwd: a link out of the folder, to /etc/passwd; not uploaded\n"));
  fs::remove(p.model() / "passwd");
  fs::create_symlink("config.json", p.model() / "copy.json");
  CHECK(p.push().code == 0);
  CHECK(p.files().size() == 6);
  const auto snapshot = p.hub.run({"hub", "download", "ann/mine"}, kAnn).out;
  CHECK(p.hub.run({"push", snapshot.substr(0, snapshot.size() - 1), "ann/second"}, kAnn).code == 0);
}

TEST_CASE(
    "row 52: errors on the way leave the repository as it was, and the next run sends only what is "
    "missing") {
  const Pushing p;
  REQUIRE(p.push().code == 0);
  const auto before = p.files();
  p.write("one.bin", test::noise(50'000, 11));
  p.write("two.bin", test::noise(250'000, 12));
  for (const char* fault :
       {R"([{"path": "/preupload/", "status": 500}])",
        R"([{"path": "objects/batch", "status": 500}])",
        R"([{"path": "/part/.*/3", "status": 500}])",
        R"([{"path": "/part/", "cut_request": 1000}])",
        R"([{"path": "complete_multipart", "status": 500}])",
        R"([{"path": "objects/verify", "status": 500}])",
        R"([{"path": "/commit/", "status": 500}])",
        R"([{"path": "/commit/", "status": 400, "body": "{\"error\": \"no\"}"}])"}) {
    CAPTURE(fault);
    p.hub.faults(fault);
    const auto ran = p.push();
    CAPTURE(ran.err);
    CHECK(ran.code == 7);
    p.hub.faults("[]");
    CHECK(p.files() == before);
  }
  p.hub.clear_log();
  CHECK(p.push().err == "hft: uploaded 2 files, 3 unchanged\n");
  CHECK(p.count("", "PUT") == 0);  // both were in the storage already
  CHECK(p.files().size() == 7);
}

TEST_CASE("row 52: a passing 500, and a lost answer to the commit, do no harm") {
  const Pushing p;
  p.hub.faults(
      R"([{"origin": "cdn", "status": 500, "times": 1}, {"path": "objects/verify", "status": 500, "times": 1}])");
  CHECK(p.push().code == 0);
  p.write("more.json", "{}");
  // The commit is made, its answer is lost: the second try finds it done.
  p.hub.faults(R"([{"path": "/commit/", "cut": 10, "times": 1}])");
  const auto ran = p.push();
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  CHECK(has(ran.err,
            "another commit came first; comparing again\nhft: nothing to upload: 4 unchanged\n"));
}

TEST_CASE("row 52: a commit that came between is taken into account; without end it is exit 7") {
  const Pushing p;
  REQUIRE(p.push().code == 0);
  p.write("more.json", "{}");
  p.hub.faults(R"([{"path": "/commit/", "status": 412, "times": 2}])");
  CHECK(p.push().code == 0);
  p.write("more.json", "{\"a\": 1}");
  p.hub.faults(R"([{"path": "/commit/", "status": 409}])");
  const auto ran = p.push();
  CHECK(ran.code == 7);
  CHECK(has(ran.err, "hft: ann/mine@main: others commit to it all the time\n"));
}

TEST_CASE("row 52: a file that changes while it is sent is not committed") {
  const Pushing p;
  p.write("growing.bin", test::noise(90'000));
  p.hub.faults(R"([{"path": "/upload/", "rate": 100000}])");
  const pid_t pid = p.hub.launch({"push", p.model().string(), "ann/mine"}, kAnn);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  p.write("growing.bin", test::noise(95'000));
  CHECK(FakeHub::wait_for(pid) == 8);
  CHECK(
      has(test::slurp(p.hub.folder / "launched.err"), "growing.bin: changed while it was read\n"));
  CHECK(p.count("/commit/", "POST") == 0);
}

TEST_CASE("row 52: killed at random moments, a push leaves the repository as it was, and goes on") {
  const Pushing p(
      R"({"users": {"hf_token_of_ann": {"name": "ann"}}, "part": 100000, "rate": 50000000})");
  REQUIRE(p.push().code == 0);
  std::mt19937 random(5);
  for (int round = 0; round < 10; ++round) {
    const auto before = p.files();
    for (int i = 0; i < 3; ++i)
      p.write("part-" + std::to_string(i) + ".bin", test::noise(200'000, 100 * round + i));
    const pid_t pid = p.hub.launch({"push", p.model().string(), "ann/mine"}, kAnn);
    std::this_thread::sleep_for(
        std::chrono::microseconds(std::uniform_int_distribution(0, 80'000)(random)));
    ::kill(pid, SIGKILL);
    const int code = FakeHub::wait_for(pid);
    const auto after = p.files();
    // All or nothing: the commit came through, or the repository is as it was.
    const auto done = p.push();
    CHECK(done.code == 0);
    if (after == before)
      CHECK(has(done.err, "uploaded 3 files, 3 unchanged"));
    else
      CHECK(has(done.err, "nothing to upload"));
    CHECK((code == 0 || code == 137));
  }
}

TEST_CASE("upload: a file or a folder to a place in the repository") {
  const Pushing p;
  REQUIRE(p.push().code == 0);
  CHECK(p.hub
            .run({"hub", "upload", "ann/mine", (p.model() / "config.json").string(), "old/c.json"},
                 kAnn)
            .code == 0);
  fs::create_directories(p.hub.folder / "runs/a");
  test::spit(p.hub.folder / "runs/a/x.json", "{}");
  test::spit(p.hub.folder / "runs/a/x.txt", "x");
  CHECK(p.hub
            .run({"hub", "upload", "ann/mine", (p.hub.folder / "runs").string(), "logs/",
                  "--include", "*.json"},
                 kAnn)
            .err == "hft: uploaded 1 file, 0 unchanged\n");
  std::vector<std::string> names;
  for (const Json& file : p.files()) names.push_back(file["name"]);
  CHECK(std::find(names.begin(), names.end(), "old/c.json") != names.end());
  CHECK(std::find(names.begin(), names.end(), "logs/a/x.json") != names.end());
  CHECK(std::find(names.begin(), names.end(), "logs/a/x.txt") == names.end());
  CHECK(p.hub.run({"hub", "upload", "ann/mine", "/none"}, kAnn).code == 5);
  CHECK(p.hub.run({"hub", "upload", "ann/mine", (p.model() / "config.json").string(), "../x"}, kAnn)
            .code == 9);
}
