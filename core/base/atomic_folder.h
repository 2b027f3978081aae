// A folder that appears under its name when all of it is written.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace hft {

class AtomicFolder {
 public:
  // Throws kUsage when the target is a file, or a folder that is not empty and `force` is false;
  // kResources when the folder it is to lie in is not there or cannot be written. Opens nothing.
  static void check(const std::filesystem::path& target, bool force);

  // Makes a temporary folder beside the target.
  explicit AtomicFolder(const std::filesystem::path& target);
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  ~AtomicFolder();  // not committed, it leaves nothing behind

  const std::filesystem::path& path() const { return temporary_; }  // write here

  // Gives the folder its name. A target with files in it keeps them, except those that were written
  // anew and, of the others at its top, those of which `stale` is true; there the files appear one
  // by one.
  void commit(const std::function<bool(const std::string& name)>& stale);

 private:
  void move_files(const std::function<bool(const std::string& name)>& stale);
  std::filesystem::path target_, temporary_;
};

}  // namespace hft
