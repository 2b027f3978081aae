#include "core/base/given_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/error.h"

namespace hft {

std::string read_given(const std::filesystem::path& file, std::int64_t max_bytes) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
    fail(Errc::kNotFound, file.string(), ": no such file");
  if (fd < 0) fail(Errc::kResources, file.string(), ": cannot open: ", std::strerror(errno));
  std::string text;
  ssize_t n = 0;
  do {
    char piece[1 << 16];
    n = ::read(fd, piece, sizeof piece);
    if (n > 0) text.append(piece, static_cast<std::size_t>(n));
  } while ((n > 0 && static_cast<std::int64_t>(text.size()) <= max_bytes) ||
           (n < 0 && errno == EINTR));
  const int error = errno;
  ::close(fd);
  if (n < 0) fail(Errc::kResources, file.string(), ": cannot read: ", std::strerror(error));
  if (static_cast<std::int64_t>(text.size()) > max_bytes)
    fail(Errc::kBadData, file.string(), ": more than ", max_bytes, " bytes, the limit");
  return text;
}

}  // namespace hft
