// Python's arithmetic, with integers of 64 bits: what does not fit is an error.
#include <cmath>

#include "core/templates/runtime.h"

namespace hft::jinja {
namespace {

constexpr std::string_view kSigns[] = {"+", "-", "*", "/", "//", "%", "**"};

[[noreturn]] void overflow() {
  fail(Errc::kBadData, "integer overflow: the result does not fit 64 bits");
}
[[noreturn]] void by_zero() { fail(Errc::kBadData, "division by zero"); }

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  if (b == 0) by_zero();
  if (b == -1) {
    if (a == INT64_MIN) overflow();
    return -a;
  }
  std::int64_t q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

std::int64_t modulo(std::int64_t a, std::int64_t b) {
  if (b == 0) by_zero();
  if (b == -1) return 0;
  std::int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

std::int64_t power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  while (exponent > 0) {
    if (exponent & 1)
      if (__builtin_mul_overflow(result, base, &result)) overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) overflow();
  }
  return result;
}

Value integers(Math op, std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  switch (op) {
    case Math::kAdd:
      if (__builtin_add_overflow(a, b, &out)) overflow();
      return out;
    case Math::kSub:
      if (__builtin_sub_overflow(a, b, &out)) overflow();
      return out;
    case Math::kMul:
      if (__builtin_mul_overflow(a, b, &out)) overflow();
      return out;
    case Math::kDiv:
      if (b == 0) by_zero();
      return static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b));
    case Math::kFloorDiv:
      return floor_div(a, b);
    case Math::kMod:
      return modulo(a, b);
    case Math::kPow:
      if (b >= 0) return power(a, b);
      if (a == 0) fail(Errc::kBadData, "0.0 cannot be raised to a negative power");
      return std::pow(static_cast<double>(a), static_cast<double>(b));
  }
  return {};
}

double real_modulo(double a, double b) {
  double r = std::fmod(a, b);
  if (r == 0) return std::copysign(0.0, b);
  return (r < 0) != (b < 0) ? r + b : r;
}

double real_floor_div(double a, double b) {
  double r = std::fmod(a, b);
  double q = (a - r) / b;
  if (r != 0 && (r < 0) != (b < 0)) q -= 1;
  if (q == 0) return std::copysign(0.0, a / b);
  double whole = std::floor(q);
  return q - whole > 0.5 ? whole + 1 : whole;
}

Value reals(Math op, double a, double b) {
  switch (op) {
    case Math::kAdd:
      return a + b;
    case Math::kSub:
      return a - b;
    case Math::kMul:
      return a * b;
    case Math::kDiv:
      if (b == 0) by_zero();
      return a / b;
    case Math::kFloorDiv:
      if (b == 0) by_zero();
      return real_floor_div(a, b);
    case Math::kMod:
      if (b == 0) by_zero();
      return real_modulo(a, b);
    case Math::kPow:
      break;
  }
  if (a == 0 && b < 0) fail(Errc::kBadData, "0.0 cannot be raised to a negative power");
  if (a < 0 && std::isfinite(b) && std::trunc(b) != b)
    fail(Errc::kBadData, "complex numbers are not supported");
  double out = std::pow(a, b);
  if (std::isinf(out) && std::isfinite(a) && std::isfinite(b))
    fail(Errc::kBadData, "the result is too large");
  return out;
}

Value repeat(const Value& what, std::int64_t times) {
  if (times < 0) times = 0;
  auto count = static_cast<std::uint64_t>(times);
  if (what.is(Kind::kString)) {
    const std::string& text = what.text();
    if (text.empty() || count == 0) return Value("");
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(text.size()), &bytes))
      bytes = UINT64_MAX;
    allow_text(bytes);
    std::string out;
    out.reserve(bytes);
    for (std::uint64_t i = 0; i < count; ++i) out += text;
    return Value(std::move(out));
  }
  const auto& items = what.items();
  std::uint64_t total = 0;
  if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(items.size()), &total) ||
      total > static_cast<std::uint64_t>(limits::kTemplateSteps))
    total = static_cast<std::uint64_t>(limits::kTemplateSteps) + 1;
  charge(static_cast<std::int64_t>(total));
  std::vector<Value> out;
  out.reserve(total);
  for (std::uint64_t i = 0; i < count && !items.empty(); ++i)
    out.insert(out.end(), items.begin(), items.end());
  return what.is(Kind::kList) ? Value::list(std::move(out)) : Value::tuple(std::move(out));
}

Value join(const Value& a, const Value& b) {
  if (a.is(Kind::kString)) {
    allow_text(a.text().size() + b.text().size());
    return Value(a.text() + b.text());
  }
  charge(static_cast<std::int64_t>(a.items().size() + b.items().size()));
  std::vector<Value> out;
  out.reserve(a.items().size() + b.items().size());
  out.insert(out.end(), a.items().begin(), a.items().end());
  out.insert(out.end(), b.items().begin(), b.items().end());
  return a.is(Kind::kList) ? Value::list(std::move(out)) : Value::tuple(std::move(out));
}

}  // namespace

Value math(Math op, const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return integers(op, a.integer(), b.integer());
  if (op == Math::kMod && a.is(Kind::kString)) return Value(percent_format(a.text(), b));
  need_defined(a);
  need_defined(b);
  if (a.is_number() && b.is_number()) return reals(op, a.real(), b.real());
  bool joins = a.kind() == b.kind() && (a.is(Kind::kString) || a.is_sequence());
  if (op == Math::kAdd && joins) return join(a, b);
  if (op == Math::kAdd && a.is(Kind::kString))
    fail(Errc::kBadData, "can only concatenate str (not \"", b.type_name(), "\") to str");
  auto repeats = [](const Value& v) { return v.is(Kind::kString) || v.is_sequence(); };
  if (op == Math::kMul && repeats(a) && b.is_integral()) return repeat(a, b.integer());
  if (op == Math::kMul && repeats(b) && a.is_integral()) return repeat(b, a.integer());
  fail(Errc::kBadData, "unsupported operand type(s) for ", kSigns[static_cast<int>(op)], ": '",
       a.type_name(), "' and '", b.type_name(), "'");
}

Value negate(const Value& a) {
  need_defined(a);
  if (a.is(Kind::kFloat)) return -a.real();
  if (!a.is_integral()) fail(Errc::kBadData, "bad operand type for unary -: '", a.type_name(), "'");
  if (a.integer() == INT64_MIN) overflow();
  return -a.integer();
}

Value positive(const Value& a) {
  need_defined(a);
  if (a.is(Kind::kFloat)) return a;
  if (!a.is_integral()) fail(Errc::kBadData, "bad operand type for unary +: '", a.type_name(), "'");
  return a.integer();
}

}  // namespace hft::jinja
