// modules.json of sentence-transformers: the modules a model folder is made of, each in a folder
// with its settings. Reference: sentence-transformers 6.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/json.h"

namespace hft {

struct SentenceModule {
  std::string kind;  // "Transformer", "StaticEmbedding", "Pooling", "Dense", "LayerNorm", "Normalize"
  std::filesystem::path folder;
};

// What a folder says of itself as a model of sentences; all of it may be missing.
struct SentenceFolder {
  std::vector<SentenceModule> modules;        // empty: there is no modules.json
  std::filesystem::path input;                // of the first module: tokenizer, encoder, its settings
  bool is_static = false;                     // the first module is a StaticEmbedding
  Fields settings{Json::object(), ""};        // config_sentence_transformers.json
  Fields encoder_settings{Json::object(), ""};  // sentence_bert_config.json and its older names

  // Texts are stripped (and lowered before they are tokenised): versions before 5.4, where the
  // model says that it was made by one.
  bool strips() const;
};

// Throws kUnsupported naming a module that is not supported, or that is a repository's own Python
// code; kBadData for a path out of the folder.
SentenceFolder read_sentence_folder(const std::filesystem::path& folder);

// The same of a cross-encoder: one Transformer with a head for sequence classification.
SentenceFolder read_cross_encoder_folder(const std::filesystem::path& folder);

// A JSON file that may be missing: then no fields.
Fields optional_fields(const std::filesystem::path& file);

}  // namespace hft
