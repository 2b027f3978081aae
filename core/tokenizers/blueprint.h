// What every reader of tokenizer files produces: a model and the components around it, described
// as tokenizer.json describes them.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/tokenizers/added_tokens.h"
#include "core/tokenizers/bpe.h"
#include "core/tokenizers/model.h"
#include "core/tokenizers/tokenizer_class.h"

namespace hft {

struct Blueprint {
  std::string where;                                        // the file, for messages
  Json normalizer, pre_tokenizer, post_processor, decoder;  // null: none
  std::unique_ptr<TokenModel> model;                        // one of these two is set
  std::unique_ptr<BpeBuilder> bpe;
  std::vector<AddedToken> added_tokens;
  bool from_json = false;  // it was tokenizer.json
};

struct SpecialToken {
  std::string name;  // "cls", "sep" …; "additional" may come several times
  AddedToken token{};
  bool named = false;   // a file names it; else it is the class's default
  bool object = false;  // its flags are given, and win over those it was added with
};

// tokenizer_config.json with special_tokens_map.json and added_tokens.json folded in.
struct TokenizerConfig {
  Fields fields{Json::object(), "tokenizer_config.json"};
  const TokenizerClass* row = nullptr;   // the Python class, when known
  bool clean_up = false;                 // what decode cleans when the file does not say
  std::vector<AddedToken> added_tokens;  // of added_tokens_decoder or added_tokens.json, by id
  bool has_decoder = false;              // added_tokens_decoder is there
  std::vector<SpecialToken> special_tokens;
  std::string special(std::string_view name) const;  // "" when there is none
};
TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder);

AddedToken read_added_token(const Fields& fields);

// The readers; each throws what Tokenizer::load promises.
Blueprint read_tokenizer_json(const std::filesystem::path& file);
Blueprint read_vocab_txt(const std::filesystem::path& file, const TokenizerConfig& config);
Blueprint read_vocab_merges(const std::filesystem::path& vocab, const std::filesystem::path& merges,
                            const TokenizerConfig& config);
Blueprint read_spm_file(const std::filesystem::path& file, const TokenizerConfig& config);
Blueprint read_marian(const std::filesystem::path& folder, const TokenizerConfig& config);
Blueprint read_m2m(const std::filesystem::path& folder, const TokenizerConfig& config);

// What the Python class of the checkpoint changes after reading tokenizer.json (do_lower_case,
// add_prefix_space, trim_offsets …).
void apply_class(Blueprint& blueprint, const TokenizerConfig& config);

// Checks an id against the number of entries: id <= 16 entries + 65536.
std::int32_t checked_id(std::int64_t id, std::size_t entries, const std::string& where);

}  // namespace hft
