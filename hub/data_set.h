// A data set as files: which of them are of which split, as the datasets library finds it (its
// data_files.py): by the configs of README.md, else by the names of folders and files.
#pragma once

#include <string>
#include <vector>

namespace hft::hub {

struct SplitChoice {
  std::string split;   // "" = the only one
  std::string subset;  // a config's name; "" = the default one
};

// Those of `names` (paths inside the data set) to read, of one format: the one that most of them
// have. Throws kUsage, naming those there are, where a split or subset is missing or has to be
// chosen; kNotFound for a data set without data.
std::vector<std::string> files_of_split(const std::vector<std::string>& names,
                                        const std::string& readme, const SplitChoice& choice);

// '*' and '?' do not match '/', "**" does; names with a dot or two underscores before them match
// only what says so.
bool glob_matches(const std::string& pattern, const std::string& name);

}  // namespace hft::hub
