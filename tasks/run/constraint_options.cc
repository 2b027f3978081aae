#include "tasks/run/constraint_options.h"

#include "core/base/error.h"
#include "core/base/given_file.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/constraints/json_schema.h"
#include "tasks/run/list_option.h"

namespace hft {
namespace {

constexpr const char* kConstraints = "Structured output";

std::shared_ptr<const Grammar> grammar_of_texts(const Dfa& dfa) {
  auto grammar = std::make_shared<Grammar>();
  grammar->root = grammar->reserve();
  grammar->set_text(grammar->root, dfa);
  return grammar;
}

}  // namespace

void add_constraint_options(Flags& flags, ConstraintOptions& o) {
  flags.add("--json-schema", o.json_schema, "The text is JSON that conforms with this JSON Schema")
      .metavar("FILE")
      .group(kConstraints);
  flags.add("--regex", o.regex, "The whole text matches this regular expression")
      .metavar("RE")
      .group(kConstraints);
  add_list_option(flags, "--choices", o.choices, "The text is one of these", ListForm::kLabels)
      .group(kConstraints);
}

std::shared_ptr<const Grammar> grammar_of(const ConstraintOptions& o) {
  const int given =
      (o.json_schema.empty() ? 0 : 1) + (o.regex ? 1 : 0) + (o.choices.empty() ? 0 : 1);
  if (given > 1) fail(Errc::kUsage, "--json-schema, --regex, --choices: one of them at a time");
  if (o.regex) {
    const Dfa dfa =
        with_context("--regex", [&] { return dfa_of(parse_pattern(*o.regex), Matching::kWhole); });
    if (dfa.empty()) fail(Errc::kUsage, "--regex: no text matches this expression");
    return grammar_of_texts(dfa);
  }
  for (const std::string& choice : o.choices)
    if (utf8_error(choice)) fail(Errc::kUsage, "--choices: a choice is not UTF-8");
  if (!o.choices.empty()) return grammar_of_texts(dfa_of_texts(o.choices));
  if (o.json_schema.empty()) return nullptr;
  const Json schema = parse_json(read_given(o.json_schema, limits::kJsonBytes), o.json_schema);
  return with_context(o.json_schema,
                      [&] { return std::make_shared<const Grammar>(grammar_of_schema(schema)); });
}

std::shared_ptr<const Grammar> grammar_of(const Json& format) {
  const Fields fields(format, "response_format");
  const std::string type = fields.text("type");
  if (type == "text") return nullptr;
  if (type != "json_schema" && type != "json_object")
    fail(Errc::kBadData, "response_format: 'type' is \"", type,
         "\", wanted json_schema, json_object or text");
  Json schema{{"type", "object"}};
  if (type == "json_schema") {
    const Fields inner = fields.object("json_schema");
    const Json* own = inner.find("schema");
    if (!own) fail(Errc::kBadData, "response_format: 'json_schema' has no 'schema'");
    schema = *own;
  }
  return with_context("response_format",
                      [&] { return std::make_shared<const Grammar>(grammar_of_schema(schema)); });
}

}  // namespace hft
