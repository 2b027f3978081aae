// Methods of the other types, and the global functions: range, dict, namespace, cycler, joiner, and
// transformers' raise_exception and strftime_now.
#include <cmath>

#include "core/templates/big_integer.h"
#include "core/templates/print.h"
#include "core/templates/runtime.h"
#include "core/templates/python_text.h"

namespace hft::jinja {
namespace {

// ---- dict

template <View::Which kWhich>
Value dict_view(Runtime&, const Value& self, Args& args) {
  bind("the method", args, {});
  auto view = std::make_shared<View>();
  view->which = kWhich;
  view->dict = self;
  return Value(Kind::kView, std::move(view));
}

Value dict_get(Runtime&, const Value& self, Args& args) {
  auto a = bind("get", args, {"key", "default"}, 1);
  if (!hashable(a[0])) fail(Errc::kBadData, "unhashable type: '", a[0].type_name(), "'");
  const Value* found = self.as<Dict>().find(a[0]);
  return found ? *found : a[1].is(Kind::kMissing) ? Value() : a[1];
}

Value same(Runtime&, const Value& self, Args& args) {
  bind("copy", args, {});
  return self;
}

// ---- list, tuple, range

Value sequence_count(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("count", args, {"value"}, 1);
  std::int64_t count = 0;
  for (const Value& item : to_vector(runtime, self)) count += equal(item, a[0]);
  return count;
}

Value sequence_index(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("index", args, {"value", "start", "stop"}, 1);
  Value start = a[1].is(Kind::kMissing) ? Value() : a[1],
        stop = a[2].is(Kind::kMissing) ? Value() : a[2];
  auto items = to_vector(runtime, self);
  auto bound = [&](const Value& given, std::int64_t fallback) {
    if (given.is(Kind::kNone)) return fallback;
    std::int64_t at = need_index(given, "an index"), size = static_cast<std::int64_t>(items.size());
    return at < 0 ? std::max<std::int64_t>(0, at + size) : std::min(at, size);
  };
  std::int64_t last = bound(stop, static_cast<std::int64_t>(items.size()));
  for (std::int64_t i = bound(start, 0); i < last; ++i)
    if (equal(items[static_cast<std::size_t>(i)], a[0])) return i;
  fail(Errc::kBadData, "the value is not in the ", self.type_name());
}

// ---- numbers

Value number_conjugate(Runtime&, const Value& self, Args& args) {
  bind("conjugate", args, {});
  return positive(self);
}

Value float_is_integer(Runtime&, const Value& self, Args& args) {
  bind("is_integer", args, {});
  return std::isfinite(self.real()) && std::trunc(self.real()) == self.real();
}

Value int_bit_length(Runtime&, const Value& self, Args& args) {
  bind("bit_length", args, {});
  return BigInteger::of(self).bits();
}

// ---- cycler

Value cycler_next(Runtime&, const Value& self, Args& args) {
  bind("next", args, {});
  auto& cycler = self.as<Cycler>();
  const Value& item = cycler.items[cycler.at];
  cycler.at = (cycler.at + 1) % cycler.items.size();
  return item;
}

Value cycler_reset(Runtime&, const Value& self, Args& args) {
  bind("reset", args, {});
  self.as<Cycler>().at = 0;
  return {};
}

struct Method {
  Kind kind;
  std::string_view name;
  Builtin method;
};
constexpr Method kMethods[] = {{Kind::kDict, "items", dict_view<View::kItems>},
                               {Kind::kDict, "keys", dict_view<View::kKeys>},
                               {Kind::kDict, "values", dict_view<View::kValues>},
                               {Kind::kDict, "get", dict_get},
                               {Kind::kDict, "copy", same},
                               {Kind::kList, "copy", same},
                               {Kind::kList, "count", sequence_count},
                               {Kind::kTuple, "count", sequence_count},
                               {Kind::kRange, "count", sequence_count},
                               {Kind::kList, "index", sequence_index},
                               {Kind::kTuple, "index", sequence_index},
                               {Kind::kRange, "index", sequence_index},
                               {Kind::kInt, "conjugate", number_conjugate},
                               {Kind::kFloat, "conjugate", number_conjugate},
                               {Kind::kFloat, "is_integer", float_is_integer},
                               {Kind::kInt, "bit_length", int_bit_length},
                               {Kind::kCycler, "next", cycler_next},
                               {Kind::kCycler, "reset", cycler_reset}};

// ---- globals

// Far from where a range's arithmetic could overflow.
constexpr std::int64_t kRangeNumber = std::int64_t{1} << 45;

Value global_range(Runtime&, const Value&, Args& args) {
  if (!args.named.empty() || args.positional.empty() || args.positional.size() > 3)
    fail(Errc::kBadData, "range() takes 1 to 3 arguments");
  std::int64_t numbers[3] = {0, 0, 1};
  std::size_t first = args.positional.size() == 1 ? 1 : 0;
  for (std::size_t i = 0; i < args.positional.size(); ++i) {
    numbers[first + i] = need_integer(args.positional[i], "an argument of range()");
    if (std::abs(static_cast<double>(numbers[first + i])) > static_cast<double>(kRangeNumber))
      fail(Errc::kBadData, "range limit: ", numbers[first + i], " is too large a number");
  }
  if (numbers[2] == 0) fail(Errc::kBadData, "range() arg 3 must not be zero");
  auto range = std::make_shared<Range>();
  range->start = numbers[0], range->stop = numbers[1], range->step = numbers[2];
  if (range->length() > limits::kTemplateRange)
    fail(Errc::kBadData, "range limit (", limits::kTemplateRange, ") reached: ", range->length(),
         " numbers asked for");
  return Value(Kind::kRange, std::move(range));
}

// dict(mapping or pairs, **more), into `to`.
void fill(Runtime& runtime, Dict& to, std::string_view function, Args& args) {
  if (args.positional.size() > 1)
    fail(Errc::kBadData, function, " expected at most 1 argument, got ", args.positional.size());
  auto set = [&](Value key, Value value) {
    charge(1);
    if (!hashable(key)) fail(Errc::kBadData, "unhashable type: '", key.type_name(), "'");
    to.set(std::move(key), std::move(value));
  };
  if (!args.positional.empty() && args.positional[0].is(Kind::kDict)) {
    for (const auto& entry : args.positional[0].as<Dict>().entries()) set(entry.key, entry.value);
  } else if (!args.positional.empty()) {
    for (const Value& pair : to_vector(runtime, args.positional[0])) {
      auto parts = to_vector(runtime, pair);
      if (parts.size() != 2) fail(Errc::kBadData, function, " wants pairs of key and value");
      set(parts[0], parts[1]);
    }
  }
  for (auto& [name, value] : args.named) set(Value(name), value);
}

Value global_dict(Runtime& runtime, const Value&, Args& args) {
  auto dict = std::make_shared<Dict>();
  fill(runtime, *dict, "dict", args);
  return make_dict(std::move(dict));
}

Value global_namespace(Runtime& runtime, const Value&, Args& args) {
  Value space = runtime.make_namespace();
  fill(runtime, space.as<Namespace>().attributes, "namespace", args);
  return space;
}

Value global_cycler(Runtime&, const Value&, Args& args) {
  if (args.positional.empty()) fail(Errc::kBadData, "at least one item has to be provided");
  if (!args.named.empty()) fail(Errc::kBadData, "cycler() takes no keyword arguments");
  auto cycler = std::make_shared<Cycler>();
  depth_over(args.positional);
  cycler->items = std::move(args.positional);
  return Value(Kind::kCycler, std::move(cycler));
}

Value global_joiner(Runtime&, const Value&, Args& args) {
  auto a = bind("joiner", args, {"sep"});
  auto joiner = std::make_shared<Joiner>();
  joiner->separator = a[0].is(Kind::kMissing) ? Value(", ") : a[0];
  depth_over({joiner->separator});
  return Value(Kind::kJoiner, std::move(joiner));
}

Value global_raise(Runtime&, const Value&, Args& args) {
  throw Raised{str(bind("raise_exception", args, {"message"}, 1)[0])};
}

// One conversion of strftime; what the platform's does not know stays as it is written. The local
// time has no zone, as Python's naive datetimes.
std::string convert(const std::tm& time, const std::string& conversion) {
  constexpr std::string_view kKnown = "aAbBcCdDeFgGhHIjklmMnpPrRStTuUVwWxXyY%";
  char letter = conversion.back();
  if (letter == 'f') return "000000";
  if (letter == 'z' || letter == 'Z') return "";
  if (kKnown.find(letter) == std::string_view::npos) return conversion;
  char buffer[256];
  return {buffer, std::strftime(buffer, sizeof buffer, conversion.c_str(), &time)};
}

Value global_strftime(Runtime& runtime, const Value&, Args& args) {
  Value given = bind("strftime_now", args, {"format"}, 1)[0];
  const std::string& format = need_text(given, "the format of strftime_now");
  std::time_t now = runtime.now.value_or(std::time(nullptr));
  std::tm local{};
  localtime_r(&now, &local);
  std::string out;
  for (std::size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%' || at + 1 == format.size()) {
      out += format[at];
      continue;
    }
    std::string conversion = "%";
    bool flag = std::string_view("-_0^#").find(format[at + 1]) != std::string_view::npos;
    if (flag && at + 2 < format.size()) conversion += format[++at];
    conversion += format[++at];
    out += convert(local, conversion);
    charge(4);
  }
  allow_text(out.size());
  return Value(std::move(out));
}

struct Global {
  std::string_view name;
  Builtin function;
};
constexpr Global kGlobals[] = {{"range", global_range},          {"dict", global_dict},
                               {"namespace", global_namespace},  {"cycler", global_cycler},
                               {"joiner", global_joiner},        {"raise_exception", global_raise},
                               {"strftime_now", global_strftime}};

}  // namespace

Builtin find_method(const Value& object, std::string_view name) {
  if (object.is(Kind::kString)) return find_text_method(name, object.is_markup());
  const Kind kind = object.is(Kind::kBool) ? Kind::kInt : object.kind();  // a bool is an int
  for (const Method& method : kMethods)
    if (method.kind == kind && method.name == name) return method.method;
  return nullptr;
}

std::optional<Value> find_global(std::string_view name) {
  for (const Global& global : kGlobals)
    if (global.name == name) return make_function(global.name, global.function);
  return {};
}

}  // namespace hft::jinja
