// Requests of OpenAI's Batch API as inputs of hft generate, and what it answers them:
// https://platform.openai.com/docs/api-reference/batch
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/base/json.h"
#include "core/generation/method.h"
#include "core/tokenizers/tokenizer.h"
#include "tasks/run/rows.h"

namespace hft {

// Rows have "custom_id" and "body".
bool is_batch_row(const Json& row);

struct BatchRequest {
  std::string custom_id, model;
  Json messages;                     // of a chat, else null
  std::string prompt;                // of a completion
  Json settings = Json::object();    // fields of GenerationConfig that the request asks for
  std::optional<std::uint64_t> seed;
};

// Throws kBadData for a request of another form, kUnsupported for what hft does not do.
BatchRequest batch_request_of(const Input& input);

struct BatchAnswer {
  std::string text;
  Finish finish = Finish::kNone;
  std::size_t prompt_tokens = 0, tokens = 0;
};
// The line of the batch's output file, and the one for a request that failed.
std::string batch_response(const BatchRequest& request, std::span<const BatchAnswer> answers);
std::string batch_failure(const Input& input, const Error& error);

}  // namespace hft
