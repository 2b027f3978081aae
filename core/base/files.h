// Reading, mapping and atomically writing files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace hft {

namespace fs = std::filesystem;

// The folder that the file lies, or would lie, in.
fs::path folder_of(const fs::path& file);
// The name itself is a link, whatever it leads to.
bool is_link(const fs::path& path);

// The whole file. kNotFound when missing, kBadData when it is no regular file or above max_bytes.
std::string read_file(const fs::path& file, std::int64_t max_bytes);

// A file mapped read-only for as long as the object lives. Its path, size and bytes do not change
// unless another program truncates the file, which is reported as an error, not a crash (see
// guard_mappings).
class MappedFile {
 public:
  explicit MappedFile(const fs::path& file);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const fs::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  fs::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// From now on a fault inside a MappedFile, whose file another program truncated, prints the line
// "hft: <path>: the file was truncated while it was in use" and ends the program with code 9.
// Other faults of that kind end it as they did before. Call once, early.
void guard_mappings();

// A file that appears under its name only when commit() has written all of it: temporary file in
// the same folder, fsync, rename, fsync of the folder. Not committed, it leaves nothing behind.
// Throws kResources when the folder is missing or cannot be written.
class AtomicFile {
 public:
  explicit AtomicFile(const fs::path& target);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::string_view bytes);
  void flush();
  void commit();

 private:
  void write_now(std::string_view bytes);
  fs::path target_, temporary_;
  int fd_ = -1;
  std::string buffer_;
};

// Makes the names in a folder last through a loss of power.
void sync_folder(const fs::path& folder);

// AtomicFile, write, commit in one call.
void write_file(const fs::path& target, std::string_view bytes);

}  // namespace hft
