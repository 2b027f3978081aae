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

std::optional<CachedEntry> named(const fs::path& folder) {
  const std::string name = folder.filename().string();
  for (const char* type : {"model", "dataset", "space"}) {
    const std::string lead = std::string(type) + "s--";
    if (!name.starts_with(lead) || !fs::is_directory(folder)) continue;
    CachedEntry entry;
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

// commit -> the refs that name it
std::map<std::string, std::vector<std::string>> refs_of(const fs::path& folder) {
  std::map<std::string, std::vector<std::string>> refs;
  std::error_code error;
  const fs::path top = folder / "refs";
  for (fs::recursive_directory_iterator at(top, error), end; !error && at != end;
       at.increment(error))
    if (fs::is_regular_file(at->symlink_status()))
      refs[trimmed(read_file(at->path(), 4096))].push_back(
          at->path().lexically_relative(top).generic_string());
  return refs;
}

CachedRevision scan_revision(const fs::path& snapshot, CachedEntry& entry) {
  CachedRevision revision;
  revision.commit = snapshot.filename().string();
  std::set<fs::path> seen;
  std::error_code error;
  for (fs::recursive_directory_iterator at(snapshot, error), end; !error && at != end;
       at.increment(error)) {
    if (fs::is_directory(at->symlink_status())) continue;
    const std::string name = at->path().lexically_relative(snapshot).generic_string();
    std::error_code missing;
    const fs::path real = fs::canonical(at->path(), missing);
    struct stat info {};
    if (missing || ::stat(real.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
      revision.broken.push_back(name);
      continue;
    }
    revision.files[name] = real;
    entry.blobs[real] = info.st_size;
    entry.accessed = std::max<std::int64_t>(entry.accessed, info.st_atime);
    revision.modified = std::max<std::int64_t>(revision.modified, info.st_mtime);
    if (seen.insert(real).second) revision.bytes += info.st_size;
  }
  entry.modified = std::max(entry.modified, revision.modified);
  return revision;
}

void scan_blobs(CachedEntry& entry) {
  std::error_code error;
  for (const auto& file : fs::directory_iterator(entry.folder / "blobs", error)) {
    const std::string name = file.path().filename().string();
    if (name.ends_with(".incomplete")) {
      if (!has_writer(file.path())) entry.leftovers.push_back(file.path());
    } else if (is_digest(name) && !entry.blobs.contains(fs::weakly_canonical(file.path()))) {
      entry.unreferenced.push_back(file.path());
    }
  }
  for (const auto& file : fs::directory_iterator(entry.folder, error))
    if (file.path().filename().string().starts_with(".tmp."))
      entry.leftovers.push_back(file.path());
}

CachedEntry scanned(CachedEntry entry) {
  auto refs = refs_of(entry.folder);
  std::error_code error;
  for (const auto& snapshot : fs::directory_iterator(entry.folder / "snapshots", error)) {
    if (!is_commit(snapshot.path().filename().string()) ||
        !fs::is_directory(snapshot.symlink_status()))
      continue;
    entry.revisions.push_back(scan_revision(snapshot.path(), entry));
    entry.revisions.back().refs = refs[entry.revisions.back().commit];
  }
  for (const auto& [blob, bytes] : entry.blobs) entry.bytes += bytes;
  scan_blobs(entry);
  return entry;
}

std::int64_t size_of(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

// The revisions `doomed` of an entry, and the blobs that no other revision has.
void plan_revisions(const CachedEntry& entry, const std::set<std::string>& doomed, Removal& out) {
  if (doomed.size() == entry.revisions.size()) {
    out.paths.push_back(entry.folder);
    out.paths.push_back(entry.folder.parent_path() / ".locks" / entry.folder.filename());
    out.bytes += entry.bytes;
    for (const auto& file : entry.unreferenced) out.bytes += size_of(file);
    for (const auto& file : entry.leftovers) out.bytes += size_of(file);
    out.what.push_back(entry.type + "/" + entry.id + ": all of it");
    return;
  }
  std::set<fs::path> kept, gone;
  for (const auto& revision : entry.revisions)
    for (const auto& [name, blob] : revision.files)
      (doomed.contains(revision.commit) ? gone : kept).insert(blob);
  for (const auto& revision : entry.revisions) {
    if (!doomed.contains(revision.commit)) continue;
    for (const auto& ref : revision.refs) out.paths.push_back(entry.folder / "refs" / ref);
    for (const char* kind : {"snapshots", ".no_exist"})
      out.paths.push_back(entry.folder / kind / revision.commit);
    out.paths.push_back(entry.folder / "trees" / (revision.commit + ".json"));
    out.what.push_back(entry.type + "/" + entry.id + ": revision " + revision.commit);
  }
  for (const auto& blob : gone) {
    if (kept.contains(blob)) continue;
    out.paths.push_back(blob);
    out.bytes += entry.blobs.at(blob);
  }
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

Removal plan_removal(const std::vector<CachedEntry>& cache, const std::vector<std::string>& ids) {
  Removal out;
  for (const CachedEntry& entry : cache) {
    std::set<std::string> doomed;
    const bool all = std::any_of(ids.begin(), ids.end(), [&](const auto& id) {
      return id == entry.id || id == entry.type + "/" + entry.id;
    });
    for (const auto& revision : entry.revisions)
      if (all || std::find(ids.begin(), ids.end(), revision.commit) != ids.end())
        doomed.insert(revision.commit);
    if (all || !doomed.empty()) plan_revisions(entry, doomed, out);
  }
  for (const auto& id : ids) {
    const bool there = std::any_of(cache.begin(), cache.end(), [&](const CachedEntry& e) {
      return id == e.id || id == e.type + "/" + e.id ||
             std::any_of(e.revisions.begin(), e.revisions.end(),
                         [&](const auto& r) { return r.commit == id; });
    });
    if (!there) fail_hint(Errc::kNotFound, "hft hub cache ls", id, ": not in the cache");
  }
  return out;
}

Removal plan_prune(const std::vector<CachedEntry>& cache) {
  Removal out;
  for (const CachedEntry& entry : cache) {
    std::set<std::string> doomed;
    for (const auto& revision : entry.revisions)
      if (revision.refs.empty()) doomed.insert(revision.commit);
    const bool all = !doomed.empty() && doomed.size() == entry.revisions.size();
    if (!doomed.empty()) plan_revisions(entry, doomed, out);
    if (all) continue;
    for (const auto* files : {&entry.leftovers, &entry.unreferenced})
      for (const auto& file : *files) {
        out.paths.push_back(file);
        out.bytes += size_of(file);
      }
    const std::size_t count = entry.leftovers.size() + entry.unreferenced.size();
    if (count > 0)
      out.what.push_back(entry.type + "/" + entry.id + ": " +
                         counted(static_cast<std::int64_t>(count), "file") +
                         " that belong to no revision");
  }
  return out;
}

void remove(const Removal& removal) {
  std::error_code error;
  for (const auto& path : removal.paths) {
    fs::remove_all(path, error);
    if (error && error != std::errc::no_such_file_or_directory)
      fail(Errc::kResources, path.string(), ": cannot remove: ", error.message());
  }
}

Verified verify(const CachedEntry& entry, const fs::path& cache) {
  Verified out;
  const CachedRepo repo(cache, entry.id, entry.type);
  std::set<fs::path> done;
  for (const CachedRevision& revision : entry.revisions) {
    const auto tree = repo.read_tree(revision.commit);
    const std::string where =
        entry.type + "/" + entry.id + "@" + revision.commit.substr(0, 12) + ": ";
    for (const auto& name : revision.broken)
      out.faults.push_back(where + name + ": its blob is missing");
    for (const auto& [name, real] : revision.files) {
      if (!done.insert(real).second) continue;
      ++out.files;
      if (!is_inside(real, fs::weakly_canonical(cache))) {
        out.faults.push_back(where + name + ": leads out of the cache, to " + real.string());
        continue;
      }
      const std::string wanted = wanted_digest(real, tree, name);
      if (wanted.empty()) {
        ++out.unknown;
        continue;
      }
      const std::string got = digest_of(real, wanted);
      if (got != wanted)
        out.faults.push_back(where + name + ": " + (wanted.size() == 64 ? "sha256" : "git sha1") +
                             " is " + got + ", wanted " + wanted + " (" + real.string() + ")");
    }
  }
  return out;
}

}  // namespace hft::hub
