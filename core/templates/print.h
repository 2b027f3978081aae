// How values are written: Python's str and repr, and json.dumps.
#pragma once

#include <string>

#include "core/base/json.h"
#include "core/templates/value.h"

namespace hft::jinja {

// str(value), what {{ value }} prints.
std::string str(const Value& value);
std::string repr(const Value& value);
// pprint.pformat(value).
std::string pretty(const Value& value);

// The arguments of json.dumps that transformers' tojson takes.
struct JsonStyle {
  bool ensure_ascii = false;
  bool pretty = false;  // indent given: one item a line
  std::string indent;   // one level of it
  std::string item_separator = ", ", key_separator = ": ";
  bool sort_keys = false;
};
// Throws kBadData for what JSON cannot hold.
std::string to_json(const Value& value, const JsonStyle& style);

// A JSON value as a template sees it.
Value from_json(const Json& json);

// Python's < on two values; throws kBadData when they have no order. what: the operator to name.
bool less(const Value& a, const Value& b, std::string_view what = "<");

}  // namespace hft::jinja
