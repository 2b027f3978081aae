#include "core/tokenizers/regex.h"

#include <oniguruma.h>

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

// Steps one match may take back, and all tries of one search; steps a match may keep to take back.
constexpr unsigned long kRetriesInMatch = 1'000'000;
constexpr unsigned long kRetriesInSearch = 10'000'000;
constexpr std::size_t kStackedInMatch = 1'000'000, kStackedPerByte = 2;

const OnigUChar* bytes(const char* at) { return reinterpret_cast<const OnigUChar*>(at); }

std::string reason(int code, const OnigErrorInfo* info = nullptr) {
  OnigUChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int n =
      info ? onig_error_code_to_str(text, code, info) : onig_error_code_to_str(text, code);
  return std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(n));
}

// Gives \p{L} and its like the reference's version of Unicode: a name defined here goes before the
// library's own. Oniguruma keeps the ranges, so they live as long as the program.
void define_categories() {
  static std::vector<std::vector<OnigCodePoint>> all;
  for (const auto& category : unicode::pattern_categories()) {
    auto& ranges = all.emplace_back(1, static_cast<OnigCodePoint>(category.runs.size() / 2));
    OnigCodePoint at = 0;
    for (std::size_t i = 0; i + 1 < category.runs.size(); i += 2) {
      ranges.push_back(at + category.runs[i]);
      at = ranges.back() + category.runs[i + 1];
      ranges.push_back(at - 1);
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    onig_unicode_define_user_property(unicode::pattern_categories()[i].name, all[i].data());
}

// The pattern with \\w, \\d and \\b spelled as sets of the reference's version of Unicode: these
// three cannot be given new ranges.
std::string with_own_classes(std::string_view pattern) {
  constexpr std::string_view kBoundary =
      "(?:(?<=\\p{HftWord})(?!\\p{HftWord})|(?<!\\p{HftWord})(?=\\p{HftWord}))";
  constexpr std::string_view kNoBoundary =
      "(?:(?<=\\p{HftWord})(?=\\p{HftWord})|(?<!\\p{HftWord})(?!\\p{HftWord}))";
  std::string out;
  int brackets = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c != '\\' || i + 1 == pattern.size()) {
      brackets += c == '[' ? 1 : c == ']' && brackets > 0 ? -1 : 0;
      out += c;
      continue;
    }
    const char escaped = pattern[++i];
    if (escaped == 'w' || escaped == 'W') {
      out += escaped == 'w' ? "\\p{" : "\\P{";
      out += brackets == 0 ? "HftWord}" : "HftWordInSet}";
    } else if (escaped == 'd' || escaped == 'D') {
      out += escaped == 'd' ? "\\p{Nd}" : "\\P{Nd}";
    } else if (brackets == 0 && (escaped == 'b' || escaped == 'B')) {
      out += escaped == 'b' ? kBoundary : kNoBoundary;
    } else {
      out += c;
      out += escaped;
    }
  }
  return out;
}

void initialize() {
  static const bool done = [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_initialize(encodings, 1);
    onig_set_retry_limit_in_match(kRetriesInMatch);
    onig_set_retry_limit_in_search(kRetriesInSearch);
    define_categories();
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace

struct Regex::Impl {
  regex_t* compiled = nullptr;
  std::string pattern;
  ~Impl() {
    if (compiled) onig_free(compiled);
  }
};

Regex::Regex(const std::string& pattern) : impl_(std::make_unique<Impl>()) {
  if (pattern.size() > limits::kPatternBytes)
    fail(Errc::kBadData, "a regular expression has ", pattern.size(), " bytes, the limit is ",
         limits::kPatternBytes);
  initialize();
  impl_->pattern = pattern;
  OnigErrorInfo info;
  const std::string own = with_own_classes(pattern);
  const int code = onig_new(&impl_->compiled, bytes(own.data()), bytes(own.data() + own.size()),
                            ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY, &info);
  if (code != ONIG_NORMAL) {
    impl_->compiled = nullptr;
    fail(Errc::kBadData, "'", pattern, "' is not a regular expression: ", reason(code, &info));
  }
}
Regex Regex::literal(std::string text) {
  if (text.empty()) return Regex(std::string());
  Regex regex;
  regex.impl_ = std::make_unique<Impl>();
  regex.impl_->pattern = std::move(text);
  return regex;
}

const std::string& Regex::pattern() const { return impl_->pattern; }
bool Regex::is_literal() const { return impl_->compiled == nullptr; }

Regex::Regex(Regex&&) noexcept = default;
Regex::~Regex() = default;

void Regex::search(std::string_view text,
                   const std::function<void(std::size_t, std::size_t)>& match) const {
  struct Region {
    OnigRegion* value = onig_region_new();
    ~Region() { onig_region_free(value, 1); }
  } region;
  struct Limits {
    OnigMatchParam* value = onig_new_match_param();
    ~Limits() { onig_free_match_param(value); }
  } limits;
  onig_set_match_stack_limit_size_of_match_param(
      limits.value, static_cast<unsigned>(kStackedInMatch + kStackedPerByte * text.size()));
  if (text.empty()) return;  // the reference finds nothing in it, not even nothing
  const char* begin = text.data();
  const char* end = begin + text.size();
  std::size_t from = 0;
  std::size_t last = std::string_view::npos;  // end of the match before
  while (from <= text.size()) {
    const int found =
        onig_search_with_param(impl_->compiled, bytes(begin), bytes(end), bytes(begin + from),
                               bytes(end), region.value, ONIG_OPTION_NONE, limits.value);
    if (found == ONIG_MISMATCH) return;
    if (found < 0)
      fail(Errc::kBadData, "the regular expression '", impl_->pattern,
           "' gave up on a text: ", reason(found));
    const auto at = static_cast<std::size_t>(region.value->beg[0]);
    const auto to = static_cast<std::size_t>(region.value->end[0]);
    from = to;
    if (at == to) {  // step over one code point after an empty match
      from += to < text.size()
                  ? static_cast<std::size_t>(unicode::length(static_cast<unsigned char>(text[to])))
                  : 1;
      if (to == last) continue;
    }
    match(at, to);
    last = to;
  }
}

}  // namespace hft
