// The chat templates of a model folder, applied to conversations as transformers 4.57's
// apply_chat_template does (tokenization_utils_base.py, utils/chat_template_utils.py).
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/templates/template.h"

namespace hft {

struct ChatOptions {
  Json tools;      // a list of JSON schemas; null: none
  Json documents;  // a list of objects; null: none
  bool add_generation_prompt = false;
  bool continue_final_message = false;  // the text ends where the last message's content ends
  std::string name;                     // which of several templates; "" = default or tool_use
  Json variables;                       // an object of further variables, over the special tokens
  RenderOptions render;
};

class ChatTemplates {
 public:
  // Reads the sources of a folder: chat_template.jinja and additional_chat_templates/NAME.jinja;
  // without any of these tokenizer_config.json's chat_template (one, or a list of named ones); else
  // chat_template.json. And the special tokens, from tokenizer_config.json over
  // special_tokens_map.json. A folder with none of them gives an object without templates.
  // A processor, of a model that sees, takes chat_template.json before all others, and
  // processor_config.json's before the tokenizer's.
  // Throws kBadData for files that are not what they should be.
  enum class Owner { kTokenizer, kProcessor };
  static ChatTemplates load(const std::filesystem::path& folder, Owner owner = Owner::kTokenizer);
  // One template given by hand, with the folder's special tokens.
  static ChatTemplates load(const std::filesystem::path& folder, std::string source);
  // The one that --chat-template chooses: of this name in the folder, else this file; "" = all.
  // Throws kNotFound when there is neither.
  static ChatTemplates choose(const std::filesystem::path& folder, const std::string& given,
                              Owner owner = Owner::kTokenizer);

  bool empty() const { return sources_.empty(); }
  // The names of the templates; a single one is "default".
  std::vector<std::string> names() const;
  // The source that apply takes. Throws kNotFound when the folder has no template, or none of that
  // name, or several and no default.
  const std::string& source(bool with_tools, std::string_view name = {}) const;
  // bos_token, eos_token, … as the templates see them.
  const Json& special_tokens() const { return special_tokens_; }

  // Renders the conversation, a list of messages. Tokenize the text without special tokens: the
  // template has written its own.
  // Throws what source() and Template throw; kUsage when add_generation_prompt and
  // continue_final_message are both asked for; kBadData when there is nothing to continue.
  Rendered apply(const Json& messages, const ChatOptions& options = {}) const;

 private:
  std::string known() const;  // the names, for messages
  void read_templates(const std::filesystem::path& folder, Owner owner);
  void read_field(const std::filesystem::path& file);
  void read_special_tokens(const std::filesystem::path& folder);
  std::map<std::string, std::string> sources_;
  Json special_tokens_ = Json::object();
  std::string where_;
};

}  // namespace hft
