// The schemas inside a JSON Schema, each with a number and the place it has in the file; and
// schemas that are made of them: what is not a schema, what a value alone conforms with.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "core/base/json.h"

namespace hft {

// Keywords of our own: the one text that a string must not be, the pattern it must not have.
inline constexpr const char* kNotText = "\1not-text";
inline constexpr const char* kNotPattern = "\1not-pattern";
inline constexpr const char* kNotInteger = "\1not-integer";  // true: numbers have a fraction

class SchemaNodes {
 public:
  explicit SchemaNodes(const Json& root);
  std::int32_t root() const { return 0; }
  const Json& json(std::int32_t node) const { return *nodes_[static_cast<std::size_t>(node)].json; }
  // "#/properties/a"
  const std::string& place(std::int32_t node) const {
    return nodes_[static_cast<std::size_t>(node)].place;
  }
  // The schema at a keyword of a node, or deeper: {"properties", "a"}.
  std::int32_t inside(std::int32_t node, const Json& schema, const std::vector<std::string>& path);
  // What its $ref names; kBadData when nothing does, kUnsupported for another document.
  std::int32_t referred(std::int32_t node);
  // Made once for each node and purpose.
  template <class Make>
  std::int32_t made(std::int32_t node, const std::string& purpose, const Make& make) {
    const auto key = std::pair{node, purpose};
    if (const auto found = made_.find(key); found != made_.end()) return found->second;
    schemas_.push_back(make());
    return made_[key] = add(schemas_.back(), place(node));
  }

  // What conforms with `of` and nothing else does not. kUnsupported where that cannot be said.
  Json negation(const Json& of, const std::string& place, int depth = 0);
  // The one value, an array or object.
  static Json constant(const Json& value);

  [[noreturn]] static void unsupported(const std::string& place, const std::string& what);
  [[noreturn]] static void wrong(const std::string& place, const std::string& keyword,
                                 const Json& value, const std::string& wanted);

 private:
  struct Node {
    const Json* json;
    std::string place;
  };
  std::int32_t add(const Json& schema, std::string place);
  const Json* find(const std::string& reference, const std::string& place) const;
  std::vector<Json> negations(const Json& of, const std::string& place, int depth);

  const Json& root_;
  std::vector<Node> nodes_;
  std::map<const Json*, std::int32_t> ids_;
  std::deque<Json> schemas_;  // made
  std::map<std::pair<std::int32_t, std::string>, std::int32_t> made_;
};

// The whole number of a keyword, at least 0; `missing` when it is not there.
std::int64_t count_of(const Json& schema, const std::string& place, const char* keyword,
                      std::int64_t missing);

}  // namespace hft
