// The model card: the YAML front matter of README.md.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace hft::hub {

struct Card {
  std::vector<std::string> licences;       // `license` (a word or a list); empty = none is named
  std::string licence_name, licence_link;  // beside `license: other`
  bool gated = false;  // the card says what must be agreed to before the Hub gives access
  bool has_front_matter = false;
  std::string fault;  // why the front matter could not be read
};

Card parse_card(const std::string& text);

// A subset of a data set, as the card's `configs` have it: for each split the patterns of its files,
// in `folder` ("" = the repository).
struct DataConfig {
  std::string name, folder;
  bool is_default = false;
  std::vector<std::pair<std::string, std::vector<std::string>>> files;
};
std::vector<DataConfig> data_configs(const std::string& card);
// README.md of a model's folder; an empty card when there is none.
Card read_card(const std::filesystem::path& folder);

// "apache-2.0", "other (llama3)", "mit, apache-2.0" or "not stated".
std::string licence_text(const Card& card);

// Throws kUnsupported unless every licence of the card is among `allowed` (without regard to case).
void require_licence(const Card& card, const std::vector<std::string>& allowed);

}  // namespace hft::hub
