// Data sets, in a folder or on the Hub, as the files of one of their splits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tasks/run/named_files.h"
#include "tasks/run/rows.h"

namespace hft {

// "hf://datasets/ORG/NAME[@REVISION][/PATH]"
bool is_hub_data(const std::string& name);
// A file of it, files that a pattern matches, or a split; fetched as far as the cache lacks them.
std::vector<NamedFile> files_of_hub(const InputOptions& options, const std::string& name);
std::vector<NamedFile> files_of_local_split(const InputOptions& options, const std::string& folder);

// What follows the name in "train[10%:20%]", in rows or percent; negative ones count from the end.
struct SplitSlice {
  std::string split;
  bool percent = false, whole = true;
  std::int64_t from = 0;
  std::optional<std::int64_t> to;
};
// Throws kUsage for what is none.
SplitSlice slice_of(const std::string& split);
// The rows [first, second) of so many: bounds between two rows are rounded to the even one.
std::pair<std::int64_t, std::int64_t> bounds_of(const SplitSlice& slice, std::int64_t rows);

}  // namespace hft
