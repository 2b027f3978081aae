#include "core/base/atomic_folder.h"

#include <cerrno>
#include <cstring>
#include <vector>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/write_target.h"

namespace hft {
namespace {

fs::path without_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

bool has_files(const fs::path& folder) { return fs::is_directory(folder) && !fs::is_empty(folder); }

[[noreturn]] void cannot_write(const fs::path& path, const std::error_code& error) {
  fail(Errc::kResources, path.string(), ": cannot write: ", error.message());
}

void move(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) cannot_write(to, error);
}

}  // namespace

void AtomicFolder::check(const fs::path& path, bool force) {
  const fs::path target = WriteTarget(without_slash(path)).path;
  if (!fs::is_directory(folder_of(target)))
    fail(Errc::kResources, target.string(), ": the folder ", folder_of(target).string(),
         " is not there");
  if (fs::exists(target) && !fs::is_directory(target))
    fail(Errc::kUsage, target.string(), ": is a file, wanted a folder to write");
  if (has_files(target) && !force)
    fail_hint(Errc::kUsage, "use --force to write into it", target.string(), ": exists already");
}

// A link to a folder, there or not yet, stays a link.
AtomicFolder::AtomicFolder(const fs::path& target)
    : target_(WriteTarget(without_slash(target)).path) {
  temporary_ = folder_of(target_) / ("." + target_.filename().string());
  if (!make_unique_folder(temporary_))
    cannot_write(target_, std::error_code(errno, std::generic_category()));
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
}

void AtomicFolder::commit(const std::function<bool(const std::string&)>& stale) {
  if (has_files(target_)) return move_files(stale);
  move(temporary_, target_);
  sync_folder(folder_of(target_));
}

void AtomicFolder::move_files(const std::function<bool(const std::string&)>& stale) {
  std::vector<fs::path> old;
  for (const auto& entry : fs::directory_iterator(target_))
    if (const auto name = entry.path().filename();
        stale(name.string()) && !fs::exists(temporary_ / name))
      old.push_back(entry.path());
  for (const auto& entry : fs::recursive_directory_iterator(temporary_)) {
    const fs::path to = target_ / entry.path().lexically_relative(temporary_);
    if (entry.is_directory())
      fs::create_directories(to);
    else
      move(entry.path(), to);
  }
  for (const auto& path : old) fs::remove(path);
  sync_folder(target_);
}

}  // namespace hft
