#include "hub/cache.h"

#include <algorithm>
#include <cstdlib>

#include "core/base/files.h"
#include "core/base/text.h"

namespace hft::hub {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool is_commit(const std::string& text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// A revision becomes part of a path: no "..", no absolute path.
bool is_safe_revision(const std::string& text) {
  return !text.empty() && text[0] != '/' && text.find("..") == std::string::npos &&
         text.find('\\') == std::string::npos;
}

}  // namespace

fs::path cache_folder(const std::string& cache_dir) {
  if (!cache_dir.empty()) return cache_dir;
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (auto value = environment(name); !value.empty()) return value;
  if (auto home = environment("HF_HOME"); !home.empty()) return fs::path(home) / "hub";
  if (auto xdg = environment("XDG_CACHE_HOME"); !xdg.empty())
    return fs::path(xdg) / "huggingface/hub";
  return fs::path(environment("HOME")) / ".cache/huggingface/hub";
}

bool is_repo_id(const std::string& text) {
  const auto parts = split(text, '/');
  if (parts.size() > 2 || text.size() > 96) return false;
  if (text.find("--") != std::string::npos || text.find("..") != std::string::npos) return false;
  return std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
    const auto edge = [](char c) { return c != '-' && c != '.'; };
    return !part.empty() && edge(part.front()) && edge(part.back()) &&
           std::all_of(part.begin(), part.end(), [](char c) {
             return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
           });
  });
}

std::optional<fs::path> cached_snapshot(const fs::path& cache, const std::string& repo_id,
                                        const std::string& revision) {
  if (!is_repo_id(repo_id) || !is_safe_revision(revision)) return std::nullopt;
  std::string name = "models--" + repo_id;
  if (auto slash = name.find('/'); slash != std::string::npos) name.replace(slash, 1, "--");
  std::string commit = revision;
  const fs::path ref = cache / name / "refs" / revision;
  if (fs::is_regular_file(ref)) commit = trimmed(read_file(ref, 4096));
  if (!is_commit(commit)) return std::nullopt;
  const fs::path snapshot = cache / name / "snapshots" / commit;
  if (!fs::is_directory(snapshot)) return std::nullopt;
  return snapshot;
}

}  // namespace hft::hub
