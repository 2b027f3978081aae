// Chats: which inputs are conversations, and what the model's template makes of them.
#pragma once

#include <string>

#include "core/base/json.h"
#include "core/templates/chat_template.h"
#include "tasks/run/flags.h"

namespace hft {

struct ConversationOptions {
  std::string messages, system, chat_template, tools;  // files, but for system
  bool any() const {
    return !messages.empty() || !system.empty() || !chat_template.empty() || !tools.empty();
  }
};

void add_conversation_options(Flags& flags, ConversationOptions& options, bool with_messages);

// A list of messages, each with a role. Throws kBadData naming the place.
Json checked_messages(Json messages, const std::string& place);

class Conversations {
 public:
  Conversations(const ConversationOptions& options, const std::filesystem::path& folder);
  // Throws kNotFound when there is no template to render with.
  void need_template() const;
  // Messages that start with the system prompt, and the user's text.
  Json begin(const std::string& text) const;
  // The text the model goes on from: the answer's beginning, or the rest of an answer that is
  // there.
  std::string render(const Json& messages) const;
  // The same of messages whose contents may be lists of parts, for a model that has `mark` where a
  // picture goes: parts where the template knows them, else texts with the mark in them.
  std::string render(const Json& messages, const std::string& mark) const;
  bool has_template() const { return !templates_.empty(); }
  const std::string& system() const { return options_.system; }

 private:
  bool takes_parts() const;
  ConversationOptions options_;
  ChatTemplates templates_;
  Json tools_, special_tokens_ = Json::object();
};

// The conversation with the answer (or the rest of the last one) in it.
Json with_answer(Json messages, const std::string& answer);
// The last message is an answer to go on with.
bool goes_on(const Json& messages);

}  // namespace hft
