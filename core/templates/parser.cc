#include "core/templates/parser.h"

#include "core/base/limits.h"

namespace hft::jinja {
namespace {

constexpr std::size_t kParameters = 256;

template <class T>
std::unique_ptr<T> make(StmtKind kind, int line) {
  return std::make_unique<T>(kind, line);
}

std::string_view describe(Tok type) {
  switch (type) {
    case Tok::kEnd:
      return "the end of the template";
    case Tok::kData:
      return "text";
    case Tok::kBlockBegin:
      return "begin of a statement";
    case Tok::kBlockEnd:
      return "end of the statement";
    case Tok::kVariableBegin:
      return "begin of an expression";
    case Tok::kVariableEnd:
      return "end of the expression";
    case Tok::kInteger:
    case Tok::kFloat:
      return "a number";
    case Tok::kString:
      return "a string";
    default:
      return "";
  }
}

}  // namespace

Parser::Parser(std::string_view source) : lexer_(source) { current_ = lexer_.next(); }

Parser::Deeper::Deeper(Parser& parser) : parser(parser) {
  if (++parser.depth_ > limits::kTemplateNesting) {
    --parser.depth_;
    syntax_error(parser.current_.line,
                 "nested deeper than " + std::to_string(limits::kTemplateNesting));
  }
}

const Token& Parser::look() {
  if (!has_ahead_) ahead_ = lexer_.next(), has_ahead_ = true;
  return ahead_;
}

Token Parser::take() {
  Token taken = std::move(current_);
  current_ = has_ahead_ ? std::move(ahead_) : lexer_.next();
  has_ahead_ = false;
  return taken;
}

bool Parser::skip(Tok type) {
  if (!at(type)) return false;
  take();
  return true;
}

bool Parser::skip_word(std::string_view word) {
  if (!at_word(word)) return false;
  take();
  return true;
}

void Parser::unexpected(std::string_view wanted) const {
  std::string got(describe(current_.type));
  if (got.empty()) got = "'" + current_.text.substr(0, 40) + "'";
  for (char& c : got)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  syntax_error(current_.line, "unexpected " + got + ", wanted " + std::string(wanted));
}

Token Parser::expect(Tok type, std::string_view what) {
  if (!at(type)) unexpected(what);
  return take();
}

void Parser::expect_word(std::string_view word) {
  if (!at_word(word)) unexpected("'" + std::string(word) + "'");
  take();
}

Tree Parser::parse() {
  Tree tree;
  tree.body = parse_block({});
  if (!unknown_.empty()) syntax_error(unknown_[0].first, unknown_[0].second);
  tree.blocks = std::move(blocks_);
  bind_names(tree);
  return tree;
}

// Statements up to a tag that begins with one of the ends, which is left as the current token.
Block Parser::parse_block(Ends ends) {
  Deeper deeper(*this);
  Block block;
  while (!at(Tok::kEnd)) {
    if (at(Tok::kData)) {
      auto output = make<OutputStmt>(StmtKind::kOutput, current_.line);
      output->text = take().text;
      block.push_back(std::move(output));
    } else if (at(Tok::kVariableBegin)) {
      take();
      int line = current_.line;
      block.push_back(parse_output(parse_tuple(true, false), line));
      expect(Tok::kVariableEnd, "'}}'");
    } else {
      expect(Tok::kBlockBegin, "a tag");
      for (std::string_view end : ends)
        if (at_word(end)) return block;
      if (auto statement = parse_statement()) block.push_back(std::move(statement));
      expect(Tok::kBlockEnd, "'%}'");
    }
  }
  if (ends.size() > 0)
    syntax_error(current_.line,
                 "unexpected end of the template, wanted '" + std::string(*ends.begin()) + "'");
  return block;
}

Block Parser::parse_body(Ends ends) {
  skip(Tok::kColon);
  expect(Tok::kBlockEnd, "'%}'");
  return parse_block(ends);
}

std::unique_ptr<Stmt> Parser::parse_statement() {
  if (!at(Tok::kName)) unexpected("the name of a tag");
  const std::string& tag = current_.text;
  if (tag == "for") return parse_for();
  if (tag == "if") return parse_if();
  if (tag == "set") return parse_set();
  if (tag == "macro") return parse_macro();
  if (tag == "call") return parse_call_block();
  if (tag == "generation") return parse_generation();
  if (tag == "filter") return parse_filter_block();
  if (tag == "with") return parse_with();
  if (tag == "autoescape") return parse_autoescape();
  if (tag == "block") return parse_named_block();
  if (tag == "break") return parse_jump(StmtKind::kBreak);
  if (tag == "continue") return parse_jump(StmtKind::kContinue);
  if (tag == "print") {
    take();
    int line = current_.line;
    return parse_output(parse_expression(), line);
  }
  for (std::string_view other : {"import", "include", "extends", "from"})
    if (tag == other)
      syntax_error(current_.line, "'" + tag + "' reads another template, which is not allowed");
  syntax_error(current_.line, "unknown tag '" + tag.substr(0, 40) + "'");
}

// What is constant is printed when the template is read, so only a known autoescape matters.
std::unique_ptr<Stmt> Parser::parse_output(ExprPtr expression, int line) {
  auto output = make<OutputStmt>(StmtKind::kOutput, line);
  output->escaping = is_constant(expression, false) ? known_ : escaping_;
  output->expression = std::move(expression);
  return output;
}

std::unique_ptr<Stmt> Parser::parse_for() {
  auto node = make<ForStmt>(StmtKind::kFor, take().line);
  ++loops_;
  node->target = parse_target(false, "in");
  expect_word("in");
  node->iterable = parse_tuple(false, false, "recursive");
  if (skip_word("if")) node->test = parse_expression();
  node->recursive = skip_word("recursive");
  node->escaping = escaping_;
  bool soft = std::exchange(soft_, false);
  ++breakable_;
  node->body = parse_body({"endfor", "else"});
  --breakable_;
  if (take().text == "else") {
    node->otherwise = parse_body({"endfor"});
    take();
  }
  --loops_;
  soft_ = soft;
  return node;
}

std::unique_ptr<Stmt> Parser::parse_if() {
  auto node = make<IfStmt>(StmtKind::kIf, take().line);
  bool soft = std::exchange(soft_, true);
  while (true) {
    ExprPtr test = parse_tuple(false, false);
    Block body = parse_body({"endif", "elif", "else"});
    node->branches.emplace_back(std::move(test), std::move(body));
    std::string word = take().text;
    if (word == "elif") continue;
    if (word == "else") {
      node->otherwise = parse_body({"endif"});
      take();
    }
    break;
  }
  soft_ = soft;
  return node;
}

std::unique_ptr<Stmt> Parser::parse_set() {
  int line = take().line;
  Target target = parse_target(true, {});
  if (skip(Tok::kAssign)) {
    auto node = make<SetStmt>(StmtKind::kSet, line);
    node->target = std::move(target);
    node->value = parse_tuple(true, false);
    return node;
  }
  auto node = make<SetStmt>(StmtKind::kSetBlock, line);
  node->target = std::move(target);
  node->escaping = escaping_;
  bool soft = std::exchange(soft_, false);
  if (at(Tok::kPipe)) {
    auto filters = std::make_unique<PostfixExpr>(line);
    while (skip(Tok::kPipe)) parse_filter(*filters);
    node->value = std::move(filters);
  }
  node->body = parse_body({"endset"});
  soft_ = soft;
  take();
  return node;
}

void Parser::note_store(const std::string& name) {
  for (Special& special : macros_) {
    if (name == "caller") special.caller = false;
    if (name == "kwargs") special.kwargs = false;
    if (name == "varargs") special.varargs = false;
  }
}

void Parser::parse_signature(MacroBody& macro) {
  expect(Tok::kLParen, "'('");
  while (!at(Tok::kRParen)) {
    if (!macro.parameters.empty()) expect(Tok::kComma, "','");
    if (macro.parameters.size() == kParameters) syntax_error(current_.line, "too many parameters");
    macro.parameters.push_back(expect(Tok::kName, "the name of a parameter").text);
    note_store(macro.parameters.back());
    if (skip(Tok::kAssign)) {
      macro.defaults.push_back(parse_expression());
    } else if (!macro.defaults.empty()) {
      syntax_error(current_.line, "a parameter without default follows one with default");
    }
  }
  take();
}

// The body of a macro or call block, up to and with its end tag.
void Parser::parse_macro_body(MacroBody& macro, std::string_view end) {
  macros_.push_back({&macro});
  int breakable = std::exchange(breakable_, 0);
  bool soft = std::exchange(soft_, false);
  macro.body = parse_body({end});
  soft_ = soft;
  breakable_ = breakable;
  macros_.pop_back();
  take();
  for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
    const std::string& name = macro.parameters[i];
    bool defaulted = i + macro.defaults.size() >= macro.parameters.size();
    if (name == "caller" && macro.uses_caller && !defaulted)
      syntax_error(current_.line, "the parameter 'caller' must have a default");
    if (name == "kwargs") macro.uses_kwargs = false;
    if (name == "varargs") macro.uses_varargs = false;
  }
}

std::unique_ptr<Stmt> Parser::parse_macro() {
  auto node = make<MacroStmt>(StmtKind::kMacro, take().line);
  node->macro.name = expect(Tok::kName, "the name of the macro").text;
  parse_signature(node->macro);
  parse_macro_body(node->macro, "endmacro");
  return node;
}

std::unique_ptr<Stmt> Parser::parse_call_block() {
  auto node = make<CallStmt>(StmtKind::kCall, take().line);
  if (at(Tok::kLParen)) parse_signature(node->macro);
  node->call = parse_expression();
  bool is_call = node->call->kind == ExprKind::kPostfix &&
                 static_cast<PostfixExpr&>(*node->call).suffixes.back().kind == Suffix::kCall;
  if (!is_call) syntax_error(node->line, "expected a call");
  parse_macro_body(node->macro, "endcall");
  return node;
}

std::unique_ptr<Stmt> Parser::parse_generation() {
  auto node = make<CallStmt>(StmtKind::kGeneration, take().line);
  parse_macro_body(node->macro, "endgeneration");
  return node;
}

std::unique_ptr<Stmt> Parser::parse_filter_block() {
  auto node = make<FilterStmt>(StmtKind::kFilter, take().line);
  node->escaping = escaping_;
  bool soft = std::exchange(soft_, false);
  auto filters = std::make_unique<PostfixExpr>(node->line);
  do parse_filter(*filters);
  while (skip(Tok::kPipe));
  node->filter = std::move(filters);
  node->body = parse_body({"endfilter"});
  soft_ = soft;
  take();
  return node;
}

std::unique_ptr<Stmt> Parser::parse_with() {
  auto node = make<ScopeStmt>(StmtKind::kWith, take().line);
  while (!at(Tok::kBlockEnd)) {
    if (!node->targets.empty()) expect(Tok::kComma, "','");
    node->targets.push_back(parse_target(false, {}));
    expect(Tok::kAssign, "'='");
    node->values.push_back(parse_expression());
  }
  bool soft = std::exchange(soft_, false);
  node->body = parse_body({"endwith"});
  soft_ = soft;
  take();
  return node;
}

std::unique_ptr<Stmt> Parser::parse_autoescape() {
  auto node = make<ScopeStmt>(StmtKind::kAutoescape, take().line);
  bool soft = std::exchange(soft_, false);
  node->autoescape = parse_expression();
  const Escaping around = escaping_, known = known_;
  if (node->autoescape->kind != ExprKind::kConst)
    escaping_ = Escaping::kAsked;
  else
    known_ = static_cast<const ConstExpr&>(*node->autoescape).value.truthy() ? Escaping::kYes
                                                                             : Escaping::kNo;
  if (escaping_ != Escaping::kAsked) escaping_ = known_;
  node->body = parse_body({"endautoescape"});
  escaping_ = around, known_ = known;
  soft_ = soft;
  take();
  return node;
}

// A scoped block sees the variables around it, so it is what it holds where it stands.
std::unique_ptr<Stmt> Parser::parse_named_block() {
  int line = take().line;
  std::string name = expect(Tok::kName, "the name of the block").text;
  bool scoped = skip_word("scoped");
  skip_word("required");
  if (!blocks_.emplace(name, nullptr).second)
    syntax_error(line, "block '" + name.substr(0, 40) + "' defined twice");
  auto macros = std::exchange(macros_, {});
  const int breakable = std::exchange(breakable_, 0), loops = std::exchange(loops_, 0);
  const bool soft = std::exchange(soft_, false);
  const Escaping escaping = std::exchange(escaping_, Escaping::kNo),
                 known = std::exchange(known_, Escaping::kNo);
  Block body = parse_body({"endblock"});
  macros_ = std::move(macros), breakable_ = breakable, loops_ = loops, soft_ = soft;
  escaping_ = escaping, known_ = known;
  take();
  skip_word(name);
  if (scoped) {
    auto node = make<ScopeStmt>(StmtKind::kScope, line);
    node->body = std::move(body);
    return node;
  }
  auto node = make<BlockStmt>(StmtKind::kBlock, line);
  node->body.name = name;
  node->body.body = std::move(body);
  blocks_[name] = &node->body;
  return node;
}

std::unique_ptr<Stmt> Parser::parse_jump(StmtKind kind) {
  if (breakable_ == 0) syntax_error(current_.line, "'" + current_.text + "' outside of a loop");
  return make<JumpStmt>(kind, take().line);
}

Target Parser::parse_one_target(bool with_namespace) {
  Target target;
  target.line = current_.line;
  if (skip(Tok::kLParen)) {
    Deeper deeper(*this);
    target.kind = Target::kTuple;
    bool comma = false;
    while (!at(Tok::kRParen)) {
      if (!target.parts.empty()) expect(Tok::kComma, "','"), comma = true;
      if (at(Tok::kRParen)) break;
      target.parts.push_back(parse_one_target(false));
    }
    take();
    if (target.parts.size() == 1 && !comma) return std::move(target.parts[0]);
    return target;
  }
  target.name = expect(Tok::kName, "a name to assign to").text;
  for (std::string_view constant : {"true", "false", "none", "True", "False", "None"})
    if (target.name == constant) syntax_error(target.line, "can't assign to '" + target.name + "'");
  if (with_namespace && skip(Tok::kDot)) {
    target.kind = Target::kAttribute;
    target.attribute = expect(Tok::kName, "the name of an attribute").text;
    return target;
  }
  if (target.name == "loop" && loops_ > 0)
    syntax_error(target.line, "can't assign to the special name 'loop' in a loop");
  note_store(target.name);
  return target;
}

Target Parser::parse_target(bool with_namespace, std::string_view end_word) {
  Target first = parse_one_target(with_namespace);
  if (!at(Tok::kComma)) return first;
  Target tuple;
  tuple.kind = Target::kTuple;
  tuple.line = first.line;
  tuple.parts.push_back(std::move(first));
  while (skip(Tok::kComma)) {
    if (at_tuple_end(end_word) || at(Tok::kAssign)) break;
    tuple.parts.push_back(parse_one_target(with_namespace));
  }
  return tuple;
}

}  // namespace hft::jinja
