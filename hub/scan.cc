#include "hub/scan.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <set>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "hub/names.h"
#include "hub/partial.h"

namespace hft::hub {
namespace {

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::optional<CachedEntry> named(const fs::path& folder) {
  const std::string name = folder.filename().string();
  for (const char* type : {"model", "dataset", "space"}) {
    const std::string lead = std::string(type) + "s--";
    if (!name.starts_with(lead) || !is_folder(folder)) continue;
    CachedEntry entry;
    entry.cache = folder.parent_path();
    entry.type = type;
    entry.id = name.substr(lead.size());
    if (const auto dashes = entry.id.find("--"); dashes != std::string::npos)
      entry.id.replace(dashes, 2, "/");
    if (!is_repo_id(entry.id)) return std::nullopt;
    entry.folder = folder;
    return entry;
  }
  return std::nullopt;
}

// Calls f(entry) for all that is below; what cannot be read makes the scan of the repository
// faulty.
template <class F>
void each_below(const fs::path& top, CachedEntry& entry, F&& f) {
  std::error_code error;
  fs::recursive_directory_iterator at(top, error);
  for (const fs::recursive_directory_iterator end; !error && at != end; at.increment(error)) f(*at);
  if (error && error != std::errc::no_such_file_or_directory)
    entry.fault = top.string() + ": " + error.message();
}

// commit -> the refs that name it
std::map<std::string, std::vector<std::string>> refs_of(CachedEntry& entry) {
  std::map<std::string, std::vector<std::string>> refs;
  const fs::path top = entry.folder / "refs";
  each_below(top, entry, [&](const fs::directory_entry& at) {
    std::error_code ignored;
    if (!fs::is_regular_file(at.path(), ignored)) return;
    try {
      refs[trimmed(read_file(at.path(), 4096))].push_back(
          at.path().lexically_relative(top).generic_string());
    } catch (const Error& e) {
      entry.fault = e.message;
    }
  });
  return refs;
}

// Where the bytes of a file of a snapshot are: its blob, or the file itself. Empty: nowhere.
fs::path place_of(const fs::path& file, const fs::path& blobs) {
  std::error_code missing;
  if (!is_link(file)) return fs::canonical(file, missing);
  const fs::path target = file.parent_path() / fs::read_symlink(file, missing);
  if (!missing && fs::canonical(target.parent_path(), missing) == blobs && !missing)
    return blobs / target.filename();
  const fs::path real = fs::canonical(file, missing);
  return missing ? fs::path() : real;
}

// A file of a snapshot, or of a folder beside them.
void scan_file(const fs::path& file, const std::string& name, const std::vector<fs::path>& roots,
               CachedEntry& entry, CachedRevision& revision) {
  std::error_code missing;
  const fs::path blobs = fs::weakly_canonical(entry.folder / "blobs", missing);
  const fs::path place = place_of(file, blobs);
  const fs::path real = place.empty() ? place : fs::canonical(place, missing);
  struct stat info {
  }, own{};
  if (place.empty() || missing || ::stat(real.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
      ::lstat(place.c_str(), &own) != 0) {
    revision.broken.push_back(name);
    return;
  }
  const auto holds = [&](const fs::path& root) { return is_inside(real, root); };
  const bool inside = std::any_of(roots.begin(), roots.end(), holds);
  if (!inside) revision.foreign[name] = real;
  if (!inside && place == real) return;
  const bool first = !revision.uses.contains(place);
  revision.files[name] = place;
  revision.uses.insert({place, real});
  entry.blobs[place] = S_ISREG(own.st_mode) && own.st_nlink == 1 ? own.st_size : 0;
  entry.accessed = std::max<std::int64_t>(entry.accessed, info.st_atime);
  revision.modified = std::max<std::int64_t>(revision.modified, info.st_mtime);
  if (first && inside) revision.bytes += info.st_size;
}

void scan_snapshots(CachedEntry& entry) {
  auto refs = refs_of(entry);
  const auto roots = CachedRepo(entry.cache, entry.id, entry.type).roots();
  for (const char* part : {"snapshots", "refs"})
    if (is_link(entry.folder / part))
      entry.fault = (entry.folder / part).string() + ": is a link, wanted a folder";
  std::error_code error;
  for (const auto& snapshot : fs::directory_iterator(entry.folder / "snapshots", error)) {
    if (!is_folder(snapshot.path())) continue;
    CachedRevision revision;
    revision.commit = snapshot.path().filename().string();
    each_below(snapshot.path(), entry, [&](const fs::directory_entry& at) {
      std::error_code ignored;
      if (!fs::is_directory(at.symlink_status(ignored)))
        scan_file(at.path(), at.path().lexically_relative(snapshot.path()).generic_string(), roots,
                  entry, revision);
    });
    if (!is_commit(revision.commit) || is_link(snapshot.path())) {
      entry.uses.insert(revision.uses.begin(), revision.uses.end());
      continue;
    }
    revision.refs = refs[revision.commit];
    entry.modified = std::max(entry.modified, revision.modified);
    entry.revisions.push_back(std::move(revision));
  }
  if (error && error != std::errc::no_such_file_or_directory)
    entry.fault = (entry.folder / "snapshots").string() + ": " + error.message();
}

void scan_blobs(CachedEntry& entry) {
  std::error_code error;
  const fs::path blobs = fs::weakly_canonical(entry.folder / "blobs", error);
  for (const auto& file : fs::directory_iterator(blobs, error)) {
    const std::string name = file.path().filename().string();
    if (name.ends_with(".incomplete")) {
      if (!has_writer(file.path())) entry.leftovers.push_back(file.path());
    } else if (is_digest(name) && !entry.blobs.contains(file.path())) {
      entry.unreferenced.push_back(file.path());
    }
  }
  for (const auto& file : fs::directory_iterator(entry.folder, error))
    if (file.path().filename().string().starts_with(".tmp.") && !has_writer(file.path()))
      entry.leftovers.push_back(file.path());
}

// Of a repository without a file: since when it is so.
std::int64_t folder_time(const fs::path& folder) {
  std::int64_t newest = 0;
  for (const char* part : {"", "blobs", "snapshots"}) {
    struct stat info {};
    if (::stat((folder / part).c_str(), &info) == 0)
      newest = std::max<std::int64_t>(newest, info.st_mtime);
  }
  return newest;
}

CachedEntry scanned(CachedEntry entry) {
  scan_snapshots(entry);
  std::set<fs::path> counted;
  for (const auto& revision : entry.revisions)
    for (const auto& [name, place] : revision.files) {
      std::error_code error;
      if (revision.foreign.contains(name) || !counted.insert(place).second) continue;
      const auto size = fs::file_size(place, error);
      if (!error) entry.bytes += static_cast<std::int64_t>(size);
    }
  scan_blobs(entry);
  if (entry.accessed == 0) entry.accessed = folder_time(entry.folder);
  if (entry.modified == 0) entry.modified = folder_time(entry.folder);
  return entry;
}

// What the bytes of a file should hash to; "" when nothing says.
std::string wanted_digest(const fs::path& real, const std::optional<Tree>& tree,
                          const std::string& name) {
  if (const auto blob = real.filename().string();
      is_digest(blob) && real.parent_path().filename() == "blobs")
    return blob;
  const RepoFile* file = tree ? tree->find(name) : nullptr;
  return file ? file->digest : "";
}

}  // namespace

std::vector<CachedEntry> scan_cache(const fs::path& cache) {
  std::vector<CachedEntry> out;
  std::error_code error;
  for (const auto& folder : fs::directory_iterator(cache, error))
    if (auto entry = named(folder.path())) out.push_back(scanned(std::move(*entry)));
  std::sort(out.begin(), out.end(), [](const CachedEntry& a, const CachedEntry& b) {
    return std::tie(a.type, a.id) < std::tie(b.type, b.id);
  });
  return out;
}

Verified verify(const CachedEntry& entry) {
  Verified out;
  const CachedRepo repo(entry.cache, entry.id, entry.type);
  std::set<fs::path> done;
  for (const CachedRevision& revision : entry.revisions) {
    const auto tree = repo.read_tree(revision.commit);
    const std::string where =
        entry.type + "/" + entry.id + "@" + revision.commit.substr(0, 12) + ": ";
    for (const auto& name : revision.broken)
      out.faults.push_back(where + name + ": its blob is missing");
    for (const auto& [name, real] : revision.foreign)
      out.faults.push_back(where + name + ": leads out of the cache, to " + real.string());
    out.files += revision.foreign.size();
    for (const auto& [name, place] : revision.files) {
      if (revision.foreign.contains(name) || !done.insert(place).second) continue;
      ++out.files;
      const std::string wanted = wanted_digest(place, tree, name);
      if (wanted.empty()) {
        ++out.unknown;
        continue;
      }
      const std::string got = digest_of(place, wanted);
      if (got != wanted)
        out.faults.push_back(where + name + ": " + (wanted.size() == 64 ? "sha256" : "git sha1") +
                             " is " + got + ", wanted " + wanted + " (" + place.string() + ")");
    }
  }
  return out;
}

}  // namespace hft::hub
