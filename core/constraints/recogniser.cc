#include "core/constraints/recogniser.h"

#include <algorithm>
#include <optional>
#include <set>

#include "core/base/error.h"

namespace hft {
namespace {

constexpr std::int32_t kNoStack = -1;
constexpr std::size_t kMostItems = 100'000;  // ways at once

const Dfa::Edge* edge_with(std::span<const Dfa::Edge> edges, char32_t c) {
  const auto edge = std::ranges::lower_bound(edges, c, {}, &Dfa::Edge::last);
  return edge != edges.end() && edge->first <= c ? &*edge : nullptr;
}

std::optional<char32_t> hex_digit(unsigned char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const unsigned char lower = byte | 32;
  if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
  return std::nullopt;
}

}  // namespace

std::size_t Recogniser::HashOfItems::operator()(const Items* items) const {
  std::uint64_t hash = items->accepts ? 0x9e3779b97f4a7c15 : 0;
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  };
  for (const Item& item : items->items) {
    mix(static_cast<std::uint64_t>(static_cast<std::uint32_t>(item.state)) << 32 |
        static_cast<std::uint32_t>(item.stack));
    mix(static_cast<std::uint64_t>(item.part) << 40 | static_cast<std::uint64_t>(item.left) << 32 |
        item.value);
  }
  return hash;
}

Recogniser::Recogniser(Grammar grammar) : grammar_(std::move(grammar)) {
  Items items;
  entered_.clear();
  enter(grammar_.start_of(grammar_.root), kNoStack, items);
  start_ = number(std::move(items));
}

std::int32_t Recogniser::next(std::int32_t at, std::string_view bytes) {
  for (const char byte : bytes) {
    if (at < 0) return kDead;
    at = next(at, static_cast<unsigned char>(byte));
  }
  return at;
}

std::int32_t Recogniser::number(Items items) {
  if (items.items.empty() && !items.accepts) return kDead;
  std::ranges::sort(items.items);
  const auto same = std::ranges::unique(items.items);
  items.items.erase(same.begin(), same.end());
  if (const auto found = ids_.find(&items); found != ids_.end()) return found->second;
  const auto id = static_cast<std::int32_t>(sets_.size());
  sets_.push_back(std::make_unique<Items>(std::move(items)));
  ids_.emplace(sets_.back().get(), id);
  rows_.emplace_back();
  return id;
}

const Recogniser::Row& Recogniser::row(std::int32_t at) {
  auto& row = rows_[static_cast<std::size_t>(at)];
  if (!row) {
    row = std::make_unique<Row>();
    row->fill(kUnknown);
  }
  return *row;
}

void Recogniser::forget() {
  for (auto& row : rows_) row.reset();
}

std::int32_t Recogniser::step(std::int32_t at, unsigned char byte) {
  Items to;
  entered_.clear();
  const Items& from = *sets_[static_cast<std::size_t>(at)];
  for (const Item& item : from.items) read(item, byte, to);
  return (*rows_[static_cast<std::size_t>(at)])[byte] = number(std::move(to));
}

std::int32_t Recogniser::push(std::int32_t state, std::int32_t below) {
  if (state == Grammar::kEnd) return below;
  const std::uint64_t key = static_cast<std::uint64_t>(static_cast<std::uint32_t>(state)) << 32 |
                            static_cast<std::uint32_t>(below);
  const auto [found, fresh] = frame_ids_.emplace(key, static_cast<std::int32_t>(frames_.size()));
  if (fresh) frames_.push_back({state, below});
  return found->second;
}

void Recogniser::enter(std::int32_t state, std::int32_t stack, Items& to) {
  std::vector<std::pair<std::int32_t, std::int32_t>> work{{state, stack}};
  while (!work.empty()) {
    const auto one = work.back();
    work.pop_back();
    if (std::ranges::find(entered_, one) != entered_.end()) continue;
    entered_.push_back(one);
    const Grammar::State& here = grammar_.state(one.first);
    if (here.edges > 0 || here.close >= 0) {
      to.items.push_back({one.first, one.second, Part::kNone, 0, 0});
      if (to.items.size() > kMostItems)
        fail(Errc::kUnsupported, "the text may go on in more than ", kMostItems, " ways at once");
    }
    if (here.ends) {
      if (one.second == kNoStack)
        to.accepts = true;
      else
        work.emplace_back(frames_[static_cast<std::size_t>(one.second)].state,
                          frames_[static_cast<std::size_t>(one.second)].below);
    }
    for (const Grammar::Call& call : grammar_.calls(here))
      work.emplace_back(grammar_.start_of(call.rule), push(call.then, one.second));
  }
}

void Recogniser::take(const Item& item, char32_t c, Items& to) {
  const auto edges = grammar_.edges(grammar_.state(item.state));
  if (const Dfa::Edge* edge = edge_with(edges, c)) enter(edge->to, item.stack, to);
}

// Surrogates belong to no range, so that both sides of them may lead to the same state.
void Recogniser::between(const Item& part, char32_t first, char32_t last, Items& to) {
  const auto edges = grammar_.edges(grammar_.state(part.state));
  auto edge = std::ranges::lower_bound(edges, first, {}, &Dfa::Edge::last);
  if (edge == edges.end() || edge->first > last) return;
  Item item = part;
  if (part.part == Part::kUtf8 && edge->first <= first && edge->last >= last)
    item.part = Part::kAnyUtf8, item.state = edge->to, item.value = 0;
  to.items.push_back(item);
}

void Recogniser::read(const Item& item, unsigned char byte, Items& to) {
  switch (item.part) {
    case Part::kNone:
      return read_first(item, byte, to);
    case Part::kAnyUtf8:
    case Part::kUtf8: {
      if ((byte & 0xc0) != 0x80) return;
      Item more = item;
      --more.left;
      if (item.part == Part::kAnyUtf8) {
        if (more.left == 0) return enter(item.state, item.stack, to);
        to.items.push_back(more);
        return;
      }
      more.value = item.value << 6 | (byte & 63);
      // Shorter forms of a character, surrogates and what lies beyond Unicode are in no edge; what
      // a longer form begins with shows in its second byte.
      const std::uint32_t lead = more.value;
      if (more.left == 2 && (lead < 0x10 || lead > 0x10f)) return;
      if (more.left == 1 && lead < 0x20) return;
      if (more.left == 0) return take(item, more.value, to);
      const int bits = 6 * more.left;
      return between(more, lead << bits, ((lead + 1) << bits) - 1, to);
    }
    case Part::kEscape:
      return read_escaped(item, byte, to);
    case Part::kHex:
    case Part::kLow:
      return read_hex(item, byte, to);
    case Part::kLowBackslash:
    case Part::kLowU: {
      Item more = item;
      const bool backslash = item.part == Part::kLowBackslash;
      if (byte != (backslash ? '\\' : 'u')) return;
      more.part = backslash ? Part::kLowU : Part::kLow;
      more.left = 4;
      to.items.push_back(more);
    }
  }
}

void Recogniser::read_first(const Item& item, unsigned char byte, Items& to) {
  const Grammar::State here = grammar_.state(item.state);
  if (here.in_string) {
    if (byte == '"') return here.close >= 0 ? enter(here.close, item.stack, to) : void();
    if (byte == '\\' && here.edges > 0) {
      to.items.push_back({item.state, item.stack, Part::kEscape, 0, 0});
      return;
    }
    if (byte < ' ' || byte == '\\') return;
  }
  if (byte < 0x80) return take(item, byte, to);
  if (byte < 0xc2 || byte > 0xf4) return;
  const int left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
  const std::uint32_t value = byte & (0x3f >> left);
  static constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  const char32_t first = std::max<char32_t>(kLeast[left], value << (6 * left)),
                 last = std::min<char32_t>(0x10ffff, ((value + 1) << (6 * left)) - 1);
  Item part{item.state, item.stack, Part::kUtf8, static_cast<std::uint8_t>(left), value};
  // Not every second byte may follow these; so the bytes are looked at one by one.
  const bool any = byte != 0xe0 && byte != 0xf0 && byte != 0xf4 && byte != 0xed;
  const auto edges = grammar_.edges(here);
  if (any) return between(part, first, last, to);
  if (const auto edge = std::ranges::lower_bound(edges, first, {}, &Dfa::Edge::last);
      edge != edges.end() && edge->first <= last)
    to.items.push_back(part);
}

void Recogniser::read_escaped(const Item& item, unsigned char byte, Items& to) {
  static constexpr std::pair<unsigned char, char32_t> kShort[] = {
      {'"', '"'},  {'\\', '\\'}, {'/', '/'},  {'b', '\b'},
      {'f', '\f'}, {'n', '\n'},  {'r', '\r'}, {'t', '\t'}};
  for (const auto& [letter, c] : kShort)
    if (byte == letter) return take(item, c, to);
  if (byte == 'u') to.items.push_back({item.state, item.stack, Part::kHex, 4, 0});
}

// The digits of \uXXXX; two of them are one character beyond U+FFFF.
void Recogniser::read_hex(Item item, unsigned char byte, Items& to) {
  const auto digit = hex_digit(byte);
  if (!digit) return;
  const std::uint32_t high = item.part == Part::kLow ? item.value >> 16 : 0;
  const std::uint32_t digits = (item.value & 0xffff) << 4 | *digit;
  --item.left;
  const int bits = 4 * item.left;
  char32_t first = digits << bits, last = ((digits + 1) << bits) - 1;
  item.value = high << 16 | digits;
  if (item.part == Part::kHex) {
    if (item.left > 0) {
      // A character of the lower plane, or the first half of any other.
      Items one;
      between(item, first, last, one);
      const bool pair = last >= 0xd800 && first <= 0xdbff;
      if (!one.items.empty() || pair) {
        const char32_t from = std::max<char32_t>(first, 0xd800),
                       upto = std::min<char32_t>(last, 0xdbff);
        if (one.items.empty())
          between(item, 0x10000 + ((from - 0xd800) << 10),
                  0x10000 + ((upto - 0xd800) << 10) + 0x3ff, one);
        to.items.insert(to.items.end(), one.items.begin(), one.items.end());
      }
      return;
    }
    if (first < 0xd800 || first > 0xdfff) return take(item, first, to);
    if (first > 0xdbff) return;
    const char32_t begin = 0x10000 + ((first - 0xd800) << 10);
    item.part = Part::kLowBackslash;
    item.value = static_cast<std::uint32_t>(first) << 16;
    return between(item, begin, begin + 0x3ff, to);
  }
  first = std::max<char32_t>(first, 0xdc00), last = std::min<char32_t>(last, 0xdfff);
  if (first > last) return;
  const char32_t begin = 0x10000 + ((high - 0xd800) << 10);
  if (item.left == 0) return take(item, begin + (first - 0xdc00), to);
  between(item, begin + (first - 0xdc00), begin + (last - 0xdc00), to);
}

bool Recogniser::takes_plain(std::int32_t at, int length) {
  return std::ranges::any_of(sets_[static_cast<std::size_t>(at)]->items, [&](const Item& item) {
    return item.part == Part::kNone && plain_from(item.state, length);
  });
}

// Whatever plain character comes, each state reached so takes any.
bool Recogniser::plain_from(std::int32_t state, int length) {
  if (const auto found = plain_.find(state); found != plain_.end()) return found->second >= length;
  constexpr std::size_t kMostStates = 256;
  static const CodePoints kPlain =
      ~CodePoints({{0, ' ' - 1}, {'"', '"'}, {'\\', '\\'}, {0x7f, 0x7f}, {0x2028, 0x2029}});
  std::set<std::int32_t> now{state};
  for (int n = 0; n < length; ++n) {
    std::set<std::int32_t> then;
    for (const std::int32_t s : now) {
      const auto edges = grammar_.edges(grammar_.state(s));
      auto edge = edges.begin();
      for (const CodeRange& range : kPlain.ranges())
        for (char32_t next = range.first; next <= range.last; ++edge) {
          while (edge != edges.end() && edge->last < next) ++edge;
          if (edge == edges.end() || edge->first > next) return plain_[state] = n, false;
          then.insert(edge->to);
          next = edge->last + 1;
          if (next > range.last) break;
        }
    }
    if (then.size() > kMostStates) return plain_[state] = n, false;
    if (then == now) break;  // it goes on like this
    now = std::move(then);
  }
  return plain_[state] = length, true;
}

}  // namespace hft
