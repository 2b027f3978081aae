// JSON Schema (drafts 4 to 2020-12) as a grammar of JSON texts. What cannot be honoured is refused,
// naming the keyword and its place.
#pragma once

#include "core/base/json.h"
#include "core/constraints/grammar.h"

namespace hft {

// Throws kBadData for what is no schema, or one with which nothing conforms; kUnsupported naming
// what is not supported.
Grammar grammar_of_schema(const Json& schema);

}  // namespace hft
