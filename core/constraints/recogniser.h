// Reads a text byte by byte against a grammar: all ways it may go on at once, each a state of the
// grammar with the stack of rules that called it. Sets of them are numbered and what each byte does
// to them is remembered, so that reading is a look-up wherever it has been before.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/constraints/grammar.h"

namespace hft {

class Recogniser {
 public:
  static constexpr std::int32_t kDead = -1;   // no text that begins so conforms
  using Row = std::array<std::int32_t, 256>;  // where each byte leads; kUnknown: ask next()
  static constexpr std::int32_t kUnknown = -2;

  explicit Recogniser(Grammar grammar);
  std::int32_t start() const { return start_; }
  std::int32_t next(std::int32_t at, unsigned char byte) {
    const std::int32_t known = row(at)[byte];
    return known == kUnknown ? step(at, byte) : known;
  }
  std::int32_t next(std::int32_t at, std::string_view bytes);
  // The text so far conforms.
  bool accepts(std::int32_t at) const { return sets_[static_cast<std::size_t>(at)]->accepts; }
  // Nothing can follow.
  bool complete(std::int32_t at) const {
    return sets_[static_cast<std::size_t>(at)]->items.empty();
  }
  // Any `length` plain characters may follow: printable, and the same inside a JSON string and
  // outside one (is_plain). False may also mean that it is not known.
  bool takes_plain(std::int32_t at, int length);
  static bool is_plain(char32_t c) {
    return c >= ' ' && c != '"' && c != '\\' && c != 0x7f && c != 0x2028 && c != 0x2029;
  }
  std::size_t sets() const { return sets_.size(); }
  // Forgets where bytes lead; numbers stay as they are.
  void forget();

 private:
  // What of a character has been read: its kind above, how many of its bytes or digits are still to
  // come, and their value so far.
  enum class Part : std::uint8_t {
    kNone,
    kUtf8,
    kAnyUtf8,
    kEscape,
    kHex,
    kLowBackslash,
    kLowU,
    kLow
  };
  struct Item {
    std::int32_t state, stack;
    Part part;
    std::uint8_t left;
    std::uint32_t value;
    auto operator<=>(const Item&) const = default;
  };
  struct Items {
    std::vector<Item> items;
    bool accepts = false;
    bool operator==(const Items&) const = default;
  };
  struct Frame {
    std::int32_t state, below;
  };
  struct HashOfItems {
    std::size_t operator()(const Items* items) const;
  };
  struct SameItems {
    bool operator()(const Items* a, const Items* b) const { return *a == *b; }
  };

  const Row& row(std::int32_t at);
  std::int32_t step(std::int32_t at, unsigned char byte);
  std::int32_t number(Items items);
  // Everything that a state comes to without a byte.
  void enter(std::int32_t state, std::int32_t stack, Items& to);
  std::int32_t push(std::int32_t state, std::int32_t below);
  void read(const Item& item, unsigned char byte, Items& to);
  void read_first(const Item& item, unsigned char byte, Items& to);
  void read_escaped(const Item& item, unsigned char byte, Items& to);
  void read_hex(Item item, unsigned char byte, Items& to);
  // A character that lies in [first, last]; `part` is kept as long as it matters which.
  void between(const Item& part, char32_t first, char32_t last, Items& to);
  void take(const Item& item, char32_t c, Items& to);
  bool plain_from(std::int32_t state, int length);

  Grammar grammar_;
  std::int32_t start_ = kDead;
  std::vector<std::unique_ptr<Items>> sets_;
  std::unordered_map<const Items*, std::int32_t, HashOfItems, SameItems> ids_;
  std::vector<std::unique_ptr<Row>> rows_;
  std::vector<Frame> frames_;
  std::unordered_map<std::uint64_t, std::int32_t> frame_ids_;
  std::vector<std::pair<std::int32_t, std::int32_t>> entered_;  // by enter(), of this step
  std::unordered_map<std::int32_t, int> plain_;  // state -> known length, negative when less
};

}  // namespace hft
