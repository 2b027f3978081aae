// The syntax tree of a template. Chains (a + b + c, a.b[c] | d) are flat, so the tree is no deeper
// than the source is nested.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/templates/lexer.h"
#include "core/templates/value.h"

namespace hft::jinja {

// Where a name lives: `up` functions out from the running one, its slot there.
struct Slot {
  int up = 0;
  int index = -1;
};

// Whether what is printed is escaped: no, yes (in {% autoescape true %}), or as it turns out when
// it runs (in {% autoescape EXPRESSION %}).
enum class Escaping : std::uint8_t { kNo, kYes, kAsked };

enum class ExprKind : std::uint8_t {
  kConst,
  kName,
  kTuple,
  kList,
  kDict,
  kMath,
  kConcat,
  kCompare,
  kAnd,
  kOr,
  kNot,
  kNegative,
  kPositive,
  kCondition,
  kPostfix,
};
struct Expr {
  Expr(ExprKind kind, int line) : kind(kind), line(line) {}
  virtual ~Expr() = default;
  ExprKind kind;
  int line;
};
using ExprPtr = std::unique_ptr<Expr>;

struct ConstExpr : Expr {
  ConstExpr(int line, Value value) : Expr(ExprKind::kConst, line), value(std::move(value)) {}
  Value value;
};
struct NameExpr : Expr {
  NameExpr(int line, std::string name) : Expr(ExprKind::kName, line), name(std::move(name)) {}
  std::string name;
  Slot slot;
};
// kTuple, kList, kConcat, kAnd, kOr; kDict (key, value, key, value …); kNot, kNegative, kPositive
// (one); kCondition (test, then, else or nullptr).
struct ListExpr : Expr {
  using Expr::Expr;
  Escaping escaping = Escaping::kNo;  // kConcat
  std::vector<ExprPtr> items;
};
enum class CompareOp : std::uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn };
// first, then (operator, operand) from left to right: kMath, kCompare.
struct ChainExpr : Expr {
  using Expr::Expr;
  struct Link {
    Tok math;
    CompareOp compare;
    ExprPtr operand;
  };
  ExprPtr first;
  std::vector<Link> links;
};
struct CallArgs {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr starred, double_starred;
};
struct Suffix {
  enum Kind { kAttribute, kItem, kSlice, kCall, kFilter, kTest };
  Suffix(Kind kind, int line) : kind(kind), line(line) {}
  Kind kind;
  int line;
  bool negated = false;  // kTest: is not
  std::string name;      // kAttribute, kFilter, kTest
  ExprPtr parts[3];      // kItem: key; kSlice: start, stop, step
  CallArgs args;         // kCall, kFilter, kTest
};
struct PostfixExpr : Expr {
  PostfixExpr(int line) : Expr(ExprKind::kPostfix, line) {}
  ExprPtr base;  // nullptr in a filter block: its text
  std::vector<Suffix> suffixes;
};

// What entering a scope does to a slot of it before anything runs.
struct Load {
  enum Kind { kContext, kAlias, kMissing } kind;
  int slot;
  std::string name;  // kContext
  Slot from;         // kAlias
};
using Loads = std::vector<Load>;

// What is assigned to: a name, an attribute of a namespace, or several of them.
struct Target {
  enum Kind { kName, kAttribute, kTuple } kind = kName;
  int line = 1;
  std::string name, attribute;
  Slot slot;
  std::vector<Target> parts;
};

enum class StmtKind : std::uint8_t {
  kOutput,
  kFor,
  kIf,
  kMacro,
  kCall,
  kFilter,
  kSet,
  kSetBlock,
  kWith,
  kScope,
  kAutoescape,
  kBlock,
  kGeneration,
  kBreak,
  kContinue,
};
struct Stmt {
  Stmt(StmtKind kind, int line) : kind(kind), line(line) {}
  virtual ~Stmt() = default;
  StmtKind kind;
  int line;
};
using Block = std::vector<std::unique_ptr<Stmt>>;

struct OutputStmt : Stmt {
  using Stmt::Stmt;
  std::string text;  // printed when there is no expression
  Escaping escaping = Escaping::kNo;
  ExprPtr expression;
};
struct ForStmt : Stmt {
  using Stmt::Stmt;
  Target target, test_target;
  ExprPtr iterable, test;
  bool recursive = false;
  Escaping escaping = Escaping::kNo;  // of the text of a recursive loop
  Block body, otherwise;
  Slot loop;
  int slots = 0;  // of the function a recursive loop is
  Loads body_loads, test_loads, else_loads;
};
struct IfStmt : Stmt {
  using Stmt::Stmt;
  std::vector<std::pair<ExprPtr, Block>> branches;
  Block otherwise;
};
// A macro's parameters and body: a function with slots of its own.
struct MacroBody {
  std::string name;  // "" of a call block
  std::vector<std::string> parameters;
  std::vector<ExprPtr> defaults;  // of the last parameters
  std::vector<int> parameter_slots;
  bool uses_caller = false, uses_kwargs = false, uses_varargs = false;
  int caller_slot = -1, kwargs_slot = -1, varargs_slot = -1;
  Block body;
  int slots = 0;
  Loads loads;
};
struct MacroStmt : Stmt {
  using Stmt::Stmt;
  MacroBody macro;
  Slot slot;
};
struct CallStmt : Stmt {  // kCall, and kGeneration without a call
  using Stmt::Stmt;
  MacroBody macro;
  ExprPtr call;
};
struct FilterStmt : Stmt {
  using Stmt::Stmt;
  ExprPtr filter;
  Escaping escaping = Escaping::kNo;
  Block body;
  Loads loads;
};
struct SetStmt : Stmt {  // kSet, kSetBlock
  using Stmt::Stmt;
  Target target;
  ExprPtr value;  // kSetBlock: the filter, or nullptr
  Escaping escaping = Escaping::kNo;
  Block body;
  Loads loads;
};
struct ScopeStmt : Stmt {  // kWith, kScope, kAutoescape
  using Stmt::Stmt;
  std::vector<Target> targets;
  std::vector<ExprPtr> values;
  ExprPtr autoescape;
  Block body;
  Loads loads;
};
// A block: a function without parameters that sees the variables of the template alone.
struct BlockStmt : Stmt {
  using Stmt::Stmt;
  MacroBody body;
};
struct JumpStmt : Stmt {
  using Stmt::Stmt;
};

struct Tree {
  Block body;
  std::map<std::string, const MacroBody*> blocks;  // by name; the scoped ones are null
  int slots = 0;
  Loads loads;
};

}  // namespace hft::jinja
