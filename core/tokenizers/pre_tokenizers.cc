#include "core/tokenizers/pre_tokenizers.h"

#include <algorithm>
#include <type_traits>

#include "core/tokenizers/component.h"
#include "core/tokenizers/cutter.h"
#include "core/tokenizers/normalizers.h"
#include "core/tokenizers/regex.h"
#include "core/tokenizers/split.h"
#include "core/tokenizers/unicode.h"

namespace hft {

SplitBehavior split_behavior(const Fields& fields, std::string_view key, const char* fallback) {
  const std::string name =
      fields.text(key, fallback ? std::optional<std::string>(fallback) : std::nullopt);
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  fail(Errc::kBadData, fields.where(), ": '", key, "' is \"", name,
       "\", wanted Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

namespace {

// Cuts at every code point that `is` holds for.
template <class Is>
void split_at(Pieces& pieces, SplitBehavior behavior, const Is& is) {
  pieces.split([&](std::string_view text, const auto& emit) {
    Stretches found;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t begin = at;
      if (is(unicode::next(text, at))) found.add(begin, at);
    }
    emit_split(found.finish(text.size()), behavior, emit);
  });
}

void split_at_class(Pieces& pieces, SplitBehavior behavior, unsigned wanted) {
  const std::uint16_t* table = unicode::class_table();
  split_at(pieces, behavior,
           [&](char32_t c) { return (unicode::classes(c, table) & wanted) != 0; });
}

void split_regex(Pieces& pieces, const Regex& regex, SplitBehavior behavior, bool invert) {
  pieces.split([&](std::string_view text, const auto& emit) {
    Stretches found;
    regex.for_matches(text, [&](std::size_t begin, std::size_t end) { found.add(begin, end); });
    auto& all = found.finish(text.size());
    if (invert)
      for (Stretch& stretch : all) stretch.match = !stretch.match;
    emit_split(all, behavior, emit);
  });
}

// Whitespace, then every punctuation mark alone; in one pass.
struct Bert : PreTokenizer {
  void apply(Pieces& pieces) const override {
    const std::uint16_t* table = unicode::class_table();
    pieces.split([table](std::string_view text, const auto& emit) {
      std::size_t begin = 0;
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t here = at;
        const unsigned bits = unicode::classes(unicode::next(text, at), table);
        if ((bits & (unicode::kSpace | unicode::kPunctuation)) == 0) continue;
        emit(begin, here);
        if ((bits & unicode::kSpace) == 0) emit(here, at);
        begin = at;
      }
      emit(begin, text.size());
    });
  }
};

// GPT-2's cut, then every byte as a letter of the alphabet.
class ByteLevel : public PreTokenizer {
 public:
  explicit ByteLevel(const Fields& f)
      : prefix_space_(f.boolean("add_prefix_space", true)), cut_(f.boolean("use_regex", true)) {}

  void apply(Pieces& pieces) const override {
    if (prefix_space_ &&
        std::any_of(pieces.pieces.begin(), pieces.pieces.end(), [&](const Piece& piece) {
          return piece.id < 0 && pieces.bytes[piece.begin] != ' ';
        }))
      pieces.edit([](Text& text) {
        if (text.bytes.front() != ' ') prepend_to(text, " ");
      });
    if (cut_)
      pieces.split([](std::string_view text, const auto& emit) { Cutter::gpt2().cut(text, emit); });
    if (spell_) pieces.edit([](Text& text) { spell_bytes(text); });
  }
  bool leave_bytes() override {
    spell_ = false;
    return true;
  }

 private:
  bool prefix_space_, cut_, spell_ = true;
};

class Metaspace : public PreTokenizer {
 public:
  explicit Metaspace(const Fields& f)
      : mark_(one_code_point(f, "replacement")), split_(f.boolean("split", true)) {
    std::string scheme = f.text("prepend_scheme", "always");
    if (f.has("add_prefix_space") && !f.boolean("add_prefix_space", true)) {
      if (f.has("prepend_scheme") && scheme != "never")
        fail(Errc::kBadData, f.where(), ": 'add_prefix_space' is false but 'prepend_scheme' is \"",
             scheme, "\"");
      scheme = "never";
    }
    if (scheme != "always" && scheme != "first" && scheme != "never")
      fail(Errc::kBadData, f.where(), ": 'prepend_scheme' is \"", scheme,
           "\", wanted always, first or never");
    always_ = scheme == "always";
    first_ = scheme == "first";
  }

  void apply(Pieces& pieces) const override {
    pieces.edit([this](Text& text) {
      Rewrite out(text);
      for (std::size_t at = 0; at < text.bytes.size(); at = out.at()) {
        const std::size_t space = std::min(text.bytes.find(' ', at), text.bytes.size());
        out.keep(space - at);
        if (space == text.bytes.size()) break;
        // As the reference's replace: the old is dropped, the new stands where it stood.
        out.skip(1);
        out.put(mark_, 1);
      }
      out.finish();
      if ((always_ || (first_ && text.start == 0)) && !text.bytes.starts_with(mark_))
        prepend_to(text, mark_);
    });
    if (!split_) return;
    pieces.split([this](std::string_view text, const auto& emit) {
      std::size_t begin = 0;
      for (std::size_t at = text.find(mark_, 0); at != std::string_view::npos;
           at = text.find(mark_, at + mark_.size())) {
        emit(begin, at);
        begin = at;
      }
      emit(begin, text.size());
    });
  }
  bool needs_start() const override { return first_; }

 private:
  std::string mark_;
  bool split_, always_ = false, first_ = false;
};

class Split : public PreTokenizer {
 public:
  explicit Split(const Fields& f)
      : regex_(with_context(f.where(), [&] { return pattern_of(f); })),
        behavior_(split_behavior(f, "behavior")),
        invert_(f.boolean("invert", false)) {
    // A cutter's matches leave no gaps: they are the pieces whether gaps are kept or dropped.
    const bool matches_stay =
        invert_ ? behavior_ == SplitBehavior::kRemoved : behavior_ == SplitBehavior::kIsolated;
    if (matches_stay) cutter_ = Cutter::of_pattern(regex_.pattern());
  }
  void apply(Pieces& pieces) const override {
    if (!cutter_) return split_regex(pieces, regex_, behavior_, invert_);
    pieces.split([this](std::string_view text, const auto& emit) { cutter_->cut(text, emit); });
  }

 private:
  Regex regex_;
  SplitBehavior behavior_;
  bool invert_;
  std::optional<Cutter> cutter_;
};

// Words, and runs of what is neither word nor space.
struct Whitespace : PreTokenizer {
  void apply(Pieces& pieces) const override {
    const std::uint16_t* table = unicode::class_table();
    pieces.split([table](std::string_view text, const auto& emit) {
      std::size_t begin = 0;
      unsigned before = unicode::kSpace;
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t here = at;
        const unsigned kind =
            unicode::classes(unicode::next(text, at), table) & (unicode::kSpace | unicode::kWord);
        if (kind == before) continue;
        if (before != unicode::kSpace) emit(begin, here);
        begin = here;
        before = kind;
      }
      if (before != unicode::kSpace) emit(begin, text.size());
    });
  }
};

struct WhitespaceSplit : PreTokenizer {
  void apply(Pieces& pieces) const override {
    split_at_class(pieces, SplitBehavior::kRemoved, unicode::kSpace);
  }
};

class Punctuation : public PreTokenizer {
 public:
  explicit Punctuation(const Fields& f) : behavior_(split_behavior(f, "behavior", "Isolated")) {}
  void apply(Pieces& pieces) const override {
    split_at_class(pieces, behavior_, unicode::kPunctuation);
  }

 private:
  SplitBehavior behavior_;
};

class Digits : public PreTokenizer {
 public:
  explicit Digits(const Fields& f) : single_(f.boolean("individual_digits", false)) {}
  void apply(Pieces& pieces) const override {
    split_at_class(pieces, single_ ? SplitBehavior::kIsolated : SplitBehavior::kContiguous,
                   unicode::kNumeric);
  }

 private:
  bool single_;
};

class CharDelimiterSplit : public PreTokenizer {
 public:
  explicit CharDelimiterSplit(const Fields& f) {
    const std::string text = one_code_point(f, "delimiter");
    std::size_t at = 0;
    delimiter_ = unicode::next(text, at);
  }
  void apply(Pieces& pieces) const override {
    split_at(pieces, SplitBehavior::kRemoved, [this](char32_t c) { return c == delimiter_; });
  }

 private:
  char32_t delimiter_ = 0;
};

// Cuts where the script changes. What comes before the first letter of a script is dropped, as the
// reference drops it.
struct UnicodeScripts : PreTokenizer {
  void apply(Pieces& pieces) const override {
    pieces.split([](std::string_view text, const auto& emit) {
      int last = 0;
      std::size_t begin = std::string_view::npos;
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t here = at;
        const int script = unicode::script(unicode::next(text, at));
        if (script == 0) continue;
        if (script != last) {
          if (begin != std::string_view::npos) emit(begin, here);
          begin = here;
        }
        last = script;
      }
      if (begin != std::string_view::npos) emit(begin, text.size());
    });
  }
};

class FixedLength : public PreTokenizer {
 public:
  explicit FixedLength(const Fields& f) : length_(f.integer("length", 1, 1 << 30, 5)) {}
  void apply(Pieces& pieces) const override {
    pieces.split([this](std::string_view text, const auto& emit) {
      std::size_t begin = 0;
      std::int64_t n = 0;
      for (std::size_t at = 0; at < text.size();) {
        unicode::next(text, at);
        if (++n % length_ == 0) emit(begin, at), begin = at;
      }
      emit(begin, text.size());
    });
  }

 private:
  std::int64_t length_;
};

class Sequence : public PreTokenizer {
 public:
  Sequence(const Fields& f, int depth)
      : parts_(make_components<PreTokenizer>(f, "pretokenizers", &make_pre_tokenizer, depth)) {}
  void apply(Pieces& pieces) const override {
    for (const auto& part : parts_) part->apply(pieces);
  }
  bool leave_bytes() override { return !parts_.empty() && parts_.back()->leave_bytes(); }
  bool needs_start() const override {
    return std::any_of(parts_.begin(), parts_.end(),
                       [](const auto& part) { return part->needs_start(); });
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

template <class T>
std::unique_ptr<PreTokenizer> make(const Fields& fields, int) {
  if constexpr (std::is_constructible_v<T, const Fields&>) {
    return std::make_unique<T>(fields);
  } else {
    return std::make_unique<T>();
  }
}

constexpr ComponentRow<PreTokenizer> kRows[] = {
    {"BertPreTokenizer", make<Bert>},
    {"ByteLevel", make<ByteLevel>},
    {"Metaspace", make<Metaspace>},
    {"Split", make<Split>},
    {"Whitespace", make<Whitespace>},
    {"WhitespaceSplit", make<WhitespaceSplit>},
    {"Punctuation", make<Punctuation>},
    {"Digits", make<Digits>},
    {"UnicodeScripts", make<UnicodeScripts>},
    {"CharDelimiterSplit", make<CharDelimiterSplit>},
    {"FixedLength", make<FixedLength>},
    {"Sequence",
     [](const Fields& f, int depth) -> std::unique_ptr<PreTokenizer> {
       return std::make_unique<Sequence>(f, depth);
     }},
};

}  // namespace

std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Fields& fields, int depth) {
  return make_component<PreTokenizer>(fields, kRows, depth);
}

}  // namespace hft
