// Byte-pair encoding (Sennrich et al., arXiv:1508.07909) as tokenizers does it: the symbols of a
// piece are merged pair by pair, lowest rank first, leftmost first among equals.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/tokenizers/model.h"

namespace hft {

struct BpeOptions {
  std::optional<std::string> unk_token;
  std::string continuing_subword_prefix{};
  std::string end_of_word_suffix{};
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
};

// Collects the merges in rank order, then becomes the model.
class BpeBuilder {
 public:
  BpeBuilder(Vocabulary vocabulary, BpeOptions options, std::size_t merges);
  ~BpeBuilder();
  // The next merge; "" or what is wrong with it: "'x' is not in the vocabulary".
  std::string add_merge(std::string_view left, std::string_view right);
  const Vocabulary& vocabulary() const;
  // With `bytes`, pieces come as plain bytes rather than in ByteLevel's alphabet.
  std::unique_ptr<TokenModel> build(bool bytes);
  // Whether build(true) is possible.
  bool can_take_bytes() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace hft
