// Attributes, items, slices, iteration and arguments: what the sandbox lets a template reach.
#include <algorithm>

#include "core/templates/big_integer.h"
#include "core/templates/interpreter.h"
#include "core/templates/print.h"
#include "core/templates/python_text.h"

namespace hft::jinja {
namespace {

// Methods that would change a container: the immutable sandbox hides them.
bool changes_container(Kind kind, std::string_view name) {
  auto any = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (kind == Kind::kList)
    return any({"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"});
  return kind == Kind::kDict && any({"clear", "pop", "popitem", "setdefault", "update"});
}

std::string kind_of_object(const Value& object) {
  return object.is(Kind::kNone) ? "None" : std::string(object.type_name()) + " object";
}

Value no_attribute(const Value& object, std::string_view name) {
  return Value::undefined("'" + kind_of_object(object) + "' has no attribute '" +
                          std::string(name) + "'");
}

Value unsafe(const Value& object, std::string_view name) {
  return Value::undefined("access to attribute '" + std::string(name) + "' of '" +
                          std::string(object.type_name()) + "' object is unsafe");
}

// The position `index` counts from either end of `size` items, when it is inside.
std::optional<std::size_t> position(std::int64_t index, std::int64_t size) {
  if (index < 0) index += size;
  if (index < 0 || index >= size) return {};
  return static_cast<std::size_t>(index);
}

std::string_view point_at(const Value& text, std::size_t index) {
  std::string_view bytes = text.text();
  if (static_cast<std::size_t>(text.text_length()) == bytes.size()) return bytes.substr(index, 1);
  charge(static_cast<std::int64_t>(bytes.size() / 16));
  std::size_t begin = byte_of(bytes, static_cast<std::int64_t>(index)), end = begin;
  decode(bytes, end);
  return bytes.substr(begin, end - begin);
}

// object[key] where the object itself has it.
std::optional<Value> own_item(const Value& object, const Value& key) {
  if (object.is(Kind::kDict)) {
    const Value* found = object.as<Dict>().find(key);
    return found ? std::optional(*found) : std::nullopt;
  }
  if (!key.is_integral() || key.is_big()) return {};
  if (object.is(Kind::kString)) {
    auto at = position(key.integer(), object.text_length());
    return at ? std::optional(like(object, std::string(point_at(object, *at)))) : std::nullopt;
  }
  if (object.is_sequence()) {
    auto at = position(key.integer(), static_cast<std::int64_t>(object.items().size()));
    return at ? std::optional(object.items()[*at]) : std::nullopt;
  }
  if (object.is(Kind::kRange)) {
    auto& range = object.as<Range>();
    auto at = position(key.integer(), range.length());
    if (at) return Value(range.start + static_cast<std::int64_t>(*at) * range.step);
  }
  return {};
}

std::optional<Value> macro_attribute(const Value& object, std::string_view name) {
  const MacroBody& body = *object.as<Macro>().body;
  if (name == "name") return body.name.empty() ? Value() : Value(body.name);
  if (name == "catch_kwargs") return Value(body.uses_kwargs);
  if (name == "catch_varargs") return Value(body.uses_varargs);
  if (name == "caller") return Value(body.uses_caller);
  if (name != "arguments") return {};
  std::vector<Value> names;
  for (const auto& parameter : body.parameters) names.emplace_back(parameter);
  return Value::tuple(std::move(names));
}

class Items : public Iterator {
 public:
  explicit Items(Value sequence) : sequence_(std::move(sequence)) { depth = sequence_.depth() + 1; }
  bool next(Runtime&, Value& out) override {
    charge(1);
    if (at_ >= sequence_.items().size()) return false;
    out = sequence_.items()[at_++];
    return true;
  }

 private:
  Value sequence_;
  std::size_t at_ = 0;
};

class Characters : public Iterator {
 public:
  explicit Characters(Value text) : text_(std::move(text)) {}
  bool next(Runtime&, Value& out) override {
    charge(2);
    std::string_view bytes = text_.text();
    if (at_ >= bytes.size()) return false;
    std::size_t start = at_;
    decode(bytes, at_);
    out = Value(bytes.substr(start, at_ - start));
    return true;
  }

 private:
  Value text_;
  std::size_t at_ = 0;
};

class Entries : public Iterator {
 public:
  Entries(Value dict, View::Which which) : dict_(std::move(dict)), which_(which) {
    depth = dict_.depth() + 1;
  }
  bool next(Runtime&, Value& out) override {
    charge(1);
    const auto& entries = dict_.as<Dict>().entries();
    if (at_ >= entries.size()) return false;
    const auto& entry = entries[at_++];
    out = which_ == View::kKeys     ? entry.key
          : which_ == View::kValues ? entry.value
                                    : Value::tuple({entry.key, entry.value});
    return true;
  }

 private:
  Value dict_;
  View::Which which_;
  std::size_t at_ = 0;
};

class Numbers : public Iterator {
 public:
  explicit Numbers(const Range& range) : range_(range), left_(range.length()) {}
  bool next(Runtime&, Value& out) override {
    charge(1);
    if (left_-- <= 0) return false;
    out = Value(range_.start);
    if (left_ > 0) range_.start += range_.step;
    return true;
  }

 private:
  Range range_;
  std::int64_t left_;
};

}  // namespace

Value Runtime::make_namespace() {
  charge(25);
  auto made = std::make_shared<Namespace>();
  namespaces_.push_back(made);
  return Value(Kind::kNamespace, std::move(made));
}

void Runtime::clear_namespaces() {
  for (auto& space : namespaces_) space->attributes.clear();
  namespaces_.clear();
}

void need_defined(const Value& value) {
  if (value.is(Kind::kUndefined)) fail(Errc::kBadData, value.as<Undefined>().message);
}

std::int64_t need_index(const Value& value, std::string_view what) {
  if (!value.is_big()) return need_integer(value, what);
  return value.as<BigInteger>().negative ? INT64_MIN : INT64_MAX;
}

std::int64_t need_integer(const Value& value, std::string_view what) {
  need_defined(value);
  if (!value.is_integral())
    fail(Errc::kBadData, what, " is ", value.type_name(), ", wanted an integer");
  return value.integer();
}

const std::string& need_text(const Value& value, std::string_view what) {
  need_defined(value);
  if (!value.is(Kind::kString))
    fail(Errc::kBadData, what, " is ", value.type_name(), ", wanted a string");
  return value.text();
}

std::optional<Value> find_attribute(Runtime& runtime, const Value& object, std::string_view name) {
  if (object.is(Kind::kNamespace)) {
    const Value* found = object.as<Namespace>().attributes.find(name);
    return found ? std::optional(*found) : std::nullopt;
  }
  if (object.is(Kind::kLoop)) return loop_attribute(runtime, object, name);
  if (object.is(Kind::kMacro)) return macro_attribute(object, name);
  if (object.is(Kind::kCycler) && name == "current")
    return object.as<Cycler>().items[object.as<Cycler>().at];
  if (object.is(Kind::kTuple) && object.as<Sequence>().group) {
    if (name == "grouper") return object.items()[0];
    if (name == "list") return object.items()[1];
  }
  if (Builtin method = find_method(object, name)) return make_function(name, method, object);
  return {};
}

Value get_attribute(Runtime& runtime, const Value& object, std::string_view name) {
  need_defined(object);
  bool hidden = name.starts_with("_");
  if (!object.is(Kind::kNamespace) && name.starts_with("__")) return unsafe(object, name);
  if (changes_container(object.kind(), name)) return unsafe(object, name);
  if (auto found = find_attribute(runtime, object, name))
    return hidden ? unsafe(object, name) : std::move(*found);
  if (object.is(Kind::kDict))
    if (const Value* found = object.as<Dict>().find(name)) return *found;
  return no_attribute(object, name);
}

Value get_item(Runtime& runtime, const Value& object, const Value& key) {
  need_defined(object);
  if (auto found = own_item(object, key)) return std::move(*found);
  if (key.is(Kind::kString)) {
    const std::string& name = key.text();
    if (!object.is(Kind::kNamespace) && name.starts_with("__")) return unsafe(object, name);
    if (changes_container(object.kind(), name)) return unsafe(object, name);
    if (auto found = find_attribute(runtime, object, name))
      return name.starts_with("_") ? unsafe(object, name) : std::move(*found);
    return no_attribute(object, name.substr(0, 100));
  }
  std::string shown =
      key.is_number() || key.is(Kind::kNone) ? repr(key) : std::string(key.type_name());
  return Value::undefined(kind_of_object(object) + " has no element " + shown);
}

Value get_path(Runtime& runtime, Value object, const Value& path, const Value* fallback) {
  auto step = [&](const Value& key) {
    charge(1);
    object = get_item(runtime, object, key);
    if (fallback && object.is(Kind::kUndefined)) object = *fallback;
  };
  if (path.is(Kind::kNone)) return object;
  if (!path.is(Kind::kString)) {
    step(path);
    return object;
  }
  std::string_view rest = path.text();
  while (true) {
    std::size_t dot = rest.find('.');
    std::string_view part = rest.substr(0, dot);
    bool number = !part.empty() && part.size() < 19 &&
                  part.find_first_not_of("0123456789") == std::string_view::npos;
    step(number ? Value(static_cast<std::int64_t>(std::stoll(std::string(part)))) : Value(part));
    if (dot == std::string_view::npos) return object;
    rest.remove_prefix(dot + 1);
  }
}

Value get_slice(const Value& object, const Value& start, const Value& stop, const Value& step) {
  need_defined(object);
  std::int64_t by = step.is(Kind::kNone) ? 1 : need_index(step, "the step of a slice");
  if (by == 0) fail(Errc::kBadData, "slice step cannot be zero");
  if (!object.is(Kind::kString) && !object.is_sequence() && !object.is(Kind::kRange))
    fail(Errc::kBadData, "'", object.type_name(), "' object cannot be sliced");
  std::int64_t size = *length_of(object);
  auto bound = [&](const Value& given, std::int64_t fallback, std::string_view what) {
    if (given.is(Kind::kNone)) return fallback;
    std::int64_t at = need_index(given, what);
    if (at < 0) at = std::max(at + size, by < 0 ? std::int64_t{-1} : std::int64_t{0});
    return std::min(at, by < 0 ? size - 1 : size);
  };
  std::int64_t first = bound(start, by < 0 ? size - 1 : 0, "the start of a slice");
  std::int64_t last = bound(stop, by < 0 ? -1 : size, "the stop of a slice");
  Range picked;
  picked.start = first, picked.stop = last,
  picked.step = std::clamp<std::int64_t>(by, -(size + 1), size + 1);
  std::int64_t count = picked.length();
  if (object.is(Kind::kRange)) {
    auto& range = object.as<Range>();
    auto made = std::make_shared<Range>();
    made->start = range.start + first * range.step;
    made->step = range.step * picked.step;
    made->stop = by > 0 || last >= 0 ? range.start + last * range.step : range.start - range.step;
    return Value(Kind::kRange, std::move(made));
  }
  charge(count);
  if (object.is(Kind::kString)) {
    const std::string& text = object.text();
    allow_text(text.size());
    bool ascii = static_cast<std::int64_t>(text.size()) == size;
    if (picked.step == 1) {
      std::size_t begin = ascii ? static_cast<std::size_t>(first) : byte_of(text, first);
      if (count == 0) return like(object, "");
      std::string_view rest = std::string_view(text).substr(begin);
      return like(object, std::string(rest.substr(
                              0, ascii ? static_cast<std::size_t>(count) : byte_of(rest, count))));
    }
    charge(size / 4);
    std::vector<char32_t> all = points(text);
    std::string out;
    for (std::int64_t i = 0; i < count; ++i)
      append(out, all[static_cast<std::size_t>(first + i * picked.step)]);
    return like(object, std::move(out));
  }
  std::vector<Value> out;
  for (std::int64_t i = 0; i < count; ++i)
    out.push_back(object.items()[static_cast<std::size_t>(first + i * picked.step)]);
  return object.is(Kind::kList) ? Value::list(std::move(out)) : Value::tuple(std::move(out));
}

std::shared_ptr<Iterator> over(std::vector<Value> items, std::string_view type) {
  auto made = std::make_shared<Items>(Value::list(std::move(items)));
  made->type = type;
  return made;
}

bool is_iterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kRange:
    case Kind::kView:
    case Kind::kIterator:
      return true;
    default:
      return false;
  }
}

std::shared_ptr<Iterator> iterate(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return over({}, "generator");
    case Kind::kString:
      return std::make_shared<Characters>(value);
    case Kind::kList:
    case Kind::kTuple:
      return std::make_shared<Items>(value);
    case Kind::kDict:
      return std::make_shared<Entries>(value, View::kKeys);
    case Kind::kView:
      return std::make_shared<Entries>(value.as<View>().dict, value.as<View>().which);
    case Kind::kRange:
      return std::make_shared<Numbers>(value.as<Range>());
    case Kind::kIterator:
      return std::shared_ptr<Iterator>(std::make_shared<Value>(value), &value.as<Iterator>());
    default:
      fail(Errc::kBadData, "'", value.type_name(), "' object is not iterable");
  }
}

std::vector<Value> to_vector(Runtime& runtime, const Value& value) {
  if (value.is_sequence()) {
    charge(static_cast<std::int64_t>(value.items().size()));
    return value.items();
  }
  auto items = iterate(value);
  std::vector<Value> all;
  Value item;
  while (items->next(runtime, item)) all.push_back(item);
  return all;
}

std::optional<std::int64_t> length_of(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return 0;
    case Kind::kString:
      return value.text_length();
    case Kind::kList:
    case Kind::kTuple:
      return static_cast<std::int64_t>(value.items().size());
    case Kind::kDict:
      return static_cast<std::int64_t>(value.as<Dict>().entries().size());
    case Kind::kView:
      return length_of(value.as<View>().dict);
    case Kind::kRange:
      return value.as<Range>().length();
    default:
      return {};
  }
}

bool contains(Runtime& runtime, const Value& container, const Value& item) {
  if (container.is(Kind::kString)) {
    need_defined(item);
    if (!item.is(Kind::kString))
      fail(Errc::kBadData, "'in <string>' requires string as left operand, not ", item.type_name());
    charge_bytes(container.text().size() + item.text().size());
    return container.text().find(item.text()) != std::string::npos;
  }
  bool keys = container.is(Kind::kDict) ||
              (container.is(Kind::kView) && container.as<View>().which == View::kKeys);
  if (keys) {
    if (!hashable(item)) fail(Errc::kBadData, "unhashable type: '", item.type_name(), "'");
    const Value& dict = container.is(Kind::kDict) ? container : container.as<View>().dict;
    return dict.as<Dict>().find(item) != nullptr;
  }
  if (!is_iterable(container))
    fail(Errc::kBadData, "argument of type '", container.type_name(), "' is not iterable");
  auto items = iterate(container);
  Value other;
  while (items->next(runtime, other))
    if (equal(other, item)) return true;
  return false;
}

std::vector<Value> bind(std::string_view function, Args& args,
                        std::initializer_list<std::string_view> names, std::size_t required) {
  std::vector<Value> bound(names.size(), Value::missing());
  if (args.positional.size() > names.size())
    fail(Errc::kBadData, function, "() takes at most ", names.size(), " arguments (",
         args.positional.size(), " given)");
  std::copy(args.positional.begin(), args.positional.end(), bound.begin());
  for (const auto& [name, value] : args.named) {
    auto at = std::find(names.begin(), names.end(), name) - names.begin();
    if (at == static_cast<std::ptrdiff_t>(names.size()))
      fail(Errc::kBadData, function, "() got an unexpected keyword argument '", name, "'");
    Value& place = bound[static_cast<std::size_t>(at)];
    if (!place.is(Kind::kMissing))
      fail(Errc::kBadData, function, "() got multiple values for argument '", name, "'");
    place = value;
  }
  for (std::size_t i = 0; i < required; ++i)
    if (bound[i].is(Kind::kMissing))
      fail(Errc::kBadData, function, "() misses its argument '", names.begin()[i], "'");
  return bound;
}

}  // namespace hft::jinja
