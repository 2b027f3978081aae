// Text to token ids and back, exactly as the checkpoint's own tokenizer does it: the facade over
// tokenizer.json and the older file formats. Immutable after loading, so threads may share one.
// Reference: tokenizers 0.22 and transformers 4.57 (PreTrainedTokenizerFast).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hft {

// A half-open range of the original text, in Unicode code points (what Python's str indexes).
struct Span {
  std::int32_t begin = 0, end = 0;
  bool operator==(const Span&) const = default;
};

struct Encoding {
  std::vector<std::int32_t> ids;          // [T]
  std::vector<std::int32_t> type_ids;     // [T]
  std::vector<std::int8_t> sequence_ids;  // [T] 0 or 1: which text of the pair; -1: added special
  std::vector<Span> offsets;              // [T] in its own text, {0,0} for added specials; empty
                                          //     unless EncodeOptions::offsets
  std::vector<std::int32_t> word_ids;     // [T] index of the pre-token, -1 for added specials;
                                          //     empty unless EncodeOptions::offsets
  bool special(std::size_t i) const { return sequence_ids[i] < 0; }
  std::size_t size() const { return ids.size(); }
};

enum class Truncation { kNone, kLongestFirst, kOnlyFirst, kOnlySecond };
enum class Side { kLeft, kRight };

struct EncodeOptions {
  bool add_special_tokens = true;
  bool offsets = false;        // fill offsets and word_ids (costs time)
  bool split_special = false;  // true: text that spells a special token is ordinary text
  bool listed = false;         // as one of a list of texts: an empty second text is there
  Truncation truncation = Truncation::kNone;
  std::int64_t max_length = 0;  // with truncation: ids of one window, specials included
  std::int64_t stride = 0;      // with truncation: ids two neighbouring windows share
};

struct LoadOptions {
  // Source language of a translation model, as its tokenizer names languages ("fr_XX", "fra_Latn",
  // "fr"); "": the one of tokenizer_config.json, else the class's default.
  std::string src_lang{};
  // Lower every text first, unless the tokenizer has a Lowercase of its own.
  bool lowercase = false;
};

class Tokenizer {
 public:
  // Reads the tokenizer of a model folder: tokenizer.json, else vocab.txt, vocab.json + merges.txt,
  // or a SentencePiece model; with tokenizer_config.json, special_tokens_map.json and
  // added_tokens.json. Looks into this folder only, never below it. Truncation and padding baked
  // into tokenizer.json are ignored, as the reference does.
  // Throws kNotFound naming every file tried, kBadData with the JSON path of what is wrong,
  // kUnsupported naming an unknown component.
  static Tokenizer load(const std::filesystem::path& folder, const LoadOptions& options = {});

  // Ill-formed UTF-8 throws kBadData naming the byte. When truncation cuts, the first window is
  // returned (the last with truncation_side left).
  Encoding encode(std::string_view text, const EncodeOptions& options = {}) const;
  Encoding encode_pair(std::string_view text, std::string_view pair,
                       const EncodeOptions& options = {}) const;
  // Every window of the text: one Encoding when it fits, else the overflowing ones after it, each
  // with its special tokens.
  std::vector<Encoding> encode_windows(std::string_view text, const EncodeOptions& options) const;
  std::vector<Encoding> encode_pair_windows(std::string_view text, std::string_view pair,
                                            const EncodeOptions& options) const;
  // Words already split apart (is_split_into_words): offsets are in each word, word_ids its index.
  Encoding encode_words(const std::vector<std::string>& words,
                        const EncodeOptions& options = {}) const;

  // Every window of two texts that are words already.
  std::vector<Encoding> encode_pair_windows(const std::vector<std::string>& words,
                                            const std::vector<std::string>& pair,
                                            const EncodeOptions& options) const;

  // Ids outside the vocabulary are dropped. clean_up: unset = as tokenizer_config.json says.
  std::string decode(const std::vector<std::int32_t>& ids, bool skip_special_tokens = true,
                     std::optional<bool> clean_up = {}) const;
  // The text of these token strings put together (convert_tokens_to_string).
  std::string join(const std::vector<std::string>& tokens) const;

  std::int64_t vocab_size() const;                               // with added tokens
  std::int32_t id_end() const;                                   // above every id
  std::string token(std::int32_t id) const;                      // "" when there is none
  std::optional<std::int32_t> id(std::string_view token) const;  // vocabulary, then added tokens
  bool is_special(std::int32_t id) const;                        // what decode skips

  // Ids of the named special tokens: "cls", "sep", "mask", "pad", "unk", "bos", "eos".
  std::optional<std::int32_t> special_id(std::string_view name) const;

  // The languages of which one stands beside each text (mBART, NLLB, M2M100), in the order of
  // their ids; empty for other tokenizers.
  const std::vector<std::string>& languages() const;
  // The token that stands for one of them ("fr_XX"; M2M100's "fr" is "__fr__"), what translation
  // forces a model to begin with.
  std::optional<std::int32_t> language_id(std::string_view language) const;
  // The special tokens of a folder's files and those its class has by default, "bos_token" -> "<s>"
  // …, as chat templates are given them.
  static std::map<std::string, std::string> special_tokens(const std::filesystem::path& folder);

  // tokenizer_config's model_max_length; absent above 1e30, the reference's "no limit".
  std::optional<std::int64_t> model_max_length() const;
  // tokenizer_config's model_input_names contain this name; true when it names none.
  bool has_input(std::string_view name) const;
  // How many special tokens the post-processor adds.
  std::int64_t added_specials(bool pair) const;
  // The tokens carry a continuing-subword mark such as "##" (what the NER pipeline asks).
  bool marks_subwords() const;
  Side truncation_side() const;
  bool cleans_up() const;  // what decode does when clean_up is unset

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

 private:
  struct Impl;
  std::vector<std::int32_t> without_prompt(const std::vector<std::int32_t>& ids) const;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace hft
