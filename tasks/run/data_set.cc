#include "tasks/run/data_set.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "hub/data_set.h"
#include "hub/names.h"
#include "hub/snapshot.h"
#include "tasks/run/rows_folder.h"

namespace hft {
namespace {

constexpr std::string_view kScheme = "hf://", kDataSets = "datasets/";

struct HubData {
  std::string repo_id, revision = "main", path;
};

// A revision is one part, or three: refs/convert/parquet, refs/pr/1.
HubData parse_hub_data(const std::string& name) {
  const std::string inside = name.substr(kScheme.size());
  if (!inside.starts_with(kDataSets))
    fail_hint(Errc::kUsage, "hf://datasets/ORG/NAME[@REVISION][/PATH]", name,
              ": is no data set of the Hub");
  auto parts = split(inside, '/');
  while (!parts.empty() && parts.back().empty()) parts.pop_back();
  HubData data{.repo_id = "datasets"};
  std::size_t at = 1;
  for (bool last = false; at < parts.size() && at < 3 && !last; ++at) {
    const auto mark = parts[at].find('@');
    last = mark != std::string::npos;
    data.repo_id += "/" + parts[at].substr(0, mark);
    if (!last) continue;
    data.revision = parts[at].substr(mark + 1);
    const bool is_ref = data.revision == "refs" && at + 2 < parts.size();
    for (int more = is_ref ? 2 : 0; more > 0; --more) data.revision += "/" + parts[++at];
  }
  for (auto slash = data.revision.find("%2F"); slash != std::string::npos;
       slash = data.revision.find("%2F"))
    data.revision.replace(slash, 3, "/");
  data.path = joined(std::span(parts).subspan(std::min(at, parts.size())), "/");
  hub::check_repo_id(data.repo_id);
  return data;
}

hub::SplitChoice split_choice_of(const InputOptions& o) { return {slice_of(o.split).split, o.subset}; }

bool is_glob(const std::string& path) { return path.find_first_of("*?[") != path.npos; }

// Of a repository's files those that `data` names; a folder of it is a data set like the whole.
std::vector<std::string> chosen_names(const InputOptions& o, const HubData& data,
                                      const std::vector<std::string>& names,
                                      const std::string& readme) {
  if (data.path.empty()) return hub::files_of_split(names, readme, split_choice_of(o));
  if (std::ranges::find(names, data.path) != names.end()) return {data.path};
  std::vector<std::string> found;
  const std::string folder = data.path + "/";
  for (const std::string& name : names) {
    if (is_glob(data.path) && hub::glob_matches(data.path, name)) found.push_back(name);
    if (!is_glob(data.path) && name.starts_with(folder))
      found.push_back(name.substr(folder.size()));
  }
  if (found.empty()) {
    const auto near = nearest(data.path, names);
    fail(Errc::kNotFound, data.path, ": no such file", near ? "; closest: '" + *near + "'" : "");
  }
  if (is_glob(data.path)) return found;
  found = hub::files_of_split(found, "", split_choice_of(o));
  for (std::string& name : found) name = folder + name;
  return found;
}

std::vector<NamedFile> media_or_all(const InputOptions& o, const std::string& folder,
                                    std::vector<NamedFile> files) {
  const Kind kind = o.columns[0].kind;
  return is_media(kind) ? choose_media_files(kind, folder, std::move(files)) : files;
}

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size())
    return std::nullopt;
  return number;
}

}  // namespace

bool is_hub_data(const std::string& name) { return name.starts_with(kScheme); }

std::vector<NamedFile> files_of_hub(const InputOptions& o, const std::string& name) {
  const HubData data = parse_hub_data(name);
  std::optional<std::vector<std::string>> chosen;
  hub::SnapshotRequest request{.repo_id = data.repo_id, .revision = data.revision};
  request.choose = [&](const hub::Tree& tree, const auto& read) {
    std::vector<std::string> names;
    for (const hub::RepoFile& file : tree.files) names.push_back(file.name);
    const bool card = data.path.empty() && tree.find("README.md");
    chosen = with_context(name, [&] {
      return chosen_names(o, data, names, card ? read("README.md") : "");
    });
    std::vector<std::string> wanted = *chosen;
    if (card) wanted.push_back("README.md");
    return wanted;
  };
  request.enough = [&](const std::vector<std::string>& names, const auto&) {
    return std::ranges::find(names, data.path) != names.end();
  };
  const hub::Snapshot snapshot = hub::fetch_snapshot(request);
  if (!chosen) {  // of a cache whose list of files is not known
    const auto readme = snapshot.folder / "README.md";
    chosen = with_context(name, [&] {
      return chosen_names(o, data, snapshot.files,
                          fs::exists(readme) ? read_file(readme, limits::kCardBytes) : "");
    });
  }
  std::vector<NamedFile> files;
  for (const std::string& file : *chosen)
    files.push_back({.name = (snapshot.folder / file).string(),
                     .shown = std::string(kScheme) + data.repo_id + "/" + file});
  return media_or_all(o, snapshot.folder.string(), std::move(files));
}

std::vector<NamedFile> files_of_local_split(const InputOptions& o, const std::string& folder) {
  std::vector<NamedFile> found;
  add_named({.recurse = true}, folder, found);
  std::vector<std::string> names;
  for (const NamedFile& file : found)
    if (!file.error) names.push_back(fs::path(file.name).lexically_relative(folder).generic_string());
  const fs::path readme = fs::path(folder) / "README.md";
  const std::string card = fs::exists(readme) ? read_file(readme, limits::kCardBytes) : "";
  std::vector<NamedFile> files;
  for (const std::string& name :
       with_context(folder, [&] { return hub::files_of_split(names, card, split_choice_of(o)); }))
    files.push_back({(fs::path(folder) / name).string()});
  return media_or_all(o, folder, std::move(files));
}

SplitSlice slice_of(const std::string& split) {
  const auto open = split.find('[');
  SplitSlice slice{.split = split.substr(0, open)};
  if (open == std::string::npos) return slice;
  const auto colon = split.find(':', open);
  const bool closed = split.ends_with(']') && colon != std::string::npos;
  std::string from = closed ? split.substr(open + 1, colon - open - 1) : "?",
              to = closed ? split.substr(colon + 1, split.size() - colon - 2) : "?";
  slice.percent = from.ends_with('%') || to.ends_with('%');
  bool right = !slice.split.empty();
  for (std::string* bound : {&from, &to}) {
    if (bound->empty()) continue;
    right = right && bound->ends_with('%') == slice.percent;
    if (slice.percent && bound->ends_with('%')) bound->pop_back();
    right = right && whole_number(*bound).has_value();
  }
  if (!right)
    fail(Errc::kUsage, "--split: '", split, "' is not NAME, NAME[from:to] or NAME[from%:to%]");
  slice.whole = false;
  slice.from = whole_number(from).value_or(0);
  slice.to = whole_number(to);
  return slice;
}

std::pair<std::int64_t, std::int64_t> bounds_of(const SplitSlice& slice, std::int64_t rows) {
  const auto bound = [&](std::int64_t given) {
    std::int64_t at = given;
    // std::nearbyint rounds a half to the even number.
    if (slice.percent)
      at = static_cast<std::int64_t>(
          std::nearbyint(static_cast<double>(given) * static_cast<double>(rows) / 100));
    return std::clamp<std::int64_t>(at < 0 ? at + rows : at, 0, rows);
  };
  return {bound(slice.from), slice.to ? bound(*slice.to) : rows};
}

}  // namespace hft
