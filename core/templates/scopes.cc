// Which variable each name means, decided once: scopes are those of jinja2's idtracking.py. A name
// set in a loop, macro or block lives there; reading it before, or where it was never set, falls
// back to the scope around or to the variables given to the template.
#include <unordered_map>
#include <unordered_set>

#include "core/templates/parser.h"

namespace hft::jinja {
namespace {

// The slots of one function (the template, a macro, a recursive loop).
struct Frame {
  int slots = 0;
  int level = 0;
};

struct Scope {
  Scope(Scope* parent, Frame* frame) : parent(parent), frame(frame) {}

  struct Found {
    Scope* scope;
    int slot;
  };
  Found find(const std::string& name) {
    for (Scope* scope = this; scope; scope = scope->parent)
      if (auto it = scope->names.find(name); it != scope->names.end()) return {scope, it->second};
    return {nullptr, -1};
  }
  Slot slot_of(const Found& found) const {
    return {frame->level - found.scope->frame->level, found.slot};
  }

  int define(const std::string& name) {
    names[name] = frame->slots;
    return frame->slots++;
  }
  int parameter(const std::string& name) {
    auto it = names.find(name);
    return it != names.end() ? it->second : define(name);
  }
  void load(const std::string& name) {
    Found found = find(name);
    if (found.scope && (!block || found.scope == this)) return;
    int slot = define(name);
    if (found.scope)
      loads.push_back({Load::kAlias, slot, name, slot_of(found)});
    else
      loads.push_back({Load::kContext, slot, name, {}});
  }
  // straight: not inside an if, so what is read before can only be missing.
  void store(const std::string& name, bool straight) {
    if (names.contains(name)) return;
    Found outer = parent ? parent->find(name) : Found{nullptr, -1};
    int slot = define(name);
    if (outer.scope)
      loads.push_back({Load::kAlias, slot, {}, slot_of(outer)});
    else if (straight)
      loads.push_back({Load::kMissing, slot, {}, {}});
    else
      loads.push_back({Load::kContext, slot, name, {}});
  }

  Scope* parent;
  Frame* frame;
  bool block = false;  // of a block: what the template has not set yet is as it was given
  std::unordered_map<std::string, int> names;
  Loads loads;
};

// Calls name(NameExpr&) for every name an expression reads, from left to right.
template <class F>
void each_name(const ExprPtr& expression, F&& name) {
  if (!expression) return;
  switch (expression->kind) {
    case ExprKind::kConst:
      return;
    case ExprKind::kName:
      return name(static_cast<NameExpr&>(*expression));
    case ExprKind::kMath:
    case ExprKind::kCompare: {
      auto& chain = static_cast<ChainExpr&>(*expression);
      each_name(chain.first, name);
      for (auto& link : chain.links) each_name(link.operand, name);
      return;
    }
    case ExprKind::kPostfix: {
      auto& node = static_cast<PostfixExpr&>(*expression);
      each_name(node.base, name);
      for (auto& suffix : node.suffixes) {
        for (auto& part : suffix.parts) each_name(part, name);
        for (auto& argument : suffix.args.positional) each_name(argument, name);
        for (auto& argument : suffix.args.named) each_name(argument.second, name);
        each_name(suffix.args.starred, name);
        each_name(suffix.args.double_starred, name);
      }
      return;
    }
    default:
      for (auto& item : static_cast<ListExpr&>(*expression).items) each_name(item, name);
  }
}

// First pass over a scope's own statements: which names it defines.
class Definer {
 public:
  explicit Definer(Scope& scope) : scope_(scope) {}

  void reads(const ExprPtr& expression) {
    each_name(expression, [&](NameExpr& name) { scope_.load(name.name); });
  }
  void stores(const Target& target) {
    if (target.kind == Target::kName) scope_.store(target.name, ifs_ == 0);
    if (target.kind == Target::kAttribute) scope_.load(target.name);
    for (const Target& part : target.parts) stores(part);
  }
  void parameters(const Target& target) {
    if (target.kind == Target::kName) scope_.parameter(target.name);
    for (const Target& part : target.parts) parameters(part);
  }
  void block(const Block& block) {
    for (const auto& statement : block) this->statement(*statement);
  }

 private:
  void statement(const Stmt& statement) {
    switch (statement.kind) {
      case StmtKind::kOutput:
        return reads(static_cast<const OutputStmt&>(statement).expression);
      case StmtKind::kFor:
        return reads(static_cast<const ForStmt&>(statement).iterable);
      case StmtKind::kMacro:
        return scope_.store(static_cast<const MacroStmt&>(statement).macro.name, ifs_ == 0);
      case StmtKind::kCall:
        return reads(static_cast<const CallStmt&>(statement).call);
      case StmtKind::kFilter:
        return reads(static_cast<const FilterStmt&>(statement).filter);
      case StmtKind::kSet:
        reads(static_cast<const SetStmt&>(statement).value);
        [[fallthrough]];
      case StmtKind::kSetBlock:
        return stores(static_cast<const SetStmt&>(statement).target);
      case StmtKind::kWith:
        for (auto& value : static_cast<const ScopeStmt&>(statement).values) reads(value);
        return;
      case StmtKind::kIf: {
        auto& node = static_cast<const IfStmt&>(statement);
        reads(node.branches[0].first);  // the first test is read in any case
        ++ifs_;
        for (std::size_t i = 0; i < node.branches.size(); ++i) {
          if (i > 0) reads(node.branches[i].first);
          block(node.branches[i].second);
        }
        block(node.otherwise);
        --ifs_;
        return;
      }
      default:
        return;
    }
  }

  Scope& scope_;
  int ifs_ = 0;
};

// Second pass: gives every name its slot, opening the scopes inside.
class Binder {
 public:
  explicit Binder(Scope& scope) : scope_(scope) {}

  void block(Block& block) {
    for (auto& statement : block) this->statement(*statement);
  }
  void reads(const ExprPtr& expression) {
    each_name(expression, [&](NameExpr& name) { name.slot = slot(name.name); });
  }
  void targets(Target& target) {
    if (target.kind != Target::kTuple) target.slot = slot(target.name);
    for (Target& part : target.parts) targets(part);
  }

 private:
  Slot slot(const std::string& name) {
    auto found = scope_.find(name);
    if (!found.scope) {
      scope_.load(name);
      found = scope_.find(name);
    }
    return scope_.slot_of(found);
  }

  void statement(Stmt& statement) {
    switch (statement.kind) {
      case StmtKind::kOutput:
        return reads(static_cast<OutputStmt&>(statement).expression);
      case StmtKind::kFor:
        return for_statement(static_cast<ForStmt&>(statement));
      case StmtKind::kIf: {
        auto& node = static_cast<IfStmt&>(statement);
        for (auto& [test, body] : node.branches) reads(test), block(body);
        return block(node.otherwise);
      }
      case StmtKind::kMacro: {
        auto& node = static_cast<MacroStmt&>(statement);
        macro(node.macro);
        node.slot = slot(node.macro.name);
        return;
      }
      case StmtKind::kCall:
      case StmtKind::kGeneration: {
        auto& node = static_cast<CallStmt&>(statement);
        macro(node.macro);
        return reads(node.call);
      }
      case StmtKind::kFilter: {
        auto& node = static_cast<FilterStmt&>(statement);
        return inner(
            node.loads, node.body, [&](Definer& d) { d.reads(node.filter); },
            [&](Binder& b) { b.reads(node.filter); });
      }
      case StmtKind::kSet: {
        auto& node = static_cast<SetStmt&>(statement);
        reads(node.value);
        return targets(node.target);
      }
      case StmtKind::kSetBlock: {
        auto& node = static_cast<SetStmt&>(statement);
        inner(
            node.loads, node.body, [&](Definer& d) { d.reads(node.value); },
            [&](Binder& b) { b.reads(node.value); });
        return targets(node.target);
      }
      case StmtKind::kBlock: {
        Scope* root = &scope_;
        while (root->parent) root = root->parent;
        return function(static_cast<BlockStmt&>(statement).body, *root, true);
      }
      case StmtKind::kWith:
      case StmtKind::kScope:
      case StmtKind::kAutoescape: {
        auto& node = static_cast<ScopeStmt&>(statement);
        reads(node.autoescape);
        for (auto& value : node.values) reads(value);
        return inner(
            node.loads, node.body,
            [&](Definer& d) {
              for (auto& target : node.targets) d.parameters(target);
            },
            [&](Binder& b) {
              for (auto& target : node.targets) b.targets(target);
            });
      }
      default:
        return;
    }
  }

  template <class Before, class After>
  void inner(Loads& loads, Block& body, Before&& before, After&& after) {
    Scope scope(&scope_, scope_.frame);
    Definer definer(scope);
    before(definer);
    definer.block(body);
    Binder binder(scope);
    after(binder);
    binder.block(body);
    loads = std::move(scope.loads);
  }

  void for_statement(ForStmt& node) {
    reads(node.iterable);
    Frame own{0, scope_.frame->level + 1};
    Frame* frame = node.recursive ? &own : scope_.frame;
    if (node.test) {
      Scope scope(&scope_, frame);
      Definer definer(scope);
      definer.parameters(node.target);
      definer.reads(node.test);
      Binder binder(scope);
      node.test_target = node.target;
      binder.targets(node.test_target);
      binder.reads(node.test);
      node.test_loads = std::move(scope.loads);
    }
    Scope scope(&scope_, frame);
    node.loop = {0, scope.parameter("loop")};
    Definer definer(scope);
    definer.parameters(node.target);
    definer.block(node.body);
    Binder binder(scope);
    binder.targets(node.target);
    binder.block(node.body);
    node.body_loads = std::move(scope.loads);
    Scope otherwise(&scope_, frame);
    Definer(otherwise).block(node.otherwise);
    Binder(otherwise).block(node.otherwise);
    node.else_loads = std::move(otherwise.loads);
    node.slots = own.slots;
  }

  void macro(MacroBody& macro) { function(macro, scope_, false); }

  void function(MacroBody& macro, Scope& around, bool block) {
    Frame frame{0, around.frame->level + 1};
    Scope scope(&around, &frame);
    scope.block = block;
    for (const auto& name : macro.parameters)
      macro.parameter_slots.push_back(scope.parameter(name));
    if (macro.uses_caller) macro.caller_slot = scope.parameter("caller");
    if (macro.uses_kwargs) macro.kwargs_slot = scope.parameter("kwargs");
    if (macro.uses_varargs) macro.varargs_slot = scope.parameter("varargs");
    Definer definer(scope);
    for (const auto& value : macro.defaults) definer.reads(value);
    definer.block(macro.body);
    Binder binder(scope);
    for (const auto& value : macro.defaults) binder.reads(value);
    binder.block(macro.body);
    macro.loads = std::move(scope.loads);
    macro.slots = frame.slots;
  }

  Scope& scope_;
};

}  // namespace

void bind_names(Tree& tree) {
  Frame frame;
  Scope scope(nullptr, &frame);
  Definer(scope).block(tree.body);
  Binder(scope).block(tree.body);
  tree.loads = std::move(scope.loads);
  tree.slots = frame.slots;
}

}  // namespace hft::jinja
