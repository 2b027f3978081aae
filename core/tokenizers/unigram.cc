#include "core/tokenizers/unigram.h"

#include <algorithm>
#include <array>
#include <limits>

#include "core/base/error.h"
#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

constexpr double kUnknownPenalty = 10.0;

// The tokens as a trie over bytes, in a double array: the child of node n by byte b is
// base[n] ^ b when its check is n.
class Trie {
 public:
  struct Entry {
    std::string_view key;
    std::int32_t id;
  };
  // Entries sorted by key, keys different and not empty.
  explicit Trie(const std::vector<Entry>& entries) {
    grow(256);
    units_[0].check = 0;
    if (!entries.empty()) build(entries, 0, entries.size(), 0, 0);
  }

  // Calls found(length, id) for each token that text begins with, the shortest first.
  template <class Found>
  void prefixes(std::string_view text, const Found& found) const {
    std::uint32_t node = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::uint32_t next = units_[node].base ^ static_cast<unsigned char>(text[i]);
      if (units_[next].check != node + 1) return;
      node = next;
      if (units_[node].id >= 0) found(i + 1, units_[node].id);
    }
  }

 private:
  struct Unit {
    std::uint32_t base = 0;
    std::uint32_t check = 0;  // parent + 1; 0: free
    std::int32_t id = -1;
  };

  void grow(std::size_t size) {
    if (size > units_.size()) units_.resize((size + 255) / 256 * 256);
  }

  struct Group {
    unsigned char byte;
    std::size_t begin, end;
  };

  // Nodes wait in a list, so a long token needs no deep recursion.
  void build(const std::vector<Entry>& entries, std::size_t begin, std::size_t end,
             std::size_t depth, std::uint32_t node) {
    struct Work {
      std::size_t begin, end, depth;
      std::uint32_t node;
    };
    std::vector<Work> work{{begin, end, depth, node}};
    std::vector<Group> groups;
    while (!work.empty()) {
      Work here = work.back();
      work.pop_back();
      if (entries[here.begin].key.size() == here.depth)
        units_[here.node].id = entries[here.begin++].id;
      groups.clear();
      for (std::size_t i = here.begin; i < here.end; ++i) {
        const auto byte = static_cast<unsigned char>(entries[i].key[here.depth]);
        if (groups.empty() || groups.back().byte != byte) groups.push_back({byte, i, i});
        groups.back().end = i + 1;
      }
      if (groups.empty()) continue;
      const std::uint32_t base = place(groups);
      units_[here.node].base = base;
      for (const Group& group : groups) units_[base ^ group.byte].check = here.node + 1;
      for (const Group& group : groups)
        work.push_back({group.begin, group.end, here.depth + 1, base ^ group.byte});
    }
  }

  // A base where every child's unit is free.
  std::uint32_t place(const std::vector<Group>& groups) {
    while (first_free_ < units_.size() && units_[first_free_].check != 0) ++first_free_;
    std::size_t tries = 0;
    for (std::size_t unit = std::max<std::size_t>(first_free_, 1);; ++unit) {
      grow(unit + 256);
      if (units_[unit].check != 0) continue;
      const auto base = static_cast<std::uint32_t>(unit) ^ groups[0].byte;
      grow((base | 255u) + 1);
      const bool fits = std::all_of(groups.begin(), groups.end(), [&](const Group& group) {
        const std::uint32_t child = base ^ group.byte;
        return child != 0 && units_[child].check == 0;
      });
      if (fits) return base;
      if (++tries % 512 == 0) first_free_ = std::max(first_free_, unit / 2);  // crowded low part
    }
  }

  std::vector<Unit> units_;
  std::size_t first_free_ = 1;
};

template <class Score>
class Unigram : public TokenModel {
 public:
  Unigram(Vocabulary vocabulary, const std::vector<double>& scores, const UnigramOptions& options)
      : vocabulary_(std::move(vocabulary)),
        scores_(scores.begin(), scores.end()),
        unk_(options.unk_id.value_or(-1)),
        byte_fallback_(options.byte_fallback),
        trie_(entries(vocabulary_)) {
    double lowest = std::numeric_limits<double>::infinity();
    for (double score : scores) lowest = std::min(lowest, score);
    unknown_score_ = static_cast<Score>(options.unknown_score.value_or(lowest - kUnknownPenalty));
    as_written_ = unk_;
    for (std::int32_t id = 0; id < vocabulary_.end(); ++id)
      longest_ = std::max(longest_, vocabulary_.token(id).size());
    for (unsigned byte = 0; byte < 256; ++byte) {
      char name[8];
      std::snprintf(name, sizeof name, "<0x%02X>", byte);
      byte_ids_[byte] = vocabulary_.find(name);
    }
  }

  void tokenize_word(std::string_view piece, std::vector<Token>& out) const override {
    thread_local Lattice lattice;
    lattice.start();
    const std::size_t first = out.size();
    std::size_t patience = kStretch;
    for (std::size_t at = 0; at < piece.size();) {
      at = extend(lattice, piece, at, std::min(at + kStretch, piece.size()));
      if (at == piece.size() || at - lattice.base() < patience) continue;
      // What no later token can change is settled, so that a long piece needs no long lattice.
      settle(lattice, lattice.common_begin(at), first, out);
      patience = std::max(kStretch, 2 * (at - lattice.base()));
    }
    settle(lattice, piece.size(), first, out);
    settle_unknowns(piece, first, out);
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  static constexpr std::size_t kStretch = 8192;  // bytes between two looks at what is settled

  struct Node {
    Score score = 0;
    std::uint32_t begin = kNothing;
    std::int32_t id = 0;
  };
  static constexpr std::uint32_t kNothing = 0xffffffff;  // nothing ends here

  // The best way to each place of the piece from `base_` on.
  class Lattice {
   public:
    void start() {
      nodes_.assign(1, Node{.begin = 0});
      base_ = 0;
    }
    // Room for ends up to this place.
    void reach(std::size_t end) {
      if (end - base_ >= nodes_.size()) nodes_.resize(end - base_ + 1);
    }
    Node& operator[](std::size_t at) { return nodes_[at - base_]; }
    std::size_t base() const { return base_; }
    // Where the best ways to all places from `at` on part; at or after base().
    std::size_t common_begin(std::size_t at) {
      std::vector<std::size_t> ends;
      for (std::size_t end = at; end < base_ + nodes_.size(); ++end)
        if ((*this)[end].begin != kNothing) ends.push_back(end);
      std::make_heap(ends.begin(), ends.end());
      while (ends.size() > 1) {
        std::pop_heap(ends.begin(), ends.end());
        const std::size_t begin = (*this)[ends.back()].begin;
        ends.pop_back();
        if (std::find(ends.begin(), ends.end(), begin) != ends.end()) continue;
        ends.push_back(begin);
        std::push_heap(ends.begin(), ends.end());
      }
      return ends.front();
    }
    void forget_before(std::size_t at) {
      nodes_.erase(nodes_.begin(), nodes_.begin() + static_cast<std::ptrdiff_t>(at - base_));
      base_ = at;
    }

   private:
    std::vector<Node> nodes_;
    std::size_t base_ = 0;
  };

  // Offers every token that begins in [at, stop); returns the first place at or after `stop` where
  // a character begins.
  std::size_t extend(Lattice& lattice, std::string_view piece, std::size_t at,
                     std::size_t stop) const {
    lattice.reach(std::min(stop + longest_, piece.size()));
    const auto offer = [&](std::size_t end, std::size_t begin, Score score, std::int32_t id) {
      Node& node = lattice[end];
      if (node.begin != kNothing && score <= node.score) return;
      node = {score, static_cast<std::uint32_t>(begin), id};
    };
    while (at < stop) {
      const Score here = lattice[at].score;
      const auto length =
          static_cast<std::size_t>(unicode::length(static_cast<unsigned char>(piece[at])));
      bool single = false;
      trie_.prefixes(piece.substr(at), [&](std::size_t n, std::int32_t id) {
        offer(at + n, at, scores_[static_cast<std::size_t>(id)] + here, id);
        single |= n == length;
      });
      if (!single) offer(at + length, at, unknown_score_ + here, unk_);
      at += length;
    }
    return at;
  }

  // Appends the tokens of the best way to `end`; out[first] is the piece's first token.
  void settle(Lattice& lattice, std::size_t end, std::size_t first, std::vector<Token>& out) const {
    const std::size_t before = out.size();
    for (std::size_t at = end; at > lattice.base();) {
      const Node& node = lattice[at];
      out.push_back({node.id, node.begin, static_cast<std::uint32_t>(at)});
      at = node.begin;
    }
    std::reverse(out.begin() + static_cast<std::ptrdiff_t>(before), out.end());
    // Neighbouring unknowns are one.
    std::size_t kept = before;
    for (std::size_t i = before; i < out.size(); ++i) {
      if (out[i].id == unk_ && kept > first && out[kept - 1].id == unk_) {
        out[kept - 1].end = out[i].end;
      } else {
        out[kept++] = out[i];
      }
    }
    out.resize(kept);
    lattice.forget_before(end);
  }

  static std::vector<Trie::Entry> entries(const Vocabulary& vocabulary) {
    std::vector<Trie::Entry> all;
    for (std::int32_t id = 0; id < vocabulary.end(); ++id)
      if (!vocabulary.token(id).empty()) all.push_back({vocabulary.token(id), id});
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    return all;
  }

  // An unknown stretch that spells a token is that token; else its bytes, where the vocabulary has
  // them all; else it stays unknown.
  void settle_unknowns(std::string_view piece, std::size_t first, std::vector<Token>& out) const {
    if (std::none_of(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(),
                     [&](const Token& token) { return token.id == unk_; }))
      return;
    std::vector<Token> settled;
    for (std::size_t i = first; i < out.size(); ++i) {
      Token token = out[i];
      const std::string_view text = piece.substr(token.begin, token.end - token.begin);
      if (token.id == unk_) token.id = vocabulary_.find(text);
      if (token.id >= 0) {
        settled.push_back(token);
      } else if (byte_fallback_ &&
                 std::all_of(text.begin(), text.end(), [&](char c) { return byte_id(c) >= 0; })) {
        for (char c : text) settled.push_back({byte_id(c), token.begin, token.end});
      } else if (unk_ < 0) {
        fail(Errc::kBadData, "Unigram: '", text,
             "' is not in the vocabulary, and 'unk_id' is missing");
      } else {
        settled.push_back({unk_, token.begin, token.end});
      }
    }
    out.resize(first);
    out.insert(out.end(), settled.begin(), settled.end());
  }

  std::int32_t byte_id(char c) const { return byte_ids_[static_cast<unsigned char>(c)]; }

  Vocabulary vocabulary_;
  std::vector<Score> scores_;
  std::int32_t unk_;
  bool byte_fallback_;
  Trie trie_;
  Score unknown_score_ = 0;
  std::size_t longest_ = 4;  // bytes of the longest token, and of an unknown character
  std::array<std::int32_t, 256> byte_ids_;
};

}  // namespace

std::unique_ptr<TokenModel> make_unigram(Vocabulary vocabulary, const std::vector<double>& scores,
                                         const UnigramOptions& options, const std::string& where) {
  if (options.unk_id &&
      (*options.unk_id < 0 || *options.unk_id >= static_cast<std::int64_t>(scores.size())))
    fail(Errc::kBadData, where, ": 'unk_id' is ", *options.unk_id, ", but there are ",
         scores.size(), " tokens");
  if (options.single_precision)
    return std::make_unique<Unigram<float>>(std::move(vocabulary), scores, options);
  return std::make_unique<Unigram<double>>(std::move(vocabulary), scores, options);
}

}  // namespace hft
