// hft push and hft hub upload: a folder or a file to a repository, in one commit.
#include <cstdio>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "hub/model_card.h"
#include "hub/names.h"
#include "hub/selection.h"
#include "hub/upload.h"
#include "tasks/commands.h"

namespace hft {
namespace {

struct PushOptions {
  hub::UploadRequest request;
  std::string path, path_in_repo;
  std::vector<std::string> include, exclude;
};

int carry_out_push(hub::UploadRequest request) {
  if (hub::offline())
    fail(Errc::kNotFound, request.repo_id,
         ": HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids the network");
  if (request.files.empty()) fail(Errc::kUsage, request.repo_id, ": there is no file to upload");
  const bool dry_run = request.dry_run;
  const hub::Uploaded done = hub::upload(std::move(request));
  if (dry_run)
    for (const auto& [name, size] : done.changed)
      std::printf("%8s  %s\n", human_bytes(size).c_str(), escape_controls(name).c_str());
  const std::string changed = counted(static_cast<std::int64_t>(done.changed.size()), "file");
  const std::string same = std::to_string(done.unchanged) + " unchanged";
  note(done.changed.empty() ? "nothing to upload: " + same
                            : (dry_run ? "would upload " : "uploaded ") + changed + ", " + same);
  std::printf("%s\n", done.url.c_str());
  return 0;
}

void tell(const std::vector<std::string>& left_out) {
  if (!left_out.empty()) note("left out: " + shorten(joined(left_out, ", "), 400));
}

int run_push(const PushOptions& o) {
  if (!fs::is_directory(o.path)) fail(Errc::kNotFound, o.path, ": no such folder");
  hub::UploadRequest request = o.request;
  std::vector<std::string> skipped;
  request.files = hub::files_below(
      o.path, [](const auto& name) { return !hub::is_training_leftover(name); }, skipped);
  tell(skipped);
  const auto architecture = hub::architecture_of(o.path);
  if (request.message.empty())
    request.message = "Upload " + (architecture.empty() ? "model" : architecture);
  request.card.name = "README.md";
  request.card.text =
      hub::make_model_card(o.path, request.repo_id.substr(request.repo_id.find('/') + 1));
  return carry_out_push(std::move(request));
}

// Where files go: the folder ("" = the top), and the name of a single file unless it keeps its own.
struct Place {
  std::string folder, name;
};

// As cp reads it: "sub/" and "." are folders, and a folder's files go below whatever is given.
Place place_of(std::string path, bool is_folder) {
  while (path.starts_with("./")) path.erase(0, 2);
  const bool folder = is_folder || path == "." || path.ends_with('/') || path.ends_with("/.");
  while (path.ends_with('/') || path.ends_with("/.") || path == ".") path.pop_back();
  if (folder) return {path, ""};
  const auto slash = path.rfind('/');
  return slash == path.npos ? Place{"", path}
                            : Place{path.substr(0, slash), path.substr(slash + 1)};
}

int run_upload(const PushOptions& o) {
  hub::UploadRequest request = o.request;
  const bool is_folder = fs::is_directory(o.path);
  const Place place = place_of(o.path_in_repo, is_folder);
  if (is_folder) {
    std::vector<std::string> links;
    request.files = hub::files_below(
        o.path, [&](const auto& name) { return hub::is_chosen(name, o.include, o.exclude); },
        links);
    std::erase_if(links, [&](const auto& n) { return !hub::is_chosen(n, o.include, o.exclude); });
    tell(links);
    if (request.files.empty() && !(o.include.empty() && o.exclude.empty()))
      fail(Errc::kNotFound, o.path, ": no file matches");
  } else if (fs::is_regular_file(o.path)) {
    hub::LocalFile file;
    file.path = fs::canonical(o.path);
    file.name = place.name.empty() ? fs::path(o.path).filename().string() : place.name;
    request.files.push_back(std::move(file));
  } else {
    fail(Errc::kNotFound, o.path, ": no such file or folder");
  }
  for (auto& file : request.files)
    if (!place.folder.empty()) file.name = place.folder + "/" + file.name;
  for (const auto& file : request.files) hub::check_file_name(file.name);
  if (request.message.empty())
    request.message = "Upload " + fs::canonical(o.path).filename().string() + " with hft";
  return carry_out_push(std::move(request));
}

void add_options(Flags& flags, PushOptions& o) {
  flags.add("--revision", o.request.revision, "Branch to commit to")
      .metavar("BRANCH")
      .show_default();
  flags.add("--commit-message", o.request.message, "Message of the commit").metavar("M");
  flags.add("--private", o.request.make_private,
            "Create the repository private, when it is not there");
  flags.add("--create-pr", o.request.create_pr, "Propose it as a pull request");
  flags.add("--dry-run", o.request.dry_run, "Only show what would be uploaded");
}

std::function<int()> declare_push(Flags& flags) {
  auto o = std::make_shared<PushOptions>();
  flags.footer(
      "Examples:\n  hft push my-model ann/my-model\n  hft push my-model ann/my-model --private "
      "--commit-message 'First version'\n"
      "  hft push my-model lab/shared --create-pr\n"
      "Sends what changed, in one commit; a model card is made when there is none. A file that "
      "holds a token is refused (exit 9).");
  flags.add("DIR", o->path, "The model's folder").required();
  flags.add("REPO", o->request.repo_id, "The repository: org/name, or name for your own")
      .required();
  add_options(flags, *o);
  return [o] { return run_push(*o); };
}

std::function<int()> declare_upload(Flags& flags) {
  auto o = std::make_shared<PushOptions>();
  flags.footer(
      "Examples:\n  hft hub upload ann/my-model config.json\n  hft hub upload ann/my-model results "
      "runs/first --include '*.json'\n"
      "A file that holds a token is refused (exit 9).");
  flags.add("REPO", o->request.repo_id, "The repository: org/name, or name for your own")
      .required();
  flags.add("PATH", o->path, "File or folder").required();
  flags.add("PATH_IN_REPO", o->path_in_repo, "Where it goes [a file: its name; a folder: the top]");
  flags.add("--include", o->include, "Of a folder, only files that match one of these")
      .metavar("GLOB…");
  flags.add("--exclude", o->exclude, "Of a folder, no file that matches one of these")
      .metavar("GLOB…");
  add_options(flags, *o);
  return [o] { return run_upload(*o); };
}

}  // namespace

extern const Command push_command{"push", "Hub", "Upload a model's folder with its card",
                                  declare_push};
extern const Command hub_upload_command{"hub upload", "Hub", "Upload a file or a folder",
                                        declare_upload};

}  // namespace hft
