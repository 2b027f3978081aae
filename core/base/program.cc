#include "core/base/program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/error.h"

namespace hft {

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail(Errc::kResources, "no pipe: ", std::strerror(errno));
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Descriptor file_of(std::string_view bytes) {
  Descriptor file(::memfd_create("hft", MFD_CLOEXEC));
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t n = ::write(file.get(), bytes.data() + at, bytes.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(Errc::kResources, "no memory for a file: ", std::strerror(errno));
    at += static_cast<std::size_t>(n);
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0)
    fail(Errc::kResources, "no memory for a file: ", std::strerror(errno));
  return file;
}

Program::Program(const std::vector<std::string>& arguments, const Streams& streams,
                 std::uint64_t memory) {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&how);
  const int moves[][2] = {{streams.in, 0}, {streams.out, 1}, {streams.error, 2}};
  for (const auto& [from, to] : moves) ::posix_spawn_file_actions_adddup2(&files, from, to);
  ::posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP);
  const int failed = ::posix_spawnp(&pid_, argv[0], &files, &how, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&how);
  if (failed) pid_ = -1;
  if (failed == ENOENT) return;
  if (failed) fail(Errc::kResources, "cannot start ", arguments[0], ": ", std::strerror(failed));
  const rlimit most{memory, memory};
  ::prlimit(pid_, RLIMIT_AS, &most, nullptr);
}

Program::~Program() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  wait();
}

int Program::wait() {
  int status = 0;
  while (pid_ > 0 && ::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  if (pid_ > 0) code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  pid_ = 0;
  return code_;
}

}  // namespace hft
