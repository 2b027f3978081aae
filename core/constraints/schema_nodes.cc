#include "core/constraints/schema_nodes.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"

namespace hft {
namespace {

constexpr int kNegationDepth = 32;
const std::vector<std::string> kTypes{"null", "boolean", "number", "string", "array", "object"};

// JSON pointers in a URI's fragment: percent signs, then ~0 and ~1.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() &&
        std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
        std::isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The schema with this $anchor or $id, anywhere in it.
const Json* named(const Json& in, const std::string& keyword, const std::string& name) {
  if (in.is_object())
    if (const auto found = in.find(keyword); found != in.end() && *found == name) return &in;
  if (in.is_structured())
    for (const auto& item : in.items())
      if (const Json* found = named(item.value(), keyword, name)) return found;
  return nullptr;
}

bool says_nothing(const std::string& keyword) {
  static const std::vector<std::string> kAnnotations{
      "title", "description", "default",     "examples",   "$comment", "$id",      "$schema",
      "$defs", "$anchor",     "definitions", "deprecated", "readOnly", "writeOnly"};
  return std::ranges::find(kAnnotations, keyword) != kAnnotations.end();
}

Json types_but(const std::vector<std::string>& left_out) {
  Json types = Json::array();
  for (const std::string& type : kTypes)
    if (std::ranges::find(left_out, type) == left_out.end()) types.push_back(type);
  Json schema{{"type", types}};
  if (std::ranges::find(left_out, "integer") != left_out.end()) schema[kNotInteger] = true;
  return schema;
}

}  // namespace

SchemaNodes::SchemaNodes(const Json& root) : root_(root) { add(root, "#"); }

std::int32_t SchemaNodes::add(const Json& schema, std::string place) {
  const auto [found, fresh] = ids_.emplace(&schema, static_cast<std::int32_t>(nodes_.size()));
  if (!fresh) return found->second;
  if (!schema.is_object() && !schema.is_boolean())
    fail(Errc::kBadData, place, ": is ", schema.type_name(),
         ", wanted a schema: an object, true or false");
  nodes_.push_back({&schema, std::move(place)});
  return found->second;
}

std::int32_t SchemaNodes::inside(std::int32_t node, const Json& schema,
                                 const std::vector<std::string>& path) {
  std::string at = place(node);
  for (const std::string& step : path) at += "/" + step;
  return add(schema, std::move(at));
}

std::int32_t SchemaNodes::referred(std::int32_t node) {
  std::vector<std::int32_t> passed;
  for (std::int32_t at = node;;) {
    if (std::ranges::find(passed, at) != passed.end())
      fail(Errc::kBadData, place(node), ": '$ref' leads back to itself");
    passed.push_back(at);
    const Json& reference = json(at)["$ref"];
    if (!reference.is_string()) wrong(place(at), "$ref", reference, "a text");
    const Json* target = find(reference.get<std::string>(), place(at));
    std::string name = reference.get<std::string>();
    at = add(*target, std::move(name));
    if (!target->is_object() || !target->contains("$ref") || target->size() > 1) return at;
  }
}

const Json* SchemaNodes::find(const std::string& reference, const std::string& place) const {
  const std::size_t hash = reference.find('#');
  const std::string document = reference.substr(0, hash);
  const std::string part = hash == std::string::npos ? "" : unescaped(reference.substr(hash + 1));
  const Json* base = &root_;
  if (!document.empty()) base = named(root_, "$id", document);
  if (!base) unsupported(place, "'$ref' to another document, \"" + reference + "\",");
  if (part.empty()) return base;
  if (part[0] != '/') {
    if (const Json* found = named(*base, "$anchor", part)) return found;
    if (const Json* found = named(*base, "$id", "#" + part)) return found;
  } else {
    try {
      return &base->at(Json::json_pointer(part));
    } catch (const Json::exception&) {
    }
  }
  fail(Errc::kBadData, place, ": '$ref' is \"", reference, "\", and nothing is there");
}

void SchemaNodes::unsupported(const std::string& place, const std::string& what) {
  fail(Errc::kUnsupported, place, ": ", what, " is not supported");
}

void SchemaNodes::wrong(const std::string& place, const std::string& keyword, const Json& value,
                        const std::string& wanted) {
  std::string shown = to_line(value);
  if (shown.size() > 60) shown = "a value of another kind";
  fail(Errc::kBadData, place, ": '", keyword, "' is ", shown, ", wanted ", wanted);
}

Json SchemaNodes::constant(const Json& value) {
  if (value.is_array()) {
    Json items = Json::array();
    for (const Json& item : value) items.push_back({{"const", item}});
    const std::size_t size = value.size();
    Json schema = {{"type", "array"}, {"items", false}, {"minItems", size}, {"maxItems", size}};
    if (size > 0) schema["prefixItems"] = std::move(items);
    return schema;
  }
  Json properties = Json::object(), required = Json::array();
  for (const auto& [name, item] : value.items()) {
    properties[name] = {{"const", item}};
    required.push_back(name);
  }
  return {{"type", "object"},
          {"properties", properties},
          {"required", required},
          {"additionalProperties", false}};
}

Json SchemaNodes::negation(const Json& of, const std::string& place, int depth) {
  if (depth > kNegationDepth) unsupported(place, "'not' of a schema that contains itself");
  if (of.is_boolean()) return !of.get<bool>();
  if (!of.is_object()) return true;
  std::vector<Json> any = negations(of, place, depth);
  return any.empty() ? Json(false) : any.size() == 1 ? any[0] : Json{{"anyOf", any}};
}

// One for each keyword: a value that breaks one of them breaks the schema.
std::vector<Json> SchemaNodes::negations(const Json& of, const std::string& place, int depth) {
  std::vector<Json> any;
  const auto not_value = [&](const Json& v) -> Json {
    if (v.is_string()) return {{kNotText, v}};
    if (v.is_null()) return types_but({"null"});
    if (v.is_boolean()) return {{"anyOf", {types_but({"boolean"}), {{"const", !v.get<bool>()}}}}};
    if (v.is_number())
      return {{"anyOf",
               {types_but({"number"}),
                {{"type", "number"}, {"exclusiveMinimum", v}},
                {{"type", "number"}, {"exclusiveMaximum", v}}}}};
    unsupported(place, "'not' of an array or object");
  };
  const auto add = [&](const char* type, const char* keyword, const Json& value) {
    any.push_back({{"type", type}, {keyword, value}});
  };
  for (const auto& [keyword, value] : of.items()) {
    if (keyword == "type") {
      std::vector<std::string> types;
      for (const Json& one : value.is_array() ? value : Json::array({value}))
        types.push_back(one.is_string() ? one.get<std::string>() : "");
      any.push_back(types_but(types));
    } else if (keyword == "const") {
      any.push_back(not_value(value));
    } else if (keyword == "enum" && value.is_array()) {
      Json all = Json::array();
      for (const Json& one : value) all.push_back(not_value(one));
      any.push_back({{"allOf", all}});
    } else if (keyword == "required" && value.is_array()) {
      for (const Json& name : value)
        any.push_back({{"type", "object"}, {"properties", {{name.get<std::string>(), false}}}});
    } else if (keyword == "properties" && value.is_object()) {
      for (const auto& [name, schema] : value.items())
        any.push_back({{"type", "object"},
                       {"required", {name}},
                       {"properties", {{name, negation(schema, place, depth + 1)}}}});
    } else if (keyword == "allOf" && value.is_array()) {
      for (const Json& one : value) any.push_back(negation(one, place, depth + 1));
    } else if (keyword == "anyOf" && value.is_array()) {
      Json all = Json::array();
      for (const Json& one : value) all.push_back(negation(one, place, depth + 1));
      any.push_back({{"allOf", all}});
    } else if (keyword == "not") {
      any.push_back(value);
    } else if (keyword == "$ref") {
      any.push_back(negation(*find(value.get<std::string>(), place), place, depth + 1));
    } else if (keyword == "pattern") {
      add("string", kNotPattern, value);
    } else if (keyword == "minLength" || keyword == "minItems" || keyword == "minProperties") {
      const std::int64_t n = count_of(of, place, keyword.c_str(), 0);
      const bool text = keyword == "minLength", list = keyword == "minItems";
      if (n > 0)
        add(text   ? "string"
            : list ? "array"
                   : "object",
            text   ? "maxLength"
            : list ? "maxItems"
                   : "maxProperties",
            n - 1);
    } else if (keyword == "maxLength" || keyword == "maxItems" || keyword == "maxProperties") {
      const std::int64_t n = count_of(of, place, keyword.c_str(), 0);
      const bool text = keyword == "maxLength", list = keyword == "maxItems";
      add(text   ? "string"
          : list ? "array"
                 : "object",
          text   ? "minLength"
          : list ? "minItems"
                 : "minProperties",
          n + 1);
    } else if (keyword == "minimum") {
      add("number", "exclusiveMaximum", value);
    } else if (keyword == "maximum") {
      add("number", "exclusiveMinimum", value);
    } else if (keyword == "exclusiveMinimum") {
      add("number", "maximum", value);
    } else if (keyword == "exclusiveMaximum") {
      add("number", "minimum", value);
    } else if (!says_nothing(keyword)) {
      unsupported(place, "'not' of '" + keyword + "'");
    }
  }
  return any;
}

std::int64_t count_of(const Json& schema, const std::string& place, const char* keyword,
                      std::int64_t missing) {
  const auto found = schema.find(keyword);
  if (found == schema.end()) return missing;
  const double value = found->is_number() ? found->get<double>() : -1;
  if (!(value >= 0) || value > 1e15 || value != std::floor(value))
    SchemaNodes::wrong(place, keyword, *found, "a whole number of at least 0");
  return static_cast<std::int64_t>(value);
}

}  // namespace hft
