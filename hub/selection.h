// Which files of a repository a model needs: its settings, its tokenizer, and its weights once, in
// the first of the formats that is there.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "hub/cache.h"

namespace hft::hub {

struct ModelFiles {
  std::vector<std::string> names;  // in the order of the list
  std::string index;  // of sharded weights, one of `names`; "" = weights in one file, or none
  bool whole = true;  // false: nothing among them is a model's weights (or a tokenizer's file)
};

// Weights are looked for as the reference does: model.safetensors, its index, pytorch_model.bin,
// its index, with ".VARIANT" in their names when one is asked for; onnx, tf, flax, original/ and
// every other variant are left where they are. Names include `subfolder`. Without `weights`, only
// what a tokenizer or processor needs.
ModelFiles files_of_model(const Tree& tree, const std::string& subfolder,
                          const std::string& variant, bool weights);

// The shards that an index names, as names in the repository. Throws kBadData for anything but the
// plain name of a file beside the index, of the same format and in the list.
std::vector<std::string> shards_of(const std::string& index_name, std::string_view index_text,
                                   const Tree& tree);

// Names that a reader of models asks for and may do without: marked as missing where they are.
std::span<const char* const> optional_names();

// Does a name match one of `include` (or is there none), and none of `exclude`? '*' matches '/'
// too, and "folder/" means all in it.
bool is_chosen(const std::string& name, const std::vector<std::string>& include,
               const std::vector<std::string>& exclude);

// The files that are chosen. `names` are wanted as they are: kNotFound, with the nearest, for one
// that is not there. An odd name among what is wanted is left out with a note;
// kBadData for one that was asked for by itself, or that would lead out of the folder.
std::vector<std::string> files_matching(const Tree& tree, const std::vector<std::string>& names,
                                        const std::vector<std::string>& include,
                                        const std::vector<std::string>& exclude);

}  // namespace hft::hub
