#include "core/tokenizers/bpe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <span>
#include <thread>

#include "core/base/error.h"
#include "core/tokenizers/byte_alphabet.h"
#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

constexpr std::uint32_t kNoRank = 0xffffffff;
constexpr std::string_view kMark = "\xe2\x96\x81";  // U+2581, SentencePiece's space
constexpr std::size_t kScanSymbols = 48;  // up to here a scan for the lowest rank beats a heap

struct Merge {
  std::uint32_t rank = kNoRank;
  std::int32_t id = -1;
};

// (left id, right id) -> merge, by open addressing.
class MergeTable {
 public:
  explicit MergeTable(std::size_t merges)
      : slots_(std::bit_ceil(merges + merges / 2 + 16)), mask_(slots_.size() - 1) {}

  void set(std::int32_t left, std::int32_t right, Merge merge) {
    const std::uint64_t key = make_key(left, right);
    std::size_t slot = home(key);
    while (slots_[slot].key != kFree && slots_[slot].key != key) slot = (slot + 1) & mask_;
    slots_[slot] = {key, merge};
  }
  // Brings the pair's slot near, for a set() soon.
  void prefetch(std::int32_t left, std::int32_t right) const {
    __builtin_prefetch(&slots_[home(make_key(left, right))], 1);
  }
  Merge get(std::int32_t left, std::int32_t right) const {
    const std::uint64_t key = make_key(left, right);
    for (std::size_t slot = home(key);; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) return slots_[slot].merge;
      if (slots_[slot].key == kFree) return {};
    }
  }

 private:
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};
  static std::uint64_t make_key(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
           static_cast<std::uint32_t>(right);
  }
  std::size_t home(std::uint64_t key) const {
    key *= 0x9e3779b97f4a7c15;
    return (key ^ key >> 32) & mask_;
  }
  struct Slot {
    std::uint64_t key = kFree;
    Merge merge;
  };
  std::vector<Slot> slots_;
  std::size_t mask_;
};

using Symbol = Token;  // on its way to be one

// Merges with a scan for the lowest rank each time: quadratic, fastest for words.
void merge_scanning(const MergeTable& merges, std::vector<Symbol>& symbols) {
  std::array<Merge, kScanSymbols> next;
  std::size_t n = symbols.size();
  for (std::size_t i = 0; i + 1 < n; ++i) next[i] = merges.get(symbols[i].id, symbols[i + 1].id);
  while (n > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < n; ++i)
      if (next[i].rank < next[best].rank) best = i;
    if (next[best].rank == kNoRank) break;
    symbols[best].id = next[best].id;
    symbols[best].end = symbols[best + 1].end;
    std::copy(symbols.begin() + static_cast<std::ptrdiff_t>(best + 2),
              symbols.begin() + static_cast<std::ptrdiff_t>(n),
              symbols.begin() + static_cast<std::ptrdiff_t>(best + 1));
    std::copy(next.begin() + static_cast<std::ptrdiff_t>(best + 1),
              next.begin() + static_cast<std::ptrdiff_t>(n - 1),
              next.begin() + static_cast<std::ptrdiff_t>(best));
    --n;
    if (best + 1 < n) next[best] = merges.get(symbols[best].id, symbols[best + 1].id);
    if (best > 0) next[best - 1] = merges.get(symbols[best - 1].id, symbols[best].id);
  }
  symbols.resize(n);
}

// Merges with a heap over a linked list: O(n log n), for pieces without a break.
class Queueing {
 public:
  explicit Queueing(const MergeTable& merges) : merges_(merges) {}

  // Replaces `out` with the merged symbols of symbols[from, to).
  void merge(const std::vector<Symbol>& symbols, std::size_t from, std::size_t to,
             std::vector<Symbol>& out) {
    out.assign(symbols.begin() + static_cast<std::ptrdiff_t>(from),
               symbols.begin() + static_cast<std::ptrdiff_t>(to));
    const auto n = static_cast<std::uint32_t>(out.size());
    links_.resize(n);
    heap_.clear();
    for (std::uint32_t i = 0; i < n; ++i)
      links_[i] = {i > 0 ? i - 1 : kNone, i + 1 < n ? i + 1 : kNone, false};
    for (std::uint32_t i = 0; i + 1 < n; ++i) consider(out, i, i + 1);
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end());
      const Candidate top = heap_.back();
      heap_.pop_back();
      apply(out, top);
    }
    std::size_t kept = 0;
    for (std::uint32_t i = 0; i < n; ++i)
      if (!links_[i].gone) out[kept++] = out[i];
    out.resize(kept);
  }

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  struct Candidate {
    std::uint32_t rank, at;
    std::int32_t id;
    bool operator<(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  struct Links {
    std::uint32_t previous, next;
    bool gone;
  };

  void consider(const std::vector<Symbol>& symbols, std::uint32_t left, std::uint32_t right) {
    const Merge merge = merges_.get(symbols[left].id, symbols[right].id);
    if (merge.rank == kNoRank) return;
    heap_.push_back({merge.rank, left, merge.id});
    std::push_heap(heap_.begin(), heap_.end());
  }

  void apply(std::vector<Symbol>& symbols, const Candidate& top) {
    const std::uint32_t left = top.at, right = links_[left].next;
    if (links_[left].gone || right == kNone) return;
    const Merge merge = merges_.get(symbols[left].id, symbols[right].id);
    if (merge.rank == kNoRank || merge.id != top.id) return;
    symbols[left].id = top.id;
    symbols[left].end = symbols[right].end;
    links_[right].gone = true;
    const std::uint32_t next = links_[right].next, previous = links_[left].previous;
    links_[left].next = next;
    if (next != kNone) links_[next].previous = left;
    if (previous != kNone) consider(symbols, previous, left);
    if (next != kNone) consider(symbols, left, next);
  }

  const MergeTable& merges_;
  std::vector<Links> links_;
  std::vector<Candidate> heap_;
};

// Where two lists of tokens of one text first agree on a token: its places in both.
std::optional<std::pair<std::size_t, std::size_t>> common_token(const std::vector<Symbol>& one,
                                                                std::size_t from,
                                                                const std::vector<Symbol>& other) {
  for (std::size_t i = from, j = 0; i < one.size() && j < other.size();) {
    if (one[i].begin == other[j].begin && one[i].end == other[j].end && one[i].id == other[j].id)
      return std::pair(i, j);
    one[i].end <= other[j].end ? ++i : ++j;
  }
  return std::nullopt;
}

// A long piece in linear time, one window after the other. No merge crosses a border between two
// tokens of a window's result; so where two overlapping windows agree on a token, the tokens of the
// first up to it and those of the second after it are the tokens of both together.
void merge_windows(const MergeTable& merges, std::vector<Symbol>& symbols) {
  constexpr std::size_t kWindow = 4096, kOverlap = 512;
  Queueing queueing(merges);
  std::vector<Symbol> done, window;
  std::size_t length = kWindow, covered = std::min(length, symbols.size());
  queueing.merge(symbols, 0, covered, done);
  while (covered < symbols.size()) {
    // The next window begins with a token well before the end of the last one.
    std::size_t back = done.size() - 1;
    while (back > 0 && done[back].begin > symbols[covered - kOverlap].begin) --back;
    const auto first = std::lower_bound(
        symbols.begin(), symbols.end(), done[back].begin,
        [](const Symbol& symbol, std::uint32_t begin) { return symbol.begin < begin; });
    const auto from = static_cast<std::size_t>(first - symbols.begin());
    const std::size_t to = std::min(std::max(from, covered - kOverlap) + length, symbols.size());
    queueing.merge(symbols, from, to, window);
    if (const auto common = common_token(done, back, window)) {
      done.resize(common->first);
      done.insert(done.end(), window.begin() + static_cast<std::ptrdiff_t>(common->second),
                  window.end());
      covered = to;
    } else {  // all so far as one, and larger windows from now on: they may never agree here
      length *= 2;
      covered = to;
      queueing.merge(symbols, 0, covered, done);
    }
  }
  symbols = std::move(done);
}

}  // namespace

struct BpeBuilder::Parts {
  Parts(Vocabulary v, BpeOptions o, std::size_t n)
      : vocabulary(std::move(v)), options(std::move(o)), merges(n) {}
  Vocabulary vocabulary;
  BpeOptions options;
  MergeTable merges;
};

namespace {

class Bpe : public TokenModel {
 public:
  Bpe(Vocabulary vocabulary, BpeOptions options, MergeTable merges, bool bytes)
      : vocabulary_(std::move(vocabulary)),
        options_(std::move(options)),
        merges_(std::move(merges)),
        bytes_(bytes) {
    if (options_.unk_token) unk_ = vocabulary_.find(*options_.unk_token);
    for (unsigned byte = 0; byte < 256; ++byte) {
      byte_ids_[byte] = vocabulary_.find(letter_of_byte(static_cast<unsigned char>(byte)));
      char name[8];
      std::snprintf(name, sizeof name, "<0x%02X>", byte);
      fallback_ids_[byte] = vocabulary_.find(name);
    }
    if (!bytes_ && words_stand_alone()) word_mark_ = kMark;
  }

  void tokenize_word(std::string_view piece, std::vector<Token>& out) const override {
    if (piece.empty()) return;
    if (options_.ignore_merges) {
      const std::int32_t whole = vocabulary_.find(bytes_ ? spelled(piece) : piece);
      if (whole >= 0) {
        out.push_back({whole, 0, static_cast<std::uint32_t>(piece.size())});
        return;
      }
    }
    thread_local std::vector<Symbol> symbols;
    symbols.clear();
    if (bytes_) {
      split_bytes(piece, symbols);
    } else {
      split_letters(piece, symbols);
    }
    if (symbols.size() > kScanSymbols) {
      merge_windows(merges_, symbols);
    } else {
      merge_scanning(merges_, symbols);
    }
    if (out.empty() && symbols.size() > kScanSymbols) {
      out = std::move(symbols);
    } else {
      out.insert(out.end(), symbols.begin(), symbols.end());
    }
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  std::string_view subword_mark() const override { return options_.continuing_subword_prefix; }

 private:
  // No merge reaches over a word's begin when no token has the mark after another character. An
  // unknown token could, so the mark itself must be known; where unknowns are dropped, offsets
  // close the gap over the whole piece.
  bool words_stand_alone() const {
    if (!options_.unk_token || options_.ignore_merges ||
        !options_.continuing_subword_prefix.empty() || !options_.end_of_word_suffix.empty() ||
        vocabulary_.find(kMark) < 0)
      return false;
    for (std::int32_t id = 0; id < vocabulary_.end(); ++id) {
      std::string_view token = vocabulary_.token(id);
      while (token.starts_with(kMark)) token.remove_prefix(kMark.size());
      if (token.find(kMark) != std::string_view::npos) return false;
    }
    return true;
  }

  // The bytes in ByteLevel's alphabet, as the vocabulary has them.
  static std::string_view spelled(std::string_view bytes) {
    thread_local std::string letters;
    letters.clear();
    for (char c : bytes) letters += letter_of_byte(static_cast<unsigned char>(c));
    return letters;
  }

  std::int32_t unknown() const {
    if (unk_ < 0)
      fail(Errc::kBadData, "BPE: the unknown token '", *options_.unk_token,
           "' is not in the vocabulary");
    return unk_;
  }

  // Unknown symbols as the reference collects them: without fuse_unk the one before is closed
  // first; byte tokens do not close it, so they come before it; without an unknown token they are
  // dropped, and later offsets close the gap.
  struct Unknown {
    bool open = false;
    std::uint32_t length = 0;
  };
  void add_unknown(Unknown& unk, std::uint32_t length, std::vector<Symbol>& symbols) const {
    if (unk.open && options_.fuse_unk) {
      unk.length += length;
      return;
    }
    close(unk, symbols);
    unk = {true, length};
  }
  void close(Unknown& unk, std::vector<Symbol>& symbols) const {
    if (unk.open) add(unknown(), unk.length, symbols);
    unk.open = false;
  }
  static void add(std::int32_t id, std::uint32_t length, std::vector<Symbol>& symbols) {
    const std::uint32_t begin = symbols.empty() ? 0 : symbols.back().end;
    symbols.push_back({id, begin, begin + length});
  }

  void split_bytes(std::string_view piece, std::vector<Symbol>& symbols) const {
    Unknown unk;
    for (char c : piece) {
      const std::int32_t id = byte_ids_[static_cast<unsigned char>(c)];
      if (id >= 0) {
        close(unk, symbols);
        add(id, 1, symbols);
      } else if (options_.unk_token) {
        add_unknown(unk, 1, symbols);
      }
    }
    close(unk, symbols);
  }

  void split_letters(std::string_view piece, std::vector<Symbol>& symbols) const {
    Unknown unk;
    std::string spelled;
    for (std::size_t at = 0; at < piece.size();) {
      const std::size_t begin = at;
      at += static_cast<std::size_t>(unicode::length(static_cast<unsigned char>(piece[at])));
      const auto length = static_cast<std::uint32_t>(at - begin);
      spelled.assign(begin > 0 ? options_.continuing_subword_prefix : "");
      spelled += piece.substr(begin, length);
      if (at >= piece.size()) spelled += options_.end_of_word_suffix;
      const std::int32_t id = vocabulary_.find(spelled);
      if (id >= 0) {
        close(unk, symbols);
        add(id, length, symbols);
      } else if (!(options_.byte_fallback && fall_back(spelled, symbols)) && options_.unk_token) {
        add_unknown(unk, length, symbols);
      }
    }
    close(unk, symbols);
  }

  bool fall_back(std::string_view spelled, std::vector<Symbol>& symbols) const {
    for (char c : spelled)
      if (fallback_ids_[static_cast<unsigned char>(c)] < 0) return false;
    for (char c : spelled) add(fallback_ids_[static_cast<unsigned char>(c)], 1, symbols);
    return true;
  }

  Vocabulary vocabulary_;
  BpeOptions options_;
  MergeTable merges_;
  bool bytes_;
  std::int32_t unk_ = -1;
  std::array<std::int32_t, 256> byte_ids_;      // of ByteLevel's alphabet
  std::array<std::int32_t, 256> fallback_ids_;  // of <0x00> … <0xFF>
};

}  // namespace

BpeBuilder::BpeBuilder(Vocabulary vocabulary, BpeOptions options, std::size_t merges)
    : parts_(std::make_unique<Parts>(std::move(vocabulary), std::move(options), merges)) {
  pairs_.reserve(merges);
}
BpeBuilder::~BpeBuilder() = default;

void BpeBuilder::finish_merges(const std::function<void(std::size_t, const std::string&)>& wrong) {
  constexpr std::size_t kWorthThread = 20'000, kAhead = 16;
  std::vector<std::int32_t> ids(pairs_.size() * 3);
  const std::size_t half = pairs_.size() > kWorthThread ? pairs_.size() / 2 : 0;
  {
    std::jthread helper;
    if (half > 0) helper = std::jthread([&] { find_ids(0, half, ids); });
    find_ids(half, pairs_.size(), ids);
  }
  const std::size_t prefix = parts_->options.continuing_subword_prefix.size();
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    const auto& [left, right] = pairs_[i];
    if (right.size() < prefix)
      wrong(i, "'" + std::string(right) + "' is shorter than continuing_subword_prefix");
    const auto missing = [&](std::string_view token) {
      wrong(i, "'" + std::string(token) + "' is not in the vocabulary");
    };
    const std::int32_t* id = ids.data() + i * 3;
    if (id[0] < 0) missing(left);
    if (id[1] < 0) missing(right);
    if (id[2] < 0) missing(std::string(left) + std::string(right.substr(prefix)));
    if (i + kAhead < pairs_.size()) parts_->merges.prefetch(id[3 * kAhead], id[3 * kAhead + 1]);
    parts_->merges.set(id[0], id[1], {static_cast<std::uint32_t>(i), id[2]});
  }
  pairs_.clear();
  pairs_.shrink_to_fit();
}

// Ids of left, right and merged of the merges [from, to); -1 for what is not in the vocabulary.
void BpeBuilder::find_ids(std::size_t from, std::size_t to, std::vector<std::int32_t>& ids) const {
  constexpr std::size_t kBlock = 128;
  const std::size_t prefix = parts_->options.continuing_subword_prefix.size();
  std::string merged;  // of the whole block
  std::vector<std::size_t> ends;
  std::vector<std::string_view> tokens;
  for (; from < to; from += kBlock) {
    const std::span pairs(pairs_.data() + from, std::min(kBlock, to - from));
    merged.clear();
    ends.clear();
    tokens.clear();
    for (const auto& [left, right] : pairs) {
      merged += left;
      merged += right.substr(std::min(prefix, right.size()));
      ends.push_back(merged.size());
    }
    for (std::size_t i = 0, begin = 0; i < pairs.size(); begin = ends[i++])
      tokens.insert(tokens.end(), {pairs[i].first, pairs[i].second,
                                   std::string_view(merged).substr(begin, ends[i] - begin)});
    parts_->vocabulary.find_all(tokens, std::span(ids).subspan(from * 3, tokens.size()));
  }
}

const Vocabulary& BpeBuilder::vocabulary() const { return parts_->vocabulary; }
const BpeOptions& BpeBuilder::options() const { return parts_->options; }

bool BpeBuilder::can_take_bytes() const {
  const BpeOptions& options = parts_->options;
  if (options.byte_fallback || !options.continuing_subword_prefix.empty() ||
      !options.end_of_word_suffix.empty())
    return false;
  if (options.unk_token) return true;
  // Bytes without a letter are dropped; offsets then count the letters' own bytes.
  for (unsigned byte = 0; byte < 256; ++byte)
    if (parts_->vocabulary.find(letter_of_byte(static_cast<unsigned char>(byte))) < 0) return false;
  return true;
}

std::unique_ptr<TokenModel> BpeBuilder::build(bool bytes) {
  return std::make_unique<Bpe>(std::move(parts_->vocabulary), std::move(parts_->options),
                               std::move(parts_->merges), bytes);
}

}  // namespace hft
