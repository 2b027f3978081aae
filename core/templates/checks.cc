// The tests behind `is`, as jinja2 3.1 has them.
#include "core/templates/parser.h"
#include "core/templates/print.h"
#include "core/templates/runtime.h"
#include "core/templates/python_text.h"

namespace hft::jinja {
namespace {

template <bool (*F)(const Value&)>
bool plain(Runtime&, const Value& value, Args& args) {
  bind("the test", args, {});
  return F(value);
}

// A test with one argument.
template <bool (*F)(Runtime&, const Value&, const Value&)>
bool against(Runtime& runtime, const Value& value, Args& args) {
  return F(runtime, value, bind("the test", args, {"other"}, 1)[0]);
}

Value remainder(const Value& value, const Value& by) { return math(Math::kMod, value, by); }

bool is_odd(const Value& v) { return equal(remainder(v, Value(2)), Value(1)); }
bool is_even(const Value& v) { return equal(remainder(v, Value(2)), Value(0)); }
bool is_defined(const Value& v) { return !v.is(Kind::kUndefined); }
bool is_undefined(const Value& v) { return v.is(Kind::kUndefined); }
bool is_none(const Value& v) { return v.is(Kind::kNone); }
bool is_boolean(const Value& v) { return v.is(Kind::kBool); }
bool is_true(const Value& v) { return v.is(Kind::kBool) && v.boolean(); }
bool is_false(const Value& v) { return v.is(Kind::kBool) && !v.boolean(); }
bool is_integer(const Value& v) { return v.is(Kind::kInt); }
bool is_float(const Value& v) { return v.is(Kind::kFloat); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_string(const Value& v) { return v.is(Kind::kString); }
bool is_mapping(const Value& v) { return v.is(Kind::kDict); }
bool is_sequence(const Value& v) {
  return v.is(Kind::kUndefined) || v.is(Kind::kString) || v.is_sequence() || v.is(Kind::kDict) ||
         v.is(Kind::kRange);
}
bool is_callable(const Value& v) {
  return v.is(Kind::kFunction) || v.is(Kind::kMacro) || v.is(Kind::kLoop) || v.is(Kind::kJoiner) ||
         v.is(Kind::kUndefined);
}
bool is_escaped(const Value& v) { return v.is_markup(); }

// islower and isupper: cased characters, all of them of that case.
template <bool (*Wanted)(char32_t), bool (*Other)(char32_t)>
bool all_cased(const Value& value) {
  std::string text = str(value);
  charge(static_cast<std::int64_t>(text.size() / 16));
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    char32_t c = decode(text, at);
    if (Other(c)) return false;
    any = any || Wanted(c);
  }
  return any;
}

bool eq(Runtime&, const Value& a, const Value& b) { return equal(a, b); }
bool ne(Runtime&, const Value& a, const Value& b) { return !equal(a, b); }
bool lt(Runtime&, const Value& a, const Value& b) { return less(a, b, "<"); }
bool gt(Runtime&, const Value& a, const Value& b) { return less(b, a, ">"); }
bool le(Runtime&, const Value& a, const Value& b) { return less(a, b, "<=") || equal(a, b); }
bool ge(Runtime&, const Value& a, const Value& b) { return less(b, a, ">=") || equal(a, b); }
bool in(Runtime& runtime, const Value& a, const Value& b) { return contains(runtime, b, a); }

bool sameas(Runtime&, const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.is_number() || a.is(Kind::kNone) || a.is(Kind::kString)) return equal(a, b);
  return a.address() == b.address();
}

bool divisibleby(Runtime&, const Value& value, Args& args) {
  Value by = bind("divisibleby", args, {"num"}, 1)[0];
  return equal(remainder(value, by), Value(0));
}

bool names_filter(const Value& v) {
  return v.is(Kind::kString) && find_filter(v.text()) != nullptr;
}
bool names_test(const Value& v) { return v.is(Kind::kString) && find_test(v.text()) != nullptr; }

struct Named {
  std::string_view name;
  Test test;
};
constexpr Named kTests[] = {{"odd", plain<is_odd>},
                            {"even", plain<is_even>},
                            {"divisibleby", divisibleby},
                            {"defined", plain<is_defined>},
                            {"undefined", plain<is_undefined>},
                            {"none", plain<is_none>},
                            {"filter", plain<names_filter>},
                            {"test", plain<names_test>},
                            {"boolean", plain<is_boolean>},
                            {"true", plain<is_true>},
                            {"false", plain<is_false>},
                            {"integer", plain<is_integer>},
                            {"float", plain<is_float>},
                            {"number", plain<is_number>},
                            {"string", plain<is_string>},
                            {"mapping", plain<is_mapping>},
                            {"sequence", plain<is_sequence>},
                            {"iterable", plain<is_iterable>},
                            {"callable", plain<is_callable>},
                            {"escaped", plain<is_escaped>},
                            {"sameas", against<sameas>},
                            {"in", against<in>},
                            {"lower", plain<all_cased<is_lower, is_upper>>},
                            {"upper", plain<all_cased<is_upper, is_lower>>},
                            {"==", against<eq>},
                            {"eq", against<eq>},
                            {"equalto", against<eq>},
                            {"!=", against<ne>},
                            {"ne", against<ne>},
                            {">", against<gt>},
                            {"gt", against<gt>},
                            {"greaterthan", against<gt>},
                            {"ge", against<ge>},
                            {">=", against<ge>},
                            {"<", against<lt>},
                            {"lt", against<lt>},
                            {"lessthan", against<lt>},
                            {"<=", against<le>},
                            {"le", against<le>}};

}  // namespace

Test find_test(std::string_view name) {
  for (const Named& named : kTests)
    if (named.name == name) return named.test;
  return nullptr;
}

}  // namespace hft::jinja
