#include "tasks/train/pushing.h"

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "hub/selection.h"
#include "hub/settings.h"

namespace hft {
namespace {

// What of a folder goes along, below `place` of the repository.
void add_files(hub::UploadRequest& request, const fs::path& folder, const std::string& place,
               bool whole) {
  std::vector<std::string> skipped;
  for (hub::LocalFile& file : hub::files_below(
           folder, [&](const auto& name) { return whole || !hub::is_training_leftover(name); },
           skipped)) {
    file.name = place + file.name;
    request.files.push_back(std::move(file));
  }
}

}  // namespace

void add_push_options(Flags& flags, PushOptions& o) {
  flags.add("--push-to-hub", o.push, "Send the model to the Hub, as --hub-strategy says")
      .group("Hub");
  flags.add("--hub-model-id", o.repo, "The repository: org/name; else called as the output folder")
      .metavar("ID")
      .group("Hub");
  flags
      .add("--hub-strategy", o.strategy,
           "When: at the end, at every save, with the last checkpoint, or with all of them")
      .one_of({"end", "every_save", "checkpoint", "all_checkpoints"})
      .show_default()
      .group("Hub");
  flags.add("--hub-private-repo", o.make_private, "Make the repository private, if it is new")
      .group("Hub");
}

Pushing::Pushing(PushOptions options, fs::path output)
    : options_(std::move(options)), output_(std::move(output)) {
  if (!options_.push) return;
  if (options_.repo.empty())
    options_.repo = fs::absolute(output_).lexically_normal().filename().string();
  if (hub::offline())
    fail(Errc::kNotFound, "--push-to-hub: HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids the network");
  hub::upload({.repo_id = options_.repo, .dry_run = true});
}

void Pushing::saved(const fs::path& checkpoint, std::int64_t step) {
  if (!options_.push || options_.strategy == "end") return;
  hub::UploadRequest request{.repo_id = options_.repo,
                             .message = "Training in progress, step " + std::to_string(step),
                             .make_private = options_.make_private};
  if (options_.strategy == "all_checkpoints") unsent_.push_back(checkpoint);
  try {
    add_files(request, checkpoint, "", false);
    if (options_.strategy == "checkpoint") add_files(request, checkpoint, "last-checkpoint/", true);
    add_unsent(request);
    const hub::Uploaded sent = hub::upload(std::move(request));
    unsent_.clear();
    note("step " + std::to_string(step) + " sent: " + sent.url);
  } catch (const Error& e) {
    note("step " + std::to_string(step) + " could not be sent to the Hub: " + e.message);
  }
}

// Those that --save-total-limit has not removed meanwhile.
void Pushing::add_unsent(hub::UploadRequest& request) const {
  for (const fs::path& one : unsent_)
    if (fs::exists(one)) add_files(request, one, one.filename().string() + "/", true);
}

void Pushing::ended() {
  if (!options_.push) return;
  hub::UploadRequest request{.repo_id = options_.repo,
                             .message = "End of training",
                             .make_private = options_.make_private};
  add_files(request, output_, "", false);
  add_unsent(request);
  try {
    note("sent: " + hub::upload(std::move(request)).url);
  } catch (Error& e) {
    if (e.hint.empty())
      e.hint = "the model is in " + output_.string() + ": hft push " + output_.string() + " " +
               options_.repo + " sends it";
    throw;
  }
}

}  // namespace hft
