#include "core/base/files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "core/base/write_target.h"

namespace hft {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

// Opens a regular file for reading and tells its size; the caller closes the descriptor.
int open_regular(const fs::path& file, std::size_t& size) {
  // O_NONBLOCK: a FIFO in place of a file is refused, not waited for.
  int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    Errc code = errno == ENOENT || errno == ENOTDIR ? Errc::kNotFound : Errc::kResources;
    fail(code, file.string(), ": ", errno == ENOENT ? "no such file" : std::strerror(errno));
  }
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    fail(Errc::kBadData, file.string(), ": not a regular file",
         S_ISDIR(info.st_mode) ? " (a folder)" : "");
  }
  size = static_cast<std::size_t>(info.st_size);
  return fd;
}

[[noreturn]] void cannot_write(const fs::path& file) {
  fail(Errc::kResources, file.string(), ": cannot write: ", std::strerror(errno));
}

// The live mappings, readable from a signal handler: no lock, no allocation. A slot is taken when
// its begin is not 0; mappings beyond the last slot are not guarded.
struct Slot {
  std::atomic<std::uintptr_t> begin{0}, end{0};
  std::atomic<const char*> path{nullptr};
};
std::array<Slot, 1024> slots;
constexpr std::uintptr_t kReserved = 1;  // an address no mapping begins at

void guard(const std::byte* data, std::size_t size, const char* path) {
  auto begin = reinterpret_cast<std::uintptr_t>(data);
  for (Slot& slot : slots) {
    std::uintptr_t expected = 0;
    if (!slot.begin.compare_exchange_strong(expected, kReserved)) continue;
    slot.end = begin + size;
    slot.path = path;
    slot.begin = begin;
    return;
  }
}

void forget(const std::byte* data) {
  for (Slot& slot : slots)
    if (slot.begin == reinterpret_cast<std::uintptr_t>(data)) {
      slot.end = 0;
      slot.path = nullptr;
      slot.begin = 0;
      return;
    }
}

// Gives the pages of a large mapping back on several cores: one takes 36 ms for a gigabyte.
void unmap_pages(std::byte* data, std::size_t size) {
  constexpr std::size_t kLarge = 64 << 20, kPage = 4096;
  if (size < kLarge) return;
  const std::size_t cores = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  const std::size_t share = (size / cores + kPage - 1) / kPage * kPage;
  std::vector<std::jthread> threads;
  for (std::size_t at = 0; at < size; at += share)
    threads.emplace_back([=] { ::madvise(data + at, std::min(share, size - at), MADV_DONTNEED); });
}

void say(const char* text) {
  if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

void on_bus_error(int signal, siginfo_t* info, void*) {
  auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (const Slot& slot : slots) {
    const char* path = slot.path;
    if (at < slot.begin || at >= slot.end || !path) continue;
    say("hft: ");
    say(path);
    say(": the file was truncated while it was in use\n");
    ::_exit(static_cast<int>(Errc::kBadData));
  }
  ::signal(signal, SIG_DFL);  // the instruction faults again, and now ends the program
}

}  // namespace

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

bool is_link(const fs::path& path) {
  std::error_code ignored;
  return fs::is_symlink(fs::symlink_status(path, ignored));
}

std::string read_file(const fs::path& file, std::int64_t max_bytes) {
  std::size_t size = 0;
  int fd = open_regular(file, size);
  if (size > static_cast<std::size_t>(max_bytes)) {
    ::close(fd);
    fail(Errc::kBadData, file.string(), ": ", size, " bytes, the limit is ", max_bytes);
  }
  std::string text;
  text.reserve(size + 64);  // a parser's padding then costs no copy
  text.resize(size);
  std::size_t done = 0;
  while (done < size) {
    ssize_t n = ::read(fd, text.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  ::close(fd);
  text.resize(done);
  return text;
}

MappedFile::MappedFile(const fs::path& file) : path_(file) {
  int fd = open_regular(file, size_);
  if (size_ > 0) {
    void* data = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
    int error = errno;
    ::close(fd);
    if (data == MAP_FAILED)
      fail(Errc::kResources, file.string(), ": cannot map: ", std::strerror(error));
    data_ = static_cast<const std::byte*>(data);
    guard(data_, size_, path_.c_str());
  } else {
    ::close(fd);
  }
}

MappedFile::~MappedFile() {
  if (!data_) return;
  forget(data_);
  auto* data = const_cast<std::byte*>(data_);
  unmap_pages(data, size_);
  ::munmap(data, size_);
}

void guard_mappings() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigaction(SIGBUS, &action, nullptr);
}

void sync_folder(const fs::path& folder) {
  int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

// A link is followed; a device or a pipe is written through and has no temporary file.
AtomicFile::AtomicFile(const fs::path& given) : target_(given) {
  const WriteTarget target(given);
  if (target.through()) {
    fd_ = target.open_through();
    return;
  }
  target_ = target.path;
  std::error_code ignored;
  const fs::path folder = folder_of(target_);
  if (!fs::is_directory(folder, ignored))
    fail(Errc::kResources, given.string(), ": the folder ", folder.string(), " is not there");
  fs::path name = folder / ("." + target_.filename().string());
  fd_ = make_unique_file(name);
  if (fd_ < 0) cannot_write(given);
  temporary_ = name;
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  if (bytes.size() >= kBufferBytes) {
    flush();
    return write_now(bytes);
  }
  buffer_ += bytes;
  if (buffer_.size() >= kBufferBytes) flush();
}

void AtomicFile::flush() {
  write_now(buffer_);
  buffer_.clear();
}

void AtomicFile::write_now(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) cannot_write(target_);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void AtomicFile::commit() {
  flush();
  // EINVAL, ENOTSUP: what is written to keeps nothing.
  if (::fsync(fd_) != 0 && errno != EINVAL && errno != ENOTSUP) cannot_write(target_);
  if (!temporary_.empty() && ::rename(temporary_.c_str(), target_.c_str()) != 0)
    cannot_write(target_);
  ::close(fd_);
  fd_ = -1;
  if (!temporary_.empty()) sync_folder(folder_of(target_));
}

void write_file(const fs::path& target, std::string_view bytes) {
  AtomicFile file(target);
  file.write(bytes);
  file.commit();
}

}  // namespace hft
