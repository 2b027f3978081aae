#include "hub/local_files.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/signals.h"
#include "core/base/text.h"
#include "hub/backend.h"
#include "hub/cache.h"
#include "hub/http.h"
#include "hub/names.h"
#include "hub/partial.h"
#include "hub/secrets.h"

namespace hft::hub {
namespace {

// Where links of a folder may lead: the folder, or for a snapshot of the cache its repository.
fs::path bounds_of(const fs::path& folder) {
  const bool snapshot =
      is_commit(folder.filename().string()) && folder.parent_path().filename() == "snapshots";
  return snapshot ? folder.parent_path().parent_path() : folder;
}

// What git (a folder, or a submodule's file) and huggingface_hub keep for themselves.
bool is_bookkeeping(const fs::path& path) {
  const std::string name = lowercase(path.filename().string());
  return name == ".git" || (name == "huggingface" && path.parent_path().filename() == ".cache");
}

[[noreturn]] void changed(const LocalFile& file) {
  fail_hint(Errc::kResources, "let the program that writes it finish, then run the command again",
            file.path.string(), ": changed while it was read");
}

std::int64_t time_of(const struct stat& info) {
  return info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
}

}  // namespace

bool is_training_leftover(const std::string& name) {
  constexpr std::array kPatterns{"checkpoint-*", "_*",        "optimizer.pt",   "optimizer.bin",
                                 "scheduler.pt", "scaler.pt", "rng_state*.pth", "*/__pycache__/*",
                                 "__pycache__/*", "optimizer.safetensors", "hft_state.json"};
  return std::any_of(kPatterns.begin(), kPatterns.end(), [&](const char* pattern) {
    return ::fnmatch(pattern, name.c_str(), FNM_NOESCAPE) == 0;
  });
}

std::vector<LocalFile> files_below(const fs::path& folder,
                                   const std::function<bool(const std::string&)>& wanted,
                                   std::vector<std::string>& skipped) {
  const fs::path top = fs::canonical(folder), bounds = bounds_of(top);
  std::vector<LocalFile> out;
  for (fs::recursive_directory_iterator at(top), end; at != end; ++at) {
    if (is_bookkeeping(at->path())) {
      at.disable_recursion_pending();
      continue;
    }
    const std::string name = at->path().lexically_relative(top).generic_string();
    const auto status = at->symlink_status();
    if (fs::is_directory(status)) continue;
    std::error_code broken;
    const fs::path real = fs::canonical(at->path(), broken);
    if (!wanted(name) || (!broken && fs::is_directory(real))) {
      skipped.push_back(name);
      continue;
    }
    if (broken) fail(Errc::kBadData, at->path().string(), ": a link that leads nowhere");
    if (fs::is_symlink(status) && !is_inside(real, bounds))
      fail(Errc::kBadData, at->path().string(), ": a link out of the folder, to ", real.string(),
           "; not uploaded");
    if (!fs::is_regular_file(real)) fail(Errc::kBadData, at->path().string(), ": not a plain file");
    check_file_name(name);
    LocalFile file;
    file.name = name;
    file.path = real;
    out.push_back(std::move(file));
  }
  std::sort(out.begin(), out.end(),
            [](const LocalFile& a, const LocalFile& b) { return a.name < b.name; });
  return out;
}

void read_local_file(LocalFile& file, const std::string& own_token) {
  TokenSearch search(own_token);
  auto sha256 = backend().sha256();
  std::unique_ptr<Hash> sha1;
  const auto feed = [&](std::string_view bytes) {
    sha256->update(bytes.data(), bytes.size());
    sha1->update(bytes.data(), bytes.size());
    search.feed(bytes);
    if (file.sample.size() < 512) file.sample += bytes.substr(0, 512 - file.sample.size());
  };
  if (file.path.empty()) {
    file.size = static_cast<std::int64_t>(file.text.size());
    sha1 = hash_for(std::string(40, '0'), file.size);
    feed(file.text);
  } else {
    const int fd = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat info {};
    if (fd < 0 || ::fstat(fd, &info) != 0)
      fail(Errc::kResources, file.path.string(), ": cannot read: ", std::strerror(errno));
    file.size = info.st_size;
    file.changed_ns = time_of(info);
    sha1 = hash_for(std::string(40, '0'), file.size);
    std::string block(1 << 20, '\0');
    std::int64_t read = 0;
    for (ssize_t n; (n = ::read(fd, block.data(), block.size())) > 0; read += n) {
      feed({block.data(), static_cast<std::size_t>(n)});
      if (stop_requested()) break;
    }
    ::close(fd);
    check_stop();
    if (read != file.size) changed(file);
    check_unchanged(file);
  }
  if (const auto at = search.found())
    fail_hint(Errc::kBadData,
              "take the token out, and replace it at the Hub if others have seen it", file.name,
              ": holds a token of the Hub (at byte ", *at, "); nothing was uploaded");
  file.sha256 = sha256->hex();
  file.git_sha1 = sha1->hex();
}

void check_unchanged(const LocalFile& file) {
  struct stat info {};
  if (file.path.empty()) return;
  if (::stat(file.path.c_str(), &info) != 0 || info.st_size != file.size ||
      time_of(info) != file.changed_ns)
    changed(file);
}

std::string content_of(const LocalFile& file) {
  std::string text = file.path.empty() ? file.text : read_file(file.path, INT64_MAX);
  auto hash = hash_for(file.git_sha1, static_cast<std::int64_t>(text.size()));
  hash->update(text.data(), text.size());
  if (hash->hex() != file.git_sha1) changed(file);
  return text;
}

}  // namespace hft::hub
