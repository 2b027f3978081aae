// Where a file that is to be written really lies, and new files and folders under names of their
// own. Modes are what the umask leaves of 0666 and 0777.
#pragma once

#include <filesystem>
#include <string>

namespace hft {

// What the path of an output leads to, its links followed (those that lead to nothing yet too).
struct WriteTarget {
  explicit WriteTarget(const std::filesystem::path& given);

  // A device, a pipe, a socket or an open descriptor of this program (/dev/stdout, /dev/fd/3): what
  // is written goes into it, and its name is never given to another file.
  bool through() const { return through_; }
  // Opens it for writing (waits for the reader of a FIFO); kResources when that fails.
  int open_through() const;

  std::filesystem::path given, path;

 private:
  bool through_ = false;
  int descriptor_ = -1;
};

// Makes a new file, or folder, whose name is `path` and a dot and six letters that nobody has yet;
// `path` becomes that name. The descriptor; -1 (false) with errno when it cannot be made.
int make_unique_file(std::filesystem::path& path);
bool make_unique_folder(std::filesystem::path& path);

// A folder for what is needed in between, gone with the object.
class ScratchFolder {
 public:
  // Its name begins so, in the system's folder for such. Throws kResources.
  explicit ScratchFolder(const std::string& name);
  ScratchFolder(const ScratchFolder&) = delete;
  ~ScratchFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace hft
