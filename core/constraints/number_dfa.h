// Automata of JSON numbers within limits, compared digit by digit: no value is rounded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/constraints/dfa.h"

namespace hft {

// A decimal number, exactly.
struct Decimal {
  bool negative = false;
  std::string whole, fraction;  // digits; without leading, and without ending zeros
  bool zero() const { return whole.empty() && fraction.empty(); }
};
Decimal decimal_of(const Json& number);
int compare(const Decimal& a, const Decimal& b);  // below 0, 0, above 0

struct NumberLimits {
  bool integer = false;
  std::optional<Decimal> least, most;
  bool above_least = false, below_most = false;  // the ends themselves are left out
  std::vector<Decimal> multiple_of;              // each above 0
};

// The numbers within the limits. Without limits numbers may have exponents; where values count they
// are written out.
Dfa dfa_of_numbers(const NumberLimits& limits);

}  // namespace hft
