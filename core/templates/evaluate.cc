// The interpreter's expressions.
#include <algorithm>

#include "core/templates/interpreter.h"
#include "core/templates/print.h"

namespace hft::jinja {

namespace {

Math math_of(Tok op) {
  switch (op) {
    case Tok::kAdd:
      return Math::kAdd;
    case Tok::kSub:
      return Math::kSub;
    case Tok::kMul:
      return Math::kMul;
    case Tok::kDiv:
      return Math::kDiv;
    case Tok::kFloorDiv:
      return Math::kFloorDiv;
    case Tok::kMod:
      return Math::kMod;
    default:
      return Math::kPow;
  }
}

}  // namespace

Value Interpreter::evaluate(const Expr& node) {
  charge(1);
  switch (node.kind) {
    case ExprKind::kConst:
      return static_cast<const ConstExpr&>(node).value;
    case ExprKind::kName:
      return evaluate_name(static_cast<const NameExpr&>(node));
    default:
      break;
  }
  line_ = node.line;
  auto& list = static_cast<const ListExpr&>(node);
  switch (node.kind) {
    case ExprKind::kTuple:
      return Value::tuple(evaluate_all(list.items));
    case ExprKind::kList:
      return Value::list(evaluate_all(list.items));
    case ExprKind::kDict:
      return evaluate_dict(list);
    case ExprKind::kMath:
      return evaluate_chain(static_cast<const ChainExpr&>(node));
    case ExprKind::kCompare:
      return evaluate_compare(static_cast<const ChainExpr&>(node));
    case ExprKind::kConcat:
      return evaluate_concat(list);
    case ExprKind::kAnd:
    case ExprKind::kOr: {
      Value value;
      for (const auto& item : list.items) {
        value = evaluate(*item);
        if (value.truthy() == (node.kind == ExprKind::kOr)) break;
      }
      return value;
    }
    case ExprKind::kNot:
      return !evaluate(*list.items[0]).truthy();
    case ExprKind::kNegative:
      return negate(evaluate(*list.items[0]));
    case ExprKind::kPositive:
      return positive(evaluate(*list.items[0]));
    case ExprKind::kCondition:
      return evaluate_condition(list);
    default:
      return evaluate_postfix(static_cast<const PostfixExpr&>(node));
  }
}

Value Interpreter::evaluate_name(const NameExpr& node) {
  const Value& value = slot(node.slot);
  if (!value.is(Kind::kMissing)) return value;
  line_ = node.line;
  return Value::undefined("'" + node.name + "' is undefined");
}

std::vector<Value> Interpreter::evaluate_all(const std::vector<ExprPtr>& items) {
  std::vector<Value> values;
  values.reserve(items.size());
  for (const auto& item : items) values.push_back(evaluate(*item));
  return values;
}

Value Interpreter::evaluate_dict(const ListExpr& node) {
  auto dict = std::make_shared<Dict>();
  for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
    Value key = evaluate(*node.items[i]);
    Value value = evaluate(*node.items[i + 1]);
    if (!hashable(key)) fail(Errc::kBadData, "unhashable type: '", key.type_name(), "'");
    dict->set(std::move(key), std::move(value));
  }
  return make_dict(std::move(dict));
}

Value Interpreter::evaluate_chain(const ChainExpr& node) {
  Value value = evaluate(*node.first);
  for (const auto& link : node.links) {
    Value operand = evaluate(*link.operand);
    line_ = node.line;
    charge(1);
    value = math(math_of(link.math), value, operand);
  }
  return value;
}

bool Interpreter::evaluate_compare(const ChainExpr& node) {
  Value left = evaluate(*node.first);
  for (const auto& link : node.links) {
    Value right = evaluate(*link.operand);
    line_ = node.line;
    if (!compare(link.compare, left, right)) return false;
    left = std::move(right);
  }
  return true;
}

bool Interpreter::compare(CompareOp op, const Value& a, const Value& b) {
  switch (op) {
    case CompareOp::kEq:
      return equal(a, b);
    case CompareOp::kNe:
      return !equal(a, b);
    case CompareOp::kLt:
      return less(a, b, "<");
    case CompareOp::kGt:
      return less(b, a, ">");
    case CompareOp::kLe:
      return less(a, b, "<=") || equal(a, b);
    case CompareOp::kGe:
      return less(b, a, ">=") || equal(a, b);
    case CompareOp::kIn:
      return contains(*this, b, a);
    case CompareOp::kNotIn:
      return !contains(*this, b, a);
  }
  return false;
}

Value Interpreter::evaluate_concat(const ListExpr& node) {
  const std::vector<Value> items = evaluate_all(node.items);
  const bool markup =
      node.escaping == Escaping::kYes &&
      std::any_of(items.begin(), items.end(), [](auto& v) { return v.is_markup(); });
  std::string text;
  for (const Value& item : items) {
    text += markup ? escape(item).text() : str(item);
    allow_text(text.size());
  }
  return made(std::move(text), markup);
}

Value Interpreter::evaluate_condition(const ListExpr& node) {
  Level level(*this);
  if (evaluate(*node.items[0]).truthy()) return evaluate(*node.items[1]);
  if (node.items[2]) return evaluate(*node.items[2]);
  return Value::undefined("the inline if-expression on line " + std::to_string(node.line) +
                          " evaluated to false and no else section was defined.");
}

Value Interpreter::evaluate_postfix(const PostfixExpr& node, const Value* base,
                                    const Value* caller) {
  Level level(*this);
  Value value = base ? *base : evaluate(*node.base);
  for (std::size_t i = 0; i < node.suffixes.size(); ++i) {
    charge(1);
    value = apply(node.suffixes[i], value, i + 1 == node.suffixes.size() ? caller : nullptr);
  }
  return value;
}

Value Interpreter::apply(const Suffix& suffix, const Value& value, const Value* caller) {
  switch (suffix.kind) {
    case Suffix::kAttribute:
      line_ = suffix.line;
      return get_attribute(*this, value, suffix.name);
    case Suffix::kItem: {
      Value key = evaluate(*suffix.parts[0]);
      line_ = suffix.line;
      return get_item(*this, value, key);
    }
    case Suffix::kSlice: {
      Value parts[3];
      for (int i = 0; i < 3; ++i)
        if (suffix.parts[i]) parts[i] = evaluate(*suffix.parts[i]);
      line_ = suffix.line;
      return get_slice(value, parts[0], parts[1], parts[2]);
    }
    case Suffix::kCall: {
      Args args = arguments(suffix.args);
      if (caller) args.named.emplace_back("caller", *caller);
      line_ = suffix.line;
      return call(value, std::move(args));
    }
    case Suffix::kFilter: {
      Args args = arguments(suffix.args);
      line_ = suffix.line;
      Builtin filter = find_filter(suffix.name);
      if (!filter) fail(Errc::kBadData, "no filter named '", suffix.name, "'");
      return filter(*this, value, args);
    }
    case Suffix::kTest: {
      Args args = arguments(suffix.args);
      line_ = suffix.line;
      Test test = find_test(suffix.name);
      if (!test) fail(Errc::kBadData, "no test named '", suffix.name, "'");
      return test(*this, value, args) != suffix.negated;
    }
  }
  return {};
}

Args Interpreter::arguments(const CallArgs& args) {
  Args made;
  made.positional = evaluate_all(args.positional);
  if (args.starred)
    for (Value& value : to_vector(*this, evaluate(*args.starred)))
      made.positional.push_back(std::move(value));
  for (const auto& [name, expression] : args.named)
    made.named.emplace_back(name, evaluate(*expression));
  if (!args.double_starred) return made;
  Value more = evaluate(*args.double_starred);
  if (!more.is(Kind::kDict))
    fail(Errc::kBadData, "argument after ** must be a mapping, not ", more.type_name());
  for (const auto& entry : more.as<Dict>().entries()) {
    if (!entry.key.is(Kind::kString)) fail(Errc::kBadData, "keywords must be strings");
    charge(1 + static_cast<std::int64_t>(made.named.size()));
    for (const auto& other : made.named)
      if (other.first == entry.key.text())
        fail(Errc::kBadData, "got multiple values for keyword argument '", other.first, "'");
    made.named.emplace_back(entry.key.text(), entry.value);
  }
  return made;
}

}  // namespace hft::jinja
