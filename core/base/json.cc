#include "core/base/json.h"

#include <cmath>
#include <set>

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/files.h"
#include "core/base/impostor.h"
#include "core/base/limits.h"

namespace hft {
namespace {

// nlohmann's own message, reduced to its cause: "[json.exception.parse_error.101] parse error at
// line 1, column 5: syntax error while …; last read: '…'" -> "line 1, column 5: syntax error …".
std::string cause_of(const std::string& what) {
  auto start = what.find("] ");
  std::string text = start == std::string::npos ? what : what.substr(start + 2);
  for (std::string_view lead : {"parse error at ", "parse error: "})
    if (text.starts_with(lead)) text.erase(0, lead.size());
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

std::string shown(const Json& value) {
  std::string text = to_line(value);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

// nlohmann's own parser into a value, with limits. (Its parser with a callback does the same, but
// walks a whole array after each of its elements: the square of their number.)
class LimitedParser : public nlohmann::detail::json_sax_dom_parser<Json> {
  using Base = nlohmann::detail::json_sax_dom_parser<Json>;

 public:
  LimitedParser(Json& value, bool unique_keys, bool exact = false)
      : Base(value), unique_keys_(unique_keys), exact_(exact) {}

  bool null() { return inside() && Base::null(); }
  bool boolean(bool v) { return inside() && Base::boolean(v); }
  bool number_integer(std::int64_t v) { return inside() && Base::number_integer(v); }
  bool number_unsigned(std::uint64_t v) { return inside() && Base::number_unsigned(v); }
  bool number_float(double v, const std::string& text) {
    if (!exact_ || Json(v).dump() == text) return inside() && Base::number_float(v, text);
    Json::binary_t digits({text.begin(), text.end()});
    return inside() && Base::binary(digits);
  }
  bool string(std::string& v) { return inside() && Base::string(v); }
  bool start_array(std::size_t size) {
    inside();
    ++depth_;
    return Base::start_array(size);
  }
  bool end_array() {
    --depth_;
    return Base::end_array();
  }
  bool start_object(std::size_t size) {
    inside();
    ++depth_;
    if (unique_keys_) keys_.emplace_back();
    return Base::start_object(size);
  }
  bool key(std::string& name) {
    if (unique_keys_ && !keys_.back().insert(name).second)
      fail(Errc::kBadData, "duplicate key '", name, "'");
    return Base::key(name);
  }
  bool end_object() {
    --depth_;
    if (unique_keys_) keys_.pop_back();
    return Base::end_object();
  }

 private:
  bool inside() const {
    if (depth_ >= limits::kJsonDepth)
      fail(Errc::kBadData, "nested deeper than ", limits::kJsonDepth);
    return true;
  }
  bool unique_keys_, exact_;
  int depth_ = 0;
  std::vector<std::set<std::string>> keys_;
};

Json parsed(std::string_view text, std::string_view where, bool unique_keys, bool exact) {
  Json value;
  LimitedParser parser(value, unique_keys, exact);
  try {
    Json::sax_parse(text.begin(), text.end(), &parser);
    return value;
  } catch (const Json::exception& e) {
    with_context(where, [&] { refuse_impostor(text, "the file itself", "JSON"); });
    fail(Errc::kBadData, where, ": not valid JSON: ", cause_of(e.what()));
  } catch (const Error& e) {
    throw e.in(where);
  }
}

void append_exact(const Json& value, std::string& out) {
  if (value.is_binary()) {
    out.append(value.get_binary().begin(), value.get_binary().end());
  } else if (value.is_object()) {
    out += '{';
    for (const auto& [key, one] : value.items()) {
      if (out.back() != '{') out += ',';
      out += to_line(key) + ":";
      append_exact(one, out);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (const Json& one : value) {
      if (out.back() != '[') out += ',';
      append_exact(one, out);
    }
    out += ']';
  } else {
    out += to_line(value);
  }
}

}  // namespace

Json parse_json(std::string_view text, std::string_view where, bool unique_keys) {
  return parsed(text, where, unique_keys, false);
}

Json parse_exact_json(std::string_view text, std::string_view where) {
  return parsed(text, where, false, true);
}

bool is_number(const Json& value) { return value.is_number() || value.is_binary(); }

std::string exact_line(const Json& value) {
  std::string line;
  append_exact(value, line);
  return line;
}

Json read_json(const std::filesystem::path& file) {
  return parse_json(read_file(file, limits::kJsonBytes), file.string());
}

std::string to_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Fields::Fields(Json object, std::string where)
    : object_(std::move(object)), where_(std::move(where)) {
  if (!object_.is_object())
    fail(Errc::kBadData, where_, ": is ", object_.type_name(), ", wanted a JSON object");
}

const Json* Fields::find(std::string_view key) const {
  auto it = object_.find(std::string(key));
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

bool Fields::has(std::string_view key) const { return find(key) != nullptr; }

void Fields::wrong(std::string_view key, const std::string& wanted) const {
  fail(Errc::kBadData, where_, ": '", key, "' is ", shown(*find(key)), ", wanted ", wanted);
}

const Json& Fields::need(std::string_view key, const std::string& wanted) const {
  const Json* value = find(key);
  if (!value) fail(Errc::kBadData, where_, ": '", key, "' is missing, wanted ", wanted);
  return *value;
}

std::int64_t Fields::integer(std::string_view key, std::int64_t low, std::int64_t high) const {
  const std::string wanted =
      "an integer in [" + std::to_string(low) + ", " + std::to_string(high) + "]";
  const Json& value = need(key, wanted);
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) wrong(key, wanted);
  std::int64_t number = 0;
  if (value.is_number_integer()) {
    number = value.get<std::int64_t>();
  } else if (double real = value.is_number() ? value.get<double>() : NAN;
             std::trunc(real) == real && std::abs(real) < 9e15) {
    number = static_cast<std::int64_t>(real);  // 512.0 is how some writers spell 512
  } else {
    wrong(key, wanted);
  }
  if (number < low || number > high) wrong(key, wanted);
  return number;
}

std::int64_t Fields::integer(std::string_view key, std::int64_t low, std::int64_t high,
                             std::int64_t fallback) const {
  return has(key) ? integer(key, low, high) : fallback;
}

double Fields::real(std::string_view key, double low, double high,
                    std::optional<double> fallback) const {
  if (!has(key) && fallback) return *fallback;
  std::ostringstream wanted;
  wanted << "a number in [" << low << ", " << high << "]";
  const Json& value = need(key, wanted.str());
  if (!value.is_number()) wrong(key, wanted.str());
  double number = value.get<double>();
  if (!(number >= low && number <= high)) wrong(key, wanted.str());
  return number;
}

bool Fields::boolean(std::string_view key, bool fallback) const {
  if (!has(key)) return fallback;
  if (!find(key)->is_boolean()) wrong(key, "true or false");
  return find(key)->get<bool>();
}

std::string Fields::text(std::string_view key, std::optional<std::string> fallback) const {
  if (!has(key) && fallback) return *fallback;
  const Json& value = need(key, "a string");
  if (!value.is_string()) wrong(key, "a string");
  return value.get<std::string>();
}

Fields Fields::object(std::string_view key) const {
  if (!has(key)) return Fields(Json::object(), where_ + ": " + std::string(key));
  if (!find(key)->is_object()) wrong(key, "an object");
  return Fields(*find(key), where_ + ": " + std::string(key));
}

}  // namespace hft
