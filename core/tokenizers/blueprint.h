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
#include "core/tokenizers/decoders.h"
#include "core/tokenizers/model.h"
#include "core/tokenizers/post_processors.h"
#include "core/tokenizers/tokenizer_class.h"

namespace hft {

struct Blueprint {
  // Items and type ids around the texts "$A" and "$B"; their tokens get ids once all are added.
  struct Template {
    std::vector<std::pair<std::string, int>> single, pair;
  };
  std::string where;                                        // the file, for messages
  Json normalizer, pre_tokenizer, post_processor, decoder;  // null: none
  std::unique_ptr<TokenModel> model;                        // one of these two is set
  std::unique_ptr<BpeBuilder> bpe;
  std::vector<AddedToken> added_tokens;
  Template around;                       // not empty: takes the post_processor's place
  std::unique_ptr<Decoder> own_decoder;  // in place of `decoder`
  std::unique_ptr<PostProcessor> own_post_processor;
  std::optional<Vocabulary> target;      // what ids mean in decoding, when it differs (Marian)
  std::vector<std::string> cut_at{};     // a slow class's words that stand apart in any text
  bool from_json = false;                // it was tokenizer.json
  const Vocabulary& vocabulary() const;
};

struct SpecialToken {
  std::string name;  // "cls", "sep" …; "additional" and "extra" may come several times
  AddedToken token{};
  bool named = false;   // a file names it; else it is the class's default
  bool object = false;  // its flags are given, and win over those it was added with
  char wrapped = '-';   // flags the class gives it otherwise (TokenizerClass::specials)
  std::string attribute{};  // what a model's own token is called: "image_token"
};

// tokenizer_config.json with special_tokens_map.json and added_tokens.json folded in.
struct TokenizerConfig {
  Fields fields{Json::object(), "tokenizer_config.json"};
  std::string class_name;                // as the files have it; "" when they do not say
  const TokenizerClass* row = nullptr;   // the Python class, when known
  bool own_files = false;                // the class's own files are read, not tokenizer.json
  bool clean_up = false;                 // whether decode cleans up when the file does not say
  std::vector<AddedToken> added_tokens;  // of added_tokens_decoder or added_tokens.json, by id
  bool has_decoder = false;              // added_tokens_decoder is there
  bool complete = false;                 // tokenizer.json says it all, as transformers 5 writes it
  std::vector<SpecialToken> special_tokens;
  std::string special(std::string_view name) const;  // "" when there is none
  bool is_special(std::string_view content) const;
  bool lowers_text() const;  // a slow class whose text is put in lower case before anything else
  std::string src_lang{};               // the caller's wish; "": none
  std::string source_language() const;  // that, or the config's src_lang, or the class's default
};
TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder);

// What the reference adds once the files are read: the listed tokens once more, some of them now
// special, then the special tokens that are missing or bring flags of their own.
std::vector<AddedToken> tokens_to_add(const TokenizerConfig& config, const Blueprint& blueprint,
                                      const AddedTokens& added);

AddedToken read_added_token(const Fields& fields);

// The readers; each throws what Tokenizer::load promises.
Blueprint read_tokenizer_json(const std::filesystem::path& file);
// The files of the Python class, by its recipe.
Blueprint read_own_files(const std::filesystem::path& folder, const TokenizerConfig& config);
Blueprint read_vocab_txt(const std::filesystem::path& file, const TokenizerConfig& config);
Blueprint read_vocab_merges(const std::filesystem::path& folder, const TokenizerConfig& config);
Blueprint read_spm_file(const std::filesystem::path& file, const TokenizerConfig& config);
Blueprint read_marian(const std::filesystem::path& folder, const TokenizerConfig& config);
Blueprint read_m2m100(const std::filesystem::path& folder, const TokenizerConfig& config);
Blueprint read_gpt_sw3(const std::filesystem::path& folder, const TokenizerConfig& config);
Blueprint read_slow_class(const std::filesystem::path& folder, const TokenizerConfig& config);
Blueprint read_characters(const std::filesystem::path& folder, const TokenizerConfig& config);

// A text file, checked to be UTF-8.
std::string read_text_file(const std::filesystem::path& file);
// {"token": id, …}
// language: of a file that has a vocabulary for each; "": it has but one.
Vocabulary read_vocab_json(const std::filesystem::path& file, const std::string& language = "");

// What the Python class of the checkpoint changes after reading (do_lower_case, add_prefix_space,
// trim_offsets, templates …). `added` holds every added token.
void apply_class(Blueprint& blueprint, const TokenizerConfig& config, const AddedTokens& added);

// What CodeLlama puts around the texts before and after a gap.
Json infill_template(const TokenizerConfig& config, const Blueprint& blueprint,
                     const AddedTokens& added, bool specials);

// Puts a Lowercase before all other normalizers, unless there is one among them.
void lower_first(Json& normalizer);

// Checks an id against the number of entries: id <= 16 entries + 65536.
std::int32_t checked_id(std::int64_t id, std::size_t entries, const std::string& where);

}  // namespace hft
