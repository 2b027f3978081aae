// Python's arithmetic.
#include <cmath>

#include "core/templates/big_integer.h"
#include "core/templates/runtime.h"

namespace hft::jinja {
namespace {

constexpr std::string_view kSigns[] = {"+", "-", "*", "/", "//", "%", "**"};

[[noreturn]] void by_zero() { fail(Errc::kBadData, "division by zero"); }

Value power_of(const Value& a, const Value& b) {
  const BigInteger base = BigInteger::of(a), exponent = BigInteger::of(b);
  if (exponent.negative) {
    if (base.zero()) fail(Errc::kBadData, "0.0 cannot be raised to a negative power");
    return std::pow(a.real(), b.real());
  }
  if (base.bits() <= 1) {  // 0, 1 and -1, to any power
    if (exponent.zero()) return 1;
    const bool odd = exponent.limbs[0] & 1;
    return base.zero() ? Value(0) : Value(base.negative && odd ? -1 : 1);
  }
  return power(base, b.is_big() ? UINT64_MAX : static_cast<std::uint64_t>(b.integer())).value();
}

Value big_integers(Math op, const Value& a, const Value& b) {
  if (op == Math::kPow) return power_of(a, b);
  const BigInteger x = BigInteger::of(a), y = BigInteger::of(b);
  switch (op) {
    case Math::kAdd:
      return (x + y).value();
    case Math::kSub:
      return (x - y).value();
    case Math::kMul:
      return (x * y).value();
    case Math::kDiv:
      return ratio(x, y);
    case Math::kFloorDiv:
      return divide(x, y).first.value();
    default:
      return divide(x, y).second.value();
  }
}

Value integers(Math op, const Value& left, const Value& right) {
  if (left.is_big() || right.is_big() || op == Math::kPow) return big_integers(op, left, right);
  const std::int64_t a = left.integer(), b = right.integer();
  std::int64_t out = 0;
  switch (op) {
    case Math::kAdd:
      if (!__builtin_add_overflow(a, b, &out)) return out;
      break;
    case Math::kSub:
      if (!__builtin_sub_overflow(a, b, &out)) return out;
      break;
    case Math::kMul:
      if (!__builtin_mul_overflow(a, b, &out)) return out;
      break;
    case Math::kDiv:
    case Math::kFloorDiv:
    case Math::kMod: {
      constexpr std::int64_t kExact = std::int64_t{1} << 53;
      const bool exact = -kExact <= a && a <= kExact && -kExact <= b && b <= kExact;
      if (b == 0) by_zero();
      if (!exact) break;
      if (op == Math::kDiv) return static_cast<double>(a) / static_cast<double>(b);
      const bool down = a % b != 0 && (a < 0) != (b < 0);
      return op == Math::kFloorDiv ? a / b - down : a % b + (down ? b : 0);
    }
    default:
      break;
  }
  return big_integers(op, left, right);
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
    if (text.empty() || count == 0) return like(what, "");
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(text.size()), &bytes))
      bytes = UINT64_MAX;
    allow_text(bytes);
    std::string out;
    out.reserve(bytes);
    for (std::uint64_t i = 0; i < count; ++i) out += text;
    return like(what, std::move(out));
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
  if (a.is(Kind::kString) && (a.is_markup() || b.is_markup())) {
    const Value left = escape(a), right = escape(b);
    allow_text(left.text().size() + right.text().size());
    return Value::markup(left.text() + right.text());
  }
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
  if (a.is_integral() && b.is_integral()) return integers(op, a, b);
  if (op == Math::kMod && a.is(Kind::kString))
    return like(a, percent_format(a.text(), b, a.is_markup()));
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
  return (-BigInteger::of(a)).value();
}

Value positive(const Value& a) {
  need_defined(a);
  if (a.is(Kind::kFloat)) return a;
  if (!a.is_integral()) fail(Errc::kBadData, "bad operand type for unary +: '", a.type_name(), "'");
  return a.is_big() ? a : Value(a.integer());
}

}  // namespace hft::jinja
