// The parts of a loaded tokenizer: tokenizer_load.cc puts them together, tokenizer.cc uses them.
#pragma once

#include <unordered_map>

#include "core/tokenizers/added_tokens.h"
#include "core/tokenizers/blueprint.h"
#include "core/tokenizers/decoders.h"
#include "core/tokenizers/normalizers.h"
#include "core/tokenizers/post_processors.h"
#include "core/tokenizers/pre_tokenizers.h"
#include "core/tokenizers/tokenizer.h"

namespace hft {

// What CodeLlama makes of a text before and a text after a gap, in place of a pair.
struct Infill {
  std::string fill;  // a text with this in it is both; "": none
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PostProcessor> post, bare_post;  // with and without bos and eos
};

struct Tokenizer::Impl {
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PreTokenizer> pre_tokenizer;
  std::unique_ptr<TokenModel> model;
  std::unique_ptr<PostProcessor> post_processor;
  std::unique_ptr<Decoder> decoder;
  AddedTokens added;
  bool bytes = false;  // pieces reach the model as plain bytes
  std::unordered_map<std::string, std::int32_t> special_ids;
  std::optional<Vocabulary> target;  // Marian: tokens of the target language, for decoding
  std::optional<std::int64_t> model_max_length;
  std::vector<std::string> input_names;
  bool type_ids = true;
  bool clean_up = false;
  std::string word_suffix;             // decoded text has a space in its place (CLIP)
  std::vector<std::string> languages;  // one of them stands beside each text
  bool m2m100 = false;
  bool whisper = false;  // decoded text is without a prompt and without timestamps
  bool split_special = false;
  bool slow = false;      // transformers has no fast class for it
  std::string unk_token;  // what a slow class makes of an id it does not have
  std::unique_ptr<const Infill> infill;  // CodeLlama
  Side truncation_side = Side::kRight;

  std::string token(std::int32_t id) const {
    const AddedToken* added_token = added.token(id);
    return added_token ? added_token->content : std::string(model->vocabulary().token(id));
  }
  Segment encode_words(const std::vector<std::string>& words, const EncodeOptions& options,
                       int sequence) const;
  Segment encode_text(std::string_view text, const EncodeOptions& options, int sequence) const {
    return encode_text(text, options, sequence, normalizer.get());
  }
  Segment encode_text(std::string_view text, const EncodeOptions& options, int sequence,
                      const Normalizer* with) const;
  void place(const Pieces& pieces, std::string_view text, const EncodeOptions& options,
             Segment& out) const;
  struct Finish {
    const EncodeOptions& options;
    bool all_windows;
    const PostProcessor* post;
  };
  std::vector<Encoding> finish(Segment first, std::optional<Segment> second,
                               const Finish& how) const;
  std::vector<Encoding> encode_infill(std::string_view prefix, std::string_view suffix,
                                      const EncodeOptions& options, bool all_windows) const;
  Encoding assemble(Segment first, std::optional<Segment> second, const Finish& how) const;
  std::vector<Encoding> encode(std::string_view text, std::optional<std::string_view> pair,
                               const EncodeOptions& options, bool all_windows) const;
  void configure(const TokenizerConfig& config);
  std::vector<std::string> languages_of(const TokenizerConfig& config) const;
};

}  // namespace hft
