#include "hub/cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "hub/names.h"

namespace hft::hub {
namespace {

constexpr int kTreeFormat = 1;

[[noreturn]] void cannot_write(const fs::path& file, int error) {
  fail(Errc::kResources, file.string(), ": cannot write: ", std::strerror(error));
}

bool is_link(const fs::path& path) {
  std::error_code ignored;
  return fs::is_symlink(fs::symlink_status(path, ignored));
}

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

// Sorted JSON: in the order of the file, a member costs a walk through those before it.
Tree parse_tree(const nlohmann::json& json) {
  Tree tree;
  for (const auto& [name, entry] : json.at("files").items()) {
    check_file_name(name);
    const bool lfs = entry.contains("lfs_sha256");
    const auto digest = entry.at(lfs ? "lfs_sha256" : "blob_id").get<std::string>();
    const auto size = entry.at(lfs ? "lfs_size" : "size").get<std::int64_t>();
    tree.files.push_back(
        {name, is_digest(digest) ? digest : "", size, lfs ? entry.value("blob_id", "") : ""});
  }
  return tree;
}

}  // namespace

const RepoFile* Tree::find(std::string_view name) const {
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const RepoFile& f) { return f.name == name; });
  return found == files.end() ? nullptr : &*found;
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  const auto [end, ignored] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return end == folder.end();
}

CachedRepo::CachedRepo(fs::path cache, std::string id, std::string type)
    : cache_(std::move(cache)), id_(std::move(id)) {
  check_repo_id(id_);
  name_ = type + "s--" + id_;
  if (auto slash = name_.find('/'); slash != std::string::npos) name_.replace(slash, 1, "--");
}

fs::path CachedRepo::folder() const { return cache_ / name_; }
fs::path CachedRepo::blobs() const { return folder() / "blobs"; }
fs::path CachedRepo::blob(std::string_view digest) const {
  return blobs() / checked_digest(digest);
}
fs::path CachedRepo::snapshot(std::string_view commit) const {
  return folder() / "snapshots" / checked_commit(commit);
}
fs::path CachedRepo::tree(std::string_view commit) const {
  return folder() / "trees" / (checked_commit(commit) + ".json");
}
fs::path CachedRepo::file(std::string_view commit, std::string_view name) const {
  check_file_name(name);
  return snapshot(commit) / name;
}
fs::path CachedRepo::ref(std::string_view revision) const {
  check_revision(revision);
  return folder() / "refs" / revision;
}
fs::path CachedRepo::no_exist(std::string_view commit, std::string_view name) const {
  check_file_name(name);
  return folder() / ".no_exist" / checked_commit(commit) / name;
}
fs::path CachedRepo::lock(std::string_view digest) const {
  return cache_ / ".locks" / name_ / (checked_digest(digest) + ".lock");
}

std::optional<std::string> CachedRepo::commit_of(const std::string& revision) const {
  std::error_code ignored;
  std::string commit = revision;
  const fs::path file = ref(revision);
  if (fs::is_regular_file(fs::symlink_status(file, ignored)))
    commit = trimmed(read_file(file, 4096));
  if (!is_commit(commit) || !fs::is_directory(snapshot(commit), ignored)) return std::nullopt;
  return commit;
}

bool CachedRepo::holds(std::string_view commit, const RepoFile& wanted) const {
  return is_whole(file(commit, wanted.name), wanted.size);
}

bool CachedRepo::has_blob(const RepoFile& wanted) const {
  return !wanted.digest.empty() && is_whole(blob(wanted.digest), wanted.size);
}

bool CachedRepo::is_whole(const fs::path& path, std::int64_t size) const {
  std::error_code missing;
  const fs::path real = fs::canonical(path, missing);
  if (missing) return false;
  if (!is_inside(real, fs::weakly_canonical(cache_)))
    fail(Errc::kBadData, path.string(), ": leads out of the cache, to ", real.string(),
         "; refused");
  if (!fs::is_regular_file(real)) fail(Errc::kBadData, path.string(), ": not a regular file");
  return size < 0 || static_cast<std::int64_t>(fs::file_size(real)) == size;
}

std::optional<Tree> CachedRepo::read_tree(std::string_view commit) const {
  const fs::path file = tree(commit);
  std::error_code ignored;
  if (!fs::is_regular_file(fs::symlink_status(file, ignored))) return std::nullopt;
  try {
    const auto json = nlohmann::json::parse(read_file(file, limits::kJsonBytes));
    if (json.at("format_version") != kTreeFormat) return std::nullopt;
    return parse_tree(json);
  } catch (const std::exception&) {
    return std::nullopt;  // of another version, or damaged: it is fetched again
  }
}

std::vector<std::string> CachedRepo::files_of(std::string_view commit) const {
  std::vector<std::string> names;
  const fs::path top = snapshot(commit);
  std::error_code error;
  for (fs::recursive_directory_iterator at(top, error), end; !error && at != end;
       at.increment(error))
    if (!at->is_directory(error))
      names.push_back(at->path().lexically_relative(top).generic_string());
  std::sort(names.begin(), names.end());
  return names;
}

void make_plain_folder(const fs::path& base, const fs::path& relative) {
  std::error_code error;
  fs::create_directories(base, error);
  if (error) cannot_write(base, error.value());
  fs::path at = base;
  for (const auto& part : relative) {
    if (part == "." || part.empty()) continue;
    at /= part;
    if (is_link(at)) fail(Errc::kBadData, at.string(), ": is a link, wanted a folder; refused");
    if (::mkdir(at.c_str(), 0777) != 0 && (errno != EEXIST || !fs::is_directory(at)))
      cannot_write(at, errno);
  }
}

void CachedRepo::make_folder(const fs::path& wanted) const {
  const fs::path base = is_inside(wanted, folder()) ? folder() : cache_ / ".locks" / name_;
  make_plain_folder(base, wanted.lexically_relative(base));
}

void CachedRepo::add_blob(std::string_view digest, const fs::path& verified) const {
  const fs::path target = blob(digest);
  if (::rename(verified.c_str(), target.c_str()) != 0) cannot_write(target, errno);
  sync_folder(blobs());
}

// Temporary names stand in the repository's folder: in refs or snapshots a leftover would be read.
fs::path CachedRepo::temporary() const {
  std::string name = (folder() / ".tmp.XXXXXX").string();
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) cannot_write(name, errno);
  ::close(fd);
  return name;
}

void CachedRepo::link(std::string_view commit, std::string_view name,
                      std::string_view digest) const {
  const fs::path at = file(commit, name), bytes = blob(digest);
  make_folder(at.parent_path());
  const fs::path target = bytes.lexically_relative(at.parent_path());
  if (::symlink(target.c_str(), at.c_str()) == 0) return;
  if (errno == EEXIST) {
    if (is_link(at) && fs::read_symlink(at) == target) return;
    const fs::path made = temporary();
    fs::remove(made);
    if (::symlink(target.c_str(), made.c_str()) == 0) {
      if (::rename(made.c_str(), at.c_str()) != 0) cannot_write(at, errno);
      return;
    }
  }
  if (errno == ENOSPC || errno == EDQUOT || errno == EROFS || errno == EACCES)
    cannot_write(at, errno);
  if (::rename(bytes.c_str(), at.c_str()) != 0) cannot_write(at, errno);
}

void CachedRepo::publish(const fs::path& target, std::string_view text) const {
  make_folder(target.parent_path());
  std::error_code ignored;
  if (fs::is_regular_file(fs::symlink_status(target, ignored)) &&
      read_file(target, limits::kJsonBytes) == text)
    return;
  const fs::path made = temporary();
  try {
    const int fd = ::open(made.c_str(), O_WRONLY | O_CLOEXEC);
    ::fchmod(fd, 0644);
    errno = ENOSPC;  // of a short write
    const bool written =
        ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        ::fsync(fd) == 0;
    const int error = errno;
    ::close(fd);
    if (!written) cannot_write(target, error);
    if (::rename(made.c_str(), target.c_str()) != 0) cannot_write(target, errno);
  } catch (const Error&) {
    fs::remove(made, ignored);
    throw;
  }
  sync_folder(target.parent_path());
}

void CachedRepo::write_tree(std::string_view commit, const Tree& listing) const {
  nlohmann::json files = nlohmann::json::object();
  for (const RepoFile& f : listing.files) {
    if (f.digest.empty() || f.size < 0) return;  // only a whole list is of use
    nlohmann::json& entry =
        files[f.name] = {{"size", f.size}, {"blob_id", f.pointer.empty() ? f.digest : f.pointer}};
    if (f.digest.size() == 64) entry.update({{"lfs_sha256", f.digest}, {"lfs_size", f.size}});
  }
  publish(tree(commit), nlohmann::json{{"format_version", kTreeFormat}, {"files", files}}.dump(1));
}

void CachedRepo::write_ref(const std::string& revision, std::string_view commit) const {
  if (revision != commit) publish(ref(revision), checked_commit(commit));
}

void CachedRepo::mark_missing(std::string_view commit, std::string_view name) const {
  const fs::path mark = no_exist(commit, name);
  make_folder(mark.parent_path());
  const int fd = ::open(mark.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) cannot_write(mark, errno);
  ::close(fd);
}

}  // namespace hft::hub
