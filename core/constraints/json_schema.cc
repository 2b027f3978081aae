#include "core/constraints/json_schema.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/constraints/schema_compiler.h"

namespace hft {
namespace {

constexpr std::size_t kMostRules = 20'000, kMostAlternatives = 2'000;

}  // namespace

SchemaCompiler::SchemaCompiler(const Json& schema, Overlaps& overlaps)
    : overlaps_(overlaps), nodes_(schema) {}

RuleId SchemaCompiler::rule_of(Parts parts) {
  std::ranges::sort(parts);
  const auto same = std::ranges::unique(parts);
  parts.erase(same.begin(), same.end());
  if (const auto found = ids_.find(parts); found != ids_.end()) return found->second;
  if (ids_.size() >= kMostRules)
    fail(Errc::kUnsupported, "the schema comes to more than ", kMostRules, " rules");
  const RuleId rule = add({});
  ids_[parts] = rule;
  work_.emplace_back(rule, std::move(parts));
  return rule;
}

RuleId SchemaCompiler::rule_of_nodes(const std::vector<std::int32_t>& nodes) {
  Parts parts;
  for (const std::int32_t node : nodes) parts.push_back({node, 0});
  return rule_of(std::move(parts));
}

RuleId SchemaCompiler::add(Spec spec) {
  const RuleId rule = grammar_.reserve();
  specs_.emplace(rule, std::move(spec));
  return rule;
}

std::optional<Grammar> SchemaCompiler::compile() {
  const RuleId value = rule_of({{nodes_.root(), 0}});
  while (!work_.empty()) {
    auto [rule, parts] = std::move(work_.back());
    work_.pop_back();
    expand(rule, std::move(parts));
  }
  find_possible();
  bool more = false;
  for (const Pair& pair : pairs_)
    if (possible(pair.both)) more |= overlaps_.emplace(pair.place, pair.first, pair.second).second;
  if (more) return std::nullopt;
  if (!possible(value)) fail(Errc::kBadData, "no value conforms with this schema");
  emit(value);
  grammar_.root = grammar_.reserve();
  grammar_.set_document(grammar_.root, value);
  return std::move(grammar_);
}

void SchemaCompiler::expand(RuleId rule, Parts parts) {
  if (!flatten(parts)) return;
  if (auto choices = alternatives(parts)) {
    if (choices->size() > kMostAlternatives)
      fail(Errc::kUnsupported, "a choice of more than ", kMostAlternatives, " schemas");
    std::vector<RuleId> of;
    for (Parts& one : *choices) of.push_back(rule_of(std::move(one)));
    spec(rule).kind = Spec::Kind::kChoice;
    spec(rule).of = std::move(of);
    return;
  }
  Nodes nodes;
  for (const Part& part : parts) nodes.push_back(part.node);
  nodes.erase(std::ranges::unique(nodes).begin(), nodes.end());
  make_leaf(rule, nodes);
}

bool SchemaCompiler::flatten(Parts& parts) {
  Parts out, work = parts;
  std::set<Part> seen;
  while (!work.empty()) {
    Part part = work.back();
    work.pop_back();
    if (!seen.insert(part).second) continue;
    const Json& schema = nodes_.json(part.node);
    if (schema.is_boolean()) {
      if (!schema.get<bool>()) return false;
      continue;
    }
    if (!(part.done & kFlat)) flatten_one(part.node, work);
    part.done |= kFlat;
    out.push_back(part);
  }
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  parts = std::move(out);
  return true;
}

// What must hold as well.
void SchemaCompiler::flatten_one(std::int32_t node, Parts& more) {
  check_keywords(node);
  const Json schema = nodes_.json(node);
  const std::string place = nodes_.place(node);
  const auto made = [&](const char* purpose, const auto& make) {
    more.push_back({nodes_.made(node, purpose, make), 0});
  };
  if (schema.contains("$ref")) more.push_back({nodes_.referred(node), 0});
  if (schema.contains("allOf"))
    for (const std::int32_t one : schemas_at(node, "allOf")) more.push_back({one, 0});
  if (schema.contains("not"))
    made("not", [&] { return nodes_.negation(schema["not"], place + "/not"); });
  if (schema.contains("if") && (schema.contains("then") || schema.contains("else")))
    made("if", [&] {
      Json yes = Json::array({schema["if"]}),
           no = Json::array({nodes_.negation(schema["if"], place + "/if")});
      if (schema.contains("then")) yes.push_back(schema["then"]);
      if (schema.contains("else")) no.push_back(schema["else"]);
      return Json{{"anyOf", Json::array({Json{{"allOf", yes}}, Json{{"allOf", no}}})}};
    });
  for (const char* keyword : {"dependentSchemas", "dependencies"}) {
    if (!schema.contains(keyword)) continue;
    for (const auto& [name, value] : schema[keyword].items())
      if (!value.is_array())
        made((keyword + ("/" + name)).c_str(), [&] {
          const Json without{{"properties", Json{{name, false}}}};
          const Json with{{"required", Json::array({name})}, {"allOf", Json::array({value})}};
          return Json{{"anyOf", Json::array({without, with})}};
        });
  }
  // Arrays and objects among values: schemas of their own.
  for (const char* keyword : {"enum", "const"}) {
    if (!schema.contains(keyword)) continue;
    const Json values =
        std::string(keyword) == "enum" ? schema[keyword] : Json::array({schema[keyword]});
    if (!values.is_array()) SchemaNodes::wrong(place, keyword, values, "a list of values");
    Json scalars = Json::array(), any = Json::array();
    for (const Json& value : values)
      value.is_structured() ? any.push_back(SchemaNodes::constant(value))
                            : scalars.push_back(value);
    if (any.empty()) continue;
    if (!scalars.empty()) any.push_back(Json{{"enum", scalars}});
    made(keyword, [&] { return Json{{"anyOf", any}}; });
  }
}

void SchemaCompiler::check_keywords(std::int32_t node) {
  static const char* const kRefused[] = {"unevaluatedItems", "$dynamicRef", "$recursiveRef",
                                         "maxContains"};
  const Json& schema = nodes_.json(node);
  const std::string& place = nodes_.place(node);
  for (const char* keyword : kRefused)
    if (schema.contains(keyword)) SchemaNodes::unsupported(place, "'" + std::string(keyword) + "'");
  for (const char* keyword :
       {"properties", "patternProperties", "dependentRequired", "dependentSchemas", "dependencies"})
    if (schema.contains(keyword) && !schema[keyword].is_object())
      SchemaNodes::wrong(place, keyword, schema[keyword], "an object");
  for (const char* keyword : {"required"})
    if (schema.contains(keyword)) {
      const Json& list = schema[keyword];
      const bool texts =
          list.is_array() && std::ranges::all_of(list, [](const Json& v) { return v.is_string(); });
      if (!texts) SchemaNodes::wrong(place, keyword, list, "a list of names");
    }
}

std::vector<std::int32_t> SchemaCompiler::schemas_at(std::int32_t node, const char* keyword) {
  const Json& list = nodes_.json(node)[keyword];
  if (!list.is_array() || list.empty())
    SchemaNodes::wrong(nodes_.place(node), keyword, list, "a list of schemas");
  std::vector<std::int32_t> out;
  for (std::size_t i = 0; i < list.size(); ++i)
    out.push_back(nodes_.inside(node, list[i], {keyword, std::to_string(i)}));
  return out;
}

SchemaCompiler::Parts SchemaCompiler::with(const Parts& parts, std::size_t at, unsigned done,
                                           std::int32_t alternative) const {
  Parts out = parts;
  out[at].done |= done;
  out.push_back({alternative, 0});
  return out;
}

// The first choice there is among the parts.
std::optional<std::vector<SchemaCompiler::Parts>> SchemaCompiler::alternatives(const Parts& parts) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Json& schema = nodes_.json(parts[i].node);
    if (schema.contains("anyOf") && !(parts[i].done & kAnyOf)) {
      std::vector<Parts> out;
      for (const std::int32_t one : schemas_at(parts[i].node, "anyOf"))
        out.push_back(with(parts, i, kAnyOf, one));
      return out;
    }
    if (schema.contains("oneOf") && !(parts[i].done & kOneOf)) return one_of(parts, i);
  }
  return std::nullopt;
}

// As anyOf, where no two can hold together; else each without what it shares with others.
std::vector<SchemaCompiler::Parts> SchemaCompiler::one_of(const Parts& parts, std::size_t at) {
  const std::int32_t node = parts[at].node;
  const std::vector<std::int32_t> each = schemas_at(node, "oneOf");
  std::vector<Parts> out;
  for (std::size_t i = 0; i < each.size(); ++i) {
    Parts one = with(parts, at, kOneOf, each[i]);
    for (std::size_t j = 0; j < each.size(); ++j) {
      if (i == j) continue;
      const auto pair = std::tuple{nodes_.place(node), std::min(i, j), std::max(i, j)};
      if (overlaps_.contains(pair)) {
        const std::string place = nodes_.place(node) + "/oneOf (" + std::to_string(std::min(i, j)) +
                                  " and " + std::to_string(std::max(i, j)) + " may both hold)";
        const Json& other = nodes_.json(each[j]);
        one.push_back(
            {nodes_.made(each[j], "not", [&] { return nodes_.negation(other, place); }), 0});
      } else if (i < j) {
        Parts both = one;
        both.push_back({each[j], 0});
        pairs_.push_back({rule_of(std::move(both)), nodes_.place(node), i, j});
      }
    }
    out.push_back(std::move(one));
  }
  return out;
}

void SchemaCompiler::find_possible() {
  for (bool more = true; more;) {
    more = false;
    for (auto& [rule, one] : specs_)
      if (!one.possible && is_possible(one)) one.possible = more = true;
  }
}

bool SchemaCompiler::is_possible(Spec& one) {
  switch (one.kind) {
    case Spec::Kind::kNothing:
      return false;
    case Spec::Kind::kText:
    case Spec::Kind::kString:
      return !one.dfa.empty();
    case Spec::Kind::kChoice:
      return std::ranges::any_of(one.of, [&](RuleId rule) { return possible(rule); });
    case Spec::Kind::kArray: {
      ArrayRule array = one.array;
      return array_possible(array);
    }
    case Spec::Kind::kObject:
      return object_possible(one.object, one.place);
  }
  return false;
}

// Cuts the array to the elements there can be.
bool SchemaCompiler::array_possible(ArrayRule& array) {
  const auto end_at = [&](std::int64_t n) {
    array.most = array.most < 0 ? n : std::min(array.most, n);
  };
  const bool unique = !array.unique.empty();
  std::erase_if(array.unique, [&](RuleId rule) { return !possible(rule); });
  if (unique) {
    end_at(static_cast<std::int64_t>(array.unique.size()));
    return array.least <= array.most;
  }
  for (std::size_t i = 0; i < array.prefix.size(); ++i)
    if (!possible(array.prefix[i])) {
      array.prefix.resize(i);
      array.rest = array.matching_rest = kNoRule;
    }
  if (!possible(array.rest)) array.rest = array.matching_rest = kNoRule;
  if (array.rest == kNoRule) end_at(static_cast<std::int64_t>(array.prefix.size()));
  if (!possible(array.matching_rest)) array.matching_rest = kNoRule;
  array.matching_prefix.resize(array.prefix.size(), kNoRule);
  for (RuleId& rule : array.matching_prefix)
    if (!possible(rule)) rule = kNoRule;
  if (array.most >= 0 && static_cast<std::int64_t>(array.prefix.size()) > array.most) {
    array.prefix.resize(static_cast<std::size_t>(array.most));
    array.matching_prefix.resize(array.prefix.size());
  }
  if (array.most >= 0 && array.least > array.most) return false;
  const auto matching = array.matching_prefix.size() - static_cast<std::size_t>(std::ranges::count(
                                                           array.matching_prefix, kNoRule));
  if (static_cast<std::int64_t>(matching) >= array.least_matches) return true;
  const std::int64_t wanted = array.least_matches - static_cast<std::int64_t>(matching);
  const std::int64_t behind = array.most - static_cast<std::int64_t>(array.prefix.size());
  return array.matching_rest != kNoRule && (array.most < 0 || behind >= wanted);
}

bool SchemaCompiler::object_possible(const ObjectRule& object, const std::string& place) {
  std::int64_t members = 0, required = 0, others = 0;
  for (const ObjectRule::Member& member : object.members) {
    members += possible(member.value) ? 1 : 0;
    required += member.required ? 1 : 0;
    if (!member.required) continue;
    if (!possible(member.value)) return false;
    for (const std::size_t need : member.needs)
      if (!possible(object.members[need].value)) return false;
  }
  for (const ObjectRule::Member& other : object.others) others += possible(other.value) ? 1 : 0;
  if (object.most >= 0 && (required > object.most || object.least > object.most)) return false;
  if (members + others >= object.least) return true;
  if (others > 0)
    SchemaNodes::unsupported(place, "'minProperties' of " + std::to_string(object.least) +
                                        " with names so short or so few");
  return false;
}

void SchemaCompiler::emit(RuleId root) {
  std::set<RuleId> seen{root};
  std::vector<RuleId> work{root};
  const auto reach = [&](RuleId rule) {
    if (rule != kNoRule && seen.insert(rule).second) work.push_back(rule);
  };
  while (!work.empty()) {
    const RuleId rule = work.back();
    work.pop_back();
    Spec& one = spec(rule);
    switch (one.kind) {
      case Spec::Kind::kNothing:
        break;
      case Spec::Kind::kText:
        grammar_.set_text(rule, one.dfa);
        break;
      case Spec::Kind::kString:
        grammar_.set_string(rule, one.dfa);
        break;
      case Spec::Kind::kChoice:
        std::erase_if(one.of, [&](RuleId of) { return !possible(of); });
        for (const RuleId of : one.of) reach(of);
        grammar_.set_choice(rule, one.of);
        break;
      case Spec::Kind::kArray: {
        array_possible(one.array);
        for (const auto* list : {&one.array.prefix, &one.array.matching_prefix, &one.array.unique})
          for (const RuleId of : *list) reach(of);
        reach(one.array.rest), reach(one.array.matching_rest);
        grammar_.set_array(rule, one.array);
        break;
      }
      case Spec::Kind::kObject:
        for (const auto* list : {&one.object.members, &one.object.others})
          for (const ObjectRule::Member& member : *list)
            if (possible(member.value)) reach(member.name), reach(member.value);
        emit_object(rule, std::move(one.object));
        break;
    }
  }
}

// Members that cannot be there are left out, and those that need one of them.
void SchemaCompiler::emit_object(RuleId rule, ObjectRule object) {
  const std::size_t n = object.members.size();
  std::vector<bool> stays(n);
  for (std::size_t i = 0; i < n; ++i) stays[i] = possible(object.members[i].value);
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 0; i < n; ++i)
      for (const std::size_t need : object.members[i].needs)
        if (stays[i] && !stays[need]) stays[i] = false, more = true;
  }
  std::vector<std::size_t> place(n, 0);
  ObjectRule out{.least = object.least, .most = object.most};
  for (std::size_t i = 0; i < n; ++i) {
    place[i] = out.members.size();
    if (stays[i]) out.members.push_back(std::move(object.members[i]));
  }
  for (ObjectRule::Member& member : out.members)
    for (std::size_t& need : member.needs) need = place[need];
  for (ObjectRule::Member& other : object.others)
    if (possible(other.value)) out.others.push_back(std::move(other));
  grammar_.set_object(rule, std::move(out));
}

Grammar grammar_of_schema(const Json& schema) {
  Overlaps overlaps;
  try {
    for (;;)
      if (auto grammar = SchemaCompiler(schema, overlaps).compile()) return std::move(*grammar);
  } catch (const Json::exception&) {
    fail(Errc::kBadData, "a keyword's value is of a wrong type");
  }
}

}  // namespace hft
