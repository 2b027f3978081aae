#include "tasks/run/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/write_target.h"
#include "hub/cache_guard.h"

namespace hft {
namespace {
constexpr std::size_t kBufferBytes = 1 << 16;

[[noreturn]] void cannot_write(const std::string& name, int error) {
  // A reader that went away (`hft … | head -1`) is no failure.
  if (error == EPIPE) ::_exit(0);
  fail(Errc::kResources, name, ": cannot write: ", std::strerror(error));
}

// Bytes up to the last newline of a file.
std::int64_t whole_lines(int fd) {
  std::int64_t end = std::max<std::int64_t>(::lseek(fd, 0, SEEK_END), 0);
  char block[4096];
  while (end > 0) {
    const std::int64_t begin = std::max<std::int64_t>(end - static_cast<int>(sizeof block), 0);
    const ssize_t n = ::pread(fd, block, static_cast<std::size_t>(end - begin), begin);
    const auto at =
        std::string_view(block, static_cast<std::size_t>(std::max<ssize_t>(n, 0))).rfind('\n');
    if (at != std::string_view::npos) return begin + static_cast<std::int64_t>(at) + 1;
    end = begin;
  }
  return 0;
}
}  // namespace

void check_output_file(const std::string& file, bool replace) {
  if (file.empty()) return;
  const WriteTarget target(file);
  if (target.through()) return;
  const fs::path folder = target.path.has_parent_path() ? target.path.parent_path() : ".";
  if (!fs::is_directory(folder))
    fail(Errc::kResources, file, ": the folder ", folder.string(), " is not there");
  if (fs::is_directory(target.path)) fail(Errc::kUsage, file, ": is a folder, wanted a file");
  hub::refuse_cache("-o", file);
  if (fs::exists(target.path) && !replace)
    fail_hint(Errc::kUsage, "use --force to replace it", file, ": exists already");
}

bool OutputFile::lasting(const fs::path& file) {
  return !file.empty() && !WriteTarget(file).through();
}
fs::path OutputFile::partial(const fs::path& file) {
  return WriteTarget(file).path.string() + ".partial";
}
fs::path OutputFile::older(const fs::path& file) { return partial(file).string() + ".old"; }

OutputFile::OutputFile(const fs::path& file, Partial partial_file)
    : lasting_(lasting(file)), file_(file) {
  if (file_.empty()) return;
  if (!lasting_) {
    fd_ = WriteTarget(file_).open_through();
    return;
  }
  const fs::path name = partial(file_);
  fd_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) cannot_write(file_.string(), errno);
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(fd_);
    fail(Errc::kBusy, name.string(), ": another hft is writing it");
  }
  if (partial_file == Partial::kContinue) {
    size_ = whole_lines(fd_);
    if (::ftruncate(fd_, size_) != 0 || ::lseek(fd_, size_, SEEK_SET) < 0)
      cannot_write(file_.string(), errno);
  } else if (!fs::is_empty(name)) {
    fs::rename(name, older(file_));
    ::close(fd_);
    fd_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0) cannot_write(file_.string(), errno);
    ::flock(fd_, LOCK_EX | LOCK_NB);
  }
}

OutputFile::~OutputFile() {
  if (file_.empty() || fd_ < 0) return;
  try {
    flush();
  } catch (const Error&) {  // the run is failing already; what was written so far stays
  }
  ::close(fd_);
  if (!lasting_) return;
  std::error_code ignored;
  if (fs::is_empty(partial(file_), ignored)) fs::remove(partial(file_), ignored);
}

void OutputFile::write(std::string_view bytes) {
  size_ += static_cast<std::int64_t>(bytes.size());
  buffer_ += bytes;
  if (buffer_.size() >= kBufferBytes) flush();
}

void OutputFile::flush() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t n = ::write(fd_, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      buffer_.clear();
      cannot_write(file_.empty() ? "stdout" : file_.string(), error);
    }
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  buffer_.clear();
}

void OutputFile::close() {
  flush();
  if (!lasting_) return;
  const fs::path target = WriteTarget(file_).path;
  if (::fsync(fd_) != 0 && errno != EINVAL) cannot_write(file_.string(), errno);
  if (::rename(partial(file_).c_str(), target.c_str()) != 0) cannot_write(file_.string(), errno);
  ::close(fd_);
  fd_ = -1;
  std::error_code ignored;
  fs::remove(older(file_), ignored);
}

void OutputFile::discard() {
  std::error_code ignored;
  fs::remove(partial(file_), ignored);
  fs::remove(older(file_), ignored);
  ::close(fd_);
  fd_ = -1;
}

}  // namespace hft
