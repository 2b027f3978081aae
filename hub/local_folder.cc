// Downloads into a folder of the user's. Beside the files, FOLDER/.cache/huggingface/download holds
// for each what huggingface_hub wants to know: NAME.metadata with commit, etag and time.
#include <sys/stat.h>

#include <ctime>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"
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

class LocalFolder {
 public:
  LocalFolder(fs::path folder, std::string commit)
      : folder_(std::move(folder)), commit_(std::move(commit)) {}

  fs::path notes() const { return folder_ / ".cache/huggingface/download"; }

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
    make_plain_folder(folder_, fs::path(".cache/huggingface/download") / parent);
  }

  void store(const RepoFile& file, const fs::path& verified) const {
    std::error_code error;
    fs::rename(verified, folder_ / file.name, error);
    if (error)
      fail(Errc::kResources, (folder_ / file.name).string(), ": cannot write: ", error.message());
  }

  void note_down(const RepoFile& file) const {
    write_file(notes() / (file.name + ".metadata"),
               commit_ + "\n" + file.digest + "\n" + now() + "\n");
  }

 private:
  // "" when the file may have changed since the note was made: both may fall into one tick.
  std::string noted_digest(const std::string& name) const {
    std::error_code ignored;
    const fs::path note = notes() / (name + ".metadata");
    if (!fs::is_regular_file(fs::symlink_status(note, ignored))) return "";
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
  const fs::path cache = fs::weakly_canonical(cache_folder(request.cache_dir));
  if (is_inside(fs::weakly_canonical(folder), cache))
    fail(Errc::kUsage, "--local-dir ", folder.string(), ": lies in the cache ", cache.string(),
         ", whose files are not to be changed");
}

}  // namespace

Snapshot fetch_to_folder(const SnapshotRequest& request, const fs::path& folder) {
  refuse_cache(request, folder);
  const std::string what = request.repo_id + "@" + request.revision;
  if (request.local_files_only || offline())
    fail(Errc::kNotFound, what,
         ": --local-dir asks the Hub what to put there, and the network is forbidden");
  const Settings settings = hub::settings();
  Http http(settings);
  const RepoInfo info = repo_info(http, request.repo_id, request.revision);
  return with_context(what, [&] {
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
    if (!request.licences.empty()) {
      Card card;
      if (info.tree.find("README.md")) {
        bring({"README.md"});
        card = read_card(folder);
      }
      if (card.licences.empty()) card.licences = info.licences;
      require_licence(card, request.licences);
    }
    out.files = request.choose(info.tree, [](const std::string&) { return std::string(); });
    bring(out.files);
    return out;
  });
}

}  // namespace hft::hub
