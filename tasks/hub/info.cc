// hft hub ls and hub info: what a repository on the Hub holds, and under which terms.
#include <cstdio>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "hub/client.h"
#include "hub/names.h"
#include "tasks/commands.h"
#include "tasks/hub/table.h"

namespace hft {
namespace {

struct InfoOptions {
  std::string repo, revision = "main";
  bool json = false;
};

hub::RepoInfo ask(const InfoOptions& o) {
  if (hub::offline())
    fail(Errc::kNotFound, o.repo, ": HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids the network");
  hub::check_repo_id(o.repo);
  hub::Http http(hub::settings());
  return hub::repo_info(http, o.repo, o.revision);
}

int run_hub_ls(const InfoOptions& o) {
  hub::RepoInfo info = ask(o);
  for (const auto& name : info.tree.odd_names) info.tree.files.push_back({name});
  std::vector<std::vector<std::string>> rows{{"SIZE", "FILE"}};
  for (const hub::RepoFile& file : info.tree.files) {
    if (o.json)
      std::printf("%s\n", to_line({{"name", file.name},
                                   {"bytes", file.size < 0 ? Json() : Json(file.size)},
                                   {"digest", file.digest}})
                              .c_str());
    rows.push_back({file.size < 0 ? "-" : human_bytes(file.size), file.name});
  }
  if (!o.json) print_table(rows);
  return 0;
}

int run_info(const InfoOptions& o) {
  const hub::RepoInfo info = ask(o);
  std::int64_t bytes = 0;
  for (const hub::RepoFile& file : info.tree.files) bytes += std::max<std::int64_t>(0, file.size);
  Json out{{"id", info.id},
           {"commit", info.commit},
           {"license", info.licences.empty() ? "not stated" : joined(info.licences, ", ")},
           {"gated", info.gated.empty() ? Json(false) : Json(info.gated)},
           {"private", info.is_private},
           {"files", info.tree.files.size()},
           {"bytes", bytes}};
  for (const char* key : {"pipeline_tag", "library_name", "lastModified", "downloads", "likes"})
    if (info.json.contains(key) && info.json[key].is_primitive() && !info.json[key].is_null())
      out[key] = info.json[key];
  if (o.json) {
    std::printf("%s\n", to_line(out).c_str());
    return 0;
  }
  for (const auto& [key, value] : out.items()) {
    const std::string text = key == "bytes"      ? human_bytes(bytes)
                             : value.is_string() ? value.get<std::string>()
                                                 : to_line(value);
    std::printf("%-14s %s\n", key == "bytes" ? "size" : key.c_str(), escape_controls(text).c_str());
  }
  return 0;
}

std::shared_ptr<InfoOptions> hub_options(Flags& flags) {
  auto o = std::make_shared<InfoOptions>();
  flags.add("REPO", o->repo, "The repository: org/name").required();
  flags.add("--revision", o->revision, "Branch, tag, commit or refs/pr/N")
      .metavar("REV")
      .show_default();
  flags.add("--json", o->json, "As JSON");
  return o;
}

std::function<int()> declare_hub_ls(Flags& flags) {
  flags.footer(
      "Examples:\n  hft hub ls openai-community/gpt2\n  hft hub ls org/name --revision refs/pr/1 "
      "--json");
  return [o = hub_options(flags)] { return run_hub_ls(*o); };
}

std::function<int()> declare_info(Flags& flags) {
  flags.footer("Examples:\n  hft hub info openai-community/gpt2\n  hft hub info org/name --json");
  return [o = hub_options(flags)] { return run_info(*o); };
}

}  // namespace

extern const Command hub_ls_command{"hub ls", "Hub", "List the files of a repository",
                                    declare_hub_ls};
extern const Command hub_info_command{
    "hub info", "Hub", "Show a repository's licence, gating, size and commit", declare_info};

}  // namespace hft
