#include "core/templates/interpreter.h"

#include "core/templates/print.h"
#include "core/templates/python_text.h"

namespace hft::jinja {

// A function's activation; its variables are dropped when it returns, so none keeps itself alive.
struct Interpreter::Running {
  Running(Interpreter& in, std::shared_ptr<Activation> closure, int slots)
      : in(in), before(std::move(in.active_)) {
    in.active_ = std::make_shared<Activation>();
    in.active_->slots.assign(static_cast<std::size_t>(slots), Value::missing());
    in.active_->parent = std::move(closure);
    charge(1 + slots / 8);
  }
  ~Running() {
    in.active_->slots.clear();
    in.active_ = std::move(before);
  }
  Running(const Running&) = delete;
  Interpreter& in;
  std::shared_ptr<Activation> before;
};

struct Interpreter::Capture {
  explicit Capture(Interpreter& in) : in(in), before(std::exchange(in.out_, &text)) {}
  ~Capture() { in.out_ = before; }
  Capture(const Capture&) = delete;
  Interpreter& in;
  std::string text;
  std::string* before;
};

bool Loop::peek(Runtime& runtime) {
  if (after) return true;
  Value value;
  if (!source || !source->next(runtime, value)) return false;
  after = std::move(value);
  return true;
}

bool Loop::next(Runtime& runtime, Value& out) {
  if (!peek(runtime)) return false;
  out = std::move(*after);
  after.reset();
  ++index0;
  before = std::move(current);
  current = out;
  return true;
}

std::int64_t Loop::count(Runtime& runtime) {
  if (length) return *length;
  std::vector<Value> rest;
  Value value;
  while (source && source->next(runtime, value)) rest.push_back(value);
  length = static_cast<std::int64_t>(rest.size()) + index0 + 1 + (after ? 1 : 0);
  source = over(std::move(rest), "list_iterator");
  return *length;
}

void Loop::close() {
  source.reset();
  closure.reset();
  after.reset();
  current = before = changed = Value::missing();
  if (!length) length = index0 + 1;
}

Interpreter::~Interpreter() {
  if (active_) active_->slots.clear();
  clear_namespaces();
}

std::string Interpreter::render() {
  out_ = &text_;
  Running running(*this, nullptr, tree_.slots);
  root_ = active_;
  enter(tree_.loads);
  run(tree_.body);
  return std::move(text_);
}

void Interpreter::write(std::string_view text) {
  std::size_t size = out_->size() + text.size();
  if (size > static_cast<std::size_t>(limits::kTemplateTextBytes))
    fail(Errc::kBadData, "output limit (", limits::kTemplateTextBytes, " bytes) reached");
  charge_bytes(text.size());
  *out_ += text;
}

Value& Interpreter::slot(const Slot& slot) {
  Activation* activation = active_.get();
  for (int i = 0; i < slot.up; ++i) activation = activation->parent.get();
  static thread_local Value gone;  // of a function that has returned
  if (static_cast<std::size_t>(slot.index) >= activation->slots.size())
    return gone = Value::missing();
  return activation->slots[static_cast<std::size_t>(slot.index)];
}

void Interpreter::enter(const Loads& loads) {
  for (const Load& load : loads) {
    Value value = Value::missing();
    if (load.kind == Load::kAlias) value = slot(load.from);
    if (!load.name.empty() && value.is(Kind::kMissing)) value = context(load.name);
    charge(1);
    slot({0, load.slot}) = std::move(value);
  }
}

Value Interpreter::context(const std::string& name) {
  if (name == "self") return blocks();
  if (const Value* found = variables_.find(std::string_view(name))) return *found;
  if (auto global = find_global(name)) return std::move(*global);
  return Value::missing();
}

// self: the template's blocks as functions, by name.
Value Interpreter::blocks() {
  auto dict = std::make_shared<Dict>();
  for (const auto& [name, body] : tree_.blocks) {
    if (!body) continue;
    auto macro = std::make_shared<Macro>();
    macro->body = body;
    macro->closure = root_;
    dict->set(Value(name), Value(Kind::kMacro, std::move(macro)));
  }
  return make_dict(std::move(dict));
}

void Interpreter::run_named_block(const BlockStmt& node) {
  Running running(*this, root_, node.body.slots);
  enter(node.body.loads);
  run(node.body.body);
}

void Interpreter::assign(const Target& target, const Value& value) {
  if (target.kind == Target::kName) {
    slot(target.slot) = value;
  } else if (target.kind == Target::kAttribute) {
    Value space = slot(target.slot);
    if (!space.is(Kind::kNamespace))
      fail(Errc::kBadData, "cannot assign attribute on non-namespace object");
    charge(2);
    space.as<Namespace>().attributes.set(Value(target.attribute), value);
  } else {
    if (!is_iterable(value)) fail(Errc::kBadData, "cannot unpack non-iterable ", value.type_name());
    auto items = iterate(value);
    std::vector<Value> parts;
    Value item;
    while (parts.size() <= target.parts.size() && items->next(*this, item)) parts.push_back(item);
    if (parts.size() > target.parts.size())
      fail(Errc::kBadData, "too many values to unpack (expected ", target.parts.size(), ")");
    if (parts.size() < target.parts.size())
      fail(Errc::kBadData, "not enough values to unpack (expected ", target.parts.size(), ", got ",
           parts.size(), ")");
    for (std::size_t i = 0; i < parts.size(); ++i) assign(target.parts[i], parts[i]);
  }
}

Interpreter::Flow Interpreter::run(const Block& block) {
  Level level(*this);
  for (const auto& statement : block)
    if (Flow flow = run(*statement); flow != Flow::kOn) return flow;
  return Flow::kOn;
}

Interpreter::Flow Interpreter::run(const Stmt& statement) {
  charge(1);
  line_ = statement.line;
  switch (statement.kind) {
    case StmtKind::kOutput:
      run_output(static_cast<const OutputStmt&>(statement));
      break;
    case StmtKind::kFor:
      run_for(static_cast<const ForStmt&>(statement));
      break;
    case StmtKind::kIf:
      return run_if(static_cast<const IfStmt&>(statement));
    case StmtKind::kMacro: {
      auto& node = static_cast<const MacroStmt&>(statement);
      slot(node.slot) = make_macro(node.macro);
      break;
    }
    case StmtKind::kCall:
      run_call(static_cast<const CallStmt&>(statement));
      break;
    case StmtKind::kGeneration:
      run_generation(static_cast<const CallStmt&>(statement));
      break;
    case StmtKind::kFilter:
      return run_filter(static_cast<const FilterStmt&>(statement));
    case StmtKind::kSet: {
      auto& node = static_cast<const SetStmt&>(statement);
      Value value = evaluate(*node.value);
      line_ = node.line;
      assign(node.target, value);
      break;
    }
    case StmtKind::kSetBlock:
      return run_set_block(static_cast<const SetStmt&>(statement));
    case StmtKind::kAutoescape:
      return run_autoescape(static_cast<const ScopeStmt&>(statement));
    case StmtKind::kBlock:
      run_named_block(static_cast<const BlockStmt&>(statement));
      break;
    case StmtKind::kWith:
    case StmtKind::kScope:
      return run_scope(static_cast<const ScopeStmt&>(statement));
    case StmtKind::kBreak:
      return Flow::kBreak;
    case StmtKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kOn;
}

void Interpreter::run_output(const OutputStmt& node) {
  if (!node.expression) return write(node.text);
  Value value = evaluate(*node.expression);
  if (escapes(node.escaping)) value = escape(value);
  if (value.is(Kind::kString)) return write(value.text());
  write(str(value));
}

Interpreter::Flow Interpreter::run_if(const IfStmt& node) {
  for (const auto& [test, body] : node.branches)
    if (evaluate(*test).truthy()) return run(body);
  return run(node.otherwise);
}

// The items of a loop that pass its test, evaluated as they are asked for.
class TestedItems : public Iterator {
 public:
  TestedItems(Interpreter& in, const ForStmt& node, std::shared_ptr<Iterator> source)
      : in_(in), node_(node), source_(std::move(source)) {}
  bool next(Runtime& runtime, Value& out) override {
    while (source_->next(runtime, out)) {
      in_.assign(node_.test_target, out);
      in_.enter(node_.test_loads);
      if (!in_.evaluate(*node_.test).truthy()) continue;
      if (node_.target.kind == Target::kTuple) out = Value::tuple(to_vector(runtime, out));
      return true;
    }
    return false;
  }

 private:
  Interpreter& in_;
  const ForStmt& node_;
  std::shared_ptr<Iterator> source_;
};

void Interpreter::run_for(const ForStmt& node) {
  Value iterable = evaluate(*node.iterable);
  if (node.recursive) return write(run_recursive(node, iterable, 0, active_));
  run_loop(node, iterable, 0, nullptr);
}

std::string Interpreter::run_recursive(const ForStmt& node, const Value& iterable,
                                       std::int64_t depth0, std::shared_ptr<Activation> closure) {
  if (calls_ >= limits::kTemplateNesting)
    fail(Errc::kBadData, "calls nested deeper than ", limits::kTemplateNesting);
  struct Count {
    int& n;
    explicit Count(int& n) : n(++n) {}
    ~Count() { --n; }
  } count(calls_);
  Running running(*this, closure, node.slots);
  Capture capture(*this);
  run_loop(node, iterable, depth0, std::move(closure));
  return std::move(capture.text);
}

void Interpreter::run_loop(const ForStmt& node, const Value& iterable, std::int64_t depth0,
                           std::shared_ptr<Activation> closure) {
  line_ = node.line;
  auto loop = std::make_shared<Loop>();
  struct Closing {
    Loop& loop;
    ~Closing() { loop.close(); }
  } closing{*loop};
  loop->source = iterate(iterable);
  if (node.test)
    loop->source = std::make_shared<TestedItems>(*this, node, loop->source);
  else
    loop->length = length_of(iterable);
  loop->depth0 = depth0;
  if (node.recursive) loop->recursive = &node, loop->closure = std::move(closure);
  Value item;
  bool ran = false;
  while (loop->next(*this, item)) {
    charge(1);
    line_ = node.line;
    assign(node.target, item);
    slot(node.loop) = Value(Kind::kLoop, loop);
    enter(node.body_loads);
    Flow flow = run(node.body);
    if (flow == Flow::kBreak) break;
    ran = ran || flow == Flow::kOn;
  }
  slot(node.loop) = Value::missing();
  if (ran || node.otherwise.empty()) return;
  enter(node.else_loads);
  run(node.otherwise);
}

Value Interpreter::make_macro(const MacroBody& body) {
  auto macro = std::make_shared<Macro>();
  macro->body = &body;
  macro->closure = active_;
  return Value(Kind::kMacro, std::move(macro));
}

void Interpreter::run_call(const CallStmt& node) {
  Value caller = make_macro(node.macro);
  Value result = evaluate_postfix(static_cast<const PostfixExpr&>(*node.call), nullptr, &caller);
  write(str(result));
}

void Interpreter::run_generation(const CallStmt& node) {
  Value body = make_macro(node.macro);
  std::string text = call_macro(body.as<Macro>(), {});
  std::int64_t begin = count_points(text_);
  charge_bytes(text_.size());
  generated_.emplace_back(begin, begin + count_points(text));
  write(text);
}

Interpreter::Flow Interpreter::run_filter(const FilterStmt& node) {
  enter(node.loads);
  std::string text;
  {
    Capture capture(*this);
    if (Flow flow = run(node.body); flow != Flow::kOn) return flow;
    text = std::move(capture.text);
  }
  Value base = made(std::move(text), escapes(node.escaping));
  write(str(evaluate_postfix(static_cast<const PostfixExpr&>(*node.filter), &base)));
  return Flow::kOn;
}

Interpreter::Flow Interpreter::run_set_block(const SetStmt& node) {
  enter(node.loads);
  std::string text;
  {
    Capture capture(*this);
    if (Flow flow = run(node.body); flow != Flow::kOn) return flow;
    text = std::move(capture.text);
  }
  Value value = made(std::move(text), autoescape || escapes(node.escaping));
  if (node.value) value = evaluate_postfix(static_cast<const PostfixExpr&>(*node.value), &value);
  if (autoescape) value = made(str(value), true);
  assign(node.target, value);
  return Flow::kOn;
}

Interpreter::Flow Interpreter::run_scope(const ScopeStmt& node) {
  std::vector<Value> values = evaluate_all(node.values);
  enter(node.loads);
  for (std::size_t i = 0; i < values.size(); ++i) assign(node.targets[i], values[i]);
  return run(node.body);
}

Interpreter::Flow Interpreter::run_autoescape(const ScopeStmt& node) {
  const bool wanted = evaluate(*node.autoescape).truthy();
  struct Restored {
    bool& flag;
    bool before;
    ~Restored() { flag = before; }
  } restored{autoescape, std::exchange(autoescape, wanted)};
  enter(node.loads);
  return run(node.body);
}

// The values of the parameters, then caller, kwargs and varargs where the body reads them.
std::vector<Value> Interpreter::bind_macro(const Macro& macro, Args& args) {
  const MacroBody& body = *macro.body;
  std::string shown;
  append_repr(shown, body.name);
  std::size_t count = body.parameters.size();
  auto take_named = [&](std::string_view name) {
    for (auto it = args.named.begin(); it != args.named.end(); ++it) {
      charge(1);
      if (it->first != name) continue;
      Value value = std::move(it->second);
      args.named.erase(it);
      return value;
    }
    return Value::missing();
  };
  std::vector<Value> bound;
  bool found_caller = false;
  for (std::size_t i = 0; i < count; ++i) {
    if (i < args.positional.size()) {
      bound.push_back(args.positional[i]);
    } else {
      bound.push_back(take_named(body.parameters[i]));
      found_caller = found_caller || body.parameters[i] == "caller";
    }
  }
  if (args.positional.size() >= count)
    for (const auto& name : body.parameters) found_caller = found_caller || name == "caller";
  if (body.uses_caller && !found_caller) {
    Value caller = take_named("caller");
    if (caller.is(Kind::kMissing) || caller.is(Kind::kNone))
      caller = Value::undefined("No caller defined");
    bound.push_back(std::move(caller));
  } else {
    bound.push_back(Value::missing());
  }
  if (body.uses_kwargs) {
    auto kwargs = std::make_shared<Dict>();
    for (auto& [name, value] : args.named) kwargs->set(Value(name), value);
    bound.push_back(make_dict(std::move(kwargs)));
  } else {
    if (!args.named.empty())
      fail(Errc::kBadData, "macro ", shown, " takes no keyword argument '", args.named[0].first,
           "'");
    bound.push_back(Value::missing());
  }
  if (body.uses_varargs) {
    std::size_t used = std::min(count, args.positional.size());
    bound.push_back(Value::tuple(
        {args.positional.begin() + static_cast<std::ptrdiff_t>(used), args.positional.end()}));
  } else if (args.positional.size() > count) {
    fail(Errc::kBadData, "macro ", shown, " takes not more than ", count, " argument(s)");
  }
  return bound;
}

std::string Interpreter::call_macro(const Macro& macro, Args args) {
  if (calls_ >= limits::kTemplateNesting)
    fail(Errc::kBadData, "calls nested deeper than ", limits::kTemplateNesting);
  struct Count {
    int& n;
    explicit Count(int& n) : n(++n) {}
    ~Count() { --n; }
  } count(calls_);
  int line = line_;
  const MacroBody& body = *macro.body;
  std::vector<Value> bound = bind_macro(macro, args);
  Running running(*this, macro.closure, body.slots);
  Capture capture(*this);
  std::size_t n = body.parameters.size();
  for (std::size_t i = 0; i < n; ++i) slot({0, body.parameter_slots[i]}) = bound[i];
  if (body.caller_slot >= 0 && !bound[n].is(Kind::kMissing)) slot({0, body.caller_slot}) = bound[n];
  if (body.kwargs_slot >= 0) slot({0, body.kwargs_slot}) = bound[n + 1];
  if (body.varargs_slot >= 0) slot({0, body.varargs_slot}) = bound[n + 2];
  enter(body.loads);
  for (std::size_t i = 0; i < n; ++i) {
    if (!bound[i].is(Kind::kMissing)) continue;
    std::size_t first = n - body.defaults.size();
    Value value = i >= first
                      ? evaluate(*body.defaults[i - first])
                      : Value::undefined("parameter '" + body.parameters[i] + "' was not provided");
    slot({0, body.parameter_slots[i]}) = std::move(value);
  }
  run(body.body);
  line_ = line;
  return std::move(capture.text);
}

Value Interpreter::call(const Value& callee, Args args) {
  charge(1);
  switch (callee.kind()) {
    case Kind::kMacro:
      return made(call_macro(callee.as<Macro>(), std::move(args)), autoescape);
    case Kind::kFunction:
      return callee.as<Function>().call(*this, callee.as<Function>().self, args);
    case Kind::kJoiner: {
      bind("joiner", args, {});
      auto& joiner = callee.as<Joiner>();
      return std::exchange(joiner.used, true) ? joiner.separator : Value("");
    }
    case Kind::kLoop: {
      auto iterable = bind("loop", args, {"iterable"}, 1)[0];
      auto& loop = callee.as<Loop>();
      if (!loop.recursive || !loop.closure)
        fail(Errc::kBadData, "The loop must have the 'recursive' marker to be called recursively.");
      int line = line_;
      Value text = made(run_recursive(*loop.recursive, iterable, loop.depth0 + 1, loop.closure),
                        escapes(loop.recursive->escaping));
      line_ = line;
      return text;
    }
    default:
      need_defined(callee);
      fail(Errc::kBadData, "'", callee.type_name(), "' object is not callable");
  }
}

// ---- loop.*

namespace {

Value loop_cycle(Runtime&, const Value& self, Args& args) {
  if (args.positional.empty()) fail(Errc::kBadData, "no items for cycling given");
  auto index = static_cast<std::size_t>(self.as<Loop>().index0);
  return args.positional[index % args.positional.size()];
}

Value loop_changed(Runtime&, const Value& self, Args& args) {
  auto& loop = self.as<Loop>();
  Value now = Value::tuple(args.positional);
  if (!loop.changed.is(Kind::kMissing) && equal(loop.changed, now)) return false;
  loop.changed = std::move(now);
  return true;
}

}  // namespace

std::optional<Value> loop_attribute(Runtime& runtime, const Value& value, std::string_view name) {
  auto& loop = value.as<Loop>();
  if (name == "index") return Value(loop.index0 + 1);
  if (name == "index0") return Value(loop.index0);
  if (name == "first") return Value(loop.index0 == 0);
  if (name == "last") return Value(!loop.peek(runtime));
  if (name == "length") return Value(loop.count(runtime));
  if (name == "revindex") return Value(loop.count(runtime) - loop.index0);
  if (name == "revindex0") return Value(loop.count(runtime) - loop.index0 - 1);
  if (name == "depth") return Value(loop.depth0 + 1);
  if (name == "depth0") return Value(loop.depth0);
  if (name == "previtem")
    return loop.index0 == 0 || loop.before.is(Kind::kMissing)
               ? Value::undefined("there is no previous item")
               : loop.before;
  if (name == "nextitem")
    return loop.peek(runtime) ? *loop.after : Value::undefined("there is no next item");
  if (name == "cycle") return make_function("cycle", loop_cycle, value);
  if (name == "changed") return make_function("changed", loop_changed, value);
  return {};
}

}  // namespace hft::jinja
