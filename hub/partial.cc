#include "hub/partial.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <vector>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "hub/http.h"
#include "hub/names.h"

namespace hft::hub {
namespace {

constexpr std::size_t kBlock = 1 << 20;
constexpr std::time_t kSurelyDeadSeconds = 900;  // longer than any wait between two writes

// Calls f(bytes) for the whole of an open file.
template <class F>
void each_block(int fd, F&& f) {
  std::vector<char> block(kBlock);
  for (std::int64_t at = 0;;) {
    const ssize_t n = ::pread(fd, block.data(), block.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    f(std::span<const char>(block.data(), static_cast<std::size_t>(n)));
    at += n;
    check_stop();
  }
}

[[noreturn]] void cannot_write(const fs::path& file, int error, std::int64_t missing) {
  struct statvfs disk {};
  std::string more;
  if (error == ENOSPC && missing > 0 && ::statvfs(file.parent_path().c_str(), &disk) == 0)
    more = " (" + human_bytes(missing) + " more are needed, " +
           human_bytes(static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize)) + " are free)";
  fail_hint(Errc::kResources,
            error == ENOSPC || error == EDQUOT
                ? "make room; the same command again goes on from here"
                : "",
            file.parent_path().string(), ": cannot write: ", std::strerror(error), more);
}

}  // namespace

std::unique_ptr<Hash> hash_for(const std::string& digest, std::int64_t size) {
  if (digest.size() == 64) return backend().sha256();
  auto hash = backend().sha1();
  const std::string head = "blob " + std::to_string(size);
  hash->update(head.c_str(), head.size() + 1);  // with its NUL
  return hash;
}

std::string digest_of(const fs::path& file, const std::string& like) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  if (fd < 0 || ::fstat(fd, &info) != 0) return "";
  auto hash = hash_for(like, info.st_size);
  try {
    each_block(fd, [&](std::span<const char> bytes) { hash->update(bytes.data(), bytes.size()); });
  } catch (...) {
    ::close(fd);
    throw;
  }
  ::close(fd);
  return hash->hex();
}

bool has_writer(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return true;
  // A read lease is granted only for a file that nobody has open for writing.
  const bool granted = ::fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
  const bool cannot_tell = !granted && errno != EAGAIN;  // a file system without leases
  if (granted) ::fcntl(fd, F_SETLEASE, F_UNLCK);
  struct stat info {};
  const bool old =
      ::fstat(fd, &info) == 0 && info.st_mtime < std::time(nullptr) - kSurelyDeadSeconds;
  ::close(fd);
  return !granted && !(cannot_tell && old);
}

Partial::Partial(const fs::path& folder, const std::string& prefix, const RepoFile& wanted)
    : wanted_(wanted) {
  path_ = folder / (prefix + "." + random_tag() + ".incomplete");
  std::error_code error;
  std::vector<std::pair<std::uintmax_t, fs::path>> found;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix + ".") || !name.ends_with("incomplete")) continue;
    if (entry.is_regular_file(error) && !entry.is_symlink(error))
      found.emplace_back(entry.file_size(error), entry.path());
  }
  std::sort(found.rbegin(), found.rend());  // the one with the most bytes first
  for (const auto& [bytes, candidate] : found) {
    if (has_writer(candidate)) continue;
    if (fd_ < 0 && adopt(candidate)) continue;
    fs::remove(candidate, error);
  }
  if (fd_ >= 0) {
    hash_what_is_there();
    return;
  }
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd_ < 0) cannot_write(path_, errno, 0);
  hash_ = hash_for(wanted_.digest, wanted_.size);
}

Partial::~Partial() {
  if (fd_ >= 0) ::close(fd_);
}

bool Partial::adopt(const fs::path& candidate) {
  if (::rename(candidate.c_str(), path_.c_str()) != 0) return false;  // another process was first
  fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  struct stat info {};
  const bool fits =
      fd_ >= 0 && ::fstat(fd_, &info) == 0 && (wanted_.size < 0 || info.st_size <= wanted_.size);
  if (fits) return true;
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  ::unlink(path_.c_str());
  return false;
}

void Partial::hash_what_is_there() {
  hash_ = hash_for(wanted_.digest, wanted_.size);
  each_block(fd_, [&](std::span<const char> bytes) {
    hash_->update(bytes.data(), bytes.size());
    size_ += static_cast<std::int64_t>(bytes.size());
  });
  ::lseek(fd_, size_, SEEK_SET);
}

void Partial::append(std::span<const char> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      cannot_write(path_, error, wanted_.size - size_);
    }
    done += static_cast<std::size_t>(n);
  }
  hash_->update(bytes.data(), bytes.size());
  size_ += static_cast<std::int64_t>(bytes.size());
}

void Partial::restart() {
  if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) != 0) cannot_write(path_, errno, 0);
  size_ = 0;
  hash_ = hash_for(wanted_.digest, wanted_.size);
}

std::string Partial::digest() {
  // Of a git blob whose size was not told, the hash can only begin now.
  if (wanted_.size < 0 && wanted_.digest.size() == 40) return digest_of(path_, wanted_.digest);
  return hash_->hex();
}

void Partial::sync() {
  // Once fsync has failed, a second call may succeed without the bytes being there.
  if (::fsync(fd_) != 0 && errno != EINVAL) {
    const int error = errno;
    remove();
    cannot_write(path_, error, 0);
  }
}

void Partial::remove() {
  std::error_code ignored;
  fs::remove(path_, ignored);
}

}  // namespace hft::hub
