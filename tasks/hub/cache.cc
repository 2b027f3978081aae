// hft hub cache ls, rm, prune, verify: the cache shared with huggingface_hub.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "hub/removal.h"
#include "tasks/commands.h"
#include "tasks/hub/confirm.h"
#include "tasks/hub/table.h"
#include "tasks/run/list_option.h"

namespace hft {
namespace {

struct CacheOptions {
  std::string cache_dir;
  std::vector<std::string> ids, filters;
  bool yes = false, dry_run = false, json = false, revisions = false;
};

std::int64_t now() { return std::time(nullptr); }

std::string ago(std::int64_t then) {
  static constexpr std::pair<const char*, std::int64_t> kUnits[] = {
      {"year", 31'536'000}, {"month", 2'592'000}, {"week", 604'800},
      {"day", 86'400},      {"hour", 3600},       {"minute", 60}};
  const std::int64_t seconds = now() - then;
  for (const auto& [unit, length] : kUnits)
    if (seconds >= length) return counted(seconds / length, unit) + " ago";
  return "just now";
}

// "1.5GB" or "30d" as a number of bytes or seconds.
double quantity(const std::string& text, const std::map<std::string, double>& units,
                const std::string& filter) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const auto unit = units.find(lowercase(trimmed(end)));
  if (end == text.c_str() || unit == units.end())
    fail(Errc::kUsage, "--filter ", filter, ": '", text, "' is not a ",
         units.contains("gb") ? "size (1.5GB)" : "time (30d)");
  return value * unit->second;
}

using Test = std::function<bool(const hub::CachedEntry&)>;

// "size>1GB", "accessed>30d", "modified<1h", "type=dataset".
Test parse_filter(const std::string& filter) {
  static const std::map<std::string, double> kSizes{{"", 1},     {"b", 1},    {"kb", 1e3},
                                                    {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12}};
  static const std::map<std::string, double> kTimes{{"s", 1},       {"m", 60},     {"h", 3600},
                                                    {"d", 86400},   {"w", 604800}, {"mo", 2592000},
                                                    {"y", 31536000}};
  const auto at = filter.find_first_of("<>=");
  const std::string key = trimmed(filter.substr(0, at)),
                    text = at == filter.npos ? "" : trimmed(filter.substr(at + 1));
  const char sign = at == filter.npos ? ' ' : filter[at];
  if (key == "type" && sign == '=') return [text](const auto& e) { return e.type == text; };
  const auto compare = [sign](double a, double b) {
    return sign == '<' ? a < b : sign == '>' ? a > b : a == b;
  };
  if (key == "size" && sign != ' ') {
    const double limit = quantity(text, kSizes, filter);
    return [=](const auto& e) { return compare(static_cast<double>(e.bytes), limit); };
  }
  if ((key == "accessed" || key == "modified") && (sign == '<' || sign == '>')) {
    const double limit = quantity(text, kTimes, filter);
    const bool accessed = key == "accessed";
    return [=](const auto& e) {
      return compare(static_cast<double>(now() - (accessed ? e.accessed : e.modified)), limit);
    };
  }
  fail(Errc::kUsage, "--filter ", filter,
       ": wanted size>1GB, accessed>30d, modified>30d or type=model");
}

std::vector<hub::CachedEntry> scan(const CacheOptions& o) {
  return hub::scan_cache(hub::cache_folder(o.cache_dir));
}

// All of the filters at once.
Test filter_of(const CacheOptions& o) {
  std::vector<Test> tests;
  for (const auto& filter : o.filters) tests.push_back(parse_filter(filter));
  return [tests](const auto& entry) {
    return std::all_of(tests.begin(), tests.end(), [&](const Test& test) { return test(entry); });
  };
}

std::vector<hub::CachedEntry> chosen(const CacheOptions& o) {
  auto entries = scan(o);
  std::erase_if(entries, [test = filter_of(o)](const auto& entry) { return !test(entry); });
  return entries;
}

std::string refs_of(const hub::CachedEntry& entry) {
  std::vector<std::string> refs;
  for (const auto& revision : entry.revisions)
    refs.insert(refs.end(), revision.refs.begin(), revision.refs.end());
  return joined(refs, " ");
}

Json record(const hub::CachedEntry& e) {
  Json revisions = Json::array();
  for (const auto& r : e.revisions)
    revisions.push_back({{"commit", r.commit},
                         {"refs", r.refs},
                         {"bytes", r.bytes},
                         {"files", r.files.size()},
                         {"modified", r.modified}});
  return {{"id", e.id},
          {"type", e.type},
          {"bytes", e.bytes},
          {"accessed", e.accessed},
          {"modified", e.modified},
          {"folder", e.folder.string()},
          {"revisions", revisions}};
}

int run_cache_ls(const CacheOptions& o) {
  const auto entries = chosen(o);
  if (o.json) {
    for (const auto& entry : entries) std::printf("%s\n", to_line(record(entry)).c_str());
    return 0;
  }
  std::vector<std::vector<std::string>> rows{
      {"ID", "SIZE", "LAST USED", o.revisions ? "REVISION" : "MODIFIED", "REFS"}};
  std::int64_t total = 0;
  for (const auto& e : entries) {
    total += e.bytes;
    const std::string id = e.type == "model" ? e.id : e.type + "/" + e.id;
    if (!o.revisions)
      rows.push_back({id, human_bytes(e.bytes), ago(e.accessed), ago(e.modified), refs_of(e)});
    else
      for (const auto& r : e.revisions)
        rows.push_back({id, human_bytes(r.bytes), ago(e.accessed), r.commit, joined(r.refs, " ")});
  }
  if (rows.size() > 1) print_table(rows);
  note(counted(static_cast<std::int64_t>(entries.size()), "repo") + ", " + human_bytes(total) +
       " in " + hub::cache_folder(o.cache_dir).string());
  return 0;
}

// `plan` makes one of a fresh scan.
int carry_out_cache(const CacheOptions& o, const std::function<hub::Plan()>& plan) {
  const hub::Plan shown = hub::without_busy(plan(), !o.ids.empty());
  if (shown.empty()) {
    note("nothing to remove");
    return 0;
  }
  std::int64_t bytes = 0;
  for (const auto& part : shown) {
    bytes += part.bytes;
    for (const auto& line : part.what) std::printf("%s\n", escape_controls(line).c_str());
  }
  std::fflush(stdout);
  if (o.dry_run) {
    note("would free " + human_bytes(bytes));
    return 0;
  }
  if (!confirmed(o.yes, "remove this, " + human_bytes(bytes) + "?")) return 1;
  note("freed " + human_bytes(hub::remove(shown, plan)));
  return 0;
}

int run_rm(const CacheOptions& o) {
  if (o.ids.empty() && o.filters.empty())
    fail(Errc::kUsage, "hub cache rm: name repositories or commits, or choose them with --filter");
  return carry_out_cache(o, [&] { return hub::plan_removal(scan(o), filter_of(o), o.ids); });
}

int run_prune(const CacheOptions& o) {
  return carry_out_cache(o, [&] { return hub::plan_prune(scan(o), filter_of(o)); });
}

int run_verify(const CacheOptions& o) {
  const auto entries = chosen(o);
  for (const auto& id : o.ids)
    if (std::none_of(entries.begin(), entries.end(),
                     [&](const auto& e) { return id == e.id || id == e.type + "/" + e.id; }))
      fail_hint(Errc::kNotFound, "hft hub cache ls", id, ": not in the cache");
  std::size_t files = 0, unknown = 0, faults = 0;
  for (const auto& e : entries) {
    const auto names = {e.id, e.type + "/" + e.id};
    if (!o.ids.empty() &&
        std::find_first_of(o.ids.begin(), o.ids.end(), names.begin(), names.end()) == o.ids.end())
      continue;
    const hub::Verified found = hub::verify(e);
    for (const auto& line : found.faults) std::printf("%s\n", escape_controls(line).c_str());
    if (found.faults.empty())
      note(e.id + ": " + counted(static_cast<std::int64_t>(found.files - found.unknown), "file") +
           " as the Hub has them");
    files += found.files;
    unknown += found.unknown;
    faults += found.faults.size();
  }
  std::fflush(stdout);  // before the error
  if (unknown > 0)
    note(counted(static_cast<std::int64_t>(unknown), "file") +
         " not checked: nothing here says what their bytes should be");
  if (faults > 0)
    fail_hint(Errc::kBadData, "remove the repository with hft hub cache rm, then fetch it again",
              "cache: ", counted(static_cast<std::int64_t>(faults), "file"), " of ", files,
              " not as the Hub has them");
  note(counted(static_cast<std::int64_t>(files - unknown), "file") + " verified");
  return 0;
}

std::shared_ptr<CacheOptions> common(Flags& flags) {
  auto o = std::make_shared<CacheOptions>();
  flags.add("--cache-dir", o->cache_dir, "This cache instead of HF_HUB_CACHE").metavar("DIR");
  add_list_option(flags, "--filter", o->filters,
                  "Only repositories with size>1GB, accessed>30d, modified>30d, type=model")
      .metavar("TEST,…");
  return o;
}

void add_removal_options(Flags& flags, CacheOptions& o) {
  flags.add("--yes,-y", o.yes, "Do not ask");
  flags.add("--dry-run", o.dry_run, "Only show what would go");
}

std::function<int()> declare_cache_ls(Flags& flags) {
  auto o = common(flags);
  flags.footer(
      "Examples:\n  hft hub cache ls\n  hft hub cache ls --filter 'size>1GB' --filter "
      "'accessed>30d'\n  hft hub cache ls --revisions");
  flags.add("--revisions", o->revisions, "A line per revision");
  flags.add("--json", o->json, "A JSON record per repository");
  return [o] { return run_cache_ls(*o); };
}

std::function<int()> declare_rm(Flags& flags) {
  auto o = common(flags);
  flags.footer(
      "Examples:\n  hft hub cache rm org/name\n  hft hub cache rm --filter 'accessed>90d' "
      "--dry-run\n"
      "What another revision still needs is kept.");
  flags.add("ID", o->ids, "org/name, dataset/org/name, or a commit");
  add_removal_options(flags, *o);
  return [o] { return run_rm(*o); };
}

std::function<int()> declare_prune(Flags& flags) {
  auto o = common(flags);
  flags.footer("Examples:\n  hft hub cache prune --dry-run\n  hft hub cache prune --yes");
  add_removal_options(flags, *o);
  return [o] { return run_prune(*o); };
}

std::function<int()> declare_verify(Flags& flags) {
  auto o = common(flags);
  flags.footer(
      "Examples:\n  hft hub cache verify\n  hft hub cache verify org/name\nUses no network: a "
      "blob's name is its hash. Exit 9 when a file is not right.");
  flags.add("ID", o->ids, "Only these: org/name or dataset/org/name");
  return [o] { return run_verify(*o); };
}

}  // namespace

extern const Command hub_cache_ls_command{"hub cache ls", "Hub", "List what is cached",
                                          declare_cache_ls};
extern const Command hub_cache_rm_command{
    "hub cache rm", "Hub", "Remove repositories or revisions from the cache", declare_rm};
extern const Command hub_cache_prune_command{
    "hub cache prune", "Hub", "Remove what no branch or tag names, and broken-off downloads",
    declare_prune};
extern const Command hub_cache_verify_command{"hub cache verify", "Hub",
                                              "Hash what is cached and compare", declare_verify};

}  // namespace hft
