// What a bad disk, an odd file system and other processes may do (reliability.md rows 34-38, 25).
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "tests/hub/one_file.h"

using namespace hft;
using test::error_line;
using test::FakeHub;
using test::has;
using test::OneFile;
namespace fs = std::filesystem;

TEST_CASE("row 34: links planted in the cache are not followed, in or out") {
  const OneFile one;
  const fs::path repo = one.hub.repo("org/big");
  const fs::path victim = one.hub.folder / "victim", elsewhere = one.hub.folder / "elsewhere";
  test::spit(victim, "victim");
  for (const char* part : {"snapshots", "refs", "trees"}) {
    CAPTURE(part);
    fs::remove_all(elsewhere);
    fs::create_directories(elsewhere);
    one.forget();
    fs::create_directories(repo);
    fs::create_directory_symlink(elsewhere, repo / part);
    const auto ran = one.fetch("[]");
    CAPTURE(ran.err);
    CHECK(ran.code == 9);
    CHECK(error_line(ran) ==
          "org/big@main: " + (repo / part).string() + ": is a link, wanted a folder; refused");
    CHECK(fs::is_empty(elsewhere));
  }
  one.forget();
  fs::create_directories(repo / "blobs");
  fs::create_symlink(victim, one.blob());
  const auto blob = one.fetch("[]");
  CHECK(blob.code == 9);
  CHECK(error_line(blob) == "org/big@main: " + one.blob().string() +
                                ": leads out of the cache, to " + victim.string() + "; refused");
  CHECK(test::slurp(victim) == "victim");
  // A file of the snapshot: not read by a task either.
  FakeHub model;
  model.add_model("org/tiny");
  model.start();
  REQUIRE(model.run({"tokenize", "-m", "org/tiny", "x"}).code == 0);
  const fs::path snapshot = fs::directory_iterator(model.repo("org/tiny") / "snapshots")->path();
  fs::remove(snapshot / "vocab.txt");
  fs::create_symlink(victim, snapshot / "vocab.txt");
  for (const char* offline : {"0", "1"})
    CHECK(model.run({"tokenize", "-m", "org/tiny", "x"}, {"HF_HUB_OFFLINE=" + std::string(offline)})
              .code == 9);
  // The folder of --local-dir may not be the cache, nor be left through a link.
  const auto inside =
      one.hub.run({"hub", "download", "org/big", "--local-dir", (one.hub.cache() / "x").string()});
  CHECK(inside.code == 2);
  FakeHub deep;
  deep.add("org/d", "sub/file.txt", "text");
  deep.start();
  const fs::path local = deep.folder / "local", target = deep.folder / "target";
  fs::create_directories(local);
  fs::create_directories(target);
  fs::create_directory_symlink(target, local / "sub");
  CHECK(deep.run({"hub", "download", "org/d", "--local-dir", local.string()}).code == 9);
  CHECK(fs::is_empty(target));
}

namespace {

// Runs a shell command line in a mount namespace of its own; $HFT is the program.
test::Ran with_mounts(const FakeHub& hub, const std::string& script) {
  const std::string flags = ::geteuid() == 0 ? "-m" : "-rm";
  return test::command({"unshare", flags, "bash", "-ec", script},
                       {.env = hub.env({"HFT=" + std::string(HFT_BINARY)})});
}

}  // namespace

TEST_CASE(
    "row 35: a full disk is told before the first byte, with what is needed and what is free") {
  const OneFile one;
  fs::create_directories(one.hub.cache());
  const auto ran =
      with_mounts(one.hub, "mount -t tmpfs -o size=200k none '" + one.hub.cache().string() +
                               "'; exec $HFT hub download org/big");
  CAPTURE(ran.err);
  CHECK(ran.code == 8);
  CHECK(has(error_line(ran), "/blobs: 400.0 kB are needed, "));
  CHECK(has(error_line(ran), " are free"));
  CHECK(one.hub.log("/resolve/").empty());
}

TEST_CASE(
    "rows 35, 36: a write, sync or rename that fails is exit 8, and the next run goes on") {
  const OneFile one;
  const auto failing = [&](const std::string& plan) {
    return one.hub.run({"hub", "download", "org/big"},
                       {"LD_PRELOAD=" HFT_FAILING_CALLS, "HFT_FAIL=" + plan});
  };
  for (const std::string plan :
       {"write:ENOSPC", "write:EIO", "write:EDQUOT", "fsync:EIO", "rename:EIO"}) {
    int failed = 0;
    for (int n = 1; n <= 40; ++n) {
      one.forget();
      const auto ran = failing(plan + ":" + std::to_string(n));
      CAPTURE(plan);
      CAPTURE(n);
      CAPTURE(ran.err);
      CHECK(one.hub.cache_faults() == "");
      if (ran.code == 0) break;
      ++failed;
      CHECK(ran.code == 8);
      CHECK(has(error_line(ran), ": cannot write: "));
      CHECK_FALSE(fs::exists(one.hub.repo("org/big") / "refs/main"));
      CHECK(one.hub.run({"hub", "download", "org/big"}).code == 0);
      CHECK(one.is_there());
    }
    CHECK(failed > 0);
  }
  for (const char* plan : {"write:EINTR:2", "write:SHORT:2", "write:SHORT:0"}) {
    one.forget();
    CAPTURE(plan);
    const auto ran = failing(plan);
    CHECK((ran.code == 0 || std::string(plan) == "write:SHORT:0"));
    CHECK(one.hub.cache_faults() == "");
  }
}

TEST_CASE("a cache of a group: files and locks are as open as the umask says") {
  FakeHub hub;
  hub.add("org/m", "config.json", "{}");
  hub.add("org/m", "data.bin", test::noise(50'000));
  hub.start();
  REQUIRE(test::command({"bash", "-c", "umask 0002; exec $HFT hub download org/m"},
                        {.env = hub.env({"HFT=" + std::string(HFT_BINARY)})})
              .code == 0);
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(hub.cache())) {
    CAPTURE(entry.path());
    const auto mode = entry.symlink_status().permissions();
    if (entry.is_symlink()) continue;
    CHECK(mode == static_cast<fs::perms>(entry.is_directory() ? 0775 : 0664));
    files += entry.is_regular_file() ? 1 : 0;
  }
  CHECK(files == 6);  // two blobs, two locks, a ref, a list
}

TEST_CASE("a cache of others: what only helps later runs may be closed to this user") {
  if (::geteuid() != 0) return;
  FakeHub hub;
  hub.add("org/m", "config.json", "{}");
  hub.add("org/m", "data.bin", test::noise(50'000));
  hub.start();
  REQUIRE(hub.run({"hub", "download", "org/m", "config.json"}).code == 0);
  fs::permissions(hub.folder, static_cast<fs::perms>(0755));
  const auto open_all = "chmod -R a+rwX '" + hub.home().string() + "' && ";
  const std::string repo = hub.repo("org/m").string();
  const std::string other = "setpriv --reuid=6001 --regid=6001 --clear-groups $HFT ";
  const auto as_other = [&](const std::string& before, const std::string& command) {
    return test::command({"bash", "-c", open_all + before + " && exec " + other + command},
                         {.env = hub.env({"HFT=" + std::string(HFT_BINARY), "HOME=/tmp"})});
  };
  // A list, a lock and folders that are another's.
  const auto ran = as_other("cd '" + repo + "' && chmod 0600 trees/* && chmod 0755 trees refs && " +
                                "chmod 0444 ../.locks/*/* && chmod 0555 ../.locks/*",
                            "hub download org/m");
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "/trees/"));
  CHECK(hub.cache_faults() == "");
  // A blob that cannot be read is fetched again; offline it is named.
  const auto closed =
      as_other("chmod 0600 '" + repo + "'/blobs/*", "hub download org/m --local-files-only");
  CHECK(closed.code == 8);
  CHECK(has(closed.err, ": cannot be read: Permission denied"));
  CHECK(as_other("chmod 0600 '" + repo + "'/blobs/*", "hub download org/m").code == 0);
}

TEST_CASE("row 37: a read-only cache, no HOME, no links, no locks") {
  FakeHub hub;
  hub.add_model("org/tiny");
  hub.start();
  // No links: the files themselves stand in the snapshot.
  const std::vector<std::string> no_links{"LD_PRELOAD=" HFT_FAILING_CALLS,
                                          "HFT_FAIL=symlink:EPERM:0"};
  CHECK(hub.run({"classify", "-m", "org/tiny", "x"}, no_links).code == 0);
  const fs::path snapshot = fs::directory_iterator(hub.repo("org/tiny") / "snapshots")->path();
  CHECK(fs::is_regular_file(fs::symlink_status(snapshot / "config.json")));
  hub.clear_log();
  CHECK(hub.run({"classify", "-m", "org/tiny", "x"}, no_links).code == 0);
  CHECK(hub.log().size() == 1);
  CHECK(hub.run({"hub", "cache", "verify"}).code == 0);
  // No locks.
  fs::remove_all(hub.cache());
  for (const char* plan : {"flock:ENOTSUP:0", "flock:NONE:0"}) {
    fs::remove_all(hub.cache());
    CHECK(hub.run({"classify", "-m", "org/tiny", "x"},
                  {"LD_PRELOAD=" HFT_FAILING_CALLS, std::string("HFT_FAIL=") + plan})
              .code == 0);
  }
  // Read-only: what is cached works, what is not says why.
  const std::string cache = hub.cache().string();
  const std::string read_only = "mount --bind '" + cache + "' '" + cache +
                                "'; mount -o remount,ro,bind '" + cache + "'; exec $HFT ";
  CHECK(with_mounts(hub, read_only + "tokenize -m org/tiny x").code == 0);
  fs::remove_all(hub.repo("org/tiny"));
  const auto cannot = with_mounts(hub, read_only + "tokenize -m org/tiny x");
  CHECK(cannot.code == 8);
  CHECK(has(error_line(cannot), "cannot write: Read-only file system"));
  // No HOME at all.
  const auto homeless = test::hft({"hub", "download", "org/tiny"},
                                  {.env = {"HOME=", "HF_HOME=", "XDG_CACHE_HOME=", "HF_HUB_CACHE=",
                                           "HUGGINGFACE_HUB_CACHE=", "TRANSFORMERS_CACHE="}});
  CHECK(homeless.code == 2);
  CHECK(homeless.err ==
        "hft: no cache folder: neither HF_HOME nor HOME is set\nhint: set HF_HOME, or give "
        "--cache-dir\n");
}

TEST_CASE("row 38: 16 processes on a cold cache fetch each blob about once") {
  for (const bool locks : {true, false}) {
    CAPTURE(locks);
    FakeHub hub(R"({"rate": 20000000})");
    hub.add("org/big", "model.bin", test::noise(4'000'000));
    hub.add("org/big", "config.json", "{}");
    hub.start();
    std::vector<std::string> env;
    if (!locks) env = {"LD_PRELOAD=" HFT_FAILING_CALLS, "HFT_FAIL=flock:NONE:0"};
    std::vector<pid_t> pids;
    for (int i = 0; i < 16; ++i) pids.push_back(hub.launch({"hub", "download", "org/big"}, env));
    for (const pid_t pid : pids) CHECK(FakeHub::wait_for(pid) == 0);
    CHECK(hub.cache_faults() == "");
    std::int64_t sent = 0;
    for (const Json& entry : hub.log("/lfs/")) sent += entry["sent"].get<std::int64_t>();
    MESSAGE("bytes sent: ", sent);
    CHECK(static_cast<double>(sent) <= (locks ? 1.1 : 16) * 4'000'000);
    CHECK(std::distance(fs::directory_iterator(hub.repo("org/big") / "blobs"), {}) == 2);
  }
}

TEST_CASE("row 25: Ctrl-C ends a download within a second and says that it goes on later") {
  FakeHub hub(R"({"rate": 500000})");
  hub.add("org/big", "model.bin", test::noise(4'000'000));
  hub.start();
  const pid_t pid = hub.launch({"hub", "download", "org/big"});
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  const auto start = std::chrono::steady_clock::now();
  ::kill(pid, SIGINT);
  CHECK(FakeHub::wait_for(pid) == 130);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::milliseconds(1300));
  CHECK(has(test::slurp(hub.folder / "launched.err"),
            "interrupted\nhint: the same command again goes on from here\n"));
  CHECK(hub.cache_faults() == "");
}

TEST_CASE("an evaluation's files: a write, sync or rename that fails is exit 8 and a line, nothing is half there") {
  test::TempFolder folder;
  test::spit(folder / "p.jsonl", "{\"prediction\":\"a\",\"label\":\"a\"}\n{\"prediction\":\"a\",\"label\":\"b\"}\n");
  const std::vector<std::string> files{"result.json", "samples.jsonl", "junit.xml", "summary.md", "plots/confusion.png"};
  const auto run = [&](const std::string& plan) {
    return test::hft({"eval", "--task", "classify", "--predictions", "p.jsonl", "--metric", "accuracy", "--output-path",
                      files[0], "--samples", files[1], "--junit", files[2], "--summary", files[3], "--plots", "plots",
                      "--force"},
                     {.env = {"LD_PRELOAD=" HFT_FAILING_CALLS, "HFT_FAIL=" + plan}, .cwd = folder.path});
  };
  REQUIRE(run("write:NONE:999").code == 0);
  std::vector<std::string> whole;
  for (const std::string& file : files) whole.push_back(test::slurp(folder / file));
  for (const std::string plan : {"write:ENOSPC", "fsync:EIO", "rename:EIO"}) {
    int failed = 0;
    for (int n = 1; n <= 40; ++n) {
      const auto ran = run(plan + ":" + std::to_string(n));
      CAPTURE(plan);
      CAPTURE(n);
      if (ran.code == 0) break;
      ++failed;
      CHECK(ran.code == 8);
      CHECK(ran.err.starts_with("hft: "));
      // Each file is as it was, or as it is to be.
      for (std::size_t i = 0; i < files.size(); ++i) CHECK(test::slurp(folder / files[i]) == whole[i]);
    }
    CHECK(failed >= 5);
  }
}
