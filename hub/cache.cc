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
#include "core/base/log.h"
#include "core/base/text.h"
#include "hub/names.h"

namespace hft::hub {
namespace {

constexpr int kTreeFormat = 1;

[[noreturn]] void cannot_write(const fs::path& file, int error) {
  const std::string text = file.string() + ": cannot write: " + std::strerror(error);
  if (error == EACCES || error == EPERM || error == EROFS) throw Denied(Errc::kResources, text);
  fail(Errc::kResources, text);
}

bool is_link(const fs::path& path) {
  std::error_code ignored;
  return fs::is_symlink(fs::symlink_status(path, ignored));
}

// Sorted JSON: in the order of the file, a member costs a walk through those before it.
Tree parse_tree(const nlohmann::json& json) {
  Tree tree;
  tree.repo_id = json.value("repo_id", "");
  for (const auto& [name, entry] : json.at("files").items()) {
    if (!file_name_fault(name).empty()) {
      tree.odd_names.push_back(name);
      continue;
    }
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
  name_ = is_data_set_id(id_) ? id_ : type + "s/" + id_;
  for (auto slash = name_.find('/'); slash != std::string::npos; slash = name_.find('/'))
    name_.replace(slash, 1, "--");
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
  if (fs::is_regular_file(fs::symlink_status(file, ignored))) {
    if (::access(file.c_str(), R_OK) != 0)
      note(file.string() + ": " + std::strerror(errno));
    else
      commit = trimmed(read_file(file, 4096));
  }
  if (!is_commit(commit) || !fs::is_directory(snapshot(commit), ignored)) return std::nullopt;
  return commit;
}

bool CachedRepo::holds(std::string_view commit, const RepoFile& wanted) const {
  return !why_not(commit, wanted);
}

std::optional<Error> CachedRepo::why_not(std::string_view commit, const RepoFile& wanted) const {
  return fault_of(file(commit, wanted.name), wanted);
}

bool CachedRepo::has_blob(const RepoFile& wanted) const {
  return !wanted.digest.empty() && !fault_of(blob(wanted.digest), wanted);
}

std::vector<fs::path> CachedRepo::roots() const {
  std::vector<fs::path> roots{fs::weakly_canonical(cache_)};
  for (const fs::path& folder : {this->folder(), blobs(), cache_ / "blobs"}) {
    std::error_code missing;
    const fs::path real = fs::canonical(folder, missing);
    if (!missing && is_link(folder) && is_trusted_link(folder)) roots.push_back(real);
  }
  return roots;
}

std::optional<Error> CachedRepo::fault_of(const fs::path& path, const RepoFile& wanted) const {
  std::error_code missing;
  const fs::path real = fs::canonical(path, missing);
  if (missing) return Error(Errc::kNotFound, wanted.name + ": not in the cache");
  const auto holds_it = [&](const fs::path& root) { return is_inside(real, root); };
  const auto folders = roots();
  if (std::none_of(folders.begin(), folders.end(), holds_it))
    fail_hint(Errc::kBadData,
              "to keep a model on another disk, move its folder there and leave a link to it",
              path.string(), ": leads out of the cache, to ", real.string(), "; refused");
  if (!fs::is_regular_file(real)) fail(Errc::kBadData, path.string(), ": not a regular file");
  const auto bytes = static_cast<std::int64_t>(fs::file_size(real));
  if (wanted.size >= 0 && bytes != wanted.size)
    return Error(Errc::kBadData, wanted.name + ": torn in the cache (" + std::to_string(bytes) +
                                     " bytes, wanted " + std::to_string(wanted.size) + ")");
  if (::access(real.c_str(), R_OK) == 0) return std::nullopt;
  return Error(Errc::kResources, wanted.name + ": cannot be read: " + std::strerror(errno));
}

std::optional<Tree> read_tree_file(const fs::path& file) {
  std::error_code ignored;
  if (!fs::is_regular_file(fs::symlink_status(file, ignored))) return std::nullopt;
  try {
    const auto json = nlohmann::json::parse(read_file(file, limits::kJsonBytes));
    if (json.at("format_version") != kTreeFormat) return std::nullopt;
    return parse_tree(json);
  } catch (const std::exception&) {
    return std::nullopt;  // it is fetched again
  }
}

std::string tree_text(const Tree& tree, const std::string& repo_id) {
  nlohmann::json files = nlohmann::json::object();
  for (const RepoFile& f : tree.files) {
    if (f.digest.empty() || f.size < 0) return "";
    nlohmann::json& entry =
        files[f.name] = {{"size", f.size}, {"blob_id", f.pointer.empty() ? f.digest : f.pointer}};
    if (f.digest.size() == 64) entry.update({{"lfs_sha256", f.digest}, {"lfs_size", f.size}});
  }
  return nlohmann::json{{"format_version", kTreeFormat}, {"repo_id", repo_id}, {"files", files}}
      .dump(1);
}

std::optional<Tree> CachedRepo::read_tree(std::string_view commit) const {
  return read_tree_file(tree(commit));
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

bool is_trusted_link(const fs::path& link) {
  struct stat self {
  }, parent{};
  return ::lstat(link.c_str(), &self) == 0 && ::stat(link.parent_path().c_str(), &parent) == 0 &&
         (self.st_uid == ::geteuid() || self.st_uid == 0 || self.st_uid == parent.st_uid);
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
  if (wanted == blobs() && is_link(wanted) && is_trusted_link(wanted) && fs::is_directory(wanted))
    return;
  const fs::path base = is_inside(wanted, folder()) ? folder() : cache_ / ".locks" / name_;
  make_plain_folder(base, wanted.lexically_relative(base));
}

void CachedRepo::add_blob(std::string_view digest, const fs::path& verified) const {
  const fs::path target = blob(digest);
  if (::rename(verified.c_str(), target.c_str()) != 0) cannot_write(target, errno);
  sync_folder(blobs());
}

// Temporary names stand in the repository's folder: in refs or snapshots a leftover would be read.
fs::path CachedRepo::temporary() const { return folder() / (".tmp." + random_tag()); }

void CachedRepo::link(std::string_view commit, std::string_view name,
                      std::string_view digest) const {
  const fs::path at = file(commit, name), bytes = blob(digest);
  make_folder(at.parent_path());
  const fs::path target = bytes.lexically_relative(at.parent_path());
  if (::symlink(target.c_str(), at.c_str()) == 0) return;
  if (errno == EEXIST) {
    if (is_link(at) && fs::read_symlink(at) == target) return;
    const fs::path made = temporary();
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
      ::access(target.c_str(), R_OK) == 0 && read_file(target, limits::kJsonBytes) == text)
    return;
  const fs::path made = temporary();
  const int fd = ::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) cannot_write(target, errno);
  errno = ENOSPC;  // of a short write
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0 && ::rename(made.c_str(), target.c_str()) == 0;
  const int error = errno;
  ::close(fd);
  if (!written) {
    fs::remove(made, ignored);
    cannot_write(target, error);
  }
  sync_folder(target.parent_path());
}

void CachedRepo::write_tree(std::string_view commit, const Tree& listing) const {
  if (const auto text = tree_text(listing, id_); !text.empty()) publish(tree(commit), text);
}

void CachedRepo::write_ref(const std::string& revision, std::string_view commit) const {
  if (revision != commit) publish(ref(revision), checked_commit(commit));
}

void CachedRepo::mark_missing(std::string_view commit, std::string_view name) const {
  const fs::path mark = no_exist(commit, name);
  make_folder(mark.parent_path());
  const int fd = ::open(mark.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) cannot_write(mark, errno);
  ::close(fd);
}

}  // namespace hft::hub
