#include "hub/snapshot.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/other_formats.h"
#include "hub/client.h"
#include "hub/download.h"
#include "hub/lock.h"
#include "hub/names.h"
#include "hub/selection.h"

namespace hft::hub {
namespace {

Target cache_target(const CachedRepo& repo, const std::string& commit) {
  Target target;
  target.partials = repo.blobs();
  target.has = [&repo](const RepoFile& f) { return repo.has_blob(f); };
  target.lock = [&repo](const RepoFile& f) { return repo.lock(f.digest); };
  target.prefix = [](const RepoFile& f) { return checked_digest(f.digest); };
  target.store = [&repo](const RepoFile& f, const fs::path& verified) {
    repo.add_blob(f.digest, verified);
  };
  target.publish = [&repo, commit](const RepoFile& f) { repo.link(commit, f.name, f.digest); };
  return target;
}

// Brings files of one commit into the cache. From the first one on nothing of the repository is
// removed by others, until this is done.
class Bringer {
 public:
  Bringer(const CachedRepo& repo, const Settings& settings, const RepoInfo& info)
      : repo_(repo), settings_(settings), info_(info) {}

  // Those of `names` that the snapshot lacks. What other programs take away meanwhile is brought
  // again.
  void operator()(const std::vector<std::string>& names) {
    for (int round = 0; !missing(names).empty(); ++round) {
      if (round == kRounds)
        fail(Errc::kResources, repo_.snapshot(info_.commit).string(),
             ": files vanish while others are fetched");
      if (!lock_) lock_.emplace(repo_.folder(), FolderLock::Kind::kShared);
      std::vector<RepoFile> files = missing(names);
      make_folders();
      for (const RepoFile& file : files) tell_torn(file);
      fetched_ += download(settings_, {repo_.id(), info_.commit}, std::move(files),
                           cache_target(repo_, info_.commit));
    }
  }
  std::size_t fetched() const { return fetched_; }

 private:
  static constexpr int kRounds = 3;

  std::vector<RepoFile> missing(const std::vector<std::string>& names) const {
    std::vector<RepoFile> missing;
    for (const auto& name : names) {
      const RepoFile* file = info_.tree.find(name);
      if (!file) fail(Errc::kNotFound, name, ": no such file");
      if (!repo_.holds(info_.commit, *file)) missing.push_back(*file);
    }
    return missing;
  }

  void make_folders() const {
    repo_.make_folder(repo_.blobs());
    repo_.make_folder(repo_.snapshot(info_.commit));
    try {
      repo_.make_folder(repo_.lock(std::string(40, '0')).parent_path());
    } catch (const Denied&) {  // locks only save double work
    }
  }

  void tell_torn(const RepoFile& file) const {
    const auto why = repo_.why_not(info_.commit, file);  // none: another process has just brought it
    if (why && why->code != Errc::kNotFound)
      note(why->message + "; fetching it again");
  }

  const CachedRepo& repo_;
  const Settings& settings_;
  const RepoInfo& info_;
  std::optional<FolderLock> lock_;
  std::size_t fetched_ = 0;
};

// What the cache has of a commit. `missing` says of the first wanted file that is not there, or not
// whole, what is wrong.
std::optional<Snapshot> look_up(const CachedRepo& repo, const SnapshotRequest& request,
                                const std::string& commit, bool offline, Error* missing = nullptr) {
  Snapshot found{repo.snapshot(commit), commit, {}, 0};
  const auto names = repo.files_of(commit);
  const auto tree = repo.read_tree(commit);
  if (!tree) {
    for (const auto& name : names) repo.holds(commit, {name});  // refuses links that lead out
    found.files = names;
    const auto is_missing = [&](const std::string& name) {
      std::error_code ignored;
      return fs::exists(repo.no_exist(commit, name), ignored);
    };
    if (request.enough(names, is_missing)) return found;
    if (!offline || !request.use_what_is_there || names.empty()) return std::nullopt;
    note(request.repo_id +
         ": the cache may lack some of its files, and the Hub cannot be asked which");
    return found;
  }
  std::optional<Error> why;
  const auto read = [&](const std::string& name) {
    const RepoFile* file = tree->find(name);
    if (!file) fail(Errc::kNotFound, name, ": no such file");
    if ((why = repo.why_not(commit, *file))) throw *why;
    return read_file(repo.file(commit, name), limits::kJsonBytes);
  };
  try {
    found.files = request.choose(*tree, read);
  } catch (const Error& e) {
    if (!why && e.code != Errc::kNotFound) throw e.in(request.repo_id + "@" + request.revision);
    if (missing) *missing = e;
    return std::nullopt;
  }
  for (const auto& name : found.files)
    if ((why = repo.why_not(commit, *tree->find(name)))) {
      if (missing) *missing = *why;
      return std::nullopt;
    }
  return found;
}

void check_licence(const SnapshotRequest& request, const fs::path& folder) {
  if (request.licences.empty()) return;
  with_context(request.repo_id + "@" + request.revision,
               [&] { require_licence(read_card(folder), request.licences); });
}

// `why` says why the Hub is not asked.
Snapshot from_cache(const CachedRepo& repo, const SnapshotRequest& request,
                    const std::string& why) {
  const std::string what = request.repo_id + "@" + request.revision;
  const auto commit = repo.commit_of(request.revision);
  if (!commit)
    fail(Errc::kNotFound, what, ": not in the cache ", repo.cache().string(), ", and ", why);
  Error missing(Errc::kNotFound, "the cache has only a part of it");
  auto found = look_up(repo, request, *commit, true, &missing);
  if (!found) fail_hint(missing.code, missing.hint, what, ": ", missing.message, ", and ", why);
  check_licence(request, found->folder);
  return *found;
}

Card card_of(const CachedRepo& repo, Bringer& bring, const RepoInfo& info) {
  Card card;
  if (info.tree.find("README.md")) {
    bring({"README.md"});
    card = read_card(repo.snapshot(info.commit));
  }
  if (card.licences.empty()) card.licences = info.licences;
  return card;
}

// All is there: what remains is to tell later runs so. A cache that may not be written is no error.
void note_down(const CachedRepo& repo, const SnapshotRequest& request, const RepoInfo& info,
               std::size_t fetched) {
  for (const auto& write : {std::function([&] { repo.write_tree(info.commit, info.tree); }),
                            std::function([&] { repo.write_ref(request.revision, info.commit); })})
    try {
      write();
    } catch (const Error& e) {
      const bool denied = dynamic_cast<const Denied*>(&e);
      if (e.code != Errc::kResources || (fetched > 0 && !denied)) throw;
      if (fetched > 0) note(e.message);
    }
}

Snapshot from_hub(const CachedRepo& repo, const SnapshotRequest& request, const Settings& settings,
                  const RepoInfo& info) {
  std::error_code ignored;
  const RepoFile* readme = info.tree.find("README.md");
  const bool first_use =
      readme ? !repo.holds(info.commit, *readme) : !fs::exists(repo.snapshot(info.commit), ignored);
  Snapshot out{repo.snapshot(info.commit), info.commit, {}, 0};
  Bringer bring(repo, settings, info);
  out.files = request.choose(info.tree, [&](const std::string& name) {
    bring({name});
    return read_file(repo.file(info.commit, name), limits::kJsonBytes);
  });
  if (first_use || !request.licences.empty()) {
    const Card card = card_of(repo, bring, info);
    if (!request.licences.empty()) require_licence(card, request.licences);
    if (first_use)
      note(request.repo_id + ": licence " + licence_text(card) +
           (info.gated.empty() ? "" : ", gated (" + info.gated + ")"));
  }
  bring(out.files);
  out.fetched = bring.fetched();
  repo.make_folder(out.folder);
  note_down(repo, request, info, out.fetched);
  return out;
}

// The Hub's answer; none when it cannot be reached but the cache can stand in.
std::optional<RepoInfo> ask(Http& http, const SnapshotRequest& request, bool cached) {
  try {
    return repo_info(http, request.repo_id, request.revision, cached);
  } catch (const Transient& problem) {
    note(std::string(problem.what()) + "; using what the cache has");
  } catch (const Error& e) {
    if (!cached || e.code != Errc::kNetwork) throw;
    note(e.message + "; using what the cache has");
  }
  return std::nullopt;
}

bool has_shards(const std::vector<std::string>& names, const std::string& lead) {
  for (const auto& name : names) {
    const auto of = name.find("-of-");
    if (!name.starts_with(lead) || of == name.npos) continue;
    const int count = std::atoi(name.c_str() + of + 4);
    const auto have = std::count_if(names.begin(), names.end(), [&](const std::string& n) {
      return n.starts_with(lead) && n.find(name.substr(of)) != n.npos;
    });
    if (count > 0 && have == count) return true;
  }
  return false;
}

// The names of the files in a folder of the repository ("" or "sub/"), relative to it.
std::vector<std::string> names_below(const Tree& tree, const std::string& lead) {
  std::vector<std::string> names;
  for (const RepoFile& file : tree.files)
    if (file.name.starts_with(lead)) names.push_back(file.name.substr(lead.size()));
  return names;
}

using IsMissing = std::function<bool(const std::string&)>;

// Of a cache that Python filled: settings, a tokenizer or processor and whole weights are there,
// and of what changes the answers (pooling, templates, defaults) it is known whether it exists.
bool looks_whole(const std::vector<std::string>& names, const IsMissing& is_missing,
                 const std::string& lead, const std::string& variant, bool weights) {
  const auto has = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), lead + name) != names.end();
  };
  const std::string part = variant.empty() ? "" : "." + variant;
  const bool reads = has("tokenizer.json") || has("vocab.txt") || has("vocab.json") ||
                     has("tokenizer_config.json") || has("preprocessor_config.json");
  const bool tensors = has("model" + part + ".safetensors") ||
                       has("pytorch_model" + part + ".bin") || has_shards(names, lead);
  if (!has("config.json") || !reads || (weights && !tensors)) return false;
  // This one is fetched only with all the rest.
  if (std::find(names.begin(), names.end(), ".gitattributes") != names.end()) return true;
  const auto wanted = optional_names();
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string name) {
    return name.starts_with("model.") || has(name) || is_missing(lead + name);
  });
}

// What a reader of models would look for in vain, so that Python need not ask for it.
void mark_missing_files(const CachedRepo& repo, const Snapshot& snapshot) {
  const auto tree = repo.read_tree(snapshot.commit);
  std::error_code ignored;
  try {
    for (const char* name : optional_names())
      if (tree && !tree->find(name) && !fs::exists(repo.no_exist(snapshot.commit, name), ignored))
        repo.mark_missing(snapshot.commit, name);
  } catch (const Error& e) {
    if (e.code != Errc::kResources) throw;
  }
}

Snapshot resolve(const SnapshotRequest& request) {
  const CachedRepo repo(cache_folder(request.cache_dir), request.repo_id);
  if (request.local_files_only)
    return from_cache(repo, request, "--local-files-only uses no network");
  if (offline())
    return from_cache(repo, request,
                      "HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids the network");
  const auto cached = repo.commit_of(request.revision);
  if (cached && *cached == request.revision)
    if (auto found = look_up(repo, request, *cached, false)) {
      check_licence(request, found->folder);
      return *found;
    }
  const Settings settings = hub::settings();
  Http http(settings);
  const auto info = ask(http, request, cached.has_value());
  if (!info) return from_cache(repo, request, "the Hub does not answer");
  return with_context(request.repo_id + "@" + request.revision,
                      [&] { return from_hub(repo, request, settings, *info); });
}

}  // namespace

Snapshot fetch_snapshot(SnapshotRequest request) {
  // The commit that a branch or tag names is found once: all files of one run are of one commit.
  static std::mutex mutex;
  static std::map<std::vector<std::string>, std::string> commits;
  const std::lock_guard lock(mutex);
  auto& commit = commits[{cache_folder(request.cache_dir), request.repo_id, request.revision}];
  if (!commit.empty()) request.revision = commit;
  const Snapshot found = resolve(request);
  commit = found.commit;
  return found;
}

Snapshot fetch_model(SnapshotRequest request, const std::string& subfolder,
                     const std::string& variant, bool weights) {
  const std::string lead = subfolder.empty() ? "" : subfolder + "/";
  if (!subfolder.empty()) with_context("--subfolder", [&] { check_file_name(subfolder); });
  request.choose = [=](const Tree& tree, const auto& read) {
    ModelFiles files = files_of_model(tree, subfolder, variant, weights);
    if (!files.whole && variant.empty() && !tree.find(lead + "adapter_config.json"))
      reject_other_formats(names_below(tree, lead));
    if (!files.index.empty())
      for (auto& shard : shards_of(files.index, read(files.index), tree))
        files.names.push_back(std::move(shard));
    return files.names;
  };
  request.enough = [=](const std::vector<std::string>& names, const IsMissing& is_missing) {
    return looks_whole(names, is_missing, lead, variant, weights);
  };
  const Snapshot out = fetch_snapshot(request);
  if (lead.empty())
    mark_missing_files(CachedRepo(cache_folder(request.cache_dir), request.repo_id), out);
  return out;
}

}  // namespace hft::hub
