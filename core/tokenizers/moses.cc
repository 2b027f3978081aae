#include "core/tokenizers/moses.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <span>

#include "core/base/text.h"
#include "core/tokenizers/decoders.h"
#include "core/tokenizers/unicode.h"

namespace hft::moses {
namespace {

#include "core/tokenizers/moses_data.inc"

class CharSet {
 public:
  explicit CharSet(std::span<const std::uint32_t> runs) {
    char32_t at = 0;
    for (std::size_t i = 0; i < runs.size(); i += 2) {
      edges_.push_back(at + runs[i]);
      edges_.push_back(at += runs[i] + runs[i + 1]);
    }
  }
  bool has(char32_t c) const {
    return (std::upper_bound(edges_.begin(), edges_.end(), c) - edges_.begin()) % 2 == 1;
  }

 private:
  std::vector<char32_t> edges_;  // begin, end, begin, end …
};

const CharSet& alnum() {
  static const CharSet set(kMosesAlnum);
  return set;
}
const CharSet& alpha() {
  static const CharSet set(kMosesAlpha);
  return set;
}
const CharSet& number() {
  static const CharSet set(kMosesNumber);
  return set;
}

std::u32string wide(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) out += unicode::next(text, at);
  return out;
}

std::string narrow(std::u32string_view text) {
  std::string out;
  for (char32_t c : text) unicode::append(out, c);
  return out;
}

// As Python's re.sub: match(text, at, out) writes the replacement and returns what it takes the
// place of, or 0.
template <class Match>
void substitute(std::u32string& text, const Match& match) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t n = match(text, at, out);
    if (n == 0) out += text[at];
    at += std::max<std::size_t>(n, 1);
  }
  text = std::move(out);
}

// Two characters that meet around a third: `between` takes its place.
template <class Before, class After>
void substitute_between(std::u32string& text, char32_t middle, std::u32string_view between,
                        const Before& before, const After& after) {
  substitute(text, [&](const std::u32string& t, std::size_t at, std::u32string& out) {
    if (at + 2 >= t.size() || t[at + 1] != middle || !before(t[at]) || !after(t[at + 2])) return 0;
    out += t[at];
    out += between;
    out += t[at + 2];
    return 3;
  });
}

// Words parted by any white space, as Python's str.split().
std::vector<std::u32string> words_of(std::u32string_view text) {
  std::vector<std::u32string> words(1);
  for (char32_t c : text) {
    if (!unicode::is_python_space(c)) {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::u32string single_spaced(std::u32string_view text) {
  std::u32string out;
  for (const auto& word : words_of(text)) {
    if (!out.empty()) out += U' ';
    out += word;
  }
  return out;
}

void pad_symbols(std::u32string& text) {
  substitute(text, [](const std::u32string& t, std::size_t at, std::u32string& out) {
    const char32_t c = t[at];
    if (alnum().has(c) || unicode::is_python_space(c) ||
        std::u32string_view(U".'`,-").find(c) != std::u32string_view::npos)
      return 0;
    out += {U' ', c, U' '};
    return 1;
  });
}

void split_hyphens(std::u32string& text) {
  substitute(text, [](const std::u32string& t, std::size_t at, std::u32string& out) {
    if (at + 2 >= t.size() || !alnum().has(t[at]) || t[at + 1] != '-' || !alnum().has(t[at + 2]))
      return 0;
    out += t[at];
    out += U" @-@ ";
    return 2;
  });
}

// A run of k > 1 full stops becomes a word of its own, "DOT" k times and "MULTI".
void mark_dots(std::u32string& text) {
  substitute(text, [](const std::u32string& t, std::size_t at, std::u32string& out) {
    std::size_t n = 0;
    while (at + n < t.size() && t[at + n] == '.') ++n;
    if (n < 2) return std::size_t{0};
    out += U' ';
    for (std::size_t i = 0; i < n; ++i) out += U"DOT";
    out += U"MULTI";
    if (at + n < t.size()) out += U' ';
    return n;
  });
}

std::string restored_dots(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t n = 0;
    while (text.compare(at + 3 * n, 3, "DOT") == 0) ++n;
    if (n > 0 && text.compare(at + 3 * n, 5, "MULTI") == 0) {
      out.append(n, '.');
      at += 3 * n + 5;
    } else {
      out += text[at++];
    }
  }
  return out;
}

// A comma stays in its word only between numbers.
void pad_commas(std::u32string& text) {
  substitute(text, [](const std::u32string& t, std::size_t at, std::u32string& out) {
    if (at + 1 >= t.size() || number().has(t[at]) || t[at + 1] != ',') return 0;
    out += t[at];
    out += U" , ";
    return 2;
  });
  substitute(text, [](const std::u32string& t, std::size_t at, std::u32string& out) {
    if (at + 1 >= t.size() || t[at] != ',' || number().has(t[at + 1])) return 0;
    out += U" , ";
    out += t[at + 1];
    return 2;
  });
  if (text.size() > 1 && text.back() == ',' && number().has(text[text.size() - 2])) {
    text.pop_back();
    text += U" , ";
  }
}

void part_apostrophes(std::u32string& text) {
  const auto letter = [](char32_t c) { return alpha().has(c); };
  const auto other = [](char32_t c) { return !alpha().has(c); };
  const auto digit = [](char32_t c) { return number().has(c); };
  const auto symbol = [](char32_t c) { return !alpha().has(c) && !number().has(c); };
  substitute_between(text, '\'', U" ' ", other, other);
  substitute_between(text, '\'', U" ' ", symbol, letter);
  substitute_between(text, '\'', U" ' ", letter, other);
  substitute_between(text, '\'', U" '", letter, letter);
  substitute_between(text, '\'', U" '", digit, [](char32_t c) { return c == 's'; });
}

// The full stop at a word's end is a word of its own but after abbreviations, in words with dots
// inside, and before a word in lower case.
bool keeps_stop(const std::u32string& prefix, const std::u32string* next) {
  static const CharSet lower(kMosesLower);
  const std::string name = narrow(prefix);
  const auto among = [&](std::span<const std::string_view> words) {
    return std::find(words.begin(), words.end(), name) != words.end();
  };
  if (prefix.find(U'.') != std::u32string::npos &&
      std::any_of(prefix.begin(), prefix.end(), [](char32_t c) { return alpha().has(c); }))
    return true;
  if (among(kMosesPrefixes)) return true;
  if (!next) return false;
  return lower.has(next->front()) ||
         (among(kMosesNumericPrefixes) && next->front() >= '0' && next->front() <= '9');
}

std::u32string part_stops(const std::u32string& text) {
  const auto words = words_of(text);
  std::u32string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::u32string word = words[i];
    if (word.size() > 1 && word.back() == '.') {
      word.pop_back();
      const auto* next = i + 1 < words.size() ? &words[i + 1] : nullptr;
      word += keeps_stop(word, next) ? U"." : U" .";
    }
    if (!out.empty()) out += U' ';
    out += word;
  }
  return out;
}

struct Entity {
  const char *from, *to;
};

std::string substituted(std::string text, std::span<const Entity> pairs) {
  for (const auto& [from, to] : pairs) text = replaced(std::move(text), from, to);
  return text;
}

// ") ," is "),".
std::string closed_up(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    out += text[at];
    if (text[at] == ')' && text.compare(at + 1, 1, " ") == 0 && at + 2 < text.size() &&
        std::string_view(".!:?;,").find(text[at + 2]) != std::string_view::npos)
      ++at;
  }
  return out;
}

std::string one_space(const std::string& text) {
  std::string out;
  for (char c : text)
    if (c != ' ' || !out.ends_with(' ')) out += c;
  return out;
}

bool is_decimal(char32_t c) {
  static const CharSet digits([] {
    for (const auto& category : unicode::pattern_categories())
      if (std::string_view(category.name) == "Nd") return category.runs;
    return std::span<const std::uint32_t>();
  }());
  return digits.has(c);
}

constexpr Entity kPunctuation[] = {
    {" :", ":"},  {" ;", ";"},   {"`", "'"},   {"''", " \" "}, {"„", "\""}, {"“", "\""},
    {"”", "\""},  {"–", "-"},    {"—", " - "},
};
constexpr Entity kQuotes[] = {
    {"´", "'"},
    {"‘", "'"},
    {"‚", "'"},
    {"’", "'"},
    {"''", "\""},
    {"…", "..."},
    {"\u00a0«\u00a0", "\""},
    {"«\u00a0", "\""},
    {"«", "\""},
    {"\u00a0»\u00a0", "\""},
    {"\u00a0»", "\""},
    {"»", "\""},
    {"\u00a0%", "%"},
    {"nº\u00a0", "nº "},
    {"\u00a0:", ":"},
    {"\u00a0ºC", " ºC"},
    {"\u00a0cm", " cm"},
    {"\u00a0?", "?"},
    {"\u00a0!", "!"},
    {"\u00a0;", ";"},
    {",\u00a0", ", "},
};
constexpr Entity kEscapes[] = {{"&", "&amp;"},  {"|", "&#124;"}, {"<", "&lt;"},  {">", "&gt;"},
                               {"'", "&apos;"}, {"\"", "&quot;"}, {"[", "&#91;"}, {"]", "&#93;"}};
constexpr Entity kUnescapes[] = {
    {"&bar;", "|"}, {"&#124;", "|"},  {"&lt;", "<"},   {"&gt;", ">"},  {"&bra;", "["}, {"&ket;", "]"},
    {"&quot;", "\""}, {"&apos;", "'"}, {"&#91;", "["}, {"&#93;", "]"}, {"&amp;", "&"}};

bool all_of(const std::u32string& token, std::u32string_view set) {
  return token.find_first_not_of(set) == std::u32string::npos;
}

// What stands between the words so far and the next one, as tokens come.
class Detokenizer {
 public:
  void add(const std::u32string& token, const std::u32string* before) {
    static const CharSet cjk(kMosesCjk), currency(kMosesCurrency);
    const bool opens = std::all_of(token.begin(), token.end(), [](char32_t c) {
      return currency.has(c) || std::u32string_view(U"([{¿¡").find(c) != std::u32string_view::npos;
    });
    if (cjk.has(token.front())) {
      put(token, before && cjk.has(before->back()), false);
    } else if (opens) {
      put(token, false, true);
    } else if (all_of(token, U",.?!:;\\%}])")) {
      put(token, true, false);
    } else if (before && token.size() > 1 && token[0] == '\'' && alpha().has(token[1])) {
      put(token, true, false);
    } else if (all_of(token, U"'\"„“`")) {
      quote(token, before);
    } else {
      put(token, false, false);
    }
  }
  std::u32string text;

 private:
  void put(const std::u32string& token, bool to_the_left, bool to_the_right) {
    if (!to_the_left && space_) text += U' ';
    text += token;
    space_ = !to_the_right;
  }
  // Every second quotation mark of a kind closes.
  void quote(const std::u32string& token, const std::u32string* before) {
    int& count = quotes_[all_of(token, U"„“”") ? std::u32string(U"\"") : token];
    if (count % 2 == 1) {
      ++count;
      return put(token, true, false);
    }
    if (token == U"'" && before && before->back() == 's') return put(token, true, false);
    ++count;
    put(token, false, true);
  }
  bool space_ = true;
  std::map<std::u32string, int> quotes_;
};

}  // namespace

std::string normalize_punctuation(std::string text) {
  text =
      substituted(std::move(text), std::to_array<Entity>({{"\r", ""}, {"(", " ("}, {")", ") "}}));
  text = closed_up(one_space(text));
  text = substituted(std::move(text), std::to_array<Entity>({{"( ", "("}, {" )", ")"}}));
  std::u32string letters = wide(text);
  substitute(letters, [](const std::u32string& t, std::size_t at, std::u32string& out) {
    if (at + 2 >= t.size() || !is_decimal(t[at]) || t[at + 1] != ' ' || t[at + 2] != '%') return 0;
    out += {t[at], U'%'};
    return 3;
  });
  text = one_space(substituted(narrow(letters), kPunctuation));
  text = one_space(substituted(std::move(text), kQuotes));
  letters = wide(text);
  substitute(letters, [](const std::u32string& t, std::size_t at, std::u32string& out) {
    std::size_t end = at + 1;
    while (t[at] == '"' && end < t.size() && (t[end] == ',' || t[end] == '.')) out += t[end++];
    if (end == at + 1) return std::size_t{0};
    out += U'"';
    return end - at;
  });
  substitute_between(letters, 0xa0, U".", is_decimal, is_decimal);
  return unicode_trimmed(narrow(letters));
}

std::vector<std::string> tokenize(std::string_view text, const TokenizeOptions& options) {
  std::u32string t;
  for (char32_t c : wide(text)) {  // white space first, then what is left of ASCII's controls
    if (unicode::is_python_space(c)) {
      if (!t.ends_with(U' ')) t += U' ';
    } else if (c >= 0x20) {
      t += c;
    }
  }
  t = wide(unicode_trimmed(narrow(t)));
  pad_symbols(t);
  if (options.split_hyphens) split_hyphens(t);
  mark_dots(t);
  pad_commas(t);
  part_apostrophes(t);
  t = single_spaced(part_stops(t));
  if (t.ends_with(U".'") || t.ends_with(U".' ")) {
    t.resize(t.rfind(U".'"));
    t += U" . ' ";
  }
  std::string out = restored_dots(narrow(t));
  if (options.escape) out = substituted(std::move(out), kEscapes);
  std::vector<std::string> tokens;
  for (const auto& word : words_of(wide(out))) tokens.push_back(narrow(word));
  return tokens;
}

std::string detokenize(const std::vector<std::string>& tokens) {
  std::string text = " ";
  for (const std::string& token : tokens) text += token + " ";
  text = substituted(replaced(std::move(text), " @-@ ", "-"), kUnescapes);
  const auto words = words_of(wide(text));
  Detokenizer out;
  for (std::size_t i = 0; i < words.size(); ++i) out.add(words[i], i > 0 ? &words[i - 1] : nullptr);
  return unicode_trimmed(one_space(narrow(out.text)));
}

}  // namespace hft::moses
