#include "core/tokenizers/normalizers.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/tokenizers/byte_alphabet.h"
#include "core/tokenizers/component.h"
#include "core/tokenizers/regex.h"
#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<signed char>(c) >= 0; });
}

// Drops code points; the dropped ones' bytes belong to nothing.
template <class Keep>
void filter(Text& text, const Keep& keep) {
  Rewrite out(text);
  for (std::size_t at = 0; at < text.bytes.size();) {
    const std::size_t begin = at;
    const char32_t c = unicode::next(text.bytes, at);
    if (keep(c)) {
      out.keep(at - begin);
    } else {
      out.skip(at - begin);
    }
  }
  out.finish();
}

// Replaces code points one by one.
template <class Map>
void map(Text& text, const Map& to) {
  Rewrite out(text);
  for (std::size_t at = 0; at < text.bytes.size();) {
    const std::size_t begin = at;
    const char32_t c = unicode::next(text.bytes, at);
    const char32_t mapped = to(c);
    if (mapped == c) {
      out.keep(at - begin);
    } else {
      out.put(mapped, 0);
    }
  }
  out.finish();
}

void lowercase(Text& text) {
  Rewrite out(text);
  for (std::size_t at = 0; at < text.bytes.size();) {
    const std::size_t begin = at;
    const char32_t c = unicode::next(text.bytes, at);
    const char32_t lowered = unicode::lower(c);
    if (c == 0x130) {
      out.put(U'i', 0);
      out.put(0x307, 1);
    } else if (lowered == c) {
      out.keep(at - begin);
    } else {
      out.put(lowered, 0);
    }
  }
  out.finish();
}

void normal_form(Text& text, unicode::Form form) {
  if (is_ascii(text.bytes)) return;
  std::vector<unicode::Step> steps;
  unicode::normal_form(text.bytes, form, steps);
  Rewrite out(text);
  for (const auto& step : steps) out.put(step.c, step.change);
  out.finish();
}

class Bert : public Normalizer {
 public:
  explicit Bert(const Fields& f)
      : clean_(f.boolean("clean_text", true)),
        chinese_(f.boolean("handle_chinese_chars", true)),
        lowercase_(f.boolean("lowercase", true)),
        strip_(f.boolean("strip_accents", lowercase_)) {}

  void apply(Text& text) const override {
    if (is_ascii(text.bytes)) return apply_ascii(text);
    if (clean_) {
      filter(text, [](char32_t c) { return !unicode::is(c, unicode::kCleaned); });
      map(text, [](char32_t c) { return unicode::is(c, unicode::kSpace) ? U' ' : c; });
    }
    if (chinese_) space_chinese(text);
    if (strip_) {
      normal_form(text, unicode::Form::kNfd);
      filter(text, [](char32_t c) { return !unicode::is(c, unicode::kNonspacing); });
    }
    if (lowercase_) lowercase(text);
  }

 private:
  // The same in one pass: ASCII has neither accents nor ideographs.
  void apply_ascii(Text& text) const {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < text.bytes.size(); ++i) {
      char c = text.bytes[i];
      if (clean_) {
        const bool space = c == ' ' || (c >= '\t' && c <= '\r');
        if (!space && unicode::is(static_cast<char32_t>(c), unicode::kCleaned)) continue;
        if (c == '\v' || c == '\f') continue;
        if (space) c = ' ';
      }
      if (lowercase_ && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
      text.bytes[kept] = c;
      if (text.tracked) text.origin[kept] = text.origin[i];
      ++kept;
    }
    text.bytes.resize(kept);
    if (text.tracked) text.origin.resize(kept);
  }

  // CJK Unified Ideographs; the gap at 2B820..2B91F is the reference's.
  static bool chinese(char32_t c) {
    constexpr std::array<std::array<char32_t, 2>, 8> blocks{{{0x4e00, 0x9fff},
                                                             {0x3400, 0x4dbf},
                                                             {0x20000, 0x2a6df},
                                                             {0x2a700, 0x2b73f},
                                                             {0x2b740, 0x2b81f},
                                                             {0x2b920, 0x2ceaf},
                                                             {0xf900, 0xfaff},
                                                             {0x2f800, 0x2fa1f}}};
    return c >= 0x3400 && std::any_of(blocks.begin(), blocks.end(),
                                      [c](const auto& b) { return c >= b[0] && c <= b[1]; });
  }

  static void space_chinese(Text& text) {
    Rewrite out(text);
    for (std::size_t at = 0; at < text.bytes.size();) {
      const std::size_t begin = at;
      const char32_t c = unicode::next(text.bytes, at);
      if (chinese(c)) {
        out.put(U' ', 0);
        out.put(c, 1);
        out.put(U' ', 1);
      } else {
        out.keep(at - begin);
      }
    }
    out.finish();
  }

  bool clean_, chinese_, lowercase_, strip_;
};

class NormalForm : public Normalizer {
 public:
  explicit NormalForm(unicode::Form form) : form_(form) {}
  void apply(Text& text) const override { normal_form(text, form_); }

 private:
  unicode::Form form_;
};
template <unicode::Form form>
std::unique_ptr<Normalizer> make_form(const Fields&, int) {
  return std::make_unique<NormalForm>(form);
}

struct Lowercase : Normalizer {
  void apply(Text& text) const override { lowercase(text); }
};

struct StripAccents : Normalizer {
  void apply(Text& text) const override {
    filter(text, [](char32_t c) { return !unicode::is(c, unicode::kMark); });
  }
};

class Strip : public Normalizer {
 public:
  explicit Strip(const Fields& f)
      : left_(f.boolean("strip_left", true)), right_(f.boolean("strip_right", true)) {}
  void apply(Text& text) const override {
    std::size_t begin = 0, end = text.bytes.size();
    for (std::size_t at = 0; left_ && at < end; begin = at)
      if (!unicode::is(unicode::next(text.bytes, at), unicode::kSpace)) break;
    for (std::size_t at = end; right_ && at > begin; end = at)
      if (!unicode::is(unicode::previous(text.bytes, at), unicode::kSpace)) break;
    Rewrite out(text);
    out.skip(begin);
    out.keep(end - begin);
    out.finish();
  }

 private:
  bool left_, right_;
};

struct Nmt : Normalizer {
  void apply(Text& text) const override {
    filter(text, [](char32_t c) {
      return !((c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f ||
               c == 0x8f || c == 0x9f);
    });
    map(text, [](char32_t c) {
      const bool space = c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 ||
                         (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 ||
                         c == 0x2581 || c == 0xfeff || c == 0xfffd;
      return space ? U' ' : c;
    });
  }
};

class Replace : public Normalizer {
 public:
  explicit Replace(const Fields& f)
      : regex_(with_context(f.where(), [&] { return pattern_of(f); })),
        content_(f.text("content")) {}
  void apply(Text& text) const override {
    Rewrite out(text);
    regex_.for_matches(text.bytes, [&](std::size_t begin, std::size_t end) {
      out.keep(begin - out.at());
      out.skip(end - begin);
      for (std::size_t at = 0; at < content_.size();) out.put(unicode::next(content_, at), 1);
    });
    out.keep(text.bytes.size() - out.at());
    out.finish();
  }

 private:
  Regex regex_;
  std::string content_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(const Fields& f) : lead_(f.text("prepend")) {}
  void apply(Text& text) const override { prepend_to(text, lead_); }

 private:
  std::string lead_;
};

struct ByteLevel : Normalizer {
  void apply(Text& text) const override { spell_bytes(text); }
};

class Sequence : public Normalizer {
 public:
  Sequence(const Fields& f, int depth)
      : parts_(make_components<Normalizer>(f, "normalizers", &make_normalizer, depth)) {}
  void apply(Text& text) const override {
    for (const auto& part : parts_) part->apply(text);
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> parts_;
};

template <class T>
std::unique_ptr<Normalizer> make(const Fields& fields, int) {
  if constexpr (std::is_constructible_v<T, const Fields&>) {
    return std::make_unique<T>(fields);
  } else {
    return std::make_unique<T>();
  }
}

constexpr ComponentRow<Normalizer> kRows[] = {
    {"BertNormalizer", make<Bert>},
    {"NFC", make_form<unicode::Form::kNfc>},
    {"NFD", make_form<unicode::Form::kNfd>},
    {"NFKC", make_form<unicode::Form::kNfkc>},
    {"NFKD", make_form<unicode::Form::kNfkd>},
    {"Lowercase", make<Lowercase>},
    {"StripAccents", make<StripAccents>},
    {"Strip", make<Strip>},
    {"Nmt", make<Nmt>},
    {"Replace", make<Replace>},
    {"Prepend", make<Prepend>},
    {"ByteLevel", make<ByteLevel>},
    {"Precompiled", make_precompiled},
    {"Sequence",
     [](const Fields& f, int depth) -> std::unique_ptr<Normalizer> {
       return std::make_unique<Sequence>(f, depth);
     }},
};

}  // namespace

std::unique_ptr<Normalizer> make_normalizer(const Fields& fields, int depth) {
  return make_component<Normalizer>(fields, kRows, depth);
}

void spell_bytes(Text& text) {
  Rewrite out(text);
  for (std::size_t at = 0; at < text.bytes.size();) {
    const std::size_t begin = at;
    unicode::next(text.bytes, at);
    for (std::size_t i = begin; i < at; ++i)
      out.put(letter_of_byte(static_cast<unsigned char>(text.bytes[i])), i > begin);
  }
  out.finish();
}

void prepend_to(Text& text, std::string_view lead) {
  if (text.bytes.empty()) return;
  Text next = std::move(text);
  check_growth(lead.size() + next.bytes.size(), next.most);
  text = {std::string(lead) + next.bytes, {}, next.start, next.tracked, next.most};
  if (!next.tracked) return;
  // The lead stands for what the first code point stands for.
  text.origin.assign(lead.size(), next.origin.front());
  text.origin.insert(text.origin.end(), next.origin.begin(), next.origin.end());
}

}  // namespace hft
