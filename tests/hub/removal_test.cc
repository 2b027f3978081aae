// hub cache rm and prune: what others use, write or moved away stays.
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

#include <thread>

#include "tests/support/fake_hub.h"

using namespace hft;
using test::FakeHub;
namespace fs = std::filesystem;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A repository of which the cache holds two revisions, the first of them detached.
struct TwoRevisions {
  TwoRevisions() : hub(R"({"users": {"hf_token_of_ann": {"name": "ann"}}})") {
    hub.add("ann/m", "a.txt", "first");
    hub.add("ann/m", "same.bin", test::noise(50'000));
    hub.start();
    REQUIRE(hub.run({"hub", "download", "ann/m"}).code == 0);
    first = test::slurp(repo() / "refs/main");
    test::spit(hub.folder / "a.txt", "second");
    REQUIRE(hub.run({"hub", "upload", "ann/m", (hub.folder / "a.txt").string()},
                    {"HF_TOKEN=hf_token_of_ann"})
                .code == 0);
    REQUIRE(hub.run({"hub", "download", "ann/m"}).code == 0);
    second = test::slurp(repo() / "refs/main");
  }
  fs::path repo() const { return hub.repo("ann/m"); }
  fs::path snapshot(const std::string& commit) const { return repo() / "snapshots" / commit; }
  test::Ran cache(std::vector<std::string> args) const {
    args.insert(args.begin(), {"hub", "cache"});
    return hub.run(args);
  }
  bool second_is_whole() const {
    return hub.run({"hub", "download", "ann/m", "--local-files-only"}).code == 0 &&
           hub.cache_faults() == "";
  }
  FakeHub hub;
  std::string first, second;
};

}  // namespace

TEST_CASE("removal: of a link out of the cache only the link goes") {
  for (const std::string how : {"prune", "revision", "repository"}) {
    CAPTURE(how);
    const TwoRevisions w;
    const fs::path data = w.hub.folder / "data";
    fs::create_directories(data);
    test::spit(data / "weights.bin", "precious");
    fs::create_symlink(data / "weights.bin", w.snapshot(w.first) / "extra.bin");
    fs::create_directory_symlink(data, w.snapshot(w.first) / "folder");
    const fs::path blob =
        w.repo() / "blobs" / fs::read_symlink(w.snapshot(w.first) / "a.txt").filename();
    fs::remove(blob);
    fs::create_symlink(data / "weights.bin", blob);
    const auto ran = how == "prune"      ? w.cache({"prune", "--yes"})
                     : how == "revision" ? w.cache({"rm", w.first, "--yes"})
                                         : w.cache({"rm", "ann/m", "--yes"});
    CHECK(ran.code == 0);
    CHECK(test::slurp(data / "weights.bin") == "precious");
    CHECK_FALSE(fs::exists(w.snapshot(w.first)));
    CHECK_FALSE(fs::is_symlink(fs::symlink_status(blob)));
    if (how != "repository") CHECK(w.second_is_whole());
  }
}

TEST_CASE("removal: what cannot be judged is left alone") {
  TwoRevisions w;
  // Links in a folder beside the revisions keep their blobs.
  fs::create_directories(w.repo() / "snapshots/my-copy");
  fs::copy_symlink(w.snapshot(w.first) / "a.txt", w.repo() / "snapshots/my-copy/a.txt");
  CHECK(w.cache({"prune", "--yes"}).code == 0);
  CHECK_FALSE(fs::exists(w.snapshot(w.first)));
  CHECK(test::slurp(w.repo() / "snapshots/my-copy/a.txt") == "first");
  // A ref that is a link is a ref.
  fs::rename(w.repo() / "refs/main", w.repo() / "main-of-mine");
  fs::create_symlink("../main-of-mine", w.repo() / "refs/main");
  CHECK(w.cache({"prune", "--yes"}).err == "hft: nothing to remove\n");
  CHECK(fs::exists(w.snapshot(w.second)));
  // A folder of refs elsewhere: nothing is known.
  fs::rename(w.repo() / "refs", w.hub.folder / "refs");
  fs::create_directory_symlink(w.hub.folder / "refs", w.repo() / "refs");
  const auto ran = w.cache({"prune", "--yes"});
  CHECK(has(ran.err, "hft: model/ann/m: left alone: " + (w.repo() / "refs").string() +
                         ": is a link, wanted a folder\n"));
  CHECK(fs::exists(w.snapshot(w.second)));
}

TEST_CASE("removal: blobs that two repositories share stay for the other") {
  const TwoRevisions w;
  // A second repository whose blobs are links into the first one, and one that shares its folder.
  const fs::path other = w.hub.repo("ann/other"), third = w.hub.repo("ann/third");
  for (const fs::path& repo : {other, third}) {
    fs::create_directories(repo / "refs");
    fs::create_directories(repo / "snapshots" / w.first);
    test::spit(repo / "refs/main", w.first);
    fs::copy_symlink(w.snapshot(w.first) / "a.txt", repo / "snapshots" / w.first / "a.txt");
  }
  const auto blob = fs::read_symlink(w.snapshot(w.first) / "a.txt").filename();
  fs::create_directories(other / "blobs");
  fs::create_symlink(w.repo() / "blobs" / blob, other / "blobs" / blob);
  fs::create_directory_symlink("../models--ann--m/blobs", third / "blobs");
  const auto both = [&] {
    return test::slurp(other / "snapshots" / w.first / "a.txt") == "first" &&
           test::slurp(third / "snapshots" / w.first / "a.txt") == "first";
  };
  REQUIRE(both());
  CHECK(w.cache({"prune", "--yes"}).code == 0);
  CHECK_FALSE(fs::exists(w.snapshot(w.first)));
  CHECK(both());
  CHECK(w.cache({"rm", "ann/m", "--yes"}).code == 0);
  CHECK(both());
  CHECK(w.cache({"rm", "ann/third", "--yes"}).code == 0);
  CHECK(test::slurp(other / "snapshots" / w.first / "a.txt") == "first");
}

TEST_CASE("removal: a repository moved to another disk loses its link, no byte") {
  const TwoRevisions w;
  const fs::path big = w.hub.folder / "big";
  fs::rename(w.repo(), big);
  fs::create_directory_symlink(big, w.repo());
  CHECK(w.hub.run({"hub", "download", "ann/m", "--local-files-only"}).code == 0);
  CHECK(w.hub.run({"hub", "download", "ann/m"}).code == 0);
  CHECK(w.cache({"verify"}).code == 0);
  CHECK(w.cache({"prune", "--yes"}).err == "hft: freed 5 B\n");
  const auto ran = w.cache({"rm", "ann/m", "--yes"});
  CHECK(ran.code == 0);
  CHECK(has(ran.out, ": only the link; what it leads to stays, " + big.string() + "\n"));
  CHECK(ran.err == "hft: freed 0 B\n");
  CHECK_FALSE(fs::is_symlink(fs::symlink_status(w.repo())));
  CHECK(test::slurp(big / "snapshots" / w.second / "a.txt") == "second");
}

TEST_CASE("removal: blobs on another disk are read, filled and verified through their link") {
  const TwoRevisions w;
  const fs::path big = w.hub.folder / "big";
  fs::rename(w.repo() / "blobs", big);
  fs::create_directory_symlink(big, w.repo() / "blobs");
  CHECK(w.hub.run({"hub", "download", "ann/m", "--local-files-only"}).code == 0);
  CHECK(w.cache({"verify"}).code == 0);
  fs::remove(w.snapshot(w.second) / "same.bin");
  for (const auto& blob : fs::directory_iterator(big))
    if (fs::file_size(blob) == 50'000) fs::remove(blob);
  CHECK(w.hub.run({"hub", "download", "ann/m"}).code == 0);
  CHECK(fs::file_size(w.snapshot(w.second) / "same.bin") == 50'000);
  CHECK(w.cache({"prune", "--yes"}).err == "hft: freed 5 B\n");
  CHECK(w.hub.run({"hub", "download", "ann/m", "--local-files-only"}).code == 0);
}

TEST_CASE("removal: a repository into which a download goes on is left alone") {
  for (const std::vector<std::string>& how :
       {std::vector<std::string>{"prune"}, {"rm", "--filter", "accessed>30d"}, {"rm", "org/big"}}) {
    CAPTURE(how.back());
    FakeHub hub(R"({"rate": 4000000})");
    hub.add("org/big", "a.bin", test::noise(3'000'000));
    hub.add("org/big", "config.json", "{}");
    hub.start();
    const pid_t pid = hub.launch({"hub", "download", "org/big"});
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    std::vector<std::string> args{"hub", "cache"};
    args.insert(args.end(), how.begin(), how.end());
    args.push_back("--yes");
    const auto ran = hub.run(args);
    CAPTURE(ran.err);
    CHECK(ran.code == (how.back() == "org/big" ? 11 : 0));
    CHECK_FALSE(has(hub.run({"hub", "cache", "ls"}).out, "years ago"));
    CHECK(FakeHub::wait_for(pid) == 0);
    CHECK(hub.run({"hub", "download", "org/big", "--local-files-only"}).code == 0);
  }
}

TEST_CASE("removal: a lock that Python holds, or a file it writes, keeps a repository") {
  const TwoRevisions w;
  const fs::path locks = w.hub.cache() / ".locks/models--ann--m";
  fs::create_directories(locks);
  const int fd = ::open((locks / "x.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  ::flock(fd, LOCK_EX);
  CHECK(w.cache({"prune", "--yes"}).err ==
        "hft: model/ann/m: left alone: a download into it goes on\nhft: nothing to remove\n");
  const auto refused = w.cache({"rm", w.first, "--yes"});
  CHECK(refused.code == 11);
  CHECK(refused.err ==
        "hft: model/ann/m: a download into it goes on\nhint: wait until it has ended, or end it\n");
  ::close(fd);
  const int partial = ::open((w.repo() / "blobs/abc.0123.incomplete").c_str(),
                             O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  CHECK(has(w.cache({"prune", "--yes"}).err, "left alone"));
  ::close(partial);
  CHECK(w.cache({"prune", "--yes"}).err == "hft: freed 5 B\n");
}

TEST_CASE("download: files that vanish meanwhile are brought again, or it fails") {
  FakeHub hub(R"({"rate": 3000000})");
  hub.add("org/big", "a.bin", test::noise(2'000'000));
  hub.add("org/big", "config.json", "{}");
  hub.start();
  const pid_t pid = hub.launch({"hub", "download", "org/big"});
  const fs::path snapshots = hub.repo("org/big") / "snapshots";
  for (int i = 0; i < 100 && (!fs::exists(snapshots) || fs::is_empty(snapshots)); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const fs::path snapshot = fs::directory_iterator(snapshots)->path();
  const fs::path blob = fs::weakly_canonical(snapshot / "config.json");
  fs::remove(snapshot / "config.json");
  fs::remove(blob);
  CHECK(FakeHub::wait_for(pid) == 0);
  CHECK(test::slurp(snapshot / "config.json") == "{}");
}
