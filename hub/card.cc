#include "hub/card.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/text.h"

namespace hft::hub {
namespace {

// Between the first two lines "---"; "" when the text does not begin so.
std::string front_matter(const std::string& text) {
  const auto lines = split(text, '\n');
  std::size_t first = 0;
  while (first < lines.size() && trimmed(lines[first]).empty()) ++first;
  std::string lead = first < lines.size() ? trimmed(lines[first]) : "";
  if (lead.starts_with("\xEF\xBB\xBF")) lead.erase(0, 3);
  if (lead != "---") return "";
  std::string out;
  for (std::size_t i = first + 1; i < lines.size(); ++i) {
    if (trimmed(lines[i]) == "---") return out;
    out += lines[i] + "\n";
    if (out.size() > static_cast<std::size_t>(limits::kFrontMatterBytes)) return "";
  }
  return "";
}

std::string scalar(const YAML::Node& map, const char* key) {
  const YAML::Node value = map[key];
  return value && value.IsScalar() ? trimmed(value.Scalar()) : "";
}

void read_fields(const YAML::Node& map, Card& card) {
  const YAML::Node licence = map["license"];
  if (licence && licence.IsScalar() && !licence.Scalar().empty())
    card.licences.push_back(trimmed(licence.Scalar()));
  if (licence && licence.IsSequence())
    for (const auto& one : licence)
      if (one.IsScalar()) card.licences.push_back(trimmed(one.Scalar()));
  card.licence_name = scalar(map, "license_name");
  card.licence_link = scalar(map, "license_link");
  for (const auto& field : map)
    if (field.first.IsScalar() && field.first.Scalar().starts_with("extra_gated_"))
      card.gated = true;
}

std::vector<std::string> texts_of(const YAML::Node& node) {
  std::vector<std::string> texts;
  if (node && node.IsScalar()) texts.push_back(node.Scalar());
  if (node && node.IsSequence())
    for (const auto& one : node)
      if (one.IsScalar()) texts.push_back(one.Scalar());
  return texts;
}

// A pattern or several, of the training split; or of each split {split, path}.
DataConfig data_config_of(const YAML::Node& map) {
  DataConfig config{.name = scalar(map, "config_name"), .folder = scalar(map, "data_dir")};
  if (config.name.empty()) config.name = "default";
  while (config.folder.ends_with('/')) config.folder.pop_back();
  config.is_default = scalar(map, "default") == "true";
  const YAML::Node files = map["data_files"];
  if (const auto plain = texts_of(files); !plain.empty()) config.files = {{"train", plain}};
  if (files && files.IsSequence())
    for (const auto& one : files)
      if (one.IsMap()) config.files.emplace_back(scalar(one, "split"), texts_of(one["path"]));
  if (files && files.IsMap())
    for (const auto& one : files) config.files.emplace_back(one.first.Scalar(), texts_of(one.second));
  return config;
}

bool same_word(const std::string& a, const std::string& b) {
  return lowercase(trimmed(a)) == lowercase(trimmed(b));
}

}  // namespace

Card parse_card(const std::string& text) {
  Card card;
  const std::string yaml = front_matter(text);
  card.has_front_matter = !yaml.empty();
  try {
    if (const YAML::Node map = YAML::Load(yaml); map.IsMap()) read_fields(map, card);
  } catch (const YAML::Exception& e) {
    card.fault = e.what();
  }
  return card;
}

std::vector<DataConfig> data_configs(const std::string& card) {
  std::vector<DataConfig> configs;
  try {
    const YAML::Node map = YAML::Load(front_matter(card));
    if (!map.IsMap() || !map["configs"].IsDefined() || !map["configs"].IsSequence()) return {};
    for (const auto& one : map["configs"])
      if (one.IsMap()) configs.push_back(data_config_of(one));
  } catch (const YAML::Exception& e) {
    fail(Errc::kBadData, "README.md: its front matter cannot be read: ", escape_controls(e.what()));
  }
  return configs;
}

Card read_card(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!fs::is_regular_file(folder / "README.md", ignored)) return {};
  return parse_card(read_file(folder / "README.md", limits::kCardBytes));
}

std::string licence_text(const Card& card) {
  std::string out = joined(card.licences, ", ");
  if (!card.licence_name.empty())
    out += out.empty() ? card.licence_name : " (" + card.licence_name + ")";
  return out.empty() ? "not stated" : out;
}

void require_licence(const Card& card, const std::vector<std::string>& allowed) {
  const auto may = [&](const std::string& licence) {
    return std::any_of(allowed.begin(), allowed.end(),
                       [&](const auto& one) { return same_word(one, licence); });
  };
  const bool named = card.licences == std::vector<std::string>{"other"} &&
                     !card.licence_name.empty() && may(card.licence_name);
  if (named ||
      (!card.licences.empty() && std::all_of(card.licences.begin(), card.licences.end(), may)))
    return;
  fail(Errc::kUnsupported, "its licence is ",
       card.licences.empty() ? "not stated" : "'" + licence_text(card) + "'",
       ", --require-license allows ", joined(allowed, ", "));
}

}  // namespace hft::hub
