// SentencePiece's precompiled_charsmap: a double-array trie (Darts) from byte strings to offsets in
// a block of zero-terminated replacements. Format: u32 bytes of the trie, the trie's u32 units, the
// replacements. Applied as spm_precompiled does: whole grapheme clusters under six bytes first.
#include <array>
#include <cstring>
#include <optional>

#include "core/tokenizers/component.h"
#include "core/tokenizers/normalizers.h"
#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

constexpr std::size_t kClusterBytes = 6;

std::string decode_base64(std::string_view text, const std::string& where) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  for (char c : text) {
    const std::size_t value =
        std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
            .find(c);
    if (value == std::string_view::npos) fail(Errc::kBadData, where, ": is not base64");
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out.push_back(static_cast<char>(bits >> held));
    bits &= (1u << held) - 1;
  }
  return out;
}

// The two parts of a map that is not empty.
struct Parts {
  std::vector<std::uint32_t> units;
  std::string replacements;
};
Parts parts_of(std::string_view map, const std::string& where) {
  std::uint32_t trie_bytes = 0;
  if (map.size() >= 4) std::memcpy(&trie_bytes, map.data(), 4);
  if (map.size() < 8 || trie_bytes % 4 != 0 || trie_bytes < 4 || trie_bytes > map.size() - 4)
    fail(Errc::kBadData, where, ": holds ", map.size(), " bytes and a trie of ", trie_bytes,
         ", wanted a trie that fits");
  Parts parts{std::vector<std::uint32_t>(trie_bytes / 4), std::string(map.substr(4 + trie_bytes))};
  std::memcpy(parts.units.data(), map.data() + 4, trie_bytes);
  return parts;
}

// Fields of a unit: distance to the children, the byte that leads to it (and a mark of values),
// whether a value hangs on it.
std::size_t offset_of(std::uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }
std::uint32_t label_of(std::uint32_t unit) { return unit & (1u << 31 | 0xff); }
bool has_value(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }

class Precompiled : public Normalizer {
 public:
  Precompiled(const std::string& map, const std::string& where) {
    if (map.empty()) return;  // no rules
    Parts parts = parts_of(map, where);
    units_ = std::move(parts.units);
    replacements_ = std::move(parts.replacements);
    if (unicode::ill_formed(replacements_) != std::string::npos)
      fail(Errc::kBadData, where, ": its replacements are not UTF-8");
    for (int c = 0; c < 128; ++c) {
      ascii_[static_cast<std::size_t>(c)].assign(1, static_cast<char>(c));
      const std::string& key = ascii_[static_cast<std::size_t>(c)];
      if (auto found = find(key)) ascii_[static_cast<std::size_t>(c)] = std::string(*found);
    }
  }

  void apply(Text& text) const override {
    if (units_.empty()) return;
    if (!text.tracked) return apply_untracked(text);
    std::vector<unicode::Step> steps;
    if (!collect(text.bytes, steps)) return;
    Rewrite out(text);
    for (const auto& step : steps) out.put(step.c, step.change);
    out.finish();
  }

 private:
  // The same for the bytes alone. An ASCII character between two others is a cluster of its own
  // (but for CR LF), so only the rest needs the rules of clusters.
  void apply_untracked(Text& text) const {
    const std::string& old = text.bytes;
    const auto ascii = [&](std::size_t at) {
      return at >= old.size() || static_cast<unsigned char>(old[at]) < 0x80;
    };
    const auto apart =
        [&](std::size_t at) {  // the characters around this boundary are in two clusters
          return ascii(at - 1) && ascii(at) &&
                 !(at < old.size() && old[at - 1] == '\r' && old[at] == '\n');
        };
    std::string out;
    out.reserve(old.size() + old.size() / 8);
    std::vector<unicode::Step> steps;
    for (std::size_t at = 0; at < old.size();) {
      if (apart(at + 1)) {
        out += ascii_[static_cast<unsigned char>(old[at++])];
        continue;
      }
      std::size_t end = at + 1;
      while (end < old.size() && !apart(end)) ++end;
      steps.clear();
      collect(std::string_view(old).substr(at, end - at), steps);
      for (const auto& step : steps) unicode::append(out, step.c);
      at = end;
    }
    text.bytes = std::move(out);
  }

  // The text's new code points; false when nothing changes.
  bool collect(std::string_view text, std::vector<unicode::Step>& steps) const {
    bool changed = false;
    std::size_t begin = 0;
    for (const std::uint32_t end : unicode::grapheme_ends(text)) {
      const std::string_view cluster = text.substr(begin, end - begin);
      begin = end;
      if (auto whole = cluster.size() < kClusterBytes ? find(cluster) : std::nullopt) {
        replace(steps, cluster, *whole);
        changed = true;
        continue;
      }
      for (std::size_t at = 0; at < cluster.size();) {
        const std::size_t from = at;
        const char32_t c = unicode::next(cluster, at);
        const std::string_view part = cluster.substr(from, at - from);
        if (auto found = find(part)) {
          replace(steps, part, *found);
          changed = true;
        } else {
          steps.push_back({c, 0});
        }
      }
    }
    return changed;
  }

  // The replacement of the shortest prefix of `key` in the trie, as the reference takes it.
  std::optional<std::string_view> find(std::string_view key) const {
    std::size_t node = offset_of(units_[0]);
    for (char c : key) {
      if (c == 0) break;
      node ^= static_cast<unsigned char>(c);
      if (node >= units_.size()) return std::nullopt;
      const std::uint32_t unit = units_[node];
      if (label_of(unit) != static_cast<unsigned char>(c)) return std::nullopt;
      node ^= offset_of(unit);
      if (node >= units_.size()) return std::nullopt;
      if (!has_value(unit)) continue;
      const std::size_t begin = units_[node] & ((1u << 31) - 1);
      if (begin > replacements_.size()) return std::nullopt;
      const std::size_t end = replacements_.find('\0', begin);
      std::string_view found = std::string_view(replacements_)
                                   .substr(begin, end == std::string::npos ? end : end - begin);
      if (!found.empty() && (static_cast<unsigned char>(found[0]) & 0xc0) == 0x80)
        return std::nullopt;
      return found;
    }
    return std::nullopt;
  }

  // The new code points replace the old ones one to one. More of them are new; fewer, and the step
  // before swallows the rest, whatever step that is (and none does at the begin of the text, so
  // that later code points stand for their forerunners): the reference's rules, kept for its
  // offsets.
  static void replace(std::vector<unicode::Step>& steps, std::string_view old,
                      std::string_view found) {
    const std::int64_t before = unicode::count(old);
    std::int64_t after = 0;
    for (std::size_t at = 0; at < found.size(); ++after)
      steps.push_back({unicode::next(found, at), after >= before ? 1 : 0});
    if (after < before && !steps.empty()) steps.back().change += static_cast<int>(after - before);
  }

  std::array<std::string, 128> ascii_;  // what each ASCII character becomes
  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace

std::unique_ptr<Normalizer> make_precompiled(const Fields& fields, int) {
  const std::string where = fields.where() + ": precompiled_charsmap";
  if (const Json* map = fields.find("precompiled_charsmap"); map && map->is_binary())
    return std::make_unique<Precompiled>(
        std::string(map->get_binary().begin(), map->get_binary().end()), where);
  return std::make_unique<Precompiled>(decode_base64(fields.text("precompiled_charsmap"), where),
                                       where);
}

void check_charsmap(std::string_view map, const std::string& where) {
  constexpr std::size_t kMost = 1 << 20;  // units; those of NMT's rules have 60,000
  const auto [units, replacements] = parts_of(map, where);
  const auto need = [&](bool holds, const char* what) {
    if (!holds) fail(Errc::kBadData, where, ": ", what);
  };
  need(units.size() <= kMost, "its trie has more than 1048576 units");
  need(replacements.ends_with('\0'), "its replacements do not end with a zero");
  std::vector<bool> seen(units.size());
  std::vector<std::size_t> todo;
  const auto visit = [&](std::size_t base) {
    need((base | 0xff) < seen.size(), "its trie leads outside itself");
    if (seen[base]) return;
    seen[base] = true;
    todo.push_back(base);
  };
  visit(offset_of(units[0]));
  while (!todo.empty()) {
    const std::size_t base = todo.back();
    todo.pop_back();
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t unit = units[base ^ byte];
      if (label_of(unit) != byte) continue;
      const std::size_t child = (base ^ byte) ^ offset_of(unit);
      visit(child);
      if (has_value(unit))
        need((units[child] & ~(1u << 31)) < replacements.size(),
             "a value points outside its replacements");
    }
  }
}

}  // namespace hft
