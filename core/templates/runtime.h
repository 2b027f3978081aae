// What filters, tests and methods may ask of the rendering they run in.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/templates/budget.h"
#include "core/templates/value.h"

namespace hft::jinja {

class Runtime {
 public:
  virtual ~Runtime() = default;
  // Calls a function, method, macro, loop or joiner.
  virtual Value call(const Value& callee, Args args) = 0;
  std::optional<std::time_t> now;
  bool autoescape = false;  // inside {% autoescape true %}, as filters and macros see it

  // Every namespace of a rendering: they may hold each other, so the rendering empties them.
  Value make_namespace();
  void clear_namespaces();

 private:
  std::vector<std::shared_ptr<Namespace>> namespaces_;
};

// raise_exception(text): reaches the caller as the text alone.
struct Raised {
  std::string text;
};

// obj.name: attributes before items. obj[key]: items before attributes. Undefined when missing.
Value get_attribute(Runtime& runtime, const Value& object, std::string_view name);
Value get_item(Runtime& runtime, const Value& object, const Value& key);
// The attribute alone, nothing when there is none.
std::optional<Value> find_attribute(Runtime& runtime, const Value& object, std::string_view name);
Value get_slice(const Value& object, const Value& start, const Value& stop, const Value& step);
// One path of attributes as filters take it: "a.b.0", or an integer.
Value get_path(Runtime& runtime, Value object, const Value& path, const Value* fallback = nullptr);

// A binary operator: + - * / // % **.
enum class Math : std::uint8_t { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod, kPow };
Value math(Math op, const Value& a, const Value& b);
Value negate(const Value& a);
Value positive(const Value& a);
bool contains(Runtime& runtime, const Value& container, const Value& item);

// An iterator over the value; fails when it has none.
std::shared_ptr<Iterator> iterate(const Value& value);
bool is_iterable(const Value& value);
std::vector<Value> to_vector(Runtime& runtime, const Value& value);
// len(value), or nothing when the type has none.
std::optional<std::int64_t> length_of(const Value& value);
// The item of an iterator made here, over items already there.
std::shared_ptr<Iterator> over(std::vector<Value> items, std::string_view type);

// Fails with the message of an undefined value; otherwise does nothing.
void need_defined(const Value& value);
// An int argument; fails naming what it is for. Bools count.
std::int64_t need_integer(const Value& value, std::string_view what);
// The same where a number beyond 64 bits counts as the largest, or the least, of them.
std::int64_t need_index(const Value& value, std::string_view what);
const std::string& need_text(const Value& value, std::string_view what);

// The arguments of a call by the names of the parameters, in this order; absent ones are kMissing.
// The first `required` must be there. Fails when some are too many or unknown.
std::vector<Value> bind(std::string_view function, Args& args,
                        std::initializer_list<std::string_view> names, std::size_t required = 0);

// printf-style and str.format, as Python's.
// Of a markup, with `escaped`, what is put in is escaped.
std::string percent_format(const std::string& format, const Value& values, bool escaped = false);
std::string brace_format(Runtime& runtime, const std::string& format, const Args& args,
                         bool escaped = false);
std::string format_value(const Value& value, std::string_view spec);

// & < > ' " as entities.
std::string escape_html(std::string_view text);
// markupsafe.escape: a markup stays, the text of anything else is escaped.
Value escape(const Value& value);
// A text of the kind that `model` is: a markup, or a plain one.
Value like(const Value& model, std::string text);

// Filters, tests, methods and globals by name; nullptr when there is none.
Builtin find_filter(std::string_view name);
using Test = bool (*)(Runtime&, const Value& value, Args& args);
Test find_test(std::string_view name);
Builtin find_text_method(std::string_view name, bool markup);
Builtin find_method(const Value& object, std::string_view name);
// text.name(…): text is a kString.
Value call_text_method(Runtime& runtime, const Value& text, std::string_view name,
                       std::vector<Value> positional);
Builtin find_sequence_filter(std::string_view name);
Builtin find_markup_filter(std::string_view name);
std::optional<Value> find_global(std::string_view name);

}  // namespace hft::jinja
