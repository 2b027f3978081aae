// What the Python tokenizer classes bring of their own: the files they read, default special
// tokens, the inputs their models take, and what they change in a tokenizer.json.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/json.h"

namespace hft {

// How a class makes a tokenizer of its own files.
enum class Recipe {
  kNone,  // tokenizer.json only
  kBert,  // vocab.txt: WordPiece
  kByteBpe,
  kQwen,
  kClip,
  kOpenAiGpt,
  kHerbert,   // vocab.json with merges.txt
  kSpm,       // a SentencePiece model
  kMarian,    // source.spm, target.spm, vocab.json
  kM2M100,    // sentencepiece.bpe.model, vocab.json
  kCharacter,  // vocab.json alone
  kWords,      // words by rules of the class's own (slow_classes.cc)
  kGptSw3      // spiece.model, with SentencePiece's own ids
};

// What the class changes in a tokenizer that is read, whatever its files say.
enum class Change {
  kNone,
  kCase,       // BertNormalizer: lowercase, strip_accents
  kBert,       // those and handle_chinese_chars
  kOffsets,    // the post-processor's add_prefix_space and trim_offsets
  kPrefix,     // add_prefix_space, when set, wherever the pre-tokenizer has it
  kBosEos,     // a template of bos and eos, by add_bos_token and add_eos_token
  kLangAfter,  // A </s> lang
  kLangBefore  // lang A </s>
};

struct TokenizerClass {
  std::string_view names;        // without "Tokenizer" and "Fast", separated by spaces
  std::string_view model_types;  // of config.json, separated by spaces
  Recipe recipe;
  Change change;
  bool type_ids;  // its models take token_type_ids
  bool cleans;    // made of its own files, it cleans up decoded text by default
  // "name/FS=content …". F: how the class holds the token when it reads tokenizer.json, S: when it
  // reads its own files. '-' its text; else with flags: 'r' sought in the text as it is, 'n' in the
  // normalised text; 'R' and 'N' the same with the spaces before it, 'B' as 'R' and with those
  // after it. "name=content|[OTHER]": another token when it reads its own files.
  std::string_view specials;

  std::string_view name() const { return names.substr(0, names.find(' ')); }
};

struct DefaultToken {
  std::string name, content;
  std::string own_files{};  // its content when the class reads its own files
  char fast = '-', slow = '-';
};

// The files a class must have to be read without tokenizer.json.
std::vector<std::string> own_files_of(const TokenizerClass& row);

// The class of a model_type whose own files hft does not read; "" for others.
std::string class_of_unread(std::string_view model_type);
// The classes whose own files hft reads, for messages.
std::string readable_classes();

// By class name ("BertTokenizerFast"), else by model_type; nullptr when neither is known.
const TokenizerClass* find_tokenizer_class(std::string_view name, std::string_view model_type);

// Classes without one never read tokenizer.json, and their added tokens follow rules of their own.
bool has_fast_twin(const TokenizerClass& row);

std::vector<DefaultToken> default_specials(const TokenizerClass& row);

// The language codes a class adds as special tokens, separated by spaces; "" for most classes.
std::string_view language_codes(std::string_view class_name);

// Those of M2M-100 in the order of their ids, by tokenizer_config.json's language_codes.
std::vector<std::string> m2m100_languages(const Fields& config);

// Throws unless the language is one of `known`, naming the nearest or else all.
void check_language(const std::string& language, std::span<const std::string> known,
                    Errc code = Errc::kUsage);

}  // namespace hft
