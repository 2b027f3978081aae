#include "tasks/run/conversation.h"

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/checkpoint/config.h"
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
  flags.add("--chat-template", o.chat_template, "Use this template instead of the model's, or one of the model's by name")
      .metavar("FILE|NAME")
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
      templates_(ChatTemplates::choose(folder, o.chat_template,
                                       is_vision_language(read_config(folder))
                                           ? ChatTemplates::Owner::kProcessor
                                           : ChatTemplates::Owner::kTokenizer)) {
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

// Found out by a message of one part: a template of texts writes the list itself, or fails.
bool Conversations::takes_parts() const {
  const std::string word = "Abc";
  Json parts = Json::array();
  parts.push_back({{"type", "text"}, {"text", word}});
  Json messages = Json::array();
  messages.push_back({{"role", "user"}, {"content", std::move(parts)}});
  try {
    const std::string text = render(messages);
    return text.find(word) != text.npos && text.find("'text'") == text.npos &&
           text.find("\"text\"") == text.npos;
  } catch (const Error&) {
    return false;
  }
}

namespace {

// A list of parts of a text.
Json in_parts(const std::string& text) {
  Json parts = Json::array();
  parts.push_back({{"type", "text"}, {"text", text}});
  return parts;
}

// The text of parts, in their order.
std::string as_text(const Json& parts, const std::string& mark) {
  std::string text;
  for (const Json& part : parts) {
    const bool picture = part.is_object() && part.contains("type") && part["type"] == "image";
    const bool said = part.is_object() && part.contains("text") && part["text"].is_string();
    if (picture) text += mark + "\n";
    if (said) text += part["text"].get<std::string>();
  }
  return text;
}

}  // namespace

std::string Conversations::render(const Json& messages, const std::string& mark) const {
  const bool parts = takes_parts();
  Json shaped = messages;
  for (Json& message : shaped) {
    const auto content = message.find("content");
    if (content == message.end()) continue;
    if (parts && content->is_string()) *content = in_parts(content->get<std::string>());
    if (!parts && content->is_array()) *content = as_text(*content, mark);
  }
  return render(shaped);
}

bool goes_on(const Json& messages) { return messages.back()["role"] == "assistant"; }

Json with_answer(Json messages, const std::string& answer) {
  const bool said = goes_on(messages) && messages.back().contains("content");
  if (said && messages.back()["content"].is_array() && !messages.back()["content"].empty() &&
      messages.back()["content"].back().contains("text") &&
      messages.back()["content"].back()["text"].is_string()) {
    Json& text = messages.back()["content"].back()["text"];
    text = text.get<std::string>() + answer;
    return messages;
  }
  if (said && messages.back()["content"].is_string())
    messages.back() = {{"role", "assistant"},
                       {"content", messages.back()["content"].get<std::string>() + answer}};
  else
    messages.push_back({{"role", "assistant"}, {"content", answer}});
  return messages;
}

}  // namespace hft
