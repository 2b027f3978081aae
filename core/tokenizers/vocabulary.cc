#include "core/tokenizers/vocabulary.h"

#include <algorithm>
#include <array>
#include <bit>

namespace hft {

void Vocabulary::reserve(std::size_t tokens, std::size_t bytes) {
  arena_.reserve(bytes);
  entries_.reserve(tokens);
  by_id_.reserve(tokens);
  if (tokens * 2 > slots_.size()) rehash(std::bit_ceil(tokens * 2 + 16));
}

void Vocabulary::rehash(std::size_t slots) {
  slots_.assign(slots, 0);
  const std::size_t mask = slots - 1;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::uint64_t hash = hash_bytes(text(entries_[i]));
    std::size_t slot = hash & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = (hash >> 32 << 32) | (i + 1);
  }
}

void Vocabulary::add(std::string_view token, std::int32_t id) {
  if ((entries_.size() + 1) * 2 > slots_.size()) rehash(std::bit_ceil(entries_.size() * 4 + 16));
  if (id >= end()) by_id_.resize(static_cast<std::size_t>(id) + 1, -1);
  const std::uint64_t hash = hash_bytes(token);
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    if (slots_[slot] >> 32 != hash >> 32) continue;
    Entry& entry = entries_[(slots_[slot] & 0xffffffff) - 1];
    if (text(entry) != token) continue;
    if (entry.id != id) by_id_[static_cast<std::size_t>(entry.id)] = -1;
    entry.id = id;
    by_id_[static_cast<std::size_t>(id)] =
        static_cast<std::int32_t>((slots_[slot] & 0xffffffff) - 1);
    return;
  }
  entries_.push_back({arena_.size(), static_cast<std::uint32_t>(token.size()), id});
  arena_ += token;
  slots_[slot] = (hash >> 32 << 32) | entries_.size();
  by_id_[static_cast<std::size_t>(id)] = static_cast<std::int32_t>(entries_.size() - 1);
  ++tokens_;
}

void Vocabulary::add_all(std::span<const std::string_view> tokens,
                         std::span<const std::int32_t> ids) {
  if (!slots_.empty())
    for (const auto& token : tokens)
      __builtin_prefetch(&slots_[hash_bytes(token) & (slots_.size() - 1)], 1);
  for (std::size_t i = 0; i < tokens.size(); ++i) add(tokens[i], ids[i]);
}

std::int32_t Vocabulary::find_hashed(std::string_view token, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
    if (slots_[slot] >> 32 != hash >> 32) continue;
    const Entry& entry = entries_[(slots_[slot] & 0xffffffff) - 1];
    if (text(entry) == token) return entry.id;
  }
  return -1;
}

std::int32_t Vocabulary::find(std::string_view token) const {
  return slots_.empty() ? -1 : find_hashed(token, hash_bytes(token));
}

void Vocabulary::find_all(std::span<const std::string_view> tokens,
                          std::span<std::int32_t> ids) const {
  constexpr std::size_t kBlock = 32;
  if (slots_.empty()) return std::fill(ids.begin(), ids.end(), -1);
  const std::size_t mask = slots_.size() - 1;
  std::array<std::uint64_t, kBlock> hashes;
  for (std::size_t from = 0; from < tokens.size(); from += kBlock) {
    const std::size_t n = std::min(kBlock, tokens.size() - from);
    for (std::size_t i = 0; i < n; ++i) {
      hashes[i] = hash_bytes(tokens[from + i]);
      __builtin_prefetch(&slots_[hashes[i] & mask]);
    }
    for (std::size_t i = 0; i < n; ++i)
      if (const std::uint64_t slot = slots_[hashes[i] & mask]; slot != 0)
        __builtin_prefetch(&entries_[(slot & 0xffffffff) - 1]);
    for (std::size_t i = 0; i < n; ++i)
      if (const std::uint64_t slot = slots_[hashes[i] & mask]; slot != 0)
        __builtin_prefetch(arena_.data() + entries_[(slot & 0xffffffff) - 1].offset);
    for (std::size_t i = 0; i < n; ++i) ids[from + i] = find_hashed(tokens[from + i], hashes[i]);
  }
}

bool Vocabulary::has(std::int32_t id) const {
  return id >= 0 && id < end() && by_id_[static_cast<std::size_t>(id)] >= 0;
}

std::string_view Vocabulary::token(std::int32_t id) const {
  return has(id) ? text(entries_[static_cast<std::size_t>(by_id_[static_cast<std::size_t>(id)])])
                 : std::string_view();
}

}  // namespace hft
