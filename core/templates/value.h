// The values a template computes with: those of Python, with cheap copies. Containers do not change
// once built (the sandbox refuses it), so a copy shares; their depth is bounded where they are
// made.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hft::jinja {

class Runtime;
class Value;

enum class Kind : std::uint8_t {
  kMissing,  // a slot nothing was assigned to; never seen by a template
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kTuple,
  kDict,
  kRange,
  kView,
  kIterator,
  kNamespace,
  kFunction,
  kMacro,
  kLoop,
  kCycler,
  kJoiner,
};

// Values below this depth of nesting are built; deeper is an error.
inline constexpr int kValueDepth = 600;

struct Object {
  virtual ~Object() = default;
};

class Value {
 public:
  Value() : kind_(Kind::kNone), int_(0) {}
  Value(bool b) : kind_(Kind::kBool), int_(b) {}  // NOLINT: a Python bool is written as one
  Value(std::int64_t i) : kind_(Kind::kInt), int_(i) {}
  Value(int i) : Value(static_cast<std::int64_t>(i)) {}
  Value(double d) : kind_(Kind::kFloat), float_(d) {}
  Value(std::string text);
  Value(std::string_view text) : Value(std::string(text)) {}
  Value(const char* text) : Value(std::string(text)) {}
  Value(Kind kind, std::shared_ptr<Object> object)
      : kind_(kind), int_(0), object_(std::move(object)) {}

  // HTML that needs no escaping any more: what |safe and |e make, markupsafe's Markup.
  static Value markup(std::string text);
  static Value missing() { return Value(Kind::kMissing, nullptr); }
  static Value list(std::vector<Value> items);
  static Value tuple(std::vector<Value> items);
  static Value undefined(std::string message);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_number() const { return kind_ >= Kind::kBool && kind_ <= Kind::kFloat; }
  bool is_integral() const { return kind_ == Kind::kBool || kind_ == Kind::kInt; }
  bool is_sequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }

  bool boolean() const { return int_ != 0; }
  bool is_big() const { return kind_ == Kind::kInt && object_; }  // a BigInteger
  // kInt, kBool. Throws kBadData for a big one, which 64 bits do not hold.
  std::int64_t integer() const;
  double real() const;               // of any number; throws kBadData for a big one beyond a double
  bool is_markup() const;            // of a kString
  const std::string& text() const;   // kString
  std::int64_t text_length() const;  // kString: code points
  const std::vector<Value>& items() const;  // kList, kTuple
  template <class T>
  T& as() const {
    return static_cast<T&>(*object_);
  }
  const Object* address() const { return object_.get(); }

  bool truthy() const;
  int depth() const;
  // "str", "dict", "NoneType": type(x).__name__.
  std::string_view type_name() const;

 private:
  Kind kind_;
  union {
    std::int64_t int_;
    double float_;
  };
  std::shared_ptr<Object> object_;
};

// 1 + the greatest depth of the values. Throws kBadData above kValueDepth.
int depth_over(const std::vector<Value>& values);

struct Text : Object {
  std::string bytes;        // UTF-8
  std::int64_t length = 0;  // code points
  bool markup = false;
};
struct Undefined : Object {
  std::string message;  // what an operation on it fails with
};
struct Sequence : Object {
  std::vector<Value> items;
  int depth = 0;
  bool group = false;  // what groupby makes: (grouper, list), with these attributes
};
struct Range : Object {
  std::int64_t start = 0, stop = 0, step = 1;
  std::int64_t length() const;
};

// Keys in insertion order. Keys are hashable values: 1, 1.0 and true are one key.
class Dict : public Object {
 public:
  struct Entry {
    std::size_t hash;
    Value key, value;
  };
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  void set(Value key, Value value);
  const std::vector<Entry>& entries() const { return entries_; }
  void clear() { entries_.clear(), table_.clear(); }
  int depth = 1;

 private:
  template <class Same>
  std::size_t locate(std::size_t hash, Same&& same) const;
  void index(std::size_t entry);
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> table_;  // open addressing: entry + 1; empty while there are few
};

struct View : Object {
  enum Which { kKeys, kValues, kItems } which = kKeys;
  Value dict;
};
// Python's generators: read once, front to back.
struct Iterator : Object {
  virtual bool next(Runtime& runtime, Value& out) = 0;
  int depth = 1;
  std::string_view type = "generator";
};
struct Namespace : Object {
  Dict attributes;
};

struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};
using Builtin = Value (*)(Runtime&, const Value& self, Args& args);
// A global function (self is None) or a method bound to its object.
struct Function : Object {
  std::string_view name;
  Builtin call = nullptr;
  Value self;
  int depth = 1;
};
struct Cycler : Object {
  std::vector<Value> items;
  std::size_t at = 0;
};
struct Joiner : Object {
  Value separator;
  bool used = false;
};

bool hashable(const Value& value);
std::size_t hash_of(const Value& value);
// Python's ==.
bool equal(const Value& a, const Value& b);

Value make_function(std::string_view name, Builtin call, Value self = {});
Value make_dict(std::shared_ptr<Dict> dict);

}  // namespace hft::jinja
