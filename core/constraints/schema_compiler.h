// From a JSON Schema to rules. A rule is known by the set of schemas its values conform with: $ref
// and allOf add to the set, anyOf makes a choice of sets, and where nothing is left to choose each
// type of JSON becomes a rule of its own. So recursion ends where a set was there before.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/constraints/grammar.h"
#include "core/constraints/number_dfa.h"
#include "core/constraints/schema_nodes.h"

namespace hft {

// Alternatives of the oneOf at a place that one value may conform with both of.
using Overlaps = std::set<std::tuple<std::string, std::size_t, std::size_t>>;

class SchemaCompiler {
 public:
  // `overlaps`: known from an earlier try. When compile() finds more, it adds to them and gives
  // none.
  SchemaCompiler(const Json& schema, Overlaps& overlaps);
  std::optional<Grammar> compile();

 private:
  // A schema of a set, and the keywords of it that alternatives already stand for.
  struct Part {
    std::int32_t node;
    unsigned done;
    auto operator<=>(const Part&) const = default;
  };
  enum Done : unsigned { kFlat = 1, kAnyOf = 2, kOneOf = 4 };
  using Parts = std::vector<Part>;

  struct Spec {
    enum class Kind { kNothing, kText, kString, kChoice, kArray, kObject };
    Kind kind = Kind::kNothing;
    Dfa dfa;
    std::vector<RuleId> of;
    ArrayRule array;
    ObjectRule object;
    std::string place;  // of arrays and objects
    bool possible = false;
  };
  // Two alternatives that may hold together when this rule has values.
  struct Pair {
    RuleId both;
    std::string place;
    std::size_t first, second;
  };

  RuleId rule_of(Parts parts);
  RuleId rule_of_nodes(const std::vector<std::int32_t>& nodes);
  RuleId add(Spec spec);
  Spec& spec(RuleId rule) { return specs_.at(rule); }

  void expand(RuleId rule, Parts parts);
  bool flatten(Parts& parts);  // false: nothing conforms
  void flatten_one(std::int32_t node, Parts& more);
  void check_keywords(std::int32_t node);
  std::optional<std::vector<Parts>> alternatives(const Parts& parts);
  std::vector<Parts> one_of(const Parts& parts, std::size_t at);
  Parts with(const Parts& parts, std::size_t at, unsigned done, std::int32_t alternative) const;
  std::vector<std::int32_t> schemas_at(std::int32_t node, const char* keyword);

  // Where nothing is left to choose (schema_leaves.cc).
  using Nodes = std::vector<std::int32_t>;
  void make_leaf(RuleId rule, const Nodes& nodes);
  std::set<std::string> types_of(const Nodes& nodes) const;
  // enum and const, where all values are scalars: what is left of them; none when nothing asks.
  std::optional<std::vector<Json>> scalars_of(const Nodes& nodes) const;
  RuleId words(const std::set<std::string>& types, const std::optional<std::vector<Json>>& scalars);
  RuleId number_rule(const Nodes& nodes, bool integer,
                     const std::optional<std::vector<Json>>& scalars);
  RuleId string_rule(const Nodes& nodes, const std::optional<std::vector<Json>>& scalars);
  RuleId array_rule(const Nodes& nodes);
  RuleId object_rule(const Nodes& nodes);
  Dfa string_content(const Nodes& nodes, std::string& known_by);
  const Dfa& searched(const std::string& pattern, const std::string& place);
  Nodes elements_at(const Nodes& nodes, std::size_t index);
  void add_unique(const Nodes& nodes, const std::string& place, ArrayRule& array);
  void add_contains(const Nodes& nodes, ArrayRule& array, const std::vector<Nodes>& prefix,
                    const Nodes& rest);
  // Names: what a member of this name must conform with; none: it may not be there.
  std::optional<Nodes> schemas_of_name(const Nodes& nodes, const std::string& name);
  void add_other_names(const Nodes& nodes, const std::vector<std::string>& names,
                       ObjectRule& object);
  Dfa names_dfa(const Nodes& nodes);
  const Json* other_members(std::int32_t node, const char*& keyword);
  RuleId string_of(const std::string& known_by, const Dfa& content);

  // Which rules have values at all: the least fixed point.
  void find_possible();
  bool is_possible(Spec& spec);
  bool array_possible(ArrayRule& array);
  bool object_possible(const ObjectRule& object, const std::string& place);
  bool possible(RuleId rule) const { return rule != kNoRule && specs_.at(rule).possible; }
  void emit(RuleId rule);
  void emit_object(RuleId rule, ObjectRule object);

  Overlaps& overlaps_;
  SchemaNodes nodes_;
  Grammar grammar_;
  std::map<RuleId, Spec> specs_;
  std::map<Parts, RuleId> ids_;
  std::vector<std::pair<RuleId, Parts>> work_;
  std::vector<Pair> pairs_;
  std::map<std::string, Dfa> patterns_;
  std::map<std::string, RuleId> strings_, numbers_;
};

}  // namespace hft
