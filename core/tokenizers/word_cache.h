// Remembers the tokens of words already seen. Texts repeat their words, so nearly every word of a
// long text is found here. One cache a thread and model: no locks, nothing shared.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/tokenizers/vocabulary.h"

namespace hft {

class WordCache {
 public:
  static constexpr std::size_t kWordBytes = 64;  // longer words are not worth it

  // This thread's cache of the model with this number (model_number()).
  static WordCache& of(std::uint64_t model);

  // Appends the word's tokens to `out`; false when they are not known.
  bool find(std::string_view word, std::vector<std::int32_t>& out) {
    last_hash_ = hash_bytes(word);
    const Entry& entry = entries_[last_hash_ & (entries_.size() - 1)];
    if (entry.hash != last_hash_ || entry.length != word.size()) return false;
    const std::int32_t* at = arena_.data() + entry.offset;
    if (std::memcmp(at + entry.count, word.data(), word.size()) != 0) return false;
    out.insert(out.end(), at, at + entry.count);
    return true;
  }
  // Keeps the tokens of the word find() just missed.
  void keep(std::string_view word, const std::int32_t* ids, std::size_t count);

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint32_t offset = 0;  // in arena_: the ids, then the word
    std::uint16_t length = 0, count = 0;
  };
  void clear(std::size_t entries);

  std::uint64_t model_ = 0, last_hash_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::int32_t> arena_;
  std::size_t kept_ = 0;
};

// A number no other model of this process has.
std::uint64_t model_number();

}  // namespace hft
