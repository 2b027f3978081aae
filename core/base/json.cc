#include "core/base/json.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/base/base64.h"
#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/files.h"
#include "core/base/given_file.h"
#include "core/base/impostor.h"
#include "core/base/json_reader.h"
#include "core/base/limits.h"
#include "core/base/sorted_json.h"

namespace hft {
namespace {

std::string shown(const Json& value) {
  if (value.is_number_float() && !std::isfinite(value.get<double>()))
    return std::isnan(value.get<double>()) ? "NaN" : "an infinite number";
  std::string text = to_line(value);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

using Bytes = nlohmann::byte_container_with_subtype<std::vector<std::uint8_t>>;
constexpr std::uint8_t kBytes = 1;  // the subtype of what is not the digits of a number

struct Rules {
  bool unique_keys = false, exact = false;
};

// Builds the value of a text that JsonReader reads.
template <class Value>
class Builder : public nlohmann::detail::json_sax_dom_parser<Value> {
  using Base = nlohmann::detail::json_sax_dom_parser<Value>;

 public:
  Builder(Value& value, Rules rules) : Base(value), rules_(rules) {}

  bool number_float(double v, const std::string& text) {
    // What the value would not be written as again is kept as it is.
    if (!rules_.exact || Json(v).dump() == text) return Base::number_float(v, text);
    Bytes written(std::vector<std::uint8_t>(text.begin(), text.end()));
    return Base::binary(written);
  }
  bool start_object(std::size_t size) {
    if (rules_.unique_keys) keys_.emplace_back();
    return Base::start_object(size);
  }
  bool key(std::string& name) {
    if (rules_.unique_keys && !keys_.back().insert(name).second)
      fail(Errc::kBadData, "duplicate key '", name, "'");
    return Base::key(name);
  }
  bool end_object() {
    if (rules_.unique_keys) keys_.pop_back();
    return Base::end_object();
  }

 private:
  Rules rules_;
  std::vector<std::set<std::string>> keys_;
};

std::string place_of(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const auto start = before.rfind('\n');  // npos + 1 is 0
  return "line " + std::to_string(lines + 1) + ", column " + std::to_string(at - start);
}

template <class Value>
Value parse(std::string_view text, std::string_view where, Rules rules) {
  Value value;
  Builder<Value> builder(value, rules);
  try {
    JsonReader(text, builder, JsonDialect::kPython).read();
    return value;
  } catch (const JsonFault& fault) {
    with_context(where, [&] { refuse_impostor(text, "the file itself", "JSON"); });
    fail(Errc::kBadData, where, ": not valid JSON: ", place_of(text, fault.at), ": ", fault.why);
  } catch (const Error& e) {
    throw e.in(where);
  }
}

bool holds_written(const Json& value) {
  if (value.is_structured()) return std::any_of(value.begin(), value.end(), holds_written);
  return value.is_binary();
}

void append_exact(const Json& value, std::string& out) {
  if (is_bytes(value)) {
    const Bytes& bytes = value.get_binary();
    out += '"' + encoded_base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()}) + '"';
  } else if (value.is_binary()) {
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
  return parse<Json>(text, where, {.unique_keys = unique_keys});
}

Json parse_exact_json(std::string_view text, std::string_view where) {
  return parse<Json>(text, where, {.exact = true});
}

Json read_exact_json(const std::filesystem::path& file) {
  return parse_exact_json(read_given(file, limits::kJsonBytes), file.string());
}

nlohmann::json parse_sorted_json(std::string_view text, std::string_view where, bool unique_keys) {
  return parse<nlohmann::json>(text, where, {.unique_keys = unique_keys});
}

Json written_number(std::string_view digits) {
  return Json::binary(std::vector<std::uint8_t>(digits.begin(), digits.end()));
}

Json bytes_value(std::string_view bytes) {
  return Json::binary(std::vector<std::uint8_t>(bytes.begin(), bytes.end()), kBytes);
}

bool is_bytes(const Json& value) { return value.is_binary() && value.get_binary().has_subtype(); }

bool is_number(const Json& value) {
  return value.is_number() || (value.is_binary() && !value.get_binary().has_subtype());
}

std::string exact_line(const Json& value) {
  std::string line;
  append_exact(value, line);
  return line;
}

Json read_json(const std::filesystem::path& file) {
  return parse_json(read_file(file, limits::kJsonBytes), file.string());
}

std::string to_line(const Json& value) {
  if (holds_written(value)) return exact_line(value);
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
