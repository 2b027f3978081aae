// Token strings and their ids, both ways, in one arena.
#pragma once

#include <cstdint>
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

  std::int32_t find(std::string_view token) const;  // -1: not there
  // find() for many tokens at once: their memory accesses overlap, which is most of the time.
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

  std::string arena_;
  std::vector<Entry> entries_;        // in the order they came
  std::vector<std::int32_t> by_id_;   // id -> entry, -1: none
  std::vector<std::uint64_t> slots_;  // high half of the hash, entry + 1; 0: free
  std::size_t tokens_ = 0;
};

// A quick hash of bytes; the same in every run.
std::uint64_t hash_bytes(std::string_view bytes);

}  // namespace hft
