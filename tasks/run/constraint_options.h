// What a text that is written must conform with: a JSON Schema, a regular expression, one of a
// list.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "tasks/run/flags.h"

namespace hft {

class Grammar;

struct ConstraintOptions {
  std::string json_schema;  // a file
  std::optional<std::string> regex;
  std::vector<std::string> choices;
};

void add_constraint_options(Flags& flags, ConstraintOptions& options);

// Null when none is given. Throws kUsage for two of them and for what is no regular expression,
// kNotFound for a missing file, kBadData for what is no schema, kUnsupported naming what is not
// supported.
std::shared_ptr<const Grammar> grammar_of(const ConstraintOptions& options);

// The same of OpenAI's response_format: {"type": "json_schema", "json_schema": {"schema": …}},
// {"type": "json_object"}, {"type": "text"}. Throws kBadData and kUnsupported.
std::shared_ptr<const Grammar> grammar_of(const Json& response_format);

}  // namespace hft
