// Files: what happens when a mapped file shrinks under the program.
#include "core/base/files.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"

using namespace hft;

namespace {

// Runs f in a child whose stderr goes to `err`; returns the child's wait status.
template <class F>
int in_child(const fs::path& err, F f) {
  pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT, 0600), 2);
    ::signal(SIGBUS, SIG_DFL);
    f();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status;
}

}  // namespace

TEST_CASE("files: a file truncated while it is mapped ends the program with one line and code 9") {
  test::TempFolder folder;
  fs::path file = folder / "weights";
  test::spit(file, std::string(5 * 4096, 'x'));
  int status = in_child(folder / "err", [&] {
    guard_mappings();
    MappedFile closed(file);
    MappedFile mapped(file);
    fs::resize_file(file, 100);
    volatile auto byte = mapped.bytes()[4 * 4096];
    (void)byte;
  });
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 9);
  CHECK(test::slurp(folder / "err") ==
        "hft: " + file.string() + ": the file was truncated while it was in use\n");
}

TEST_CASE("files: a bus error outside every mapped file still ends the program by its signal") {
  test::TempFolder folder;
  int status = in_child(folder / "err", [&] {
    guard_mappings();
    ::kill(::getpid(), SIGBUS);
    ::kill(::getpid(), SIGBUS);
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGBUS);
  CHECK(test::slurp(folder / "err").empty());
}

TEST_CASE("files: pieces of every size are written in their order") {
  test::TempFolder folder;
  const std::string large(700'000, 'b');
  AtomicFile file(folder / "x");
  for (const std::string& piece : {std::string("a"), large, std::string("c")}) file.write(piece);
  file.commit();
  CHECK(test::slurp(folder / "x") == "a" + large + "c");
}
