// Byte-pair encoding (Sennrich et al., arXiv:1508.07909) as tokenizers does it: the symbols of a
// piece are merged pair by pair, lowest rank first, leftmost first among equals.
#pragma once

#include <functional>
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
  // The next merge, whose tokens must live until finish_merges.
  void add_merge(std::string_view left, std::string_view right) { pairs_.push_back({left, right}); }
  // Call after the last merge; calls wrong(n, what) for a merge that fits not the vocabulary: its
  // number among those added, "'x' is not in the vocabulary".
  void finish_merges(const std::function<void(std::size_t, const std::string&)>& wrong);
  const Vocabulary& vocabulary() const;
  const BpeOptions& options() const;
  // With `bytes`, pieces come as plain bytes rather than in ByteLevel's alphabet.
  std::unique_ptr<TokenModel> build(bool bytes);
  // Whether build(true) is possible.
  bool can_take_bytes() const;

 private:
  void find_ids(std::size_t from, std::size_t to, std::vector<std::int32_t>& ids) const;
  struct Parts;
  std::vector<std::pair<std::string_view, std::string_view>> pairs_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace hft
