// The rules of values with which nothing is left to choose: a rule for each type of JSON.
#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/constraints/formats.h"
#include "core/constraints/schema_compiler.h"

namespace hft {
namespace {

constexpr std::size_t kMostNamePatterns = 6;
constexpr std::int64_t kMostNameSlots = 64, kMostLength = 100'000;
const std::set<std::string> kJsonTypes{"null",   "boolean", "number", "integer",
                                       "string", "array",   "object"};

bool has_containers(const Json& values) {
  return std::ranges::any_of(values, [](const Json& v) { return v.is_structured(); });
}

bool is_whole(const Json& number) {
  return number.is_number_integer() || decimal_of(number).fraction.empty();
}

bool same_scalar(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) return compare(decimal_of(a), decimal_of(b)) == 0;
  return a == b;
}

// The tighter of two ends; at the same place the one that leaves it out.
void tighten(std::optional<Decimal>& end, bool& left_out, const Decimal& by, bool by_left_out,
             int side) {
  const int order = end ? side * compare(by, *end) : 1;
  if (order > 0) end = by, left_out = by_left_out;
  if (order == 0) left_out |= by_left_out;
}

}  // namespace

void SchemaCompiler::make_leaf(RuleId rule, const Nodes& nodes) {
  const std::set<std::string> types = types_of(nodes);
  const auto scalars = scalars_of(nodes);
  std::vector<RuleId> of;
  if (types.contains("null") || types.contains("boolean")) of.push_back(words(types, scalars));
  if (types.contains("number") || types.contains("integer"))
    of.push_back(number_rule(nodes, !types.contains("number"), scalars));
  if (types.contains("string")) of.push_back(string_rule(nodes, scalars));
  if (types.contains("array") && !scalars) of.push_back(array_rule(nodes));
  if (types.contains("object") && !scalars) of.push_back(object_rule(nodes));
  spec(rule).kind = Spec::Kind::kChoice;
  spec(rule).of = std::move(of);
}

std::set<std::string> SchemaCompiler::types_of(const Nodes& nodes) const {
  std::set<std::string> types = kJsonTypes;
  for (const std::int32_t node : nodes) {
    const Json& schema = nodes_.json(node);
    if (!schema.contains("type")) continue;
    const Json& type = schema["type"];
    std::set<std::string> own;
    for (const Json& one : type.is_array() ? type : Json::array({type})) {
      if (!one.is_string() || !kJsonTypes.contains(one.get<std::string>()))
        SchemaNodes::wrong(nodes_.place(node), "type", type, "a type of JSON, or a list of them");
      own.insert(one.get<std::string>());
    }
    if (own.contains("number")) own.insert("integer");
    std::erase_if(types, [&](const std::string& t) { return !own.contains(t); });
  }
  return types;
}

std::optional<std::vector<Json>> SchemaCompiler::scalars_of(const Nodes& nodes) const {
  std::optional<std::vector<Json>> left;
  for (const std::int32_t node : nodes)
    for (const char* keyword : {"enum", "const"}) {
      const Json& schema = nodes_.json(node);
      if (!schema.contains(keyword)) continue;
      const Json values =
          std::string(keyword) == "enum" ? schema[keyword] : Json::array({schema[keyword]});
      if (has_containers(values)) continue;  // alternatives stand for it
      const auto among = [](const auto& list, const Json& v) {
        return std::ranges::any_of(list, [&](const Json& other) { return same_scalar(v, other); });
      };
      if (left)
        std::erase_if(*left, [&](const Json& v) { return !among(values, v); });
      else
        for (left.emplace(); const Json& v : values)
          if (!among(*left, v)) left->push_back(v);
    }
  return left;
}

RuleId SchemaCompiler::words(const std::set<std::string>& types,
                             const std::optional<std::vector<Json>>& scalars) {
  std::vector<std::string> texts;
  for (const Json& value : {Json(nullptr), Json(false), Json(true)}) {
    const bool wanted = !scalars || std::ranges::find(*scalars, value) != scalars->end();
    if (wanted && types.contains(value.is_null() ? "null" : "boolean"))
      texts.push_back(value.dump());
  }
  if (texts.empty()) return add({});
  return add({.kind = Spec::Kind::kText, .dfa = dfa_of_texts(texts)});
}

RuleId SchemaCompiler::number_rule(const Nodes& nodes, bool integer,
                                   const std::optional<std::vector<Json>>& scalars) {
  NumberLimits limits{.integer = integer};
  std::string known_by = integer ? "integer" : "number";
  for (const std::int32_t node : nodes) {
    const Json& schema = nodes_.json(node);
    const auto end = [&](const char* keyword, auto& to, bool& left_out, bool is_left_out,
                         int side) {
      if (!schema.contains(keyword) || schema[keyword].is_boolean()) return;
      const Json& value = schema[keyword];
      if (!value.is_number()) SchemaNodes::wrong(nodes_.place(node), keyword, value, "a number");
      tighten(to, left_out, decimal_of(value), is_left_out, side);
      known_by += std::string(",") + keyword + to_line(value) + (is_left_out ? "!" : "");
    };
    const auto draft_4 = [&](const char* keyword) {
      return schema.contains(keyword) && schema[keyword] == true;
    };
    end("minimum", limits.least, limits.above_least, draft_4("exclusiveMinimum"), 1);
    end("maximum", limits.most, limits.below_most, draft_4("exclusiveMaximum"), -1);
    end("exclusiveMinimum", limits.least, limits.above_least, true, 1);
    end("exclusiveMaximum", limits.most, limits.below_most, true, -1);
    if (!schema.contains("multipleOf")) continue;
    const Json& value = schema["multipleOf"];
    if (!value.is_number() || value.get<double>() <= 0)
      SchemaNodes::wrong(nodes_.place(node), "multipleOf", value, "a number above 0");
    limits.multiple_of.push_back(decimal_of(value));
    // Only of these is the remainder of a division the same in binary as in decimal.
    if (value.get<double>() * 1024 != std::floor(value.get<double>() * 1024))
      SchemaNodes::unsupported(nodes_.place(node), "'multipleOf' of " + to_line(value));
    known_by += ",*" + to_line(value);
  }
  const bool fraction = std::ranges::any_of(
      nodes, [&](std::int32_t node) { return nodes_.json(node).contains(kNotInteger); });
  if (scalars) {
    std::vector<RuleId> of;
    for (const Json& v : *scalars) {
      if (!v.is_number() || (fraction && is_whole(v))) continue;
      NumberLimits one = limits;
      tighten(one.least, one.above_least, decimal_of(v), false, 1);
      tighten(one.most, one.below_most, decimal_of(v), false, -1);
      const Dfa dfa = dfa_of_numbers(one);
      of.push_back(add({.kind = Spec::Kind::kText, .dfa = dfa}));
    }
    return add({.kind = Spec::Kind::kChoice, .of = std::move(of)});
  }
  if (fraction) known_by += ",fraction";
  if (const auto found = numbers_.find(known_by); found != numbers_.end()) return found->second;
  Dfa dfa = dfa_of_numbers(limits);
  // As a double reads them too: no digit is lost that the limits ask for.
  if (fraction)
    dfa = dfa & dfa_of(parse_pattern("-?[0-9]{1,9}\\.0{0,5}[1-9]0*"), Matching::kWhole);
  else if (!integer && !limits.multiple_of.empty())
    dfa = dfa & dfa_of(parse_pattern("-?[0-9]{1,15}(\\.[0-9]*)?"), Matching::kWhole);
  return numbers_[known_by] = add({.kind = Spec::Kind::kText, .dfa = std::move(dfa)});
}

const Dfa& SchemaCompiler::searched(const std::string& pattern, const std::string& place) {
  if (const auto found = patterns_.find(pattern); found != patterns_.end()) return found->second;
  try {
    return patterns_[pattern] = dfa_of(parse_pattern(pattern), Matching::kAnywhere);
  } catch (const Error& e) {
    throw Error(e.code == Errc::kUsage ? Errc::kBadData : e.code,
                place + ": 'pattern' \"" + pattern + "\": " + e.message);
  }
}

// What the string's characters must be, whatever else the value may be.
Dfa SchemaCompiler::string_content(const Nodes& nodes, std::string& known_by) {
  std::int64_t least = 0, most = -1;
  std::vector<Dfa> factors;
  const auto factor = [&](const std::string& name, auto make) {
    known_by += "\n" + name;
    factors.push_back(make());
  };
  for (const std::int32_t node : nodes) {
    const Json& schema = nodes_.json(node);
    const std::string& place = nodes_.place(node);
    least = std::max(least, count_of(schema, place, "minLength", 0));
    if (const std::int64_t end = count_of(schema, place, "maxLength", -1); end >= 0)
      most = most < 0 ? end : std::min(most, end);
    for (const char* keyword : {"pattern", kNotPattern, "format", kNotText})
      if (schema.contains(keyword) && !schema[keyword].is_string())
        SchemaNodes::wrong(place, keyword, schema[keyword], "a text");
    const auto text = [&](const char* keyword) { return schema.value(keyword, std::string()); };
    if (schema.contains("pattern"))
      factor("/" + text("pattern"), [&] { return searched(text("pattern"), place); });
    if (schema.contains(kNotPattern))
      factor("!/" + text(kNotPattern), [&] { return ~searched(text(kNotPattern), place); });
    if (schema.contains(kNotText))
      factor("!" + text(kNotText), [&] { return ~dfa_of_texts(std::vector{text(kNotText)}); });
    if (!schema.contains("format")) continue;
    const Format format = format_of(text("format"));
    if (format.kind == FormatKind::kUnsupported)
      SchemaNodes::unsupported(place, "'format' \"" + text("format") + "\"");
    if (format.kind != FormatKind::kKnown) continue;
    factor("f" + text("format"),
           [&] { return dfa_of(parse_pattern(format.pattern), Matching::kWhole); });
    if (!format.forbidden.empty())
      factor("", [&] { return ~dfa_of(parse_pattern(format.forbidden), Matching::kAnywhere); });
    if (format.longest >= 0) most = most < 0 ? format.longest : std::min(most, format.longest);
  }
  // Longer strings are written by nobody; a narrower limit holds as well.
  if (most > kMostLength && least <= kMostLength) most = kMostLength;
  known_by += "\n" + std::to_string(least) + "-" + std::to_string(most);
  return with_context(nodes.empty() ? "#" : nodes_.place(nodes[0]), [&] {
    Dfa all = dfa_of_lengths(least, most);
    for (const Dfa& one : factors) all = all & one;
    return all;
  });
}

RuleId SchemaCompiler::string_of(const std::string& known_by, const Dfa& content) {
  const auto [found, fresh] = strings_.emplace(known_by, kNoRule);
  if (fresh) found->second = add({.kind = Spec::Kind::kString, .dfa = content});
  return found->second;
}

RuleId SchemaCompiler::string_rule(const Nodes& nodes,
                                   const std::optional<std::vector<Json>>& scalars) {
  std::string known_by;
  Dfa content = string_content(nodes, known_by);
  if (scalars) {
    std::vector<std::string> texts;
    for (const Json& v : *scalars)
      if (v.is_string()) texts.push_back(v.get<std::string>());
    if (texts.empty()) return add({});
    content = content & dfa_of_texts(texts);
    known_by += "\n=" + to_line(Json(texts));
  }
  return string_of(known_by, content);
}

// The schemas of the element at an index; behind the first ones all are the same.
SchemaCompiler::Nodes SchemaCompiler::elements_at(const Nodes& nodes, std::size_t index) {
  Nodes out;
  for (const std::int32_t node : nodes) {
    const Json& schema = nodes_.json(node);
    const bool old = schema.contains("items") && schema["items"].is_array();
    const char* first = old ? "items" : "prefixItems";
    const char* rest = old ? "additionalItems" : "items";
    if (schema.contains(first) && !schema[first].is_array())
      SchemaNodes::wrong(nodes_.place(node), first, schema[first], "a list of schemas");
    if (schema.contains(first) && index < schema[first].size())
      out.push_back(nodes_.inside(node, schema[first][index], {first, std::to_string(index)}));
    else if (schema.contains(rest))
      out.push_back(nodes_.inside(node, schema[rest], {rest}));
  }
  return out;
}

RuleId SchemaCompiler::array_rule(const Nodes& nodes) {
  ArrayRule array;
  std::size_t first = 0;
  bool unique = false;
  for (const std::int32_t node : nodes) {
    const Json& schema = nodes_.json(node);
    const std::string& place = nodes_.place(node);
    array.least = std::max(array.least, count_of(schema, place, "minItems", 0));
    if (const std::int64_t end = count_of(schema, place, "maxItems", -1); end >= 0)
      array.most = array.most < 0 ? end : std::min(array.most, end);
    for (const char* keyword : {"prefixItems", "items"})
      if (schema.contains(keyword) && schema[keyword].is_array())
        first = std::max(first, schema[keyword].size());
    unique |= schema.contains("uniqueItems") && schema["uniqueItems"] == true;
  }
  std::vector<Nodes> prefix;
  for (std::size_t i = 0; i < first; ++i) {
    prefix.push_back(elements_at(nodes, i));
    array.prefix.push_back(rule_of_nodes(prefix.back()));
  }
  const Nodes rest = elements_at(nodes, first);
  array.rest = rule_of_nodes(rest);
  add_contains(nodes, array, prefix, rest);
  if (unique && array.most != 0 && array.most != 1) {
    if (first > 0 || array.least_matches > 0)
      SchemaNodes::unsupported(nodes_.place(nodes[0]),
                               "'uniqueItems' with 'prefixItems' or 'contains'");
    add_unique(rest, nodes_.place(nodes[0]), array);
  }
  return add({.kind = Spec::Kind::kArray, .array = std::move(array), .place = ""});
}

// Elements that are among a list: each of its values once.
void SchemaCompiler::add_unique(const Nodes& nodes, const std::string& place, ArrayRule& array) {
  for (const std::int32_t node : nodes) {
    Json schema = nodes_.json(node);
    std::int32_t at = node;
    if (schema.is_object() && schema.contains("$ref"))
      schema = nodes_.json(at = nodes_.referred(node));
    if (!schema.is_object()) continue;
    Json values = schema.value("enum", Json());
    if (schema.contains("const")) values = Json::array({schema["const"]});
    if (values.is_null() && schema.value("type", Json()) == "boolean") values = {false, true};
    if (!values.is_array()) continue;
    std::vector<Json> each;
    for (const Json& value : values)
      if (std::ranges::none_of(each, [&](const Json& v) { return same_scalar(v, value); }))
        each.push_back(value);
    for (std::size_t i = 0; i < each.size(); ++i) {
      Nodes one = nodes;
      one.push_back(nodes_.made(node, "value" + std::to_string(i), [&] {
        return Json{{"const", each[i]}};
      }));
      array.unique.push_back(rule_of_nodes(one));
    }
    return;
  }
  SchemaNodes::unsupported(place, "'uniqueItems' of elements without 'enum'");
}

void SchemaCompiler::add_contains(const Nodes& nodes, ArrayRule& array,
                                  const std::vector<Nodes>& prefix, const Nodes& rest) {
  std::vector<std::int32_t> wanted;
  for (const std::int32_t node : nodes) {
    const Json& schema = nodes_.json(node);
    if (!schema.contains("contains")) continue;
    const std::int64_t least = count_of(schema, nodes_.place(node), "minContains", 1);
    if (least == 0) continue;
    if (!wanted.empty()) SchemaNodes::unsupported(nodes_.place(node), "a second 'contains'");
    wanted.push_back(nodes_.inside(node, schema["contains"], {"contains"}));
    array.least_matches = least;
  }
  if (wanted.empty()) return;
  const auto matching = [&](Nodes element) {
    element.push_back(wanted[0]);
    return rule_of_nodes(element);
  };
  for (const Nodes& element : prefix) array.matching_prefix.push_back(matching(element));
  array.matching_rest = matching(rest);
}

// What 'properties' and 'patternProperties' leave: additionalProperties, or what comes to the same.
const Json* SchemaCompiler::other_members(std::int32_t node, const char*& keyword) {
  const Json& schema = nodes_.json(node);
  keyword = "additionalProperties";
  if (schema.contains(keyword)) return &schema[keyword];
  keyword = "unevaluatedProperties";
  if (!schema.contains(keyword)) return nullptr;
  for (const char* other : {"$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas"})
    if (schema.contains(other) && schema[keyword] != true)
      SchemaNodes::unsupported(nodes_.place(node),
                               "'unevaluatedProperties' beside '" + std::string(other) + "'");
  return &schema[keyword];
}

std::optional<SchemaCompiler::Nodes> SchemaCompiler::schemas_of_name(const Nodes& nodes,
                                                                     const std::string& name) {
  Nodes out;
  for (const std::int32_t node : nodes) {
    const Json& schema = nodes_.json(node);
    bool said = false;
    if (schema.contains("properties") && schema["properties"].contains(name)) {
      out.push_back(nodes_.inside(node, schema["properties"][name], {"properties", name}));
      said = true;
    }
    if (schema.contains("patternProperties"))
      for (const auto& [pattern, value] : schema["patternProperties"].items())
        if (searched(pattern, nodes_.place(node)).accepts(name)) {
          out.push_back(nodes_.inside(node, value, {"patternProperties", pattern}));
          said = true;
        }
    const char* keyword = nullptr;
    if (const Json* others = said ? nullptr : other_members(node, keyword))
      out.push_back(nodes_.inside(node, *others, {keyword}));
  }
  return names_dfa(nodes).accepts(name) ? std::optional(out) : std::nullopt;
}

// What any name must be.
Dfa SchemaCompiler::names_dfa(const Nodes& nodes) {
  Dfa all = dfa_of_lengths(0, -1);
  for (const std::int32_t node : nodes) {
    const Json& schema = nodes_.json(node);
    if (!schema.contains("propertyNames")) continue;
    Parts parts{{nodes_.inside(node, schema["propertyNames"], {"propertyNames"}), 0}};
    if (!flatten(parts)) return {};
    Nodes own;
    for (const Part& part : parts) {
      own.push_back(part.node);
      for (const char* keyword : {"anyOf", "oneOf"})
        if (nodes_.json(part.node).contains(keyword))
          SchemaNodes::unsupported(nodes_.place(node),
                                   "'propertyNames' with '" + std::string(keyword) + "'");
    }
    if (!types_of(own).contains("string")) return {};
    std::string ignored;
    all = all & string_content(own, ignored);
    if (const auto scalars = scalars_of(own)) {
      std::vector<std::string> texts;
      for (const Json& v : *scalars)
        if (v.is_string()) texts.push_back(v.get<std::string>());
      all = texts.empty() ? Dfa() : all & dfa_of_texts(texts);
    }
  }
  return all;
}

RuleId SchemaCompiler::object_rule(const Nodes& nodes) {
  ObjectRule object;
  std::vector<std::string> names;
  std::map<std::string, std::vector<std::string>> needs;
  std::set<std::string> required;
  const auto name = [&](const std::string& one) {
    if (std::ranges::find(names, one) == names.end()) names.push_back(one);
  };
  for (const std::int32_t node : nodes) {
    const Json& schema = nodes_.json(node);
    const std::string& place = nodes_.place(node);
    object.least = std::max(object.least, count_of(schema, place, "minProperties", 0));
    if (const std::int64_t end = count_of(schema, place, "maxProperties", -1); end >= 0)
      object.most = object.most < 0 ? end : std::min(object.most, end);
    if (schema.contains("properties"))
      for (const auto& [one, value] : schema["properties"].items()) name(one);
    if (schema.contains("required"))
      for (const Json& one : schema["required"]) name(one), required.insert(one);
    for (const char* keyword : {"dependentRequired", "dependencies"})
      if (schema.contains(keyword))
        for (const auto& [one, list] : schema[keyword].items()) {
          if (!list.is_array()) continue;
          name(one);
          for (const Json& need : list) name(need), needs[one].push_back(need);
        }
  }
  for (const std::string& one : names) {
    const auto schemas = schemas_of_name(nodes, one);
    ObjectRule::Member member{.required = required.contains(one)};
    member.name = string_of("name " + one, dfa_of_texts(std::vector{one}));
    member.value = schemas ? rule_of_nodes(*schemas) : add({});
    for (const std::string& need : needs[one])
      member.needs.push_back(
          static_cast<std::size_t>(std::ranges::find(names, need) - names.begin()));
    object.members.push_back(std::move(member));
  }
  add_other_names(nodes, names, object);
  return add({.kind = Spec::Kind::kObject,
              .object = std::move(object),
              .place = nodes.empty() ? "#" : nodes_.place(nodes[0])});
}

// Names beside those that are listed, in classes by the patterns they match. Where so many names
// are wanted that some must be among these, the classes are parted by their lengths, so that names
// of two classes are two names.
void SchemaCompiler::add_other_names(const Nodes& nodes, const std::vector<std::string>& names,
                                     ObjectRule& object) {
  std::vector<std::tuple<std::int32_t, std::string>> patterns;
  for (const std::int32_t node : nodes)
    if (const Json& schema = nodes_.json(node); schema.contains("patternProperties"))
      for (const auto& [pattern, value] : schema["patternProperties"].items())
        patterns.emplace_back(node, pattern);
  if (patterns.size() > kMostNamePatterns)
    SchemaNodes::unsupported(
        nodes_.place(nodes[0]),
        "'patternProperties' of more than " + std::to_string(kMostNamePatterns) + " patterns");
  Dfa any = names_dfa(nodes);
  std::string known_by = "names " + to_line(Json(names));
  for (const std::int32_t node : nodes)
    if (nodes_.json(node).contains("propertyNames")) known_by += " of " + std::to_string(node);
  if (!names.empty()) any = any & ~dfa_of_texts(names);
  for (unsigned matched = 0; matched < 1u << patterns.size(); ++matched) {
    Dfa content = any;
    std::string name = known_by;
    Nodes value;
    std::set<std::int32_t> said;
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      const auto& [node, pattern] = patterns[i];
      const Dfa& own = searched(pattern, nodes_.place(node));
      const bool yes = matched >> i & 1;
      content = content & (yes ? own : ~own);
      name += (yes ? "\n/" : "\n!/") + pattern;
      if (!yes) continue;
      said.insert(node);
      value.push_back(nodes_.inside(node, nodes_.json(node)["patternProperties"][pattern],
                                    {"patternProperties", pattern}));
    }
    if (content.empty()) continue;
    for (const std::int32_t node : nodes) {
      const char* keyword = nullptr;
      if (const Json* others = said.contains(node) ? nullptr : other_members(node, keyword))
        value.push_back(nodes_.inside(node, *others, {keyword}));
    }
    const RuleId rule = rule_of_nodes(value);
    const auto slots = std::clamp<std::int64_t>(object.least, 1, kMostNameSlots);
    for (std::int64_t i = 0; i < slots; ++i) {
      const Dfa part =
          slots == 1 ? content
                     : content & dfa_of_lengths(i == 0 ? 0 : i + 1, i + 1 < slots ? i + 1 : -1);
      if (!part.empty())
        object.others.push_back(
            {.name = string_of(name + "\n" + std::to_string(i) + "/" + std::to_string(slots), part),
             .value = rule});
    }
  }
}

}  // namespace hft
