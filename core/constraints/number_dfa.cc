#include "core/constraints/number_dfa.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "core/base/error.h"

namespace hft {
namespace {

constexpr std::int64_t kMostMultiple = 100'000;

// A number that is being written, as far as the limits can tell it from others.
struct NumberState {
  enum Phase { kStart, kSign, kZero, kWhole, kPoint, kFraction };
  int phase = kStart;
  int negative = 0;
  int digits = 0;           // of the part that is being written, up to what the limits have
  int least = 0, most = 0;  // how the digits so far compare with those of the limits
  int nonzero = 0;
  std::int64_t rest = 0;  // of the division
  auto operator<=>(const NumberState&) const = default;
};

int sign_of(auto difference) { return difference < 0 ? -1 : difference > 0 ? 1 : 0; }

class NumberWriter {
 public:
  explicit NumberWriter(const NumberLimits& limits) : limits_(limits) {
    for (const Decimal& n : limits.multiple_of)
      scale_ = std::max(scale_, static_cast<int>(n.fraction.size()));
    for (const Decimal& n : limits.multiple_of) {
      std::string digits = n.whole + n.fraction;
      digits.resize(n.whole.size() + static_cast<std::size_t>(scale_), '0');
      const std::int64_t scaled = digits.size() > 9 ? kMostMultiple + 1 : std::stoll("0" + digits);
      divisor_ = scaled > kMostMultiple ? scaled : std::lcm(divisor_, scaled);
      if (divisor_ > kMostMultiple)
        fail(Errc::kUnsupported, "'multipleOf' with so many digits is not supported");
    }
    most_fraction_ = scale_;
    for (const auto* end : {&limits.least, &limits.most})
      if (*end) {
        most_whole_ = std::max(most_whole_, static_cast<int>((*end)->whole.size()));
        most_fraction_ = std::max(most_fraction_, static_cast<int>((*end)->fraction.size()));
      }
  }

  Dfa make() {
    place({});
    Dfa out;
    for (std::size_t s = 0; s < states_.size(); ++s) {
      const NumberState state = states_[s];
      for (const char c : std::string_view("-.0123456789"))
        if (const auto next = step(state, c))
          out.add_edge(static_cast<char32_t>(c), static_cast<char32_t>(c), place(*next));
      out.end_state(accepts(state));
    }
    return out.trim();
  }

 private:
  using S = NumberState;
  std::int32_t place(const S& state) {
    const auto [found, fresh] = places_.emplace(state, static_cast<std::int32_t>(states_.size()));
    if (fresh) states_.push_back(state);
    return found->second;
  }

  std::optional<S> step(S s, char c) const {
    if (c == '-') {
      if (s.phase != S::kStart) return {};
      s.phase = S::kSign, s.negative = 1;
      return s;
    }
    if (c == '.') {
      if ((s.phase != S::kZero && s.phase != S::kWhole) || limits_.integer) return {};
      s.least = whole_compared(s, limits_.least, s.least);
      s.most = whole_compared(s, limits_.most, s.most);
      s.phase = S::kPoint, s.digits = 0;
      return s;
    }
    return digit(s, c);
  }

  std::optional<S> digit(S s, char c) const {
    s.nonzero |= c != '0' ? 1 : 0;
    if (s.phase == S::kPoint || s.phase == S::kFraction) {
      if (divides() && s.digits >= scale_ && c != '0') return {};
      if (s.digits < scale_) s.rest = (s.rest * 10 + (c - '0')) % divisor_;
      s.least = fraction_digit(s, limits_.least, s.least, c);
      s.most = fraction_digit(s, limits_.most, s.most, c);
      s.phase = S::kFraction;
      s.digits = std::min(s.digits + 1, most_fraction_);
      return s;
    }
    if (s.phase == S::kZero) return {};
    s.rest = (s.rest * 10 + (c - '0')) % divisor_;
    const bool zero = c == '0' && s.phase != S::kWhole;
    s.phase = zero ? S::kZero : S::kWhole;
    if (zero) return s;
    s.least = whole_digit(s, limits_.least, s.least, c);
    s.most = whole_digit(s, limits_.most, s.most, c);
    s.digits = std::min(s.digits + 1, most_whole_ + 1);
    return s;
  }

  // As long as both have digits, the first that differs tells, should they have as many.
  static int whole_digit(const S& s, const std::optional<Decimal>& end, int so_far, char c) {
    const auto at = static_cast<std::size_t>(s.digits);
    return !end || so_far != 0 || at >= end->whole.size() ? so_far : sign_of(c - end->whole[at]);
  }
  static int whole_compared(const S& s, const std::optional<Decimal>& end, int so_far) {
    if (!end) return 0;
    const int more = sign_of(s.digits - static_cast<int>(end->whole.size()));
    return more != 0 ? more : so_far;
  }
  static int fraction_digit(const S& s, const std::optional<Decimal>& end, int so_far, char c) {
    if (!end || so_far != 0) return so_far;
    const auto at = static_cast<std::size_t>(s.digits);
    return sign_of(c - (at < end->fraction.size() ? end->fraction[at] : '0'));
  }

  // How the value compares with an end.
  static int compared(const S& s, const Decimal& end, int so_far) {
    if (s.nonzero == 0 && end.zero()) return 0;
    const bool negative = s.negative && s.nonzero;
    if (negative != end.negative) return negative ? -1 : 1;
    int magnitude = so_far;
    if (s.phase != S::kFraction) magnitude = whole_compared(s, end, so_far);
    const auto at = s.phase == S::kFraction ? static_cast<std::size_t>(s.digits) : 0;
    if (magnitude == 0 && at < end.fraction.size()) magnitude = -1;
    return negative ? -magnitude : magnitude;
  }

  bool accepts(const S& s) const {
    if (s.phase != S::kZero && s.phase != S::kWhole && s.phase != S::kFraction) return false;
    std::int64_t rest = s.rest;
    for (int n = s.phase == S::kFraction ? s.digits : 0; n < scale_; ++n)
      rest = rest * 10 % divisor_;
    if (rest != 0) return false;
    if (limits_.least)
      if (const int c = compared(s, *limits_.least, s.least); c < (limits_.above_least ? 1 : 0))
        return false;
    if (limits_.most)
      if (const int c = compared(s, *limits_.most, s.most); c > (limits_.below_most ? -1 : 0))
        return false;
    return true;
  }

  const NumberLimits& limits_;
  bool divides() const { return !limits_.multiple_of.empty(); }
  std::int64_t divisor_ = 1;  // of the value times 10 to the power of scale_
  int scale_ = 0;
  int most_whole_ = 0, most_fraction_ = 0;
  std::map<S, std::int32_t> places_;
  std::vector<S> states_;
};

}  // namespace

Decimal decimal_of(const Json& number) {
  const std::string text = to_line(number);
  Decimal out;
  std::string digits;
  std::int64_t point = -1, exponent = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '-') {
      out.negative = true;
    } else if (text[i] == '.') {
      point = static_cast<std::int64_t>(digits.size());
    } else if (text[i] == 'e' || text[i] == 'E') {
      exponent = std::stoll(text.substr(i + 1));
      break;
    } else {
      digits += text[i];
    }
  }
  if (point < 0) point = static_cast<std::int64_t>(digits.size());
  point += exponent;
  if (point < 0) digits.insert(0, static_cast<std::size_t>(-point), '0'), point = 0;
  if (point > static_cast<std::int64_t>(digits.size()))
    digits.resize(static_cast<std::size_t>(point), '0');
  out.whole = digits.substr(0, static_cast<std::size_t>(point));
  out.fraction = digits.substr(static_cast<std::size_t>(point));
  out.whole.erase(0, std::min(out.whole.find_first_not_of('0'), out.whole.size()));
  out.fraction.resize(out.fraction.find_last_not_of('0') + 1);
  return out;
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.zero() && b.zero()) return 0;
  const bool negative = a.negative && !a.zero();
  if (negative != (b.negative && !b.zero())) return negative ? -1 : 1;
  int magnitude = sign_of(static_cast<std::int64_t>(a.whole.size()) -
                          static_cast<std::int64_t>(b.whole.size()));
  if (magnitude == 0) magnitude = sign_of(a.whole.compare(b.whole));
  if (magnitude == 0) magnitude = sign_of(a.fraction.compare(b.fraction));
  return negative ? -magnitude : magnitude;
}

Dfa dfa_of_numbers(const NumberLimits& limits) {
  if (limits.least || limits.most || !limits.multiple_of.empty())
    return NumberWriter(limits).make();
  return dfa_of(parse_pattern(limits.integer ? "-?(0|[1-9][0-9]*)"
                                             : "-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?"),
                Matching::kWhole);
}

}  // namespace hft
