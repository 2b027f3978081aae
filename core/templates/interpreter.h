// Walks a tree and writes its text.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/templates/ast.h"
#include "core/templates/runtime.h"

namespace hft::jinja {

// The variables of one running function. What a macro outlives is empty.
struct Activation {
  std::vector<Value> slots;
  std::shared_ptr<Activation> parent;
};
struct Macro : Object {
  const MacroBody* body = nullptr;
  std::shared_ptr<Activation> closure;
};

// The variable 'loop'. Emptied when its loop ends.
struct Loop : Object {
  std::shared_ptr<Iterator> source;
  std::int64_t index0 = -1, depth0 = 0;
  std::optional<std::int64_t> length;
  std::optional<Value> after;  // read ahead
  Value current = Value::missing(), before = Value::missing(), changed = Value::missing();
  const ForStmt* recursive = nullptr;
  std::shared_ptr<Activation> closure;  // recursive: where the loop stands

  bool next(Runtime& runtime, Value& out);
  bool peek(Runtime& runtime);
  std::int64_t count(Runtime& runtime);
  void close();
};
// loop.name, nothing when there is none.
std::optional<Value> loop_attribute(Runtime& runtime, const Value& loop, std::string_view name);

class Interpreter : public Runtime {
 public:
  // variables: a dict value. Keep tree and variables alive while it runs.
  Interpreter(const Tree& tree, const Dict& variables) : tree_(tree), variables_(variables) {}
  ~Interpreter() override;

  std::string render();
  int line() const { return line_; }
  // The generation blocks' character ranges of the text.
  const std::vector<std::pair<std::int64_t, std::int64_t>>& generated() const { return generated_; }

  Value call(const Value& callee, Args args) override;

 private:
  friend class TestedItems;
  enum class Flow { kOn, kBreak, kContinue };
  struct Running;  // a function that runs, while it lives
  struct Capture;  // output caught in a string, while it lives
  // One level of recursion, whatever recurs, while it lives.
  struct Level {
    explicit Level(Interpreter& in) : in(in) {
      if (in.level_ >= kLevels) fail(Errc::kBadData, "recursion limit (", kLevels, ") reached");
      ++in.level_;
    }
    ~Level() { --in.level_; }
    Level(const Level&) = delete;
    Interpreter& in;
  };
  static constexpr int kLevels = 1500;

  // interpreter.cc: statements
  Flow run(const Block& block);
  Flow run(const Stmt& statement);
  void run_output(const OutputStmt& node);
  Flow run_if(const IfStmt& node);
  void run_for(const ForStmt& node);
  void run_loop(const ForStmt& node, const Value& iterable, std::int64_t depth0,
                std::shared_ptr<Activation> closure);
  std::string run_recursive(const ForStmt& node, const Value& iterable, std::int64_t depth0,
                            std::shared_ptr<Activation> closure);
  void run_call(const CallStmt& node);
  void run_generation(const CallStmt& node);
  Flow run_filter(const FilterStmt& node);
  Flow run_set_block(const SetStmt& node);
  Flow run_scope(const ScopeStmt& node);
  Flow run_autoescape(const ScopeStmt& node);
  void run_named_block(const BlockStmt& node);
  Value blocks();
  Value context(const std::string& name);
  bool escapes(Escaping escaping) const {
    return escaping == Escaping::kYes || (escaping == Escaping::kAsked && autoescape);
  }
  // Text that a part of the template made.
  static Value made(std::string text, bool markup) {
    return markup ? Value::markup(std::move(text)) : Value(std::move(text));
  }
  std::string call_macro(const Macro& macro, Args args);
  std::vector<Value> bind_macro(const Macro& macro, Args& args);
  Value make_macro(const MacroBody& body);
  void enter(const Loads& loads);
  Value& slot(const Slot& slot);
  void assign(const Target& target, const Value& value);
  void write(std::string_view text);

  // evaluate.cc: expressions
  Value evaluate(const Expr& node);
  Value evaluate_name(const NameExpr& node);
  Value evaluate_dict(const ListExpr& node);
  Value evaluate_chain(const ChainExpr& node);
  bool evaluate_compare(const ChainExpr& node);
  bool compare(CompareOp op, const Value& a, const Value& b);
  Value evaluate_concat(const ListExpr& node);
  Value evaluate_condition(const ListExpr& node);
  Value evaluate_postfix(const PostfixExpr& node, const Value* base = nullptr,
                         const Value* caller = nullptr);
  Value apply(const Suffix& suffix, const Value& value, const Value* caller);
  Args arguments(const CallArgs& args);
  std::vector<Value> evaluate_all(const std::vector<ExprPtr>& items);

  const Tree& tree_;
  const Dict& variables_;
  std::shared_ptr<Activation> active_, root_;  // the running function, the template
  std::string* out_ = nullptr;
  std::string text_;
  std::vector<std::pair<std::int64_t, std::int64_t>> generated_;
  int line_ = 1;
  int level_ = 0;  // of recursion in this program
  int calls_ = 0;  // of macros and recursive loops
};

}  // namespace hft::jinja
