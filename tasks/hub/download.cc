// hft hub download: files of a repository into the cache, or into a folder.
#include <algorithm>
#include <cstdio>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "hub/selection.h"
#include "hub/snapshot.h"
#include "tasks/commands.h"
#include "tasks/run/list_option.h"

namespace hft {
namespace {

struct DownloadOptions {
  hub::SnapshotRequest request;
  std::vector<std::string> files, include, exclude;
  std::string local_dir;
};

int run(const DownloadOptions& o) {
  hub::SnapshotRequest request = o.request;
  if (!o.files.empty() && (!o.include.empty() || !o.exclude.empty()))
    fail(Errc::kUsage, "hub download: FILE names go without --include and --exclude");
  request.choose = [&](const hub::Tree& tree, const auto&) {
    return hub::files_matching(tree, o.files, o.include, o.exclude);
  };
  request.use_what_is_there = o.files.empty();
  request.enough = [&](const std::vector<std::string>& names, const auto&) {
    return !o.files.empty() && std::all_of(o.files.begin(), o.files.end(), [&](const auto& file) {
      return std::find(names.begin(), names.end(), file) != names.end();
    });
  };
  const hub::Snapshot found = o.local_dir.empty()
                                  ? hub::fetch_snapshot(request)
                                  : hub::fetch_to_folder(request, hub::expanded(o.local_dir));
  detail(counted(static_cast<std::int64_t>(found.fetched), "file") + " fetched, commit " +
         found.commit);
  std::printf("%s\n", found.folder.c_str());
  return 0;
}

std::function<int()> declare_download(Flags& flags) {
  auto o = std::make_shared<DownloadOptions>();
  flags.footer(
      "Examples:\n  hft hub download sentence-transformers/all-MiniLM-L6-v2\n"
      "  hft hub download openai-community/gpt2 config.json vocab.json\n"
      "  hft hub download org/name --include '*.safetensors' '*.json' --revision v1.0 --local-dir "
      "model\n"
      "The last line printed is the folder. An interrupted download goes on where it stopped.");
  flags.add("REPO", o->request.repo_id, "The repository: org/name").required();
  flags.add("FILE", o->files, "Only these files");
  flags.add("--include", o->include, "Only files that match one of these; * matches / too")
      .metavar("GLOB…");
  flags.add("--exclude", o->exclude, "No file that matches one of these").metavar("GLOB…");
  flags.add("--revision", o->request.revision, "Branch, tag, commit or refs/pr/N")
      .metavar("REV")
      .show_default();
  flags.add("--cache-dir", o->request.cache_dir, "Use this cache instead of HF_HUB_CACHE")
      .metavar("DIR");
  flags.add("--local-dir", o->local_dir, "Put the files into this folder instead of the cache")
      .metavar("DIR");
  flags.add("--local-files-only", o->request.local_files_only, "Use no network");
  add_list_option(flags, "--require-license", o->request.licences,
                  "Refuse a repository whose card names another licence (exit 6)")
      .metavar("L,…");
  return [o] { return run(*o); };
}

}  // namespace

extern const Command hub_download_command{"hub download", "Hub",
                                          "Fetch a repository, or files of it", declare_download};

}  // namespace hft
