// For LD_PRELOAD: lets system calls fail as a bad disk or an odd file system lets them.
//   HFT_FAIL=CALL:ERROR:N    the Nth call (counted from 1; 0 = every one) of write, fsync, symlink,
//                            flock or rename fails with ENOSPC, EIO, EDQUOT, EPERM, ENOTSUP or
//                            EINTR
//   HFT_FAIL=write:SHORT:N   the Nth write takes half of its bytes
//   HFT_FAIL=flock:NONE:0    flock always succeeds, and locks nothing
// Writes count when they go to a regular file.
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

struct Plan {
  std::string call, error;
  long number = 0;
  Plan() {
    const char* text = std::getenv("HFT_FAIL");
    const std::string all = text ? text : "";
    const auto first = all.find(':'), last = all.rfind(':');
    if (first == all.npos || last == first) return;
    call = all.substr(0, first);
    error = all.substr(first + 1, last - first - 1);
    number = std::atol(all.c_str() + last + 1);
  }
};

const Plan& plan() {
  static const Plan made;
  return made;
}

bool hits(const char* call) {
  static std::atomic<long> count{0};
  if (plan().call != call) return false;
  const long now = ++count;
  return plan().number == 0 || now == plan().number;
}

int fail() {
  const std::string& name = plan().error;
  errno = name == "ENOSPC"    ? ENOSPC
          : name == "EDQUOT"  ? EDQUOT
          : name == "EPERM"   ? EPERM
          : name == "ENOTSUP" ? ENOTSUP
          : name == "EINTR"   ? EINTR
                              : EIO;
  return -1;
}

template <class F>
F real(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}

bool is_regular(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t bytes) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  if (fd > 2 && is_regular(fd) && hits("write")) {
    if (plan().error == "SHORT") return next(fd, data, (bytes + 1) / 2);
    return fail();
  }
  return next(fd, data, bytes);
}

int fsync(int fd) {
  static const auto next = real<int (*)(int)>("fsync");
  return is_regular(fd) && hits("fsync") ? fail() : next(fd);
}

int symlink(const char* target, const char* path) {
  static const auto next = real<int (*)(const char*, const char*)>("symlink");
  return hits("symlink") ? fail() : next(target, path);
}

int rename(const char* from, const char* to) {
  static const auto next = real<int (*)(const char*, const char*)>("rename");
  return hits("rename") ? fail() : next(from, to);
}

int flock(int fd, int operation) {
  static const auto next = real<int (*)(int, int)>("flock");
  if (!hits("flock")) return next(fd, operation);
  return plan().error == "NONE" ? 0 : fail();
}
}
