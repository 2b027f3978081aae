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
      kind = table_[lead] & kKinds;
    } else {
      kind = unicode::classes(unicode::next(text_, after), table_) & kKinds;
    }
  }
  std::string_view text_;
  const std::uint16_t* table_;

 public:
  std::size_t at, after = 0;
  unsigned kind = 0;  // of the code point at `at`
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

}  // namespace

std::optional<Cutter> Cutter::of_pattern(std::string_view pattern) {
  if (pattern == kGpt2[0] || pattern == kGpt2[1]) return gpt2();
  if (pattern == kThreeDigits) return Cutter(true, 3);
  if (pattern == kOneDigit) return Cutter(true, 1);
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
  std::size_t after_newline = 0;
  for (after = w; !after.done() && after.kind == unicode::kSpace; after.step())
    if (after.newline()) after_newline = after.after;
  return after_newline > 0 ? after_newline : spaces_end(w);
}

}  // namespace hft
