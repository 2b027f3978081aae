// Downloads into a folder of the user's. Beside the files, FOLDER/.cache/huggingface/download holds
// for each what huggingface_hub wants to know: NAME.metadata with commit, etag and time.
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <optional>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "hub/cache_guard.h"
#include "hub/client.h"
#include "hub/download.h"
#include "hub/names.h"
#include "hub/snapshot.h"

namespace hft::hub {
namespace {

// What the kernel would stamp a file with that is written now, rounded down. Its clock ticks every
// few milliseconds.
std::string now() {
  timespec at{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &at);
  char text[40];
  std::snprintf(text, sizeof text, "%lld.%06ld", static_cast<long long>(at.tv_sec),
                at.tv_nsec / 1000);
  return text;
}

constexpr const char* kNotes = ".cache/huggingface";

class LocalFolder {
 public:
  LocalFolder(fs::path folder, std::string commit)
      : folder_(std::move(folder)), commit_(std::move(commit)) {}

  fs::path notes() const { return folder_ / kNotes / "download"; }
  fs::path tree() const { return folder_ / kNotes / "trees" / (commit_ + ".json"); }

  // There, and of this digest: as noted when it was written, else by hashing it.
  bool has(const RepoFile& file) const {
    std::error_code missing;
    const fs::path path = folder_ / file.name;
    const auto status = fs::symlink_status(path, missing);
    if (!fs::is_regular_file(status)) return false;
    if (file.size >= 0 && static_cast<std::int64_t>(fs::file_size(path, missing)) != file.size)
      return false;
    return noted_digest(file.name) == file.digest || digest_of(path, file.digest) == file.digest;
  }

  void prepare(const RepoFile& file) const {
    const auto parent = fs::path(file.name).parent_path();
    make_plain_folder(folder_, parent);
    make_plain_folder(folder_, fs::path(kNotes) / "download" / parent);
  }

  // What is to be here, for a time without the Hub; and that git leaves these notes alone.
  void begin(const Tree& listing, const std::string& repo_id) const {
    make_plain_folder(folder_, fs::path(kNotes) / "trees");
    std::error_code ignored;
    if (!fs::exists(folder_ / kNotes / ".gitignore", ignored))
      write_note(folder_ / kNotes / ".gitignore", "*");
    write_note(tree(), tree_text(listing, repo_id));
  }

  void store(const RepoFile& file, const fs::path& verified) const {
    std::error_code error;
    fs::rename(verified, folder_ / file.name, error);
    if (error)
      fail(Errc::kResources, (folder_ / file.name).string(), ": cannot write: ", error.message());
  }

  void note_down(const RepoFile& file) const {
    write_note(notes() / (file.name + ".metadata"),
               commit_ + "\n" + file.digest + "\n" + now() + "\n");
  }

 private:
  // Notes only save work: one that cannot be written (its name may be too long) is left out.
  void write_note(const fs::path& file, const std::string& text) const {
    const fs::path made = folder_ / kNotes / ("note." + random_tag());
    std::error_code error;
    try {
      write_file(made, text);
      fs::rename(made, file, error);
    } catch (const Error& e) {
      if (e.code != Errc::kResources) throw;
    }
    if (error) fs::remove(made, error);
  }

  // "" when the file may have changed since the note was made: both may fall into one tick.
  std::string noted_digest(const std::string& name) const {
    std::error_code ignored;
    const fs::path note = notes() / (name + ".metadata");
    if (!fs::is_regular_file(fs::symlink_status(note, ignored)) ||
        ::access(note.c_str(), R_OK) != 0)
      return "";
    const auto lines = split(read_file(note, 4096), '\n');
    struct stat info {};
    if (lines.size() < 3 || ::stat((folder_ / name).c_str(), &info) != 0) return "";
    const double changed =
        static_cast<double>(info.st_mtim.tv_sec) + 1e-9 * static_cast<double>(info.st_mtim.tv_nsec);
    return changed < std::atof(lines[2].c_str()) ? lines[1] : "";
  }

  fs::path folder_;
  std::string commit_;
};

void refuse_cache(const SnapshotRequest& request, const fs::path& folder) {
  hub::refuse_cache("--local-dir", folder, request.cache_dir);
}

// The commit that was fetched last, as the lists in the folder tell; "" when there is none.
std::string last_commit(const fs::path& folder) {
  std::string newest;
  fs::file_time_type at{};
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder / kNotes / "trees", error)) {
    const std::string commit = file.path().stem().string();
    const auto time = file.last_write_time(error);
    if (!is_commit(commit) || error || (!newest.empty() && time <= at)) continue;
    newest = commit;
    at = time;
  }
  return newest;
}

// What the notes beside the files tell, where no list was kept; none when a download broke off.
std::optional<Tree> noted_files(const fs::path& folder) {
  Tree tree;
  const fs::path notes = folder / kNotes / "download";
  std::error_code error;
  for (fs::recursive_directory_iterator at(notes, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().lexically_relative(notes).generic_string();
    if (name.ends_with(".incomplete")) return std::nullopt;
    if (!name.ends_with(".metadata") || !at->is_regular_file(error)) continue;
    const auto lines = split(read_file(at->path(), 4096), '\n');
    RepoFile file{name.substr(0, name.size() - std::string(".metadata").size())};
    if (lines.size() < 2 || !is_digest(lines[1]) || !file_name_fault(file.name).empty()) continue;
    file.digest = lines[1];
    tree.files.push_back(std::move(file));
  }
  return tree.files.empty() ? std::nullopt : std::optional(tree);
}

// The folder as it is, when all that is wanted of it is there; `why` the Hub is not asked.
Snapshot as_it_is(const SnapshotRequest& request, const fs::path& folder, const std::string& why) {
  const std::string what = request.repo_id + "@" + request.revision;
  const std::string commit = is_commit(request.revision) ? request.revision : last_commit(folder);
  const LocalFolder local(folder, commit);
  const auto tree = commit.empty() ? noted_files(folder) : read_tree_file(local.tree());
  if (!tree || (!tree->repo_id.empty() && tree->repo_id != request.repo_id))
    fail(Errc::kNotFound, what, ": ", folder.string(), " does not say that it holds it, and ", why);
  Snapshot out{folder, commit, {}, 0};
  return with_context(what, [&] {
    out.files = request.choose(*tree, [](const std::string&) { return std::string(); });
    for (const auto& name : out.files)
      if (!local.has(*tree->find(name)))
        fail(Errc::kNotFound, name, ": not (or not whole) in ", folder.string(), ", and ", why);
    if (!request.licences.empty()) require_licence(read_card(folder), request.licences);
    note(folder.string() + " is used as it is: " + why);
    return out;
  });
}

Snapshot from_hub(const SnapshotRequest& request, const fs::path& folder, const Settings& settings,
                  const RepoInfo& info) {
  const LocalFolder local(folder, info.commit);
  const Source source{request.repo_id, info.commit};
  Target target;
  target.partials = local.notes();
  target.has = [&](const RepoFile& f) { return local.has(f); };
  target.lock = [&](const RepoFile& f) { return local.notes() / (f.name + ".lock"); };
  target.prefix = [](const RepoFile& f) { return f.digest; };
  target.store = [&](const RepoFile& f, const fs::path& verified) { local.store(f, verified); };
  target.publish = [&](const RepoFile& f) { local.note_down(f); };
  Snapshot out{folder, info.commit, {}, 0};
  const auto bring = [&](const std::vector<std::string>& names) {
    std::vector<RepoFile> files;
    for (const auto& name : names) files.push_back(*info.tree.find(name));
    for (const RepoFile& file : files) local.prepare(file);
    out.fetched += download(settings, source, std::move(files), target);
  };
  out.files = request.choose(info.tree, [](const std::string&) { return std::string(); });
  local.begin(info.tree, request.repo_id);
  if (!request.licences.empty()) {
    Card card;
    if (info.tree.find("README.md")) {
      bring({"README.md"});
      card = read_card(folder);
    }
    if (card.licences.empty()) card.licences = info.licences;
    require_licence(card, request.licences);
  }
  bring(out.files);
  return out;
}

}  // namespace

Snapshot fetch_to_folder(const SnapshotRequest& request, const fs::path& folder) {
  refuse_cache(request, folder);
  if (request.local_files_only || offline())
    return as_it_is(request, folder, "the network is forbidden");
  const Settings settings = hub::settings();
  Http http(settings);
  RepoInfo info;
  const bool noted = !last_commit(folder).empty() || noted_files(folder);
  try {
    info = repo_info(http, request.repo_id, request.revision, noted);
  } catch (const Transient& problem) {
    return as_it_is(request, folder, problem.what());
  } catch (const Error& e) {
    if (!noted || e.code != Errc::kNetwork) throw;
    return as_it_is(request, folder, e.message);
  }
  return with_context(request.repo_id + "@" + request.revision,
                      [&] { return from_hub(request, folder, settings, info); });
}

}  // namespace hft::hub
