#include "core/tokenizers/cutter.h"

#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

// GPT-2's pattern, as OpenAI wrote it and as tiktoken does.
constexpr std::string_view kGpt2[] = {
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"};
// tiktoken's cl100k (Llama 3), and Qwen's with single digits.
constexpr std::string_view kThreeDigits =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kOneDigit =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// tiktoken's o200k (GPT-4o, Llama 4); Mistral's tekken has single digits and no contractions.
constexpr std::string_view kCasedWords =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr unsigned kKinds = unicode::kLetter | unicode::kNumber | unicode::kSpace;

// Walks over code points with their kind: letter, number, space, or 0 for anything else.
class Walker {
 public:
  Walker(std::string_view text, std::size_t at)
      : text_(text), table_(unicode::class_table()), at(at) {
    look();
  }

  bool done() const { return at >= text_.size(); }
  void step() {
    at = after;
    look();
  }
  // Over all that is of this kind.
  void run(unsigned wanted) {
    while (!done() && kind == wanted) step();
  }
  char byte() const { return text_[at]; }
  bool newline() const { return text_[at] == '\n' || text_[at] == '\r'; }

 private:
  void look() {
    if (done()) return;
    after = at;
    const auto lead = static_cast<unsigned char>(text_[at]);
    if (lead < 0x80) {
      after = at + 1;
      bits = table_[lead];
    } else {
      bits = unicode::classes(unicode::next(text_, after), table_);
    }
    kind = bits & kKinds;
  }
  std::string_view text_;
  const std::uint16_t* table_;

 public:
  std::size_t at, after = 0;
  unsigned bits = 0, kind = 0;  // of the code point at `at`
};

// Length of 's, 't, 're … at an apostrophe; 0: none. Without case, ſ (U+017F) is an s too.
std::size_t contraction(std::string_view text, std::size_t at, bool any_case) {
  const auto letter = [&](std::size_t i) -> char {
    if (at + i >= text.size()) return 0;
    const char c = text[at + i];
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  const char a = letter(1);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
  const char b = letter(2);
  if ((b == 'e' && (a == 'r' || a == 'v')) || (a == 'l' && b == 'l')) return 3;
  return any_case && a == '\xc5' && b == '\xbf' ? 3 : 0;
}

// The end of a run of spaces that begins at `at`: the last space stays with the word after it.
std::size_t spaces_end(Walker w) {
  std::size_t last = w.at, n = 0;
  for (; !w.done() && w.kind == unicode::kSpace; w.step(), ++n) last = w.at;
  return w.done() || n == 1 ? w.at : last;
}

// The end of a run of white space: after its last newline when it has one.
std::size_t blank_end(const Walker& w) {
  std::size_t after_newline = 0;
  for (Walker each = w; !each.done() && each.kind == unicode::kSpace; each.step())
    if (each.newline()) after_newline = each.after;
  return after_newline > 0 ? after_newline : spaces_end(w);
}

// What may stand in the upper-case beginning and in the lower-case end of a word; letters without
// case and marks in both.
bool is_head(unsigned bits) {
  return (bits & unicode::kCombining) != 0 ||
         ((bits & unicode::kLetter) != 0 && (bits & unicode::kLower) == 0);
}
bool is_tail(unsigned bits) {
  return (bits & unicode::kCombining) != 0 ||
         ((bits & unicode::kLetter) != 0 && (bits & unicode::kUpper) == 0);
}

// Where head* tail+ ends when the word begins here, 0 when it does not; `heads` is where head*
// does.
std::size_t cased_end(Walker w, std::size_t& heads) {
  std::size_t last_both = 0;
  for (; !w.done() && is_head(w.bits); w.step())
    if (is_tail(w.bits)) last_both = w.after;
  heads = w.at;
  if (w.done() || !is_tail(w.bits)) return last_both;  // head* gives back what may be a tail
  while (!w.done() && is_tail(w.bits)) w.step();
  return w.at;
}

}  // namespace

std::optional<Cutter> Cutter::of_pattern(std::string_view pattern) {
  if (pattern == kGpt2[0] || pattern == kGpt2[1]) return gpt2();
  if (pattern == kThreeDigits) return Cutter(Style::kCl100k, 3, true);
  if (pattern == kOneDigit) return Cutter(Style::kCl100k, 1, true);
  if (pattern == kCasedWords) return Cutter(Style::kO200k, 3, true);
  if (pattern == kTekken) return Cutter(Style::kO200k, 1, false);
  return std::nullopt;
}

std::size_t Cutter::next_gpt2(std::string_view text, std::size_t at) const {
  Walker w(text, at);
  if (w.byte() == '\'')
    if (const std::size_t n = contraction(text, at, false)) return at + n;
  if (w.byte() == ' ') {
    Walker after = w;
    after.step();
    if (after.done() || after.kind == unicode::kSpace) return spaces_end(w);
    w = after;
  } else if (w.kind == unicode::kSpace) {
    return spaces_end(w);
  }
  w.run(w.kind);
  return w.at;
}

std::size_t Cutter::next_cl100k(std::string_view text, std::size_t at) const {
  Walker w(text, at);
  if (w.byte() == '\'')
    if (const std::size_t n = contraction(text, at, true)) return at + n;
  if (w.kind == unicode::kLetter) {
    w.run(unicode::kLetter);
    return w.at;
  }
  if (w.kind == unicode::kNumber) {
    for (int n = 0; n < digits_ && !w.done() && w.kind == unicode::kNumber; ++n) w.step();
    return w.at;
  }
  Walker after = w;
  after.step();
  if (!w.newline() && !after.done() && after.kind == unicode::kLetter) {
    after.run(unicode::kLetter);
    return after.at;
  }
  const bool space_then_other = w.byte() == ' ' && !after.done() && after.kind == 0;
  if (w.kind == 0 || space_then_other) {
    after.run(0);
    while (!after.done() && after.newline()) after.step();
    return after.at;
  }
  return blank_end(w);
}

std::size_t Cutter::next_o200k(std::string_view text, std::size_t at) const {
  const Walker w(text, at);
  const bool lead = !w.newline() && (w.kind & (unicode::kLetter | unicode::kNumber)) == 0;
  Walker word = w;
  if (lead) word.step();
  std::size_t heads = 0, bare_heads = 0;
  std::size_t end = cased_end(word, heads);
  if (end == 0 && lead) end = cased_end(w, bare_heads);  // a mark that no word follows
  if (end == 0 && heads > word.at) end = heads;          // upper case alone
  if (end > 0) {
    if (contractions_ && end < text.size() && text[end] == '\'')
      end += contraction(text, end, true);
    return end;
  }
  if (w.kind == unicode::kNumber) {
    Walker digits = w;
    for (int n = 0; n < digits_ && !digits.done() && digits.kind == unicode::kNumber; ++n)
      digits.step();
    return digits.at;
  }
  Walker other = w;
  if (w.byte() == ' ') other.step();
  if (!other.done() && other.kind == 0) {
    other.run(0);
    while (!other.done() && (other.newline() || other.byte() == '/')) other.step();
    return other.at;
  }
  return blank_end(w);
}

}  // namespace hft
