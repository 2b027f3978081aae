#include "tasks/text/generate_batch.h"

#include "core/base/exact_json.h"
#include "core/base/secrets.h"
#include "tasks/run/conversation.h"

namespace hft {
namespace {

// The request's names of GenerationConfig's fields.
constexpr std::pair<const char*, const char*> kBatchFields[] = {
    {"max_tokens", "max_new_tokens"},
    {"max_completion_tokens", "max_new_tokens"},
    {"temperature", "temperature"},
    {"top_p", "top_p"},
    {"top_k", "top_k"},
    {"min_p", "min_p"},
    {"repetition_penalty", "repetition_penalty"},
};
// What would change the answer and is not done. Said to be off (0, false, null, []) they are let be.
constexpr const char* kBatchRefused[] = {"frequency_penalty", "presence_penalty", "logit_bias",
                                         "logprobs", "tools", "functions", "echo",
                                         "suffix", "audio", "best_of"};

bool is_off(const Json& value) {
  return value.is_null() || value == 0 || value == false || value == 1 ||
         (value.is_structured() && value.empty()) || value == Json{{"type", "text"}};
}

void take_settings(const Json& body, BatchRequest& request) {
  for (const auto& [name, field] : kBatchFields)
    if (body.contains(name) && !body[name].is_null()) {
      if (!is_number(body[name])) fail(Errc::kBadData, "body: '", name, "' is no number");
      request.settings[field] = body[name];
    }
  if (const auto found = request.settings.find("temperature"); found != request.settings.end()) {
    const bool drawn = *found > 0;
    request.settings["do_sample"] = drawn;
    if (!drawn) request.settings.erase("temperature");
  } else if (request.settings.contains("top_p")) {
    request.settings["do_sample"] = true;
  }
  if (body.contains("stop") && !body["stop"].is_null())
    request.settings["stop_strings"] = body["stop"].is_string() ? Json::array({body["stop"]}) : body["stop"];
  if (body.contains("seed") && body["seed"].is_number_integer())
    request.seed = body["seed"].get<std::uint64_t>();
  for (const char* name : kBatchRefused)
    if (body.contains(name) && !is_off(body[name]))
      fail(Errc::kUnsupported, "body: '", name, "' is not supported");
  if (body.contains("n") && body["n"] != 1 && !body["n"].is_null())
    fail(Errc::kUnsupported, "body: 'n' is ", to_line(body["n"]), ", one answer is given to each request");
}

const char* reason_of(Finish finish) { return finish == Finish::kLength ? "length" : "stop"; }

}  // namespace

bool is_batch_row(const Json& row) {
  return row.is_object() && row.contains("custom_id") && row.contains("body");
}

BatchRequest batch_request_of(const Input& input) {
  return with_context(input.place, [&] {
    const Json& row = input.row;
    if (!row["custom_id"].is_string()) fail(Errc::kBadData, "'custom_id' is no string");
    const Json& body = row["body"];
    if (!body.is_object()) fail(Errc::kBadData, "'body' is no object");
    BatchRequest request{.custom_id = row["custom_id"]};
    if (body.contains("model") && body["model"].is_string()) request.model = body["model"];
    if (body.contains("messages"))
      request.messages = checked_messages(body["messages"], "body");
    else if (body.contains("prompt") && body["prompt"].is_string())
      request.prompt = body["prompt"];
    else
      fail(Errc::kBadData, "body: has no 'messages' and no 'prompt'");
    take_settings(body, request);
    return request;
  });
}

std::string batch_response(const BatchRequest& request, std::span<const BatchAnswer> answers) {
  const bool chat = !request.messages.is_null();
  Json choices = Json::array();
  std::size_t tokens = 0;
  for (const BatchAnswer& answer : answers) {
    Json choice{{"index", choices.size()}};
    if (chat)
      choice["message"] = {{"role", "assistant"}, {"content", answer.text}};
    else
      choice["text"] = answer.text;
    choice["logprobs"] = nullptr;
    choice["finish_reason"] = reason_of(answer.finish);
    choices.push_back(std::move(choice));
    tokens += answer.tokens;
  }
  const std::size_t read = answers.empty() ? 0 : answers[0].prompt_tokens;
  // The same request gives the same bytes: no moment, no chance is in them.
  Json body{{"id", (chat ? "chatcmpl-" : "cmpl-") + request.custom_id},
            {"object", chat ? "chat.completion" : "text_completion"},
            {"created", 0},
            {"model", request.model},
            {"choices", std::move(choices)},
            {"usage",
             {{"prompt_tokens", read},
              {"completion_tokens", tokens},
              {"total_tokens", read + tokens}}}};
  return to_line({{"id", "batch_req_" + request.custom_id},
                  {"custom_id", request.custom_id},
                  {"response",
                   {{"status_code", 200},
                    {"request_id", "req_" + request.custom_id},
                    {"body", std::move(body)}}},
                  {"error", nullptr}}) +
         "\n";
}

std::string batch_failure(const Input& input, const Error& error) {
  const Json id = input.row.value("custom_id", Json());
  return to_line({{"id", id.is_string() ? Json("batch_req_" + id.get<std::string>()) : Json()},
                  {"custom_id", id},
                  {"response", nullptr},
                  {"error", {{"code", code_name(error.code)}, {"message", mask_tokens(error.message)}}}}) +
         "\n";
}

}  // namespace hft
