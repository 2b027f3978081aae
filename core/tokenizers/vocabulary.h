// Token strings and their ids, both ways, in one arena.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hft {

class Vocabulary {
 public:
  void reserve(std::size_t tokens, std::size_t bytes);
  // Gives the token this id; a token or an id named again takes the new partner.
  void add(std::string_view token, std::int32_t id);
  // add() for a few tokens at once: their memory accesses overlap, which is most of the time.
  void add_all(std::span<const std::string_view> tokens, std::span<const std::int32_t> ids);

  std::int32_t find(std::string_view token) const;  // -1: not there
  // find() for many tokens at once, likewise.
  void find_all(std::span<const std::string_view> tokens, std::span<std::int32_t> ids) const;
  bool has(std::int32_t id) const;
  std::string_view token(std::int32_t id) const;  // "" when there is none
  std::size_t size() const { return tokens_; }    // different token strings
  std::int32_t end() const { return static_cast<std::int32_t>(by_id_.size()); }  // above every id

 private:
  struct Entry {
    std::uint64_t offset;
    std::uint32_t length;
    std::int32_t id;
  };
  std::string_view text(const Entry& entry) const {
    return {arena_.data() + entry.offset, entry.length};
  }
  void rehash(std::size_t slots);
  std::int32_t find_hashed(std::string_view token, std::uint64_t hash) const;

  std::string arena_;
  std::vector<Entry> entries_;        // in the order they came
  std::vector<std::int32_t> by_id_;   // id -> entry, -1: none
  std::vector<std::uint64_t> slots_;  // high half of the hash, entry + 1; 0: free
  std::size_t tokens_ = 0;
};

// A quick hash of bytes; the same in every run.
inline std::uint64_t hash_bytes(std::string_view bytes) {
  constexpr std::uint64_t kFirst = 0x2d358dccaa6c78a5, kSecond = 0x9e3779b97f4a7c15,
                          kThird = 0xa0761d6478bd642f;
  const auto mix = [](std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a ^ kFirst) * (b ^ kSecond);
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  const auto load = [](const char* at, std::size_t n) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, n);
    return word;
  };
  std::uint64_t seed = bytes.size();
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left > 16; left -= 16, at += 16) seed = mix(load(at, 8) ^ seed, load(at + 8, 8));
  if (left > 8) return mix(load(at, 8) ^ seed, load(at + 8, left - 8));
  return mix(load(at, left) ^ seed, kThird);
}

}  // namespace hft
