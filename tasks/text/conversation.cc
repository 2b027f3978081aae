#include "tasks/text/conversation.h"

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/given_file.h"
#include "core/base/limits.h"
#include "core/tokenizers/tokenizer.h"

namespace hft {

void add_conversation_options(Flags& flags, ConversationOptions& o, bool with_messages) {
  if (with_messages)
    flags
        .add("--messages", o.messages,
             "Answer a conversation: a JSON list of messages with role and content")
        .metavar("FILE")
        .group("Chat");
  flags.add("--system", o.system, "System message; inputs are then a user's messages")
      .metavar("TEXT")
      .group("Chat");
  flags.add("--chat-template", o.chat_template, "Use this template instead of the model's")
      .metavar("FILE")
      .group("Chat");
  flags.add("--tools", o.tools, "JSON list of the tools the template may tell the model of")
      .metavar("FILE")
      .group("Chat");
}

Json checked_messages(Json messages, const std::string& place) {
  if (messages.is_object() && messages.contains("messages")) messages = Json(messages["messages"]);
  if (!messages.is_array() || messages.empty())
    fail(Errc::kBadData, place, ": is no list of messages");
  for (std::size_t i = 0; i < messages.size(); ++i)
    if (!messages[i].is_object() || !messages[i].contains("role") ||
        !messages[i]["role"].is_string())
      fail(Errc::kBadData, place, ": message ", i, " has no role");
  return messages;
}

Conversations::Conversations(const ConversationOptions& o, const std::filesystem::path& folder)
    : options_(o),
      templates_(
          o.chat_template.empty()
              ? ChatTemplates::load(folder)
              : ChatTemplates::load(folder, read_given(o.chat_template, limits::kTemplateBytes))) {
  if (!o.tools.empty()) tools_ = read_exact_json(o.tools);
  for (const auto& [name, token] : Tokenizer::special_tokens(folder)) special_tokens_[name] = token;
}

void Conversations::need_template() const { templates_.source(!tools_.is_null()); }

Json Conversations::begin(const std::string& text) const {
  Json messages = Json::array();
  if (!options_.system.empty())
    messages.push_back({{"role", "system"}, {"content", options_.system}});
  messages.push_back({{"role", "user"}, {"content", text}});
  return messages;
}

std::string Conversations::render(const Json& messages) const {
  ChatOptions chat;
  chat.tools = tools_;
  chat.variables = special_tokens_;
  chat.continue_final_message = goes_on(messages);
  chat.add_generation_prompt = !chat.continue_final_message;
  return templates_.apply(messages, chat).text;
}

bool goes_on(const Json& messages) { return messages.back()["role"] == "assistant"; }

Json with_answer(Json messages, const std::string& answer) {
  if (goes_on(messages) && messages.back().contains("content") &&
      messages.back()["content"].is_string())
    messages.back() = {{"role", "assistant"},
                       {"content", messages.back()["content"].get<std::string>() + answer}};
  else
    messages.push_back({{"role", "assistant"}, {"content", answer}});
  return messages;
}

}  // namespace hft
