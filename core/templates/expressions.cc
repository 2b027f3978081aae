// The parser's expressions: jinja2's precedence, chains kept flat.
#include <algorithm>

#include "core/templates/parser.h"

namespace hft::jinja {
namespace {

std::unique_ptr<ListExpr> make_list(ExprKind kind, int line, ExprPtr first = nullptr) {
  auto made = std::make_unique<ListExpr>(kind, line);
  if (first) made->items.push_back(std::move(first));
  return made;
}

constexpr std::size_t kNamedArgs = 256;

// The operators of each level, weakest first; the concatenation '~' lies between 0 and 1.
bool math_level(Tok type, int level) {
  if (level == 0) return type == Tok::kAdd || type == Tok::kSub;
  if (level == 1)
    return type == Tok::kMul || type == Tok::kDiv || type == Tok::kFloorDiv || type == Tok::kMod;
  return type == Tok::kPow;
}

}  // namespace

bool Parser::at_tuple_end(std::string_view end_word) const {
  return at(Tok::kVariableEnd) || at(Tok::kBlockEnd) || at(Tok::kRParen) ||
         (!end_word.empty() && at_word(end_word));
}

ExprPtr Parser::parse_tuple(bool with_condition, bool parenthesised, std::string_view end_word) {
  int line = current_.line;
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  while (true) {
    if (!items.empty()) expect(Tok::kComma, "','");
    if (at_tuple_end(end_word)) break;
    Deeper deeper(*this);
    items.push_back(with_condition ? parse_expression() : parse_logical(true));
    if (!at(Tok::kComma)) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (!is_tuple && !parenthesised) unexpected("an expression");
  auto tuple = make_list(ExprKind::kTuple, line);
  tuple->items = std::move(items);
  return tuple;
}

ExprPtr Parser::parse_expression() {
  Deeper deeper(*this);
  const std::size_t unknown = unknown_.size();
  ExprPtr node = parse_logical(true);
  while (at_word("if")) {
    unknown_.resize(unknown);  // of a branch that may not be taken
    auto condition = make_list(ExprKind::kCondition, take().line);
    bool soft = std::exchange(soft_, true);
    condition->items.push_back(parse_logical(true));
    condition->items.push_back(std::move(node));
    condition->items.push_back(skip_word("else") ? parse_expression() : nullptr);
    soft_ = soft;
    node = std::move(condition);
  }
  return node;
}

ExprPtr Parser::parse_logical(bool is_or) {
  auto operand = [&] { return is_or ? parse_logical(false) : parse_not(); };
  std::string_view word = is_or ? "or" : "and";
  ExprPtr first = operand();
  if (!at_word(word)) return first;
  int line = first->line;
  auto chain = make_list(is_or ? ExprKind::kOr : ExprKind::kAnd, line, std::move(first));
  while (skip_word(word)) chain->items.push_back(operand());
  return chain;
}

ExprPtr Parser::parse_not() {
  if (!at_word("not")) return parse_compare();
  Deeper deeper(*this);
  int line = take().line;
  return make_list(ExprKind::kNot, line, parse_not());
}

bool Parser::parse_compare_operator(CompareOp& op) {
  switch (current_.type) {
    case Tok::kEq:
      op = CompareOp::kEq;
      break;
    case Tok::kNe:
      op = CompareOp::kNe;
      break;
    case Tok::kLt:
      op = CompareOp::kLt;
      break;
    case Tok::kLe:
      op = CompareOp::kLe;
      break;
    case Tok::kGt:
      op = CompareOp::kGt;
      break;
    case Tok::kGe:
      op = CompareOp::kGe;
      break;
    default:
      if (at_word("in")) {
        op = CompareOp::kIn;
        break;
      }
      if (!at_word("not") || look().type != Tok::kName || look().text != "in") return false;
      take();
      op = CompareOp::kNotIn;
  }
  take();
  return true;
}

ExprPtr Parser::parse_compare() {
  ExprPtr first = parse_math(0);
  CompareOp op;
  if (!parse_compare_operator(op)) return first;
  auto chain = std::make_unique<ChainExpr>(ExprKind::kCompare, first->line);
  chain->first = std::move(first);
  do chain->links.push_back({Tok::kEnd, op, parse_math(0)});
  while (parse_compare_operator(op));
  return chain;
}

ExprPtr Parser::parse_math(int level) {
  auto operand = [&] {
    return level == 0 ? parse_concat() : level == 1 ? parse_math(2) : parse_unary(true);
  };
  ExprPtr first = operand();
  if (!math_level(current_.type, level)) return first;
  auto chain = std::make_unique<ChainExpr>(ExprKind::kMath, first->line);
  chain->first = std::move(first);
  while (math_level(current_.type, level)) {
    Tok op = take().type;
    chain->links.push_back({op, CompareOp::kEq, operand()});
  }
  return chain;
}

ExprPtr Parser::parse_concat() {
  ExprPtr first = parse_math(1);
  if (!at(Tok::kTilde)) return first;
  int line = first->line;
  auto chain = make_list(ExprKind::kConcat, line, std::move(first));
  while (skip(Tok::kTilde)) chain->items.push_back(parse_math(1));
  // jinja2 makes one plain text of constants, however they are marked.
  const bool constant = std::all_of(chain->items.begin(), chain->items.end(),
                                    [](const ExprPtr& item) { return is_constant(item, true); });
  if (!constant) chain->escaping = escaping_;
  return chain;
}

// What jinja2 works out when it reads a template; filters and tests where autoescape is known.
bool Parser::is_constant(const ExprPtr& node, bool with_filters) {
  if (!node) return true;
  const auto all = [&](const auto& items) {
    return std::all_of(std::begin(items), std::end(items),
                       [&](const ExprPtr& item) { return is_constant(item, with_filters); });
  };
  switch (node->kind) {
    case ExprKind::kConst:
      return true;
    case ExprKind::kName:
      return false;
    case ExprKind::kMath:
    case ExprKind::kCompare: {
      auto& chain = static_cast<const ChainExpr&>(*node);
      return is_constant(chain.first, with_filters) &&
             std::all_of(chain.links.begin(), chain.links.end(),
                         [&](const auto& link) { return is_constant(link.operand, with_filters); });
    }
    case ExprKind::kPostfix: {
      auto& postfix = static_cast<const PostfixExpr&>(*node);
      return postfix.base && is_constant(postfix.base, with_filters) &&
             std::all_of(postfix.suffixes.begin(), postfix.suffixes.end(), [&](const Suffix& s) {
               const bool applies = s.kind == Suffix::kFilter || s.kind == Suffix::kTest;
               return s.kind != Suffix::kCall && (with_filters || !applies) && all(s.parts) &&
                      all(s.args.positional) && s.args.named.empty();
             });
    }
    default:
      return all(static_cast<const ListExpr&>(*node).items);
  }
}

ExprPtr Parser::parse_unary(bool with_filter) {
  ExprPtr node;
  if (at(Tok::kSub) || at(Tok::kAdd)) {
    Deeper deeper(*this);
    Token sign = take();
    node = make_list(sign.type == Tok::kSub ? ExprKind::kNegative : ExprKind::kPositive, sign.line,
                     parse_unary(false));
  } else {
    node = parse_primary();
  }
  parse_postfix(node);
  if (with_filter) parse_filters(node);
  return node;
}

ExprPtr Parser::parse_primary() {
  int line = current_.line;
  switch (current_.type) {
    case Tok::kName:
      return parse_name();
    case Tok::kString:
      return parse_text();
    case Tok::kInteger:
      return std::make_unique<ConstExpr>(line, take().integer);
    case Tok::kFloat:
      return std::make_unique<ConstExpr>(line, Value(take().real));
    case Tok::kLBracket:
      return parse_list();
    case Tok::kLBrace:
      return parse_dict();
    case Tok::kLParen: {
      take();
      ExprPtr inner = parse_tuple(true, true);
      expect(Tok::kRParen, "')'");
      return inner;
    }
    default:
      unexpected("an expression");
  }
}

ExprPtr Parser::parse_name() {
  Token token = take();
  const std::string& name = token.text;
  if (name == "true" || name == "True") return std::make_unique<ConstExpr>(token.line, Value(true));
  if (name == "false" || name == "False")
    return std::make_unique<ConstExpr>(token.line, Value(false));
  if (name == "none" || name == "None") return std::make_unique<ConstExpr>(token.line, Value());
  for (Special& special : macros_) {
    if (name == "caller" && special.caller) special.macro->uses_caller = true;
    if (name == "kwargs" && special.kwargs) special.macro->uses_kwargs = true;
    if (name == "varargs" && special.varargs) special.macro->uses_varargs = true;
  }
  return std::make_unique<NameExpr>(token.line, name);
}

ExprPtr Parser::parse_text() {
  Token first = take();
  while (at(Tok::kString)) first.text += take().text;
  return std::make_unique<ConstExpr>(first.line, Value(std::move(first.text)));
}

ExprPtr Parser::parse_list() {
  auto list = make_list(ExprKind::kList, take().line);
  while (!at(Tok::kRBracket)) {
    if (!list->items.empty()) expect(Tok::kComma, "','");
    if (at(Tok::kRBracket)) break;
    list->items.push_back(parse_expression());
  }
  take();
  return list;
}

ExprPtr Parser::parse_dict() {
  auto dict = make_list(ExprKind::kDict, take().line);
  while (!at(Tok::kRBrace)) {
    if (!dict->items.empty()) expect(Tok::kComma, "','");
    if (at(Tok::kRBrace)) break;
    dict->items.push_back(parse_expression());
    expect(Tok::kColon, "':'");
    dict->items.push_back(parse_expression());
  }
  take();
  return dict;
}

// The node as the base of suffixes; one that has suffixes already takes more.
PostfixExpr& Parser::postfix(ExprPtr& node) {
  if (node->kind != ExprKind::kPostfix) {
    auto made = std::make_unique<PostfixExpr>(node->line);
    made->base = std::move(node);
    node = std::move(made);
  }
  return static_cast<PostfixExpr&>(*node);
}

void Parser::parse_postfix(ExprPtr& node) {
  while (true) {
    if (at(Tok::kDot) || at(Tok::kLBracket)) {
      parse_subscript(postfix(node));
    } else if (at(Tok::kLParen)) {
      Suffix call(Suffix::kCall, current_.line);
      call.args = parse_call_args();
      postfix(node).suffixes.push_back(std::move(call));
    } else {
      return;
    }
  }
}

void Parser::parse_filters(ExprPtr& node) {
  while (true) {
    if (skip(Tok::kPipe)) {
      parse_filter(postfix(node));
    } else if (at_word("is")) {
      parse_test(postfix(node));
    } else if (at(Tok::kLParen)) {
      Suffix call(Suffix::kCall, current_.line);
      call.args = parse_call_args();
      postfix(node).suffixes.push_back(std::move(call));
    } else {
      return;
    }
  }
}

void Parser::parse_subscript(PostfixExpr& node) {
  Token token = take();
  if (token.type == Tok::kLBracket) return parse_subscripted(node);
  Suffix suffix(Suffix::kAttribute, token.line);
  if (at(Tok::kName)) {
    suffix.name = take().text;
  } else {
    Token index = expect(Tok::kInteger, "a name or a number");
    suffix.kind = Suffix::kItem;
    suffix.parts[0] = std::make_unique<ConstExpr>(index.line, index.integer);
  }
  node.suffixes.push_back(std::move(suffix));
}

// a[key], a[start:stop:step] or a[key, key …], after the bracket.
void Parser::parse_subscripted(PostfixExpr& node) {
  Suffix suffix(Suffix::kItem, current_.line);
  if (!at(Tok::kColon)) suffix.parts[0] = parse_expression();
  if (skip(Tok::kColon)) {
    suffix.kind = Suffix::kSlice;
    for (int part = 1; part <= 2; ++part) {
      if (!at(Tok::kRBracket) && !at(Tok::kColon)) suffix.parts[part] = parse_expression();
      if (part == 1 && !skip(Tok::kColon)) break;
    }
  } else if (at(Tok::kComma)) {
    auto keys = make_list(ExprKind::kTuple, suffix.line, std::move(suffix.parts[0]));
    while (skip(Tok::kComma)) keys->items.push_back(parse_expression());
    suffix.parts[0] = std::move(keys);
  }
  expect(Tok::kRBracket, "']'");
  node.suffixes.push_back(std::move(suffix));
}

CallArgs Parser::parse_call_args() {
  int line = expect(Tok::kLParen, "'('").line;
  CallArgs args;
  bool first = true;
  auto ensure = [&](bool holds) {
    if (!holds) syntax_error(line, "arguments of a call are out of order");
  };
  while (!at(Tok::kRParen)) {
    if (!first) {
      expect(Tok::kComma, "',' or ')'");
      if (at(Tok::kRParen)) break;
    }
    first = false;
    if (skip(Tok::kMul)) {
      ensure(!args.starred && !args.double_starred);
      args.starred = parse_expression();
    } else if (skip(Tok::kPow)) {
      ensure(!args.double_starred);
      args.double_starred = parse_expression();
    } else if (at(Tok::kName) && look().type == Tok::kAssign) {
      ensure(!args.double_starred);
      std::string name = take().text;
      take();
      if (args.named.size() == kNamedArgs) syntax_error(line, "too many keyword arguments");
      for (const auto& other : args.named)
        if (other.first == name) syntax_error(line, "keyword argument repeated: " + name);
      args.named.emplace_back(std::move(name), parse_expression());
    } else {
      ensure(!args.starred && !args.double_starred && args.named.empty());
      args.positional.push_back(parse_expression());
    }
  }
  take();
  return args;
}

// A filter's name and arguments, after the pipe.
void Parser::parse_filter(PostfixExpr& node) {
  Token token = expect(Tok::kName, "the name of a filter");
  Suffix suffix(Suffix::kFilter, token.line);
  suffix.name = token.text;
  while (skip(Tok::kDot)) suffix.name += "." + expect(Tok::kName, "a name").text;
  if (!soft_ && !known_filter(suffix.name))
    unknown_.emplace_back(token.line, "no filter named '" + suffix.name + "'");
  if (at(Tok::kLParen)) suffix.args = parse_call_args();
  node.suffixes.push_back(std::move(suffix));
}

void Parser::parse_test(PostfixExpr& node) {
  Suffix suffix(Suffix::kTest, take().line);
  suffix.negated = skip_word("not");
  suffix.name = expect(Tok::kName, "the name of a test").text;
  while (skip(Tok::kDot)) suffix.name += "." + expect(Tok::kName, "a name").text;
  if (!soft_ && !known_test(suffix.name))
    unknown_.emplace_back(suffix.line, "no test named '" + suffix.name + "'");
  bool operand = at(Tok::kName) || at(Tok::kString) || at(Tok::kInteger) || at(Tok::kFloat) ||
                 at(Tok::kLBracket) || at(Tok::kLBrace);
  if (at(Tok::kLParen)) {
    suffix.args = parse_call_args();
  } else if (operand && !at_word("else") && !at_word("or") && !at_word("and")) {
    if (at_word("is")) syntax_error(current_.line, "tests cannot be chained with 'is'");
    Deeper deeper(*this);
    ExprPtr argument = parse_primary();
    parse_postfix(argument);
    suffix.args.positional.push_back(std::move(argument));
  }
  node.suffixes.push_back(std::move(suffix));
}

}  // namespace hft::jinja
