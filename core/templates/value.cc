#include "core/templates/value.h"

#include <cmath>
#include <random>

#include "core/base/error.h"
#include "core/templates/big_integer.h"
#include "core/templates/budget.h"
#include "core/templates/python_text.h"

namespace hft::jinja {
namespace {

// Dicts with fewer entries are searched front to back.
constexpr std::size_t kFew = 8;

// Makes the hashes of one process unforeseeable, so that no template can be written to collide.
std::size_t seed() {
  static const std::size_t value = std::random_device{}() | std::size_t{1};
  return value;
}

std::size_t mix(std::size_t h) {
  h = (h ^ seed()) * 0x9e3779b97f4a7c15u;
  return h ^ h >> 29;
}
std::size_t hash_text(std::string_view text) {
  charge_bytes(text.size());
  return mix(std::hash<std::string_view>{}(text));
}

// As the float that equals it, where there is one: they are one key of a dict.
std::size_t hash_of_big(const BigInteger& big) {
  const double d = big.real();
  if (std::isfinite(d) && BigInteger::of(d) == big) return mix(std::hash<double>{}(d));
  std::size_t h = big.negative;
  for (auto limb : big.limbs) h = mix(h * 31 + limb);
  return h;
}

bool equal_items(const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  charge(static_cast<std::int64_t>(a.size()));
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!equal(a[i], b[i])) return false;
  return true;
}

bool equal_dicts(const Dict& a, const Dict& b) {
  if (a.entries().size() != b.entries().size()) return false;
  charge(static_cast<std::int64_t>(a.entries().size()));
  for (const auto& entry : a.entries()) {
    const Value* other = b.find(entry.key);
    if (!other || !equal(entry.value, *other)) return false;
  }
  return true;
}

bool equal_ranges(const Range& a, const Range& b) {
  std::int64_t n = a.length();
  return n == b.length() && (n == 0 || (a.start == b.start && (n == 1 || a.step == b.step)));
}

}  // namespace

std::int64_t Value::integer() const {
  if (is_big()) fail(Errc::kBadData, "the integer ", decimal(*this), " does not fit 64 bits");
  return int_;
}

double Value::real() const {
  if (kind_ == Kind::kFloat) return float_;
  if (!is_big()) return static_cast<double>(int_);
  const double nearest = as<BigInteger>().real();
  if (std::isinf(nearest)) fail(Errc::kBadData, "int too large to convert to float");
  return nearest;
}

Value Value::markup(std::string text) {
  Value made(std::move(text));
  made.as<Text>().markup = true;
  return made;
}

Value::Value(std::string text) : kind_(Kind::kString), int_(0) {
  auto object = std::make_shared<Text>();
  object->length = count_points(text);
  object->bytes = std::move(text);
  object_ = std::move(object);
}

int depth_over(const std::vector<Value>& values) {
  int depth = 0;
  for (const Value& value : values) depth = std::max(depth, value.depth());
  if (depth >= kValueDepth) fail(Errc::kBadData, "a value nested deeper than ", kValueDepth);
  return depth + 1;
}

Value Value::list(std::vector<Value> items) {
  auto object = std::make_shared<Sequence>();
  object->depth = depth_over(items);
  object->items = std::move(items);
  return Value(Kind::kList, std::move(object));
}

Value Value::tuple(std::vector<Value> items) {
  Value made = list(std::move(items));
  made.kind_ = Kind::kTuple;
  return made;
}

Value Value::undefined(std::string message) {
  auto object = std::make_shared<Undefined>();
  object->message = std::move(message);
  return Value(Kind::kUndefined, std::move(object));
}

bool Value::is_markup() const { return kind_ == Kind::kString && as<Text>().markup; }
const std::string& Value::text() const { return as<Text>().bytes; }
std::int64_t Value::text_length() const { return as<Text>().length; }
const std::vector<Value>& Value::items() const { return as<Sequence>().items; }

bool Value::truthy() const {
  switch (kind_) {
    case Kind::kMissing:
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return int_ != 0 || is_big();
    case Kind::kFloat:
      return float_ != 0;
    case Kind::kString:
      return !text().empty();
    case Kind::kList:
    case Kind::kTuple:
      return !items().empty();
    case Kind::kDict:
      return !as<Dict>().entries().empty();
    case Kind::kRange:
      return as<Range>().length() != 0;
    case Kind::kView:
      return as<View>().dict.truthy();
    default:
      return true;
  }
}

int Value::depth() const {
  switch (kind_) {
    case Kind::kList:
    case Kind::kTuple:
      return as<Sequence>().depth;
    case Kind::kDict:
      return as<Dict>().depth;
    case Kind::kView:
      return as<View>().dict.depth() + 1;
    case Kind::kIterator:
      return as<Iterator>().depth;
    case Kind::kFunction:
      return as<Function>().depth;
    case Kind::kCycler:
      return depth_over(as<Cycler>().items);
    case Kind::kJoiner:
      return as<Joiner>().separator.depth() + 1;
    default:
      return 0;
  }
}

std::string_view Value::type_name() const {
  switch (kind_) {
    case Kind::kMissing:
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return is_markup() ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kRange:
      return "range";
    case Kind::kView: {
      auto which = as<View>().which;
      return which == View::kKeys     ? "dict_keys"
             : which == View::kValues ? "dict_values"
                                      : "dict_items";
    }
    case Kind::kIterator:
      return as<Iterator>().type;
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kFunction:
      return as<Function>().self.is(Kind::kNone) ? "function" : "builtin_function_or_method";
    case Kind::kMacro:
      return "Macro";
    case Kind::kLoop:
      return "LoopContext";
    case Kind::kCycler:
      return "Cycler";
    case Kind::kJoiner:
      return "Joiner";
  }
  return "object";
}

std::int64_t Range::length() const {
  if (step > 0) return start < stop ? (stop - start - 1) / step + 1 : 0;
  return start > stop ? (start - stop - 1) / -step + 1 : 0;
}

// The index of the entry, or entries_.size().
template <class Same>
std::size_t Dict::locate(std::size_t hash, Same&& same) const {
  auto matches = [&](std::size_t i) { return entries_[i].hash == hash && same(entries_[i].key); };
  if (table_.empty()) {
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (matches(i)) return i;
    return entries_.size();
  }
  for (std::size_t at = hash & (table_.size() - 1); table_[at]; at = (at + 1) & (table_.size() - 1))
    if (matches(table_[at] - 1)) return table_[at] - 1;
  return entries_.size();
}

const Value* Dict::find(const Value& key) const {
  if (!hashable(key)) return nullptr;
  std::size_t i = locate(hash_of(key), [&](const Value& other) { return equal(key, other); });
  return i < entries_.size() ? &entries_[i].value : nullptr;
}

const Value* Dict::find(std::string_view key) const {
  std::size_t i = locate(hash_text(key), [&](const Value& other) {
    return other.is(Kind::kString) && other.text() == key;
  });
  return i < entries_.size() ? &entries_[i].value : nullptr;
}

void Dict::index(std::size_t entry) {
  std::size_t at = entries_[entry].hash & (table_.size() - 1);
  while (table_[at]) at = (at + 1) & (table_.size() - 1);
  table_[at] = static_cast<std::uint32_t>(entry + 1);
}

void Dict::set(Value key, Value value) {
  depth = std::max({depth, key.depth() + 1, value.depth() + 1});
  if (depth > kValueDepth) fail(Errc::kBadData, "a value nested deeper than ", kValueDepth);
  std::size_t hash = hash_of(key);
  std::size_t i = locate(hash, [&](const Value& other) { return equal(key, other); });
  if (i < entries_.size()) {
    entries_[i].value = std::move(value);
    return;
  }
  entries_.push_back({hash, std::move(key), std::move(value)});
  if (entries_.size() <= kFew) return;
  if (entries_.size() * 2 > table_.size()) {
    table_.assign(std::max<std::size_t>(32, table_.size() * 2), 0);
    for (std::size_t e = 0; e < entries_.size(); ++e) index(e);
  } else {
    index(entries_.size() - 1);
  }
}

bool hashable(const Value& value) {
  if (value.is(Kind::kTuple)) {
    charge(static_cast<std::int64_t>(value.items().size()));
    for (const Value& item : value.items())
      if (!hashable(item)) return false;
    return true;
  }
  return !value.is(Kind::kList) && !value.is(Kind::kDict);
}

std::size_t hash_of(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      return hash_text(value.text());
    case Kind::kBool:
    case Kind::kInt:
      if (value.is_big()) return hash_of_big(value.as<BigInteger>());
      return mix(static_cast<std::size_t>(value.integer()));
    case Kind::kFloat: {
      double d = value.real();
      if (std::trunc(d) == d && std::abs(d) < 9e18)
        return mix(static_cast<std::size_t>(static_cast<std::int64_t>(d)));
      return mix(std::hash<double>{}(d));
    }
    case Kind::kTuple: {
      charge(static_cast<std::int64_t>(value.items().size()));
      std::size_t h = 0x345678;
      for (const Value& item : value.items()) h = mix(h * 31 + hash_of(item));
      return h;
    }
    case Kind::kNone:
      return mix(77);
    case Kind::kUndefined:
      return mix(78);
    case Kind::kRange:
      return mix(static_cast<std::size_t>(value.as<Range>().length()));
    default:
      return mix(std::hash<const void*>{}(value.address()));
  }
}

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNone:
    case Kind::kUndefined:
    case Kind::kMissing:
      return true;
    case Kind::kString:
      charge_bytes(std::min(a.text().size(), b.text().size()));
      return a.text() == b.text();
    case Kind::kList:
    case Kind::kTuple:
      return a.address() == b.address() || equal_items(a.items(), b.items());
    case Kind::kDict:
      return a.address() == b.address() || equal_dicts(a.as<Dict>(), b.as<Dict>());
    case Kind::kRange:
      return equal_ranges(a.as<Range>(), b.as<Range>());
    case Kind::kFunction:
      return a.as<Function>().call == b.as<Function>().call &&
             a.as<Function>().self.address() == b.as<Function>().self.address();
    default:
      return a.address() == b.address();
  }
}

Value make_function(std::string_view name, Builtin call, Value self) {
  auto function = std::make_shared<Function>();
  function->depth = self.depth() + 1;
  function->name = name;
  function->call = call;
  function->self = std::move(self);
  return Value(Kind::kFunction, std::move(function));
}

Value make_dict(std::shared_ptr<Dict> dict) { return Value(Kind::kDict, std::move(dict)); }

}  // namespace hft::jinja
