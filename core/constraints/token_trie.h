// The texts of a vocabulary's tokens as a tree of bytes, in an array: children come after their
// parent, and each node knows where its subtree ends.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hft {

struct TokenTrie {
  struct Node {
    std::uint32_t end;                // the first node behind its subtree
    std::uint32_t first_id, last_id;  // of `ids`: tokens whose bytes end here
    std::uint16_t depth;              // bytes
    unsigned char byte;
  };
  std::vector<Node> nodes;  // in order of their bytes
  std::vector<std::int32_t> ids;
  std::size_t deepest = 0;  // bytes of the longest token

  // Of these tokens of `bytes`, none of them empty.
  static TokenTrie of(const std::vector<std::string>& bytes, std::vector<std::int32_t> ids);
};

}  // namespace hft
