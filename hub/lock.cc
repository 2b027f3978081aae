#include "hub/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "core/base/error.h"
#include "core/base/log.h"
#include "hub/http.h"

namespace hft::hub {

FileLock::FileLock(const std::filesystem::path& file, const std::string& what) {
  using namespace std::chrono_literals;
  const auto start = std::chrono::steady_clock::now();
  bool told = false;
  while (true) {
    if (fd_ < 0) fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd_ < 0)
      fail(Errc::kResources, file.string(), ": cannot open the lock: ", std::strerror(errno));
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) {
      struct stat held {
      }, named{};
      if (::fstat(fd_, &held) == 0 && ::stat(file.c_str(), &named) == 0 &&
          held.st_ino == named.st_ino)
        return;
      ::close(fd_);  // somebody removed the file meanwhile
      fd_ = -1;
      continue;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) return;
    check_stop();
    if (!told && std::chrono::steady_clock::now() - start > 10s) {
      note("waiting for another process, which is fetching " + what);
      told = true;
    }
    std::this_thread::sleep_for(20ms);
  }
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace hft::hub
