#include "hub/data_set.h"

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <span>

#include "core/base/error.h"
#include "core/base/text.h"
#include "hub/card.h"

namespace hft::hub {
namespace {

using Names = std::vector<std::string>;
using Splits = std::vector<std::pair<std::string, Names>>;  // with their patterns

bool parts_match(std::span<const std::string> pattern, std::span<const std::string> name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == "**") {
    if (pattern.size() == 1) return !name.empty();
    for (std::size_t skip = 0; skip <= name.size(); ++skip)
      if (parts_match(pattern.subspan(1), name.subspan(skip))) return true;
    return false;
  }
  return !name.empty() && ::fnmatch(pattern[0].c_str(), name[0].c_str(), 0) == 0 &&
         parts_match(pattern.subspan(1), name.subspan(1));
}

std::ptrdiff_t count_led_by(std::span<const std::string> parts, std::string_view lead) {
  return std::ranges::count_if(parts, [&](const std::string& p) { return p.starts_with(lead); });
}

// Files that say something about the data, and are none.
bool is_about(const std::string& base) {
  constexpr std::string_view kNames[] = {"README.md",          "config.json",    "dataset_info.json",
                                         "dataset_infos.json", "dummy_data.zip", "dataset_dict.json"};
  return std::ranges::find(kNames, base) != std::end(kNames);
}

std::string base_of(const std::string& name) { return name.substr(name.rfind('/') + 1); }

Names matching(const Names& names, const Names& patterns) {
  Names found;
  for (const std::string& pattern : patterns)
    for (const std::string& name : names) {
      const bool wanted = !is_about(base_of(name)) || base_of(name) == base_of(pattern);
      if (wanted && glob_matches(pattern, name) && std::ranges::find(found, name) == found.end())
        found.push_back(name);
    }
  return found;
}

const std::pair<const char*, Names> kKeywords[] = {
    {"train", {"train", "training"}},
    {"validation", {"validation", "valid", "dev", "val"}},
    {"test", {"test", "testing", "eval", "evaluation"}},
};

// "data/train-00000-of-00001.parquet", as push_to_hub names them.
Splits sharded_splits(const Names& names) {
  static const std::regex kShard("data/([^/]+)-[0-9]{5}-of-[0-9]{5}[^/]*\\.[^/]*");
  std::map<std::string, Names> found;
  for (const std::string& name : names)
    if (std::smatch match; std::regex_match(name, match, kShard)) found[match[1]].push_back(name);
  Splits splits;
  for (const auto& [split, ignored] : kKeywords)
    if (auto node = found.extract(split)) splits.emplace_back(split, node.mapped());
  for (auto& [split, files] : found) splits.emplace_back(split, files);
  return splits;
}

// Patterns with KEY for a keyword and SEP for what parts words.
Splits keyword_splits(const Names& names, std::initializer_list<const char*> forms) {
  Splits splits;
  for (const auto& [split, keywords] : kKeywords) {
    Names patterns;
    for (const std::string& keyword : keywords)
      for (std::string pattern : forms) {
        pattern = std::regex_replace(pattern, std::regex("KEY"), keyword);
        patterns.push_back(std::regex_replace(pattern, std::regex("SEP"), "[-._ 0-9]"));
      }
    if (!matching(names, patterns).empty()) splits.emplace_back(split, std::move(patterns));
  }
  return splits;
}

Splits usual_splits(const Names& names) {
  if (Splits found = sharded_splits(names); !found.empty()) return found;
  Splits found = keyword_splits(names, {"**/KEY/**", "**/KEYSEP*/**", "**/*SEPKEY/**", "**/*SEPKEYSEP*/**"});
  if (found.empty()) found = keyword_splits(names, {"**/KEYSEP*", "**/*SEPKEYSEP*"});
  if (found.empty()) found = {{"train", {"**"}}};
  return found;
}

// The format by the suffix, without what it is compressed with; "" = no data.
std::string module_of(const std::string& name) {
  static const std::map<std::string, std::string> kModules{
      {".csv", "csv"},       {".tsv", "csv"},        {".json", "json"},      {".jsonl", "json"},
      {".ndjson", "json"},   {".jsonlines", "json"}, {".parquet", "parquet"}, {".arrow", "arrow"},
      {".feather", "arrow"}, {".txt", "text"},       {".md", "text"},        {".tar", "webdataset"},
      {".tgz", "webdataset"},
      {".jpg", "media"},     {".jpeg", "media"},     {".png", "media"},      {".webp", "media"},
      {".gif", "media"},     {".bmp", "media"},      {".tif", "media"},      {".tiff", "media"},
      {".wav", "media"},     {".mp3", "media"},      {".flac", "media"},     {".ogg", "media"},
      {".opus", "media"},    {".m4a", "media"},      {".aac", "media"},      {".wma", "media"}};
  std::filesystem::path path = lowercase(base_of(name));
  if (path.extension() == ".gz" || path.extension() == ".zst") path.replace_extension();
  const auto found = kModules.find(path.extension().string());
  return found == kModules.end() ? "" : found->second;
}

Names of_one_format(const Names& names) {
  std::map<std::string, std::ptrdiff_t> counts;
  for (const std::string& name : names)
    if (const std::string module = module_of(name); !module.empty()) ++counts[module];
  if (counts.empty()) return {};
  const std::string most =
      std::ranges::max_element(counts, {}, [](const auto& one) { return one.second; })->first;
  Names out;
  for (const std::string& name : names) {
    const bool metadata = most == "media" && base_of(name).starts_with("metadata.");
    if (module_of(name) == most || metadata) out.push_back(name);
  }
  return out;
}

Names names_of(const auto& pairs) {
  Names names;
  for (const auto& one : pairs) names.push_back(one.first);
  return names;
}

// One of several things by its name, or the only one there is.
template <class T>
const T& chosen(const std::vector<std::pair<std::string, T>>& all, const std::string& flag,
                const std::string& name) {
  if (name.empty() && all.size() == 1) return all[0].second;
  const auto found = std::ranges::find(all, name, &std::pair<std::string, T>::first);
  if (found != all.end()) return found->second;
  const Names there = names_of(all);
  if (name.empty())
    fail(Errc::kUsage, flag, ": name one of those there are: ", joined(there, ", "));
  const auto near = nearest(name, there);
  fail(Errc::kUsage, flag, ": there is no '", name, "'; there are: ", joined(there, ", "),
       near ? "; closest: '" + *near + "'" : "");
}

const DataConfig* default_config(const std::vector<DataConfig>& configs) {
  if (configs.size() == 1) return &configs[0];
  for (const DataConfig& one : configs)
    if (one.is_default) return &one;
  for (const DataConfig& one : configs)
    if (one.name == "default") return &one;
  return nullptr;
}

}  // namespace

bool glob_matches(const std::string& pattern, const std::string& name) {
  const auto wanted = split(pattern, '/'), parts = split(name, '/');
  if (!parts_match(wanted, parts)) return false;
  const auto folders = [](const Names& all) { return std::span(all).first(all.size() - 1); };
  return count_led_by(parts, ".") == count_led_by(wanted, ".") &&
         count_led_by(folders(parts), "__") == count_led_by(folders(wanted), "__");
}

Names files_of_split(const Names& given, const std::string& readme, const SplitChoice& choice) {
  Names names = given;
  std::ranges::sort(names);
  const auto configs = data_configs(readme);
  DataConfig config;
  if (!choice.subset.empty() || !configs.empty()) {
    const DataConfig* usual = choice.subset.empty() ? default_config(configs) : nullptr;
    std::vector<std::pair<std::string, DataConfig>> named;
    for (const DataConfig& one : configs) named.emplace_back(one.name, one);
    if (named.empty()) fail(Errc::kUsage, "--subset: the data set has no subsets");
    config = usual ? *usual : chosen(named, "--subset", choice.subset);
  }
  if (!config.folder.empty())
    std::erase_if(names, [&](const std::string& n) { return !n.starts_with(config.folder + "/"); });
  Splits splits;
  for (const auto& [split, patterns] : config.files) {
    Names below = patterns;
    for (std::string& pattern : below) {
      if (pattern.starts_with("./")) pattern.erase(0, 2);
      if (!config.folder.empty()) pattern = config.folder + "/" + pattern;
    }
    splits.emplace_back(split, std::move(below));
  }
  if (splits.empty()) splits = usual_splits(names);
  const Names found = of_one_format(matching(names, chosen(splits, "--split", choice.split)));
  if (found.empty()) fail(Errc::kNotFound, "no file of data is in it");
  return found;
}

}  // namespace hft::hub
