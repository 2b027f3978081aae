#include "core/tokenizers/unicode.h"

#include <simdjson.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <unordered_map>

namespace hft::unicode {
namespace {

#include "core/tokenizers/unicode_data.inc"
#include "core/tokenizers/unicode_patterns.inc"
#include "core/tokenizers/unicode_scripts.inc"

struct NamedSet {
  std::uint16_t bit;
  std::span<const std::uint32_t> runs;
};
const NamedSet kSets[] = {
    {kSpace, kSpaces},
    {kPunctuation, kPunctuations},
    {kNumeric, kNumerics},
    {kWord, kWords},
    {kCleaned, kCleanedSet},
    {kMark, kMarks},
    {kNonspacing, kNonspacings},
    {kLetter, kLetters},
    {kNumber, kNumbers},
    {kCombining, kCombinings},
    {kUpper, kUppercases},
    {kUpper, kTitlecases},
    {kLower, kLowercases},
    {kUnknownMark, kUnknownMarks},
    {kUndecomposed, kUndecomposedSet},
};

template <class Visit>
void for_runs(std::span<const std::uint32_t> runs, const Visit& visit) {
  char32_t at = 0;
  for (std::size_t i = 0; i + 1 < runs.size(); i += 2) {
    const char32_t begin = at + runs[i];
    at = begin + runs[i + 1];
    visit(begin, at);
  }
}

template <class Visit>
void for_lower(const Visit& visit) {
  std::int32_t first = 0;
  for (std::size_t i = 0; i < std::size(kLowerRuns); i += 4) {
    first += kLowerRuns[i];
    for (std::int32_t n = 0; n < kLowerRuns[i + 1]; ++n) {
      const std::int32_t c = first + n * kLowerRuns[i + 2];
      visit(static_cast<char32_t>(c), static_cast<char32_t>(c + kLowerRuns[i + 3]));
    }
  }
}

struct LowTable {
  std::unique_ptr<std::uint16_t[]> storage{new std::uint16_t[kTableEnd]()};
  const std::uint16_t* bits = storage.get();
  LowTable() {
    for (const auto& set : kSets)
      for_runs(set.runs, [&](char32_t begin, char32_t end) {
        for (char32_t c = begin; c < std::min(end, kTableEnd); ++c) storage[c] |= set.bit;
      });
    for_lower([&](char32_t c, char32_t) { storage[c] |= kLowerChanges; });
    storage[0x130] |= kLowerChanges;
  }
};

struct LowerMap {
  std::unordered_map<char32_t, char32_t> to;
  LowerMap() {
    for_lower([&](char32_t c, char32_t lowered) { to.emplace(c, lowered); });
  }
};

std::uint64_t pair_key(char32_t a, char32_t b) { return static_cast<std::uint64_t>(a) << 32 | b; }

// Hangul syllables compose by arithmetic (Unicode 3.12).
constexpr char32_t kSyllables = 0xac00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11a7;
constexpr char32_t kSyllableCount = 11172, kVowelCount = 21, kTailCount = 28;

char32_t compose(char32_t a, char32_t b) {
  if (a - kLeads < 19 && b - kVowels < kVowelCount)
    return kSyllables + ((a - kLeads) * kVowelCount + (b - kVowels)) * kTailCount;
  if (a - kSyllables < kSyllableCount && (a - kSyllables) % kTailCount == 0 && b > kTails &&
      b - kTails < kTailCount)
    return a + (b - kTails);
  static const auto map = [] {
    std::unordered_map<std::uint64_t, char32_t> pairs;
    for (std::size_t i = 0; i < std::size(kCompositions); i += 3)
      pairs.emplace(pair_key(kCompositions[i], kCompositions[i + 1]), kCompositions[i + 2]);
    return pairs;
  }();
  auto found = map.find(pair_key(a, b));
  return found == map.end() ? 0 : found->second;
}

int combining_class(char32_t c) {
  if (c < 0x300 || is(c, kUnknownMark)) return 0;
  return static_cast<int>(utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class);
}

// Turns code points into their decomposition in canonical order.
class Decomposer {
 public:
  Decomposer(bool compatible, std::vector<Step>& out) : compatible_(compatible), out_(out) {}
  void add(char32_t c) {
    if (is(c, kUndecomposed)) return push(c, 0);
    std::array<utf8proc_int32_t, 32> parts;
    int boundary = 0;
    const auto options =
        static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (compatible_ ? UTF8PROC_COMPAT : 0));
    const auto n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(),
                                           parts.size(), options, &boundary);
    for (std::ptrdiff_t i = 0; i < n; ++i) push(static_cast<char32_t>(parts[i]), i > 0);
  }
  void finish() { sort_marks(); }

 private:
  void push(char32_t c, int change) {
    if (c < 0x300 || combining_class(c) == 0) sort_marks();
    out_.push_back({c, change});
    if (c < 0x300 || combining_class(c) == 0) marks_ = out_.size();
  }
  void sort_marks() {
    if (out_.size() > marks_ + 1)
      std::stable_sort(
          out_.begin() + static_cast<std::ptrdiff_t>(marks_), out_.end(),
          [](const Step& a, const Step& b) { return combining_class(a.c) < combining_class(b.c); });
    marks_ = out_.size();
  }
  bool compatible_;
  std::vector<Step>& out_;
  std::size_t marks_ = 0;  // where the run of marks not yet sorted begins
};

// Canonical composition. The changes follow the reference's iterator, which keeps the blocked
// marks of a starter until the next starter.
void recompose(std::vector<Step>& steps) {
  std::vector<Step> out, blocked;
  out.reserve(steps.size());
  Step starter{};
  bool open = false;
  int last_class = -1;  // of the last blocked mark
  auto flush = [&] {
    if (open) out.push_back(starter);
    out.insert(out.end(), blocked.begin(), blocked.end());
    blocked.clear();
    open = false;
    last_class = -1;
  };
  for (const Step& step : steps) {
    const int ccc = combining_class(step.c);
    if (!open) {
      if (ccc != 0) {
        out.push_back(step);
      } else {
        starter = step;
        open = true;
      }
      continue;
    }
    const char32_t composed = last_class >= ccc ? 0 : compose(starter.c, step.c);
    if (composed != 0) {
      starter = {composed, starter.change + step.change - 1};
    } else if (ccc == 0) {
      flush();
      starter = step;
      open = true;
    } else {
      blocked.push_back(step);
      last_class = ccc;
    }
  }
  flush();
  steps = std::move(out);
}

}  // namespace

namespace detail {

const std::uint16_t* low_table() {
  static const LowTable table;
  return table.bits;
}

std::uint16_t high_classes(char32_t c) {
  std::uint16_t bits = 0;
  for (const auto& set : kSets)
    for_runs(set.runs, [&](char32_t begin, char32_t end) {
      if (c >= begin && c < end) bits |= set.bit;
    });
  return bits;
}

}  // namespace detail

std::span<const Category> pattern_categories() { return kCategories; }

int script(char32_t c) {
  struct Run {
    char32_t begin;
    int number;
  };
  static const auto runs = [] {
    std::vector<Run> all;
    char32_t at = 0;
    for (std::size_t i = 0; i < std::size(kScriptRuns); i += 2) {
      at += kScriptRuns[i];
      all.push_back({at, static_cast<int>(kScriptRuns[i + 1])});
    }
    return all;
  }();
  auto after = std::upper_bound(runs.begin(), runs.end(), c,
                                [](char32_t value, const Run& run) { return value < run.begin; });
  return after == runs.begin() ? 0 : std::prev(after)->number;
}

char32_t upper(char32_t c) {
  return static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c)));
}

bool is_other(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
      return true;
    default:
      return false;
  }
}

char32_t lower(char32_t c) {
  if (c < 0x80) return c - U'A' < 26 ? c + 32 : c;
  if (!is(c, kLowerChanges)) return c;
  static const LowerMap map;
  auto found = map.to.find(c);
  return found == map.to.end() ? c : found->second;
}

void normal_form(std::string_view text, Form form, std::vector<Step>& out) {
  const bool compatible = form == Form::kNfkc || form == Form::kNfkd;
  Decomposer decomposer(compatible, out);
  for (std::size_t at = 0; at < text.size();) decomposer.add(next(text, at));
  decomposer.finish();
  if (form == Form::kNfc || form == Form::kNfkc) recompose(out);
}

void append(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6), put(0x80 | (c & 63));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
  } else {
    put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 63)), put(0x80 | (c >> 6 & 63)),
        put(0x80 | (c & 63));
  }
}

std::int64_t count(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

namespace {

// Length of the well-formed sequence at `at`, or minus the length of the maximal subpart of an
// ill-formed one (Unicode 3.9, table 3-7).
int sequence(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const int wanted = length(static_cast<unsigned char>(lead));
  const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return -1;
  for (int i = 2; i < wanted; ++i)
    if ((byte(static_cast<std::size_t>(i)) & 0xc0) != 0x80) return -i;
  return wanted;
}

}  // namespace

std::size_t ill_formed(std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) return std::string_view::npos;
  for (std::size_t at = 0; at < text.size();) {
    const int n = sequence(text, at);
    if (n < 0) return at;
    at += static_cast<std::size_t>(n);
  }
  return std::string_view::npos;
}

std::string repaired(std::string_view bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const int n = sequence(bytes, at);
    if (n < 0) {
      out += "\xef\xbf\xbd";
    } else {
      out += bytes.substr(at, static_cast<std::size_t>(n));
    }
    at += static_cast<std::size_t>(n < 0 ? -n : n);
  }
  return out;
}

// What stands for `c` in utf8proc: it takes ignorable code points without a meaning yet for
// letters, Unicode for controls; and its older versions do not know the mark U+0897.
static utf8proc_int32_t breaks_like(char32_t c) {
  const bool plane = c >= 0xe0000 && c <= 0xe0fff;
  const bool meaning =
      c == 0xe0001 || (c >= 0xe0020 && c <= 0xe007f) || (c >= 0xe0100 && c <= 0xe01ef);
  if ((plane && !meaning) || c == 0x2065 || (c >= 0xfff0 && c <= 0xfff8)) return 0x200b;
  return static_cast<utf8proc_int32_t>(c == 0x897 ? 0x300 : c);
}

std::vector<std::uint32_t> grapheme_ends(std::string_view text) {
  std::vector<std::uint32_t> ends;
  utf8proc_int32_t state = 0, last = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const utf8proc_int32_t c = breaks_like(next(text, at));
    if (begin > 0 && utf8proc_grapheme_break_stateful(last, c, &state))
      ends.push_back(static_cast<std::uint32_t>(begin));
    last = c;
  }
  if (!text.empty()) ends.push_back(static_cast<std::uint32_t>(text.size()));
  return ends;
}

}  // namespace hft::unicode
