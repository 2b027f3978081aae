#include "core/base/write_target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <random>
#include <string>

#include "core/base/error.h"
#include "core/base/signals.h"

namespace hft {
namespace fs = std::filesystem;
namespace {

constexpr int kLinks = 40;  // followed at most, as the system does

// N when the path is /proc/self/fd/N, however it is spelt (/dev/fd/N); else -1.
int descriptor_of(const fs::path& path) {
  std::error_code error;
  const fs::path own = fs::canonical("/proc/self/fd", error);
  if (error || fs::canonical(path.parent_path(), error) != own) return -1;
  const std::string name = path.filename();
  int number = -1;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), number);
  return read.ec == std::errc() && read.ptr == name.data() + name.size() ? number : -1;
}

template <class Make>
auto make_unique(fs::path& path, Make make) -> decltype(make("")) {
  constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device device;
  std::uniform_int_distribution<std::size_t> letter(0, sizeof kLetters - 2);
  for (int tries = 0;; ++tries) {
    std::string name = path.string() + ".";
    for (int i = 0; i < 6; ++i) name += kLetters[letter(device)];
    const auto made = make(name.c_str());
    if (made < 0 && errno == EEXIST && tries < 100) continue;
    path = name;
    return made;
  }
}

}  // namespace

WriteTarget::WriteTarget(const fs::path& file) : given(file), path(file) {
  std::error_code error;
  for (int links = 0; links < kLinks; ++links) {
    descriptor_ = descriptor_of(path);
    if (descriptor_ >= 0 || !fs::is_symlink(path, error)) break;
    path = path.parent_path() / fs::read_symlink(path, error);
  }
  const fs::file_status status = fs::status(path, error);
  through_ = descriptor_ >= 0 ||
             (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status));
}

int WriteTarget::open_through() const {
  for (;;) {
    const int fd = descriptor_ >= 0 ? ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 3)
                                    : ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0) return fd;
    if (errno == EINTR && stop_requested())
      fail(static_cast<Errc>(stop_requested()), given.string(), ": interrupted");
    if (errno != EINTR)
      fail(Errc::kResources, given.string(), ": cannot write: ", std::strerror(errno));
  }
}

int make_unique_file(fs::path& path) {
  return make_unique(path, [](const char* name) {
    return ::open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  });
}

bool make_unique_folder(fs::path& path) {
  return make_unique(path, [](const char* name) { return ::mkdir(name, 0777); }) == 0;
}

ScratchFolder::ScratchFolder(const std::string& name)
    : path_(std::filesystem::temp_directory_path() / name) {
  if (!make_unique_folder(path_))
    fail(Errc::kResources, path_.string(), ": cannot make a folder here");
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace hft
