#include "hub/download.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <set>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/progress.h"
#include "core/base/text.h"
#include "hub/client.h"
#include "hub/lock.h"
#include "hub/parallel.h"

namespace hft::hub {
namespace {

std::int64_t free_bytes(const fs::path& folder) {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return INT64_MAX;
  return static_cast<std::int64_t>(disk.f_bavail) * static_cast<std::int64_t>(disk.f_frsize);
}

// What lies there of earlier attempts is space that need not be found again.
std::int64_t partial_bytes(const fs::path& folder, const std::string& prefix) {
  std::int64_t most = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().filename().string().starts_with(prefix + "."))
      most = std::max(most, static_cast<std::int64_t>(entry.file_size(error)));
  return most;
}

class Run {
 public:
  Run(const Settings& settings, const Source& source, std::vector<RepoFile> files,
      const Target& target)
      : settings_(settings), source_(source), files_(std::move(files)), target_(target) {}

  std::size_t operator()() {
    if (files_.empty()) return 0;
    in_parallel(settings_, files_.size(),
                [this](Http& http, std::size_t i) { describe(http, files_[i]); });
    // The large ones first: they decide how long it takes.
    std::stable_sort(files_.begin(), files_.end(),
                     [](const RepoFile& a, const RepoFile& b) { return a.size > b.size; });
    check_space();
    Progress progress(source_.repo_id, "byte", meter_.total);
    in_parallel(
        settings_, files_.size(), [this](Http& http, std::size_t i) { bring(http, files_[i]); },
        [&] {
          const std::string files =
              std::to_string(meter_.files_done) + "/" + std::to_string(meter_.files) + " files";
          progress.update(meter_.bytes, files + ", " + meter_.current());
        });
    return fetched_;
  }

 private:
  void describe(Http& http, RepoFile& file) {
    if (!file.digest.empty() && file.size >= 0) return;
    const RepoFile found = file_info(http, source_.repo_id, source_.commit, file.name);
    if (file.size >= 0 && found.size >= 0 && found.size != file.size)
      fail(Errc::kNetwork, file.name, ": the Hub's list says ", file.size, " bytes, its headers ",
           found.size);
    file.digest = found.digest;
    if (file.size < 0) file.size = found.size;
  }

  void check_space() {
    std::int64_t need = 0;
    std::set<std::string> seen;
    for (const RepoFile& file : files_) {
      if (!seen.insert(file.digest).second || target_.has(file)) continue;
      const std::int64_t there = partial_bytes(target_.partials, target_.prefix(file));
      need += std::max<std::int64_t>(0, file.size - there);
      meter_.total += std::max<std::int64_t>(0, file.size);
      ++meter_.files;
    }
    if (const auto free = free_bytes(target_.partials); need > free)
      fail_hint(Errc::kResources,
                "make room, or choose another folder with --cache-dir or HF_HUB_CACHE",
                target_.partials.string(), ": ", human_bytes(need), " are needed, ",
                human_bytes(free), " are free");
  }

  void bring(Http& http, RepoFile& file) {
    if (!target_.has(file)) {
      const FileLock lock(target_.lock(file), file.name);
      if (!target_.has(file)) {
        Partial partial(target_.partials, target_.prefix(file), file);
        meter_.bytes += partial.size();
        fetch(http, source_, file, partial, meter_);
        target_.store(file, partial.path());
        ++fetched_;
      } else {
        meter_.bytes += file.size;  // another process brought it
      }
      ++meter_.files_done;
      target_.publish(file);
      return;
    }
    target_.publish(file);
  }

  const Settings& settings_;
  const Source& source_;
  std::vector<RepoFile> files_;
  const Target& target_;
  Meter meter_;
  std::atomic<std::size_t> fetched_{0};
};

}  // namespace

std::size_t download(const Settings& settings, const Source& source, std::vector<RepoFile> files,
                     const Target& target) {
  return Run(settings, source, std::move(files), target)();
}

}  // namespace hft::hub
