#include "hub/removal.h"

#include <algorithm>
#include <memory>
#include <set>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "hub/lock.h"
#include "hub/partial.h"

namespace hft::hub {
namespace fs = std::filesystem;
namespace {

using Doomed = std::set<std::string>;  // commits

std::int64_t size_of(const fs::path& file) {
  std::error_code error;
  if (is_link(file)) return 0;
  const auto size = fs::file_size(file, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

std::string name_of(const CachedEntry& entry) { return entry.type + "/" + entry.id; }

// What stays when `doomed` (by folder) and `whole` repositories go: blobs, and what they lead to.
std::set<fs::path> kept(const std::vector<CachedEntry>& cache,
                        const std::map<fs::path, Doomed>& doomed,
                        const std::set<fs::path>& whole = {}) {
  std::set<fs::path> out;
  for (const CachedEntry& entry : cache) {
    const auto found = doomed.find(entry.folder);
    if (!whole.contains(entry.folder)) out.insert(entry.uses.begin(), entry.uses.end());
    for (const auto& revision : entry.revisions)
      if (found == doomed.end() || !found->second.contains(revision.commit))
        out.insert(revision.uses.begin(), revision.uses.end());
  }
  return out;
}

// All of a repository. A folder that is a link, or holds its blobs behind one, is its owner's way
// to another disk: the link goes, and what it leads to is told.
void plan_all(Removal& out) {
  const CachedEntry& entry = out.entry;
  out.paths = {entry.folder, entry.cache / ".locks" / entry.folder.filename()};
  out.what = {name_of(entry) + ": all of it"};
  for (const fs::path& folder : {entry.folder, entry.folder / "blobs"}) {
    std::error_code ignored;
    if (!is_link(folder)) continue;
    out.what.push_back(folder.string() + ": only the link; what it leads to stays, " +
                       fs::canonical(folder, ignored).string());
    return;
  }
  for (const auto& [blob, bytes] : entry.blobs) out.bytes += bytes;
  for (const auto* files : {&entry.unreferenced, &entry.leftovers})
    for (const auto& file : *files) out.bytes += size_of(file);
}

// The revisions `doomed`, and the blobs that nothing else uses.
void plan_revisions(Removal& out, const Doomed& doomed, const std::set<fs::path>& kept) {
  const CachedEntry& entry = out.entry;
  std::set<fs::path> gone;
  for (const auto& revision : entry.revisions) {
    if (!doomed.contains(revision.commit)) continue;
    for (const auto& [name, place] : revision.files) gone.insert(place);
    for (const auto& ref : revision.refs) out.paths.push_back(entry.folder / "refs" / ref);
    for (const char* kind : {"snapshots", ".no_exist"})
      if (!is_link(entry.folder / kind)) out.paths.push_back(entry.folder / kind / revision.commit);
    if (!is_link(entry.folder / "trees"))
      out.paths.push_back(entry.folder / "trees" / (revision.commit + ".json"));
    out.what.push_back(name_of(entry) + ": revision " + revision.commit);
  }
  std::error_code ignored;
  const fs::path blobs = fs::weakly_canonical(entry.folder / "blobs", ignored);
  for (const auto& place : gone) {
    if (kept.contains(place)) continue;
    if (place.parent_path() == blobs) out.paths.push_back(place);
    out.bytes += entry.blobs.at(place);
  }
}

void plan_leftovers(Removal& out, const std::set<fs::path>& kept) {
  std::int64_t count = 0;
  for (const auto* files : {&out.entry.leftovers, &out.entry.unreferenced})
    for (const auto& file : *files) {
      if (kept.contains(file)) continue;
      out.paths.push_back(file);
      out.bytes += size_of(file);
      ++count;
    }
  if (count > 0)
    out.what.push_back(name_of(out.entry) + ": " + counted(count, "file") +
                       " that belong to no revision");
}

// Is something of the repository's folder among them?
bool uses_any(const std::set<fs::path>& kept, const CachedEntry& entry) {
  std::error_code error;
  const fs::path folder = fs::canonical(entry.folder, error);
  return std::any_of(kept.begin(), kept.end(),
                     [&](const fs::path& path) { return is_inside(path, folder); });
}

// Does a download into it go on: a file that is being written, or a lock that is held?
bool is_busy(const CachedEntry& entry) {
  std::error_code error;
  const fs::path locks = entry.cache / ".locks" / entry.folder.filename();
  for (const auto& file : fs::directory_iterator(locks, error))
    if (is_locked(file.path())) return true;
  for (const auto& file : fs::directory_iterator(entry.folder / "blobs", error))
    if (file.path().extension() == ".incomplete" && has_writer(file.path())) return true;
  return false;
}

void leave_alone(const CachedEntry& entry) {
  note(name_of(entry) + ": left alone: a download into it goes on");
}

}  // namespace

Plan plan_removal(const std::vector<CachedEntry>& cache, const Filter& filter,
                  const std::vector<std::string>& ids) {
  const auto is_wanted = [&](const std::string& id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  std::map<fs::path, Doomed> doomed;
  std::set<fs::path> whole;
  std::set<std::string> found;
  for (const CachedEntry& entry : cache) {
    if (!filter(entry)) continue;
    const bool all = ids.empty() || is_wanted(entry.id) || is_wanted(name_of(entry));
    if (all) whole.insert(entry.folder);
    found.insert({entry.id, name_of(entry)});
    for (const auto& revision : entry.revisions) {
      found.insert(revision.commit);
      if (all || is_wanted(revision.commit)) doomed[entry.folder].insert(revision.commit);
    }
  }
  for (const auto& id : ids)
    if (!found.contains(id))
      fail_hint(Errc::kNotFound, "hft hub cache ls", id, ": not in the cache");
  const auto stays = kept(cache, doomed, whole);
  Plan plan;
  for (const CachedEntry& entry : cache) {
    const auto revisions = doomed.find(entry.folder);
    const bool all =
        whole.contains(entry.folder) || (revisions != doomed.end() && entry.uses.empty() &&
                                         revisions->second.size() == entry.revisions.size());
    if (!all && revisions == doomed.end()) continue;
    if (!all && !entry.fault.empty())
      fail(Errc::kResources, name_of(entry),
           ": it is not known what its revisions share: ", entry.fault);
    Removal removal{.entry = entry};
    if (all && !uses_any(stays, entry))
      plan_all(removal);
    else if (revisions != doomed.end())
      plan_revisions(removal, revisions->second, stays);
    plan.push_back(std::move(removal));
  }
  return plan;
}

Plan plan_prune(const std::vector<CachedEntry>& cache, const Filter& filter) {
  std::map<fs::path, Doomed> doomed;
  for (const CachedEntry& entry : cache)
    for (const auto& revision : entry.revisions)
      if (filter(entry) && entry.fault.empty() && revision.refs.empty())
        doomed[entry.folder].insert(revision.commit);
  const auto stays = kept(cache, doomed);
  Plan plan;
  for (const CachedEntry& entry : cache) {
    if (!filter(entry)) continue;
    if (!entry.fault.empty()) {
      note(name_of(entry) + ": left alone: " + entry.fault);
      continue;
    }
    const Doomed& revisions = doomed[entry.folder];
    Removal removal{.entry = entry};
    if (!revisions.empty() && revisions.size() == entry.revisions.size() && entry.uses.empty() &&
        !uses_any(stays, entry)) {
      plan_all(removal);
    } else {
      plan_revisions(removal, revisions, stays);
      plan_leftovers(removal, stays);
    }
    if (!removal.paths.empty()) plan.push_back(std::move(removal));
  }
  return plan;
}

Plan without_busy(Plan plan, bool refuse) {
  std::erase_if(plan, [&](const Removal& part) {
    if (FolderLock(part.entry.folder, FolderLock::Kind::kAlone).held() && !is_busy(part.entry))
      return false;
    if (refuse)
      fail_hint(Errc::kBusy, "wait until it has ended, or end it", name_of(part.entry),
                ": a download into it goes on");
    leave_alone(part.entry);
    return true;
  });
  return plan;
}

std::int64_t remove(const Plan& shown, const std::function<Plan()>& again) {
  std::vector<std::unique_ptr<FolderLock>> locks;
  std::set<fs::path> allowed;
  for (const Removal& part : shown) {
    locks.push_back(std::make_unique<FolderLock>(part.entry.folder, FolderLock::Kind::kAlone));
    if (locks.back()->held() && !is_busy(part.entry))
      allowed.insert(part.paths.begin(), part.paths.end());
    else
      leave_alone(part.entry);
  }
  std::int64_t freed = 0;
  for (const Removal& part : again()) {
    bool any = false;
    for (const auto& path : part.paths) {
      if (!allowed.contains(path)) continue;
      any = true;
      std::error_code error;
      fs::remove_all(path, error);
      if (error && error != std::errc::no_such_file_or_directory)
        fail(Errc::kResources, path.string(), ": cannot remove: ", error.message());
    }
    if (any) freed += part.bytes;
  }
  return freed;
}

}  // namespace hft::hub
