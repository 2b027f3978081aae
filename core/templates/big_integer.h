// Integers of any length, as Python has them: what a value of 64 bits cannot hold.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/templates/value.h"

namespace hft::jinja {

// Sign and magnitude in limbs of 32 bits, the least first; none of the last is 0. Zero has no limb.
// Work is charged to the budget; a result beyond limits::kIntegerBits throws kBadData.
struct BigInteger : Object {
  bool negative = false;
  std::vector<std::uint32_t> limbs;

  static BigInteger of(const Value& integral);  // kInt, kBool
  static BigInteger of(std::int64_t value);
  static BigInteger of(double whole);  // a finite number without fraction
  // Digits of base 2 to 36 without a sign; nothing for any other character, and for more than the
  // 4300 that Python takes where the base is no power of two.
  static std::optional<BigInteger> parse(std::string_view digits, int base);

  bool zero() const { return limbs.empty(); }
  std::int64_t bits() const;
  // Digits without the sign. Throws kBadData for a decimal of more than 4300.
  std::string digits(int base = 10) const;
  // The nearest; infinite when it is beyond a double.
  double real() const;
  Value value() const;  // of 64 bits where they suffice
};

std::strong_ordering operator<=>(const BigInteger& a, const BigInteger& b);
inline bool operator==(const BigInteger& a, const BigInteger& b) { return (a <=> b) == 0; }
BigInteger operator-(BigInteger a);
BigInteger operator+(const BigInteger& a, const BigInteger& b);
BigInteger operator-(const BigInteger& a, const BigInteger& b);
BigInteger operator*(const BigInteger& a, const BigInteger& b);
// Quotient rounded down, and the remainder, which has the sign of b. Throws kBadData for b = 0.
std::pair<BigInteger, BigInteger> divide(const BigInteger& a, const BigInteger& b);
BigInteger power(const BigInteger& base, std::uint64_t exponent);
// The double nearest to a / b.
double ratio(const BigInteger& a, const BigInteger& b);

// Decimal digits of an integer of any length, with its sign.
std::string decimal(const Value& integral);
// a <=> b of numbers of any kind, exactly; unordered with NaN.
std::partial_ordering compare_numbers(const Value& a, const Value& b);

}  // namespace hft::jinja
