#include "core/templates/print.h"

#include <algorithm>
#include <cmath>

#include "core/templates/big_integer.h"
#include "core/templates/budget.h"
#include "core/templates/python_text.h"

namespace hft::jinja {
namespace {

// Appends and keeps watch over the size.
class Writer {
 public:
  void put(std::string_view text) {
    out += text;
    check();
  }
  void check() {
    if (out.size() - charged_ > 4096) {
      allow_text(out.size());
      charge_bytes(out.size() - charged_);
      charged_ = out.size();
    }
  }
  std::string out;

 private:
  std::size_t charged_ = 0;
};

void write_repr(Writer& to, const Value& value);

template <class Items, class F>
void write_list(Writer& to, char open, char close, const Items& items, F&& write) {
  to.out += open;
  bool first = true;
  for (const auto& item : items) {
    if (!first) to.out += ", ";
    first = false;
    write(item);
  }
  to.out += close;
}

void write_dict(Writer& to, const Dict& dict) {
  write_list(to, '{', '}', dict.entries(), [&](const Dict::Entry& entry) {
    write_repr(to, entry.key);
    to.out += ": ";
    write_repr(to, entry.value);
  });
}

void write_view(Writer& to, const View& view) {
  constexpr const char* kNames[] = {"dict_keys(", "dict_values(", "dict_items("};
  to.out += kNames[view.which];
  write_list(to, '[', ']', view.dict.as<Dict>().entries(), [&](const Dict::Entry& entry) {
    if (view.which == View::kItems) to.out += '(';
    if (view.which != View::kValues) write_repr(to, entry.key);
    if (view.which == View::kItems) to.out += ", ";
    if (view.which != View::kKeys) write_repr(to, entry.value);
    if (view.which == View::kItems) to.out += ')';
  });
  to.out += ')';
}

std::string range_repr(const Range& r) {
  std::string out = "range(" + std::to_string(r.start) + ", " + std::to_string(r.stop);
  return r.step == 1 ? out + ")" : out + ", " + std::to_string(r.step) + ")";
}

// Namespaces may hold themselves, so what they hold is written only so deep.
thread_local int namespaces_open = 0;

void write_namespace(Writer& to, const Namespace& space) {
  to.out += "<Namespace ";
  ++namespaces_open;
  if (namespaces_open > 8)
    to.out += "{...}";
  else
    write_dict(to, space.attributes);
  --namespaces_open;
  to.out += '>';
}

void write_repr(Writer& to, const Value& value) {
  charge(1);
  auto one = [&](const Value& item) { write_repr(to, item); };
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kUndefined:
      to.out += "Undefined";
      break;
    case Kind::kNone:
      to.out += "None";
      break;
    case Kind::kBool:
      to.out += value.boolean() ? "True" : "False";
      break;
    case Kind::kInt:
      to.out += decimal(value);
      break;
    case Kind::kFloat:
      to.out += float_repr(value.real());
      break;
    case Kind::kString:
      if (value.is_markup()) to.out += "Markup(";
      append_repr(to.out, value.text());
      if (value.is_markup()) to.out += ')';
      break;
    case Kind::kList:
      write_list(to, '[', ']', value.items(), one);
      break;
    case Kind::kTuple:
      write_list(to, '(', ')', value.items(), one);
      if (value.items().size() == 1) to.out.back() = ',', to.out += ')';
      break;
    case Kind::kDict:
      write_dict(to, value.as<Dict>());
      break;
    case Kind::kRange:
      to.out += range_repr(value.as<Range>());
      break;
    case Kind::kView:
      write_view(to, value.as<View>());
      break;
    case Kind::kNamespace:
      write_namespace(to, value.as<Namespace>());
      break;
    default:
      to.out += "<" + std::string(value.type_name()) + " object>";
      break;
  }
  to.check();
}

// json.dumps of a string.
void write_json_text(std::string& out, std::string_view text, bool ascii) {
  constexpr char kHex[] = "0123456789abcdef";
  auto unit = [&](char32_t c) {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += kHex[c >> shift & 15];
  };
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    char32_t c = decode(text, at);
    switch (c) {
      case '"':
        out += "\\\"";
        continue;
      case '\\':
        out += "\\\\";
        continue;
      case '\n':
        out += "\\n";
        continue;
      case '\r':
        out += "\\r";
        continue;
      case '\t':
        out += "\\t";
        continue;
      case '\f':
        out += "\\f";
        continue;
      case '\b':
        out += "\\b";
        continue;
      default:
        break;
    }
    if (c < 0x20 || (ascii && c > 0x7e && c < 0x10000)) {
      if (c == 0x7f)
        out += '\x7f';
      else
        unit(c);
    } else if (ascii && c >= 0x10000) {
      unit(0xd800 + ((c - 0x10000) >> 10));
      unit(0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
      append(out, c);
    }
  }
  out += '"';
}

std::string json_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return float_repr(value);
}

std::string json_key(const Value& key) {
  switch (key.kind()) {
    case Kind::kString:
      return key.text();
    case Kind::kBool:
      return key.boolean() ? "true" : "false";
    case Kind::kNone:
      return "null";
    case Kind::kInt:
      return decimal(key);
    case Kind::kFloat:
      return json_float(key.real());
    default:
      fail(Errc::kBadData, "keys of JSON must be str, int, float, bool or None, not ",
           key.type_name());
  }
}

class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}

  void write(const Value& value) {
    charge(1);
    switch (value.kind()) {
      case Kind::kNone:
        to.out += "null";
        break;
      case Kind::kBool:
        to.out += value.boolean() ? "true" : "false";
        break;
      case Kind::kInt:
        to.out += decimal(value);
        break;
      case Kind::kFloat:
        to.out += json_float(value.real());
        break;
      case Kind::kString:
        write_json_text(to.out, value.text(), style_.ensure_ascii);
        break;
      case Kind::kList:
      case Kind::kTuple:
        block('[', ']', value.items(), [&](const Value& item) { write(item); });
        break;
      case Kind::kDict:
        write_object(value.as<Dict>());
        break;
      default:
        fail(Errc::kBadData, "Object of type ", value.type_name(), " is not JSON serializable");
    }
    to.check();
  }
  Writer to;

 private:
  template <class Items, class F>
  void block(char open, char close, const Items& items, F&& one) {
    to.out += open;
    ++level_;
    bool first = true;
    for (const auto& item : items) {
      if (!first) to.out += style_.item_separator;
      first = false;
      newline();
      one(item);
    }
    --level_;
    if (!first) newline();
    to.out += close;
  }

  void write_object(const Dict& dict) {
    std::vector<const Dict::Entry*> entries;
    for (const auto& entry : dict.entries()) entries.push_back(&entry);
    if (style_.sort_keys)
      std::stable_sort(entries.begin(), entries.end(),
                       [](auto* a, auto* b) { return less(a->key, b->key); });
    block('{', '}', entries, [&](const Dict::Entry* entry) {
      write_json_text(to.out, json_key(entry->key), style_.ensure_ascii);
      to.out += style_.key_separator;
      write(entry->value);
    });
  }

  void newline() {
    if (!style_.pretty) return;
    to.out += '\n';
    allow_text(to.out.size() + style_.indent.size() * level_);
    for (std::size_t i = 0; i < level_; ++i) to.out += style_.indent;
  }

  const JsonStyle& style_;
  std::size_t level_ = 0;
};

bool less_items(const std::vector<Value>& a, const std::vector<Value>& b, std::string_view what) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    charge(1);
    if (!equal(a[i], b[i])) return less(a[i], b[i], what);
  }
  return a.size() < b.size();
}

// A number of JSON that was kept as it was written (core/base/exact_json.h).
Value from_written(const std::string& text) {
  if (text.find_first_not_of("-0123456789") != std::string::npos)
    return Value(std::strtod(text.c_str(), nullptr));
  const bool negative = text.starts_with('-');
  const auto big = BigInteger::parse(std::string_view(text).substr(negative), 10);
  if (!big) fail(Errc::kBadData, "an integer of more than 4300 digits");
  return (negative ? -*big : *big).value();
}

}  // namespace

std::string str(const Value& value) {
  if (value.is(Kind::kString)) return value.text();
  if (value.is(Kind::kUndefined) || value.is(Kind::kMissing)) return "";
  return repr(value);
}

std::string repr(const Value& value) {
  Writer to;
  write_repr(to, value);
  allow_text(to.out.size());
  return std::move(to.out);
}

std::string to_json(const Value& value, const JsonStyle& style) {
  JsonWriter writer(style);
  writer.write(value);
  allow_text(writer.to.out.size());
  return std::move(writer.to.out);
}

Value from_json(const Json& json) {
  switch (json.type()) {
    case Json::value_t::null:
      return Value();
    case Json::value_t::boolean:
      return Value(json.get<bool>());
    case Json::value_t::number_integer:
      return Value(json.get<std::int64_t>());
    case Json::value_t::number_float:
      return Value(json.get<double>());
    case Json::value_t::string:
      return Value(json.get_ref<const std::string&>());
    case Json::value_t::number_unsigned: {
      auto number = json.get<std::uint64_t>();
      if (number > INT64_MAX) return BigInteger::parse(std::to_string(number), 10)->value();
      return Value(static_cast<std::int64_t>(number));
    }
    case Json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const Json& item : json) items.push_back(from_json(item));
      return Value::list(std::move(items));
    }
    case Json::value_t::object: {
      auto dict = std::make_shared<Dict>();
      for (const auto& [key, item] : json.items()) dict->set(Value(key), from_json(item));
      return make_dict(std::move(dict));
    }
    default:
      return from_written({json.get_binary().begin(), json.get_binary().end()});
  }
}

bool less(const Value& a, const Value& b, std::string_view what) {
  charge(1);
  if (a.is(Kind::kUndefined)) fail(Errc::kBadData, a.as<Undefined>().message);
  if (b.is(Kind::kUndefined)) fail(Errc::kBadData, b.as<Undefined>().message);
  if (a.is_number() && b.is_number()) {
    return compare_numbers(a, b) < 0;
  }
  if (a.is(Kind::kString) && b.is(Kind::kString)) {
    charge_bytes(std::min(a.text().size(), b.text().size()));
    return a.text() < b.text();  // UTF-8 sorts as its code points do
  }
  if (a.is_sequence() && a.kind() == b.kind()) return less_items(a.items(), b.items(), what);
  fail(Errc::kBadData, "'", what, "' not supported between instances of '", a.type_name(),
       "' and '", b.type_name(), "'");
}

}  // namespace hft::jinja
