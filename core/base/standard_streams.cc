#include "core/base/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/base/error.h"

namespace hft {

void open_standard_streams() {
  constexpr int kFails[] = {O_WRONLY, O_RDONLY, O_WRONLY};  // of 0, 1, 2
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", kFails[fd]) != fd) ::_exit(1);
  // Large enough for all that is printed, so that the one write at the end tells what went wrong.
  static char buffer[1 << 20];
  if (!::isatty(STDOUT_FILENO)) std::setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
}

void finish_stdout() {
  const bool failed = std::ferror(stdout);
  if (std::fflush(stdout) == 0 && !failed) return;
  if (errno != EPIPE)
    fail(Errc::kResources, "stdout: cannot write: ", std::strerror(failed ? EIO : errno));
}

}  // namespace hft
