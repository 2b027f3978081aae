// The syntax tree of a source, as jinja2 3.1 (parser.py) reads it, with the tags of transformers:
// generation, break, continue. Templates of other files (import, include, extends) are refused.
#pragma once

#include <string_view>

#include "core/templates/ast.h"

namespace hft::jinja {

class Parser {
 public:
  explicit Parser(std::string_view source);
  // The whole template, its names bound to slots. Throws kBadData naming the line.
  Tree parse();

 private:
  using Ends = std::initializer_list<std::string_view>;

  // parser.cc: statements
  Block parse_block(Ends ends);
  Block parse_body(Ends ends);  // after the opening tag's words, up to one of the ends
  std::unique_ptr<Stmt> parse_statement();
  std::unique_ptr<Stmt> parse_output(ExprPtr expression, int line);
  std::unique_ptr<Stmt> parse_for();
  std::unique_ptr<Stmt> parse_if();
  std::unique_ptr<Stmt> parse_set();
  std::unique_ptr<Stmt> parse_macro();
  std::unique_ptr<Stmt> parse_call_block();
  std::unique_ptr<Stmt> parse_generation();
  std::unique_ptr<Stmt> parse_filter_block();
  std::unique_ptr<Stmt> parse_with();
  std::unique_ptr<Stmt> parse_autoescape();
  std::unique_ptr<Stmt> parse_named_block();
  std::unique_ptr<Stmt> parse_jump(StmtKind kind);
  void parse_signature(MacroBody& macro);
  void parse_macro_body(MacroBody& macro, std::string_view end);
  Target parse_target(bool with_namespace, std::string_view end_word);
  Target parse_one_target(bool with_namespace);
  void note_store(const std::string& name);

  // expressions.cc
  ExprPtr parse_tuple(bool with_condition, bool parenthesised, std::string_view end_word = {});
  ExprPtr parse_expression();
  ExprPtr parse_logical(bool is_or);
  ExprPtr parse_not();
  ExprPtr parse_compare();
  bool parse_compare_operator(CompareOp& op);
  ExprPtr parse_math(int level);
  ExprPtr parse_concat();
  static bool is_constant(const ExprPtr& node, bool with_filters);
  ExprPtr parse_unary(bool with_filter);
  ExprPtr parse_primary();
  ExprPtr parse_name();
  ExprPtr parse_text();
  ExprPtr parse_list();
  ExprPtr parse_dict();
  void parse_postfix(ExprPtr& node);
  void parse_filters(ExprPtr& node);
  void parse_subscript(PostfixExpr& node);
  void parse_subscripted(PostfixExpr& node);
  CallArgs parse_call_args();
  void parse_filter(PostfixExpr& node);
  void parse_test(PostfixExpr& node);
  static PostfixExpr& postfix(ExprPtr& node);

  // tokens
  const Token& look();
  Token take();
  bool at(Tok type) const { return current_.type == type; }
  bool at_word(std::string_view word) const { return at(Tok::kName) && current_.text == word; }
  bool skip(Tok type);
  bool skip_word(std::string_view word);
  Token expect(Tok type, std::string_view what);
  void expect_word(std::string_view word);
  bool at_tuple_end(std::string_view end_word) const;
  [[noreturn]] void unexpected(std::string_view wanted) const;

  // Counts how deeply the source is nested while it lives.
  struct Deeper {
    explicit Deeper(Parser& parser);
    ~Deeper() { --parser.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    Parser& parser;
  };
  // A macro being parsed: which of the special names its body reads before it stores them.
  struct Special {
    MacroBody* macro;
    bool caller = true, kwargs = true, varargs = true;
  };

  Lexer lexer_;
  Token current_, ahead_;
  bool has_ahead_ = false;
  int depth_ = 0;
  int loops_ = 0;      // for statements around here
  int breakable_ = 0;  // those a break may leave: none across a macro
  bool soft_ = false;  // inside if: unknown filters are an error only when reached
  std::vector<std::pair<int, std::string>> unknown_;  // those met elsewhere: line, message
  Escaping escaping_ = Escaping::kNo;
  Escaping known_ =
      Escaping::kNo;  // as escaping_, of the last autoescape whose value is written out
  std::vector<Special> macros_;
  std::map<std::string, const MacroBody*> blocks_;
};

// Binds every name of the tree to its slot, as jinja2's idtracking.py does.
void bind_names(Tree& tree);

bool known_filter(std::string_view name);
bool known_test(std::string_view name);

}  // namespace hft::jinja
