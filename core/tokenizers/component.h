// What the factories of tokenizer.json's components share: the table of names, nesting, messages.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/tokenizers/regex.h"

namespace hft {

inline constexpr int kComponentDepth = 16;  // Sequences inside Sequences

// One row of a factory: the component's "type" and the function that reads it.
template <class T>
struct ComponentRow {
  std::string_view type;
  std::unique_ptr<T> (*make)(const Fields& fields, int depth);
};

// Reads a component by its "type". An unknown one is kUnsupported, with its path in the file.
template <class T>
std::unique_ptr<T> make_component(const Fields& fields, std::span<const ComponentRow<T>> rows,
                                  int depth) {
  if (depth > kComponentDepth)
    fail(Errc::kBadData, fields.where(), ": nested deeper than ", kComponentDepth);
  const std::string type = fields.text("type");
  for (const auto& row : rows)
    if (row.type == type) return row.make(fields, depth);
  std::string known;
  for (const auto& row : rows) known += (known.empty() ? "" : ", ") + std::string(row.type);
  fail(Errc::kUnsupported, fields.where(), ": 'type' is \"", type, "\", wanted one of ", known);
}

// The components of a Sequence, listed under `key`.
template <class T>
std::vector<std::unique_ptr<T>> make_components(const Fields& fields, std::string_view key,
                                                std::unique_ptr<T> (*make)(const Fields&, int),
                                                int depth) {
  const Json* list = fields.find(key);
  if (!list || !list->is_array())
    fail(Errc::kBadData, fields.where(), ": '", key, "' is ", list ? list->type_name() : "missing",
         ", wanted a list");
  if (list->size() > limits::kTokenizerParts)
    fail(Errc::kBadData, fields.where(), ": '", key, "' has ", list->size(),
         " parts, the limit is ", limits::kTokenizerParts);
  std::vector<std::unique_ptr<T>> parts;
  for (std::size_t i = 0; i < list->size(); ++i)
    parts.push_back(make(
        Fields((*list)[i], fields.where() + "." + std::string(key) + "[" + std::to_string(i) + "]"),
        depth + 1));
  return parts;
}

// The one code point of a field such as Metaspace's replacement.
std::string one_code_point(const Fields& fields, std::string_view key);

// The field "pattern": {"String": "…"} or {"Regex": "…"}.
Regex pattern_of(const Fields& fields);

}  // namespace hft
