// Options that take a list of names, texts or numbers. One rule for all of them: each time the flag
// stands, it takes one argument and never the input that follows; it may stand several times; a
// JSON list of strings ('["a, b", "c"]') holds names with commas.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "tasks/run/flags.h"

namespace hft {

enum class ListForm {
  kNames,   // commas part an argument: identifiers and numbers, which hold none
  kLabels,  // commas part it where the flag stands once; where it is repeated, each is one name
  kTexts,   // an argument is one text, with its commas and white space
};

// `take` gets the whole list. An empty argument, or one that names nothing, is kUsage.
Flag add_list_option(Flags& flags, const std::string& flag,
                     std::function<void(std::vector<std::string>)> take, const std::string& about,
                     ListForm form = ListForm::kNames);
Flag add_list_option(Flags& flags, const std::string& flag, std::vector<std::string>& to,
                     const std::string& about, ListForm form = ListForm::kNames);

// The words as JSON numbers; kUsage for what is none, or not a whole one where `whole` is asked.
Json number_list(const std::string& flag, const std::vector<std::string>& words, bool whole);

}  // namespace hft
