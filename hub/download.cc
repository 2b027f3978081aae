#include "hub/download.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <optional>
#include <set>
#include <thread>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/progress.h"
#include "core/base/text.h"
#include "hub/client.h"
#include "hub/lock.h"

namespace hft::hub {
namespace {

constexpr std::size_t kThreads = 8;

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
    if (entry.path().filename().string().starts_with(prefix + ".")) most = std::max(most, static_cast<std::int64_t>(entry.file_size(error)));
  return most;
}

class Run {
 public:
  Run(const Settings& settings, const Source& source, std::vector<RepoFile> files, const Target& target)
      : settings_(settings), source_(source), files_(std::move(files)), target_(target) {}

  std::size_t operator()() {
    if (files_.empty()) return 0;
    each([this](Http& http, RepoFile& file) { describe(http, file); }, false);
    // The large ones first: they decide how long it takes.
    std::stable_sort(files_.begin(), files_.end(), [](const RepoFile& a, const RepoFile& b) { return a.size > b.size; });
    check_space();
    each([this](Http& http, RepoFile& file) { bring(http, file); }, true);
    return fetched_;
  }

 private:
  void describe(Http& http, RepoFile& file) {
    if (!file.digest.empty() && file.size >= 0) return;
    const RepoFile found = file_info(http, source_.repo_id, source_.commit, file.name);
    if (file.size >= 0 && found.size >= 0 && found.size != file.size)
      fail(Errc::kNetwork, file.name, ": the Hub's list says ", file.size, " bytes, its headers ", found.size);
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
      fail_hint(Errc::kResources, "make room, or choose another folder with --cache-dir or HF_HUB_CACHE", target_.partials.string(),
                ": ", human_bytes(need), " are needed, ", human_bytes(free), " are free");
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

  // Calls work(http, file) for all files on several threads; rethrows the first error.
  template <class Work>
  void each(Work&& work, bool show) {
    next_ = 0;
    const std::size_t count = std::min(kThreads, files_.size());
    running_ = count;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i)
      threads.emplace_back([&] {
        const CancelScope scope(failed_);
        try {
          std::optional<Http> http;
          for (std::size_t k; !failed_ && (k = next_++) < files_.size();) {
            if (!http) http.emplace(settings_);
            work(*http, files_[k]);
          }
        } catch (...) {
          if (!failed_.exchange(true)) error_ = std::current_exception();
        }
        const std::lock_guard lock(mutex_);
        if (--running_ == 0) done_.notify_all();
      });
    watch(show);
    for (auto& thread : threads) thread.join();
    if (error_) std::rethrow_exception(error_);
  }

  void watch(bool show) {
    Progress progress(source_.repo_id, "byte", meter_.total);
    std::unique_lock lock(mutex_);
    while (!done_.wait_for(lock, std::chrono::milliseconds(100), [this] { return running_ == 0; }))
      if (show) {
        const std::string files = std::to_string(meter_.files_done) + "/" + std::to_string(meter_.files) + " files";
        progress.update(meter_.bytes, files + ", " + meter_.current());
      }
  }

  const Settings& settings_;
  const Source& source_;
  std::vector<RepoFile> files_;
  const Target& target_;
  Meter meter_;
  std::atomic<std::size_t> next_{0}, fetched_{0};
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t running_ = 0;
};

}  // namespace

std::size_t download(const Settings& settings, const Source& source, std::vector<RepoFile> files, const Target& target) {
  return Run(settings, source, std::move(files), target)();
}

}  // namespace hft::hub
