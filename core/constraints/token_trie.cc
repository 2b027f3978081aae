#include "core/constraints/token_trie.h"

#include <algorithm>

namespace hft {
namespace {

std::uint64_t first_bytes(const std::string& text) {
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < 8; ++i)
    key = key << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0);
  return key;
}

}  // namespace

TokenTrie TokenTrie::of(const std::vector<std::string>& bytes, std::vector<std::int32_t> ids) {
  const auto text = [&](std::int32_t id) -> const std::string& {
    return bytes[static_cast<std::size_t>(id)];
  };
  constexpr std::size_t kLongest = UINT16_MAX;
  std::erase_if(ids, [&](std::int32_t id) { return text(id).size() > kLongest; });
  // Most differ in their first eight bytes, which compare as one number.
  std::vector<std::pair<std::uint64_t, std::int32_t>> keys;
  keys.reserve(ids.size());
  for (const std::int32_t id : ids) keys.emplace_back(first_bytes(text(id)), id);
  std::ranges::sort(keys, [&](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : text(a.second) < text(b.second);
  });
  TokenTrie trie;
  std::vector<std::uint32_t> path;  // the nodes of the last token's bytes
  const auto close = [&](std::size_t depth) {
    while (path.size() > depth) {
      trie.nodes[path.back()].end = static_cast<std::uint32_t>(trie.nodes.size());
      path.pop_back();
    }
  };
  std::string_view last;
  for (const auto& [key, id] : keys) {
    const std::string_view now = text(id);
    const auto same = static_cast<std::size_t>(std::ranges::mismatch(last, now).in2 - now.begin());
    close(same);
    for (std::size_t i = same; i < now.size(); ++i) {
      path.push_back(static_cast<std::uint32_t>(trie.nodes.size()));
      const auto at = static_cast<std::uint32_t>(trie.ids.size());
      trie.nodes.push_back(
          {0, at, at, static_cast<std::uint16_t>(i + 1), static_cast<unsigned char>(now[i])});
    }
    trie.ids.push_back(id);
    trie.nodes[path.back()].last_id = static_cast<std::uint32_t>(trie.ids.size());
    trie.deepest = std::max(trie.deepest, now.size());
    last = now;
  }
  close(0);
  return trie;
}

}  // namespace hft
