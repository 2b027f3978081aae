#include "tasks/model_options.h"

#include <CLI/CLI.hpp>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/checkpoint/other_formats.h"
#include "hub/card.h"
#include "hub/names.h"
#include "hub/repo_hint.h"
#include "hub/snapshot.h"
#include "tasks/list_option.h"

namespace hft {

void add_source_options(CLI::App& app, ModelOptions& o) {
  app.add_option("-m,--model", o.model, "Model: a folder, or its id on the Hub")
      ->type_name("ID|DIR")
      ->group("Model");
  app.add_option("--revision", o.revision, "Branch, tag or commit")
      ->type_name("REV")
      ->capture_default_str()
      ->group("Model");
  app.add_option("--subfolder", o.subfolder, "Folder of the model inside its repository")
      ->type_name("DIR")
      ->group("Model");
  app.add_option("--cache-dir", o.cache_dir, "Use this cache instead of HF_HUB_CACHE")
      ->type_name("DIR")
      ->group("Model");
  add_list_option(app, "--require-license", o.require_license,
                  "Refuse a model whose card names another licence (exit 6)")
      ->type_name("L,…")
      ->group("Model");
  app.add_flag("--local-files-only", o.local_files_only, "Use no network")->group("Model");
}

void add_model_options(CLI::App& app, ModelOptions& o) {
  add_source_options(app, o);
  app.add_option("--variant", o.variant, "Weights named model.VARIANT.safetensors")
      ->type_name("VARIANT")
      ->group("Model");
  app.add_flag("--trust-remote-code", o.trust_remote_code,
               "Accepted for old scripts: hft never runs a repository's code")
      ->group("Model");
  app.add_option("--dtype", o.dtype,
                 "Compute in this type; auto: the config's, else the checkpoint's")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16", "float16"}))
      ->capture_default_str()
      ->group("Model");
  app.add_option("--device", o.device, "auto, cpu, cuda or cuda:N")
      ->type_name("DEVICE")
      ->capture_default_str()
      ->group("Model");
  app.add_option("--threads", o.threads, "Threads to compute with (0: every core)")
      ->type_name("N")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str()
      ->group("Model");
  app.add_option("--batch-size", o.batch_size, "Inputs computed together, or auto")
      ->type_name("N|auto")
      ->capture_default_str()
      ->group("Model");
  app.add_flag("--allow-random-head", o.allow_random_head,
               "Run although the checkpoint lacks this head's weights")
      ->group("Model");
  app.add_flag_callback(
         "--no-truncation", [&o] { o.truncate = false; },
         "An input longer than the model takes is an error")
      ->group("Model");
}

namespace {

fs::path from_hub(const ModelOptions& o, const std::string& model, ModelParts parts) {
  if (!hub::is_repo_id(model)) {
    const std::string meant = hub::meant_repository(model);
    fail_hint(Errc::kNotFound, meant.empty() ? "" : "give -m " + meant, "-m ", model,
              ": no such folder, and not a model id (name or org/name)");
  }
  hub::SnapshotRequest request;
  request.repo_id = model;
  request.revision = o.revision;
  request.cache_dir = o.cache_dir;
  request.local_files_only = o.local_files_only;
  request.licences = o.require_license;
  try {
    return hub::fetch_model(request, o.subfolder, o.variant, parts == ModelParts::kAll).folder;
  } catch (const Error& e) {
    // It may have been meant as a folder.
    if (e.code == Errc::kNotFound || e.code == Errc::kNotAuthorised)
      throw e.in("-m " + model + ": no such folder; as a model's id");
    throw;
  }
}

}  // namespace

fs::path model_folder(const ModelOptions& o, const std::string& default_model, ModelParts parts) {
  std::string model = o.model;
  if (model.empty()) {
    model = default_model;
    note("no model given, using " + model + " (choose one with -m)");
  }
  if (o.trust_remote_code)
    note("--trust-remote-code: native implementation used; no remote code is ever run");
  fs::path folder = model;
  if (fs::is_regular_file(folder)) {
    const std::string name = folder.filename().string();
    with_context("-m " + model, [&] { reject_other_formats({&name, 1}); });
    fail(Errc::kUsage, "-m ", model, ": is a file, wanted the model's folder or its id");
  }
  if (!fs::is_directory(folder))
    folder = from_hub(o, model, parts);
  else if (!o.require_license.empty())
    with_context(model, [&] { hub::require_licence(hub::read_card(folder), o.require_license); });
  if (!o.subfolder.empty()) folder /= o.subfolder;
  if (!fs::is_directory(folder)) fail(Errc::kNotFound, folder.string(), ": no such folder");
  return folder;
}

ModelRequest model_request(const ModelOptions& o, std::filesystem::path folder, Head head) {
  ModelRequest request;
  request.folder = std::move(folder);
  request.head = head;
  request.variant = o.variant;
  request.dtype = o.dtype;
  request.device = o.device;
  request.threads = o.threads;
  request.allow_random_head = o.allow_random_head;
  return request;
}

std::int64_t batch_size(const ModelOptions& o) {
  if (o.batch_size == "auto") return 0;
  char* end = nullptr;
  const long n = std::strtol(o.batch_size.c_str(), &end, 10);
  if (*end || n < 1 || n > 1'000'000)
    fail(Errc::kUsage, "--batch-size: '", o.batch_size,
         "' is neither auto nor a number from 1 to 1000000");
  return n;
}

}  // namespace hft
