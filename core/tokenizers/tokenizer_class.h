// What the Python tokenizer classes bring of their own: default special tokens, the inputs their
// models take, and what they change in a tokenizer.json they read.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hft {

enum class ClassFamily { kPlain, kBert, kRoberta, kGpt2, kLlama, kSentencePiece };

struct TokenizerClass {
  std::string_view names;        // without "Tokenizer" and "Fast", separated by spaces
  std::string_view model_types;  // of config.json, separated by spaces
  ClassFamily family;
  bool type_ids;              // its models take token_type_ids
  bool mask_takes_space;      // the mask token swallows the space before it
  std::string_view specials;  // "cls=[CLS] sep=[SEP] …"
};

// By class name ("BertTokenizerFast"), else by model_type; nullptr when neither is known.
const TokenizerClass* find_tokenizer_class(std::string_view name, std::string_view model_type);

// The class's default special tokens, as (name, content).
std::vector<std::pair<std::string, std::string>> default_specials(const TokenizerClass& row);

}  // namespace hft
