#include "hub/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "core/base/log.h"
#include "hub/http.h"

namespace hft::hub {

namespace {

// For writing where that is allowed: another user's lock may be readable only, which is enough.
int open_lock(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  return fd >= 0 ? fd : ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

// Is the open file still the one of that name?
bool is_current(int fd, const std::filesystem::path& file) {
  struct stat held {
  }, named{};
  return ::fstat(fd, &held) == 0 && ::stat(file.c_str(), &named) == 0 &&
         held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

// Takes the lock that `open` opens, once more when its file was removed meanwhile; its descriptor,
// open without a lock where there are none. Calls `wait` each time that another process holds it.
template <class Open, class Wait>
int lock_file(const std::filesystem::path& file, int kind, Open&& open, Wait&& wait) {
  for (int fd = -1;;) {
    if (fd < 0 && (fd = open()) < 0) return -1;
    if (::flock(fd, kind | LOCK_NB) == 0) {
      if (is_current(fd, file)) return fd;
      ::close(fd);
      fd = -1;
      continue;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) return fd;
    try {
      wait();
    } catch (...) {
      ::close(fd);
      throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

FileLock::FileLock(const std::filesystem::path& file, const std::string& what) {
  const auto start = std::chrono::steady_clock::now();
  bool told = false;
  fd_ = lock_file(
      file, LOCK_EX, [&] { return open_lock(file); },
      [&] {
        check_stop();
        if (told || std::chrono::steady_clock::now() - start < std::chrono::seconds(10)) return;
        note("waiting for another process, which is fetching " + what);
        told = true;
      });
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

FolderLock::FolderLock(const std::filesystem::path& folder, Kind kind) {
  const auto open = [&] {
    std::error_code ignored;
    if (kind == Kind::kShared) std::filesystem::create_directories(folder, ignored);
    return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  };
  if (kind == Kind::kShared) {
    fd_ = lock_file(folder, LOCK_SH, open, check_stop);
    held_ = true;
    return;
  }
  fd_ = open();
  held_ = fd_ < 0 || ::flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

bool is_locked(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  const bool locked = ::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(fd);
  return locked;
}

}  // namespace hft::hub
