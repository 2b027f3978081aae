// Schoolbook arithmetic (Knuth, The Art of Computer Programming 2, 4.3.1).
#include "core/templates/big_integer.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/templates/budget.h"

namespace hft::jinja {
namespace {

using Limbs = std::vector<std::uint32_t>;

constexpr std::size_t kMostLimbs = 1 << 15;        // a million bits
constexpr std::int64_t kMostDecimalDigits = 4300;  // sys.get_int_max_str_digits()
constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

void trim(Limbs& limbs) {
  while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
}

void allow(std::size_t limbs) {
  if (limbs > kMostLimbs)
    fail(Errc::kBadData, "integer limit (", kMostLimbs * 32, " bits) reached");
  charge(static_cast<std::int64_t>(limbs / 16));
}

std::strong_ordering compare(const Limbs& a, const Limbs& b) {
  if (a.size() != b.size()) return a.size() <=> b.size();
  for (std::size_t i = a.size(); i-- > 0;)
    if (a[i] != b[i]) return a[i] <=> b[i];
  return std::strong_ordering::equal;
}

Limbs add(const Limbs& a, const Limbs& b) {
  allow(std::max(a.size(), b.size()) + 1);
  Limbs out;
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()) || carry; ++i) {
    carry += (i < a.size() ? a[i] : 0ull) + (i < b.size() ? b[i] : 0ull);
    out.push_back(static_cast<std::uint32_t>(carry));
    carry >>= 32;
  }
  return out;
}

// a >= b
Limbs subtract(Limbs a, const Limbs& b) {
  std::int64_t borrow = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::int64_t left = static_cast<std::int64_t>(a[i]) - (i < b.size() ? b[i] : 0) + borrow;
    a[i] = static_cast<std::uint32_t>(left);
    borrow = left < 0 ? -1 : 0;
  }
  trim(a);
  return a;
}

Limbs shifted_left(const Limbs& a, std::size_t bits) {
  if (a.empty()) return a;
  allow(a.size() + bits / 32 + 1);
  Limbs out(bits / 32, 0);
  const auto rest = bits % 32;
  std::uint64_t carry = 0;
  for (auto limb : a) {
    carry |= static_cast<std::uint64_t>(limb) << rest;
    out.push_back(static_cast<std::uint32_t>(carry));
    carry >>= 32;
  }
  if (carry) out.push_back(static_cast<std::uint32_t>(carry));
  return out;
}

// a = a * factor + more
void scale(Limbs& a, std::uint32_t factor, std::uint32_t more) {
  std::uint64_t carry = more;
  for (auto& limb : a) {
    carry += static_cast<std::uint64_t>(limb) * factor;
    limb = static_cast<std::uint32_t>(carry);
    carry >>= 32;
  }
  if (carry) a.push_back(static_cast<std::uint32_t>(carry));
}

// Divides in place; the remainder is given back.
std::uint32_t divide_small(Limbs& a, std::uint32_t by) {
  std::uint64_t rest = 0;
  for (std::size_t i = a.size(); i-- > 0;) {
    rest = rest << 32 | a[i];
    a[i] = static_cast<std::uint32_t>(rest / by);
    rest %= by;
  }
  trim(a);
  return static_cast<std::uint32_t>(rest);
}

// Knuth's algorithm D: quotient and remainder of magnitudes.
std::pair<Limbs, Limbs> divide_limbs(Limbs a, Limbs b) {
  if (compare(a, b) < 0) return {{}, std::move(a)};
  if (b.size() == 1) {
    Limbs rest{divide_small(a, b[0])};
    trim(rest);
    return {std::move(a), std::move(rest)};
  }
  charge(static_cast<std::int64_t>((a.size() - b.size() + 1) * b.size() / 16));
  const auto shift = static_cast<std::size_t>(std::countl_zero(b.back()));
  a = shifted_left(a, shift), b = shifted_left(b, shift);
  a.push_back(0);
  const std::size_t n = b.size(), m = a.size() - n;
  Limbs quotient(m, 0);
  for (std::size_t j = m; j-- > 0;) {
    const std::uint64_t top = static_cast<std::uint64_t>(a[j + n]) << 32 | a[j + n - 1];
    std::uint64_t guess = top / b[n - 1], rest = top % b[n - 1];
    while (guess >> 32 || guess * b[n - 2] > (rest << 32 | a[j + n - 2])) {
      --guess, rest += b[n - 1];
      if (rest >> 32) break;
    }
    std::int64_t borrow = 0;
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i <= n; ++i) {
      carry += i < n ? guess * b[i] : 0;
      const std::int64_t left = static_cast<std::int64_t>(a[i + j]) -
                                static_cast<std::int64_t>(carry & 0xffffffff) + borrow;
      a[i + j] = static_cast<std::uint32_t>(left);
      borrow = left < 0 ? -1 : 0;
      carry >>= 32;
    }
    if (borrow) {  // the guess was one too high
      --guess;
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i < n; ++i) {
        sum += static_cast<std::uint64_t>(a[i + j]) + b[i];
        a[i + j] = static_cast<std::uint32_t>(sum);
        sum >>= 32;
      }
      a[j + n] += static_cast<std::uint32_t>(sum);
    }
    quotient[j] = static_cast<std::uint32_t>(guess);
  }
  trim(quotient), trim(a);
  for (std::size_t i = 0; i < a.size(); ++i)  // the remainder, shifted back
    a[i] = static_cast<std::uint32_t>(
        (a[i] | (i + 1 < a.size() ? static_cast<std::uint64_t>(a[i + 1]) << 32 : 0)) >> shift);
  trim(a);
  return {std::move(quotient), std::move(a)};
}

BigInteger made(bool negative, Limbs limbs) {
  BigInteger out;
  out.limbs = std::move(limbs);
  out.negative = negative && !out.limbs.empty();
  return out;
}

// limbs * 2^exponent rounded to the nearest double, ties to even; `more`: a bit below is set.
double rounded(const Limbs& limbs, int exponent, bool more) {
  const auto bits = made(false, limbs).bits();
  std::uint64_t top = 0;
  for (std::int64_t i = 0; i < 64; ++i) {  // the highest 64 bits, then one that tells of the rest
    const std::int64_t at = bits - 1 - i;
    top = top << 1 | (at < 0 ? 0 : limbs[static_cast<std::size_t>(at / 32)] >> at % 32 & 1);
  }
  for (std::int64_t at = 0; at + 64 < bits && !more; ++at)
    more = limbs[static_cast<std::size_t>(at / 32)] >> at % 32 & 1;
  const std::uint64_t low = top & 0x7ff;
  std::uint64_t mantissa = top >> 11;
  if (low > 0x400 || (low == 0x400 && (more || (mantissa & 1)))) ++mantissa;
  return std::ldexp(static_cast<double>(mantissa), static_cast<int>(bits) - 53 + exponent);
}

}  // namespace

BigInteger BigInteger::of(std::int64_t value) {
  auto magnitude = static_cast<std::uint64_t>(value);
  if (value < 0) magnitude = ~magnitude + 1;
  Limbs limbs{static_cast<std::uint32_t>(magnitude), static_cast<std::uint32_t>(magnitude >> 32)};
  trim(limbs);
  return made(value < 0, std::move(limbs));
}

BigInteger BigInteger::of(const Value& integral) {
  return integral.is_big() ? integral.as<BigInteger>() : of(integral.integer());
}

BigInteger BigInteger::of(double whole) {
  int exponent = 0;
  const double fraction = std::frexp(std::abs(whole), &exponent);
  auto mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, 53));
  exponent -= 53;
  if (exponent < 0) mantissa >>= -exponent, exponent = 0;
  Limbs limbs{static_cast<std::uint32_t>(mantissa), static_cast<std::uint32_t>(mantissa >> 32)};
  trim(limbs);
  return made(whole < 0, shifted_left(limbs, static_cast<std::size_t>(exponent)));
}

std::optional<BigInteger> BigInteger::parse(std::string_view digits, int base) {
  const bool power_of_two = (base & (base - 1)) == 0;
  const bool too_long = static_cast<std::int64_t>(digits.size()) > kMostDecimalDigits;
  if (digits.empty() || (too_long && !power_of_two)) return std::nullopt;
  allow(digits.size() / 4);
  charge(static_cast<std::int64_t>(digits.size() / 8 * (1 + digits.size() / 256)));
  Limbs limbs;
  for (char c : digits) {
    const char* found = std::find(kDigits, kDigits + base, c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    if (found == kDigits + base) return std::nullopt;
    scale(limbs, static_cast<std::uint32_t>(base), static_cast<std::uint32_t>(found - kDigits));
  }
  trim(limbs);
  return made(false, std::move(limbs));
}

std::int64_t BigInteger::bits() const {
  return limbs.empty()
             ? 0
             : static_cast<std::int64_t>(limbs.size()) * 32 - std::countl_zero(limbs.back());
}

std::string BigInteger::digits(int base) const {
  if (limbs.empty()) return "0";
  if (base == 10 && static_cast<double>(bits()) * 0.30103 > kMostDecimalDigits + 1)
    fail(Errc::kBadData, "Exceeds the limit (", kMostDecimalDigits,
         " digits) for integer string conversion");
  charge(static_cast<std::int64_t>(limbs.size() * (1 + limbs.size() / 16)));
  std::string out;
  for (Limbs rest = limbs; !rest.empty();)
    out += kDigits[divide_small(rest, static_cast<std::uint32_t>(base))];
  std::reverse(out.begin(), out.end());
  if (base == 10 && static_cast<std::int64_t>(out.size()) > kMostDecimalDigits)
    fail(Errc::kBadData, "Exceeds the limit (", kMostDecimalDigits,
         " digits) for integer string conversion");
  return out;
}

double BigInteger::real() const {
  const double magnitude = limbs.empty() ? 0 : rounded(limbs, 0, false);
  return negative ? -magnitude : magnitude;
}

Value BigInteger::value() const {
  if (limbs.size() <= 2) {
    std::uint64_t magnitude = 0;
    for (std::size_t i = limbs.size(); i-- > 0;) magnitude = magnitude << 32 | limbs[i];
    if (magnitude <= static_cast<std::uint64_t>(INT64_MAX) + negative)
      return Value(static_cast<std::int64_t>(negative ? ~magnitude + 1 : magnitude));
  }
  return Value(Kind::kInt, std::make_shared<BigInteger>(*this));
}

std::strong_ordering operator<=>(const BigInteger& a, const BigInteger& b) {
  if (a.negative != b.negative) return b.negative <=> a.negative;
  return a.negative ? compare(b.limbs, a.limbs) : compare(a.limbs, b.limbs);
}

BigInteger operator-(BigInteger a) {
  a.negative = !a.negative && !a.zero();
  return a;
}

BigInteger operator+(const BigInteger& a, const BigInteger& b) {
  if (a.negative == b.negative) return made(a.negative, add(a.limbs, b.limbs));
  if (compare(a.limbs, b.limbs) >= 0) return made(a.negative, subtract(a.limbs, b.limbs));
  return made(b.negative, subtract(b.limbs, a.limbs));
}

BigInteger operator-(const BigInteger& a, const BigInteger& b) { return a + -b; }

BigInteger operator*(const BigInteger& a, const BigInteger& b) {
  allow(a.limbs.size() + b.limbs.size());
  charge(static_cast<std::int64_t>(a.limbs.size() * b.limbs.size() / 16));
  Limbs out(a.limbs.size() + b.limbs.size(), 0);
  for (std::size_t i = 0; i < a.limbs.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < b.limbs.size(); ++j) {
      carry += out[i + j] + static_cast<std::uint64_t>(a.limbs[i]) * b.limbs[j];
      out[i + j] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    out[i + b.limbs.size()] = static_cast<std::uint32_t>(carry);
  }
  trim(out);
  return made(a.negative != b.negative, std::move(out));
}

std::pair<BigInteger, BigInteger> divide(const BigInteger& a, const BigInteger& b) {
  if (b.zero()) fail(Errc::kBadData, "division by zero");
  auto [quotient, rest] = divide_limbs(a.limbs, b.limbs);
  BigInteger q = made(a.negative != b.negative, std::move(quotient)),
             r = made(a.negative, std::move(rest));
  if (!r.zero() && r.negative != b.negative) q = q - BigInteger::of(std::int64_t{1}), r = r + b;
  return {std::move(q), std::move(r)};
}

BigInteger power(const BigInteger& base, std::uint64_t exponent) {
  BigInteger result = BigInteger::of(std::int64_t{1}), square = base;
  for (; exponent > 0; exponent >>= 1) {
    charge(1);
    if (exponent & 1) result = result * square;
    if (exponent > 1) square = square * square;
  }
  return result;
}

double ratio(const BigInteger& a, const BigInteger& b) {
  if (b.zero()) fail(Errc::kBadData, "division by zero");
  if (a.zero()) return 0;
  // So that the quotient has 66 bits or more.
  const std::int64_t shift = std::max<std::int64_t>(0, 66 - (a.bits() - b.bits()));
  auto [quotient, rest] =
      divide_limbs(shifted_left(a.limbs, static_cast<std::size_t>(shift)), b.limbs);
  const double out = rounded(quotient, -static_cast<int>(shift), !rest.empty());
  if (std::isinf(out)) fail(Errc::kBadData, "integer division result too large for a float");
  return a.negative != b.negative ? -out : out;
}

std::string decimal(const Value& integral) {
  if (!integral.is_big()) return std::to_string(integral.integer());
  const auto& big = integral.as<BigInteger>();
  return (big.negative ? "-" : "") + big.digits();
}

std::partial_ordering compare_numbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) {
    if (a.is_big() || b.is_big()) return BigInteger::of(a) <=> BigInteger::of(b);
    return a.integer() <=> b.integer();
  }
  if (a.is(Kind::kFloat) && b.is(Kind::kFloat)) return a.real() <=> b.real();
  if (a.is(Kind::kFloat)) return 0 <=> compare_numbers(b, a);
  const double d = b.real();
  if (!std::isfinite(d)) return 0.0 <=> d;
  const double whole = std::trunc(d);
  const auto order = BigInteger::of(a) <=> BigInteger::of(whole);
  return order != 0 ? std::partial_ordering(order) : whole <=> d;
}

}  // namespace hft::jinja
