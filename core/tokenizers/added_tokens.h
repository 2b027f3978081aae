// Tokens added beside the model's vocabulary: special tokens and others, found in the text before
// the model sees it. Rules of tokenizers' AddedVocabulary.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/tokenizers/normalizers.h"
#include "core/tokenizers/aligned_text.h"
#include "core/tokenizers/vocabulary.h"

namespace hft {

struct AddedToken {
  std::string content;
  bool single_word = false;  // only between what is no word
  bool lstrip = false;       // takes the spaces before it
  bool rstrip = false;       // takes the spaces after it
  bool normalized = true;    // sought in the normalised text, normalised itself
  bool special = false;
  bool operator==(const AddedToken&) const = default;
};

class AddedTokens {
 public:
  // Adds tokens in order; each takes its id in the model's vocabulary, or the next free one.
  void add(const std::vector<AddedToken>& tokens, const Vocabulary& model);
  // Call after the last add().
  void prepare(const Normalizer* normalizer);

  // By the rules of transformers' slow tokenizers from now on; lowercase: all but special tokens is
  // put in lower case first. Call before prepare().
  void use_slow_rules(bool lowercase) { slow_ = true, lowercase_ = lowercase; }
  // Cuts the text at added tokens and normalises the rest. split_special: special tokens stay
  // text; by the slow rules, every added token does.
  Pieces extract(std::string_view text, const Normalizer* normalizer, bool tracked,
                 bool split_special) const;

  // -1: not an added token.
  std::int32_t find(std::string_view token) const;
  const AddedToken* token(std::int32_t id) const;
  bool is_special(std::string_view token) const;
  std::size_t outside(const Vocabulary& model) const;  // tokens the model does not have
  std::int32_t end() const;                            // above every id
  const std::unordered_map<std::int32_t, AddedToken>& all() const { return by_id_; }

 private:
  struct Match {
    std::size_t begin, end;
    std::int32_t id;  // -1: between tokens
  };
  // All patterns of one kind; the longest that begins at a byte wins.
  class Matcher {
   public:
    void add(std::string_view pattern, std::int32_t id);
    // The first match at or after `from`.
    bool find(std::string_view text, std::size_t from, Match& match) const;
    bool empty() const { return nodes_.size() <= 1; }

   private:
    struct Node {
      std::unordered_map<unsigned char, std::uint32_t> next;
      std::int32_t id = -1;
    };
    std::vector<Node> nodes_{1};
    bool first_[256] = {};
    int firsts_ = 0;
    unsigned char only_first_ = 0;
  };
  template <class Emit>
  void find_all(const Matcher& matcher, std::string_view text, bool split_special,
                const Emit& emit) const;

  Pieces extract_slow(std::string_view text, bool tracked, bool split_special) const;
  std::string lowered(std::string_view text) const;

  std::unordered_map<std::string, std::int32_t> ids_;
  std::unordered_map<std::int32_t, AddedToken> by_id_;
  std::vector<AddedToken> special_, ordinary_;  // in the order they came
  std::unordered_map<std::string, bool> special_set_;
  Matcher raw_, normalized_;
  bool slow_ = false, lowercase_ = false;
};

}  // namespace hft
