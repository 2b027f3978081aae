#include "core/templates/chat_template.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/given_file.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/templates/python_text.h"

namespace hft {
namespace {

constexpr std::string_view kDefault = "default", kToolUse = "tool_use";
constexpr std::string_view kContinueTag = "CONTINUE_FINAL_MESSAGE_TAG ";
// The attributes of SpecialTokensMixin, in its order.
constexpr std::string_view kSpecialNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                              "pad_token", "cls_token", "mask_token"};
constexpr std::size_t kTemplates = 64;

std::string read_source(const fs::path& file) { return read_file(file, limits::kTemplateBytes); }

std::optional<Json> read_optional(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {};
  Json json = read_json(file);
  if (!json.is_object())
    fail(Errc::kBadData, file.string(), ": is ", json.type_name(), ", wanted a JSON object");
  return json;
}

// A special token: its text, or {"content": its text, …}.
std::optional<std::string> token_text(const Json& token) {
  if (token.is_string()) return token.get<std::string>();
  if (token.is_object() && token.contains("content") && token["content"].is_string())
    return token["content"].get<std::string>();
  return {};
}

// The list of further tokens, which transformers 5 no longer hands over.
void read_additional(const Json& config, Json& out) {
  const auto given = config.find("additional_special_tokens");
  if (given == config.end() || !given->is_array() || config.contains("backend")) return;
  Json list = Json::array();
  for (const Json& token : *given)
    if (auto text = token_text(token)) list.push_back(*text);
  if (!list.empty()) out["additional_special_tokens"] = std::move(list);
}

// Adds the mark to the last message's text; gives the text it was added to.
std::string mark_final_message(Json& messages) {
  if (messages.empty() || !messages.back().is_object() || !messages.back().contains("content"))
    fail(Errc::kBadData, "continue_final_message: the last message has no content to continue");
  Json& content = messages.back()["content"];
  if (content.is_array()) {
    for (auto it = content.rbegin(); it != content.rend(); ++it) {
      if (!it->is_object() || !it->contains("text") || !(*it)["text"].is_string()) continue;
      std::string text = (*it)["text"].get<std::string>();
      (*it)["text"] = text + std::string(kContinueTag);
      return text;
    }
  } else if (content.is_string()) {
    std::string text = content.get<std::string>();
    content = text + std::string(kContinueTag);
    return text;
  }
  fail(Errc::kBadData, "continue_final_message: the last message has no text to continue");
}

// Cuts the text at the mark, with the blanks before it when the template trimmed the message.
void cut_at_mark(std::string& text, const std::string& final_message) {
  std::string_view bare = kContinueTag.substr(0, kContinueTag.size() - 1);
  std::string_view wanted = jinja::strip(final_message, nullptr, true, true);
  std::size_t at = text.rfind(bare);
  if (at == std::string::npos || text.find(wanted) == std::string::npos)
    fail(Errc::kBadData,
         "continue_final_message: the last message does not appear in the text the chat template "
         "made of it");
  bool kept = std::string_view(text).substr(at).starts_with(kContinueTag);
  text.resize(at);
  if (!kept) text.resize(jinja::strip(text, nullptr, false, true).size());
}

}  // namespace

ChatTemplates ChatTemplates::load(const fs::path& folder, Owner owner) {
  ChatTemplates made;
  made.where_ = folder.string();
  made.read_templates(folder, owner);
  made.read_special_tokens(folder);
  return made;
}

ChatTemplates ChatTemplates::load(const fs::path& folder, std::string source) {
  ChatTemplates made;
  made.where_ = folder.string();
  made.sources_[std::string(kDefault)] = std::move(source);
  made.read_special_tokens(folder);
  return made;
}

ChatTemplates ChatTemplates::choose(const fs::path& folder, const std::string& given, Owner owner) {
  ChatTemplates all = load(folder, owner);
  if (given.empty()) return all;
  const auto named = all.sources_.find(given);
  if (named != all.sources_.end()) return load(folder, std::move(named->second));
  std::error_code ignored;
  if (!fs::exists(given, ignored) && given.find('/') == std::string::npos && !all.empty())
    fail(Errc::kNotFound, "--chat-template ", given, ": is no file, and no template of ",
         folder.string(), "; those there: ", all.known());
  return load(folder, read_given(given, limits::kTemplateBytes));
}

void ChatTemplates::read_templates(const fs::path& folder, Owner owner) {
  std::error_code ignored;
  const bool processor = owner == Owner::kProcessor;
  if (processor) read_field(folder / "chat_template.json");
  if (!sources_.empty()) return;
  if (fs::exists(folder / "chat_template.jinja", ignored))
    sources_[std::string(kDefault)] = read_source(folder / "chat_template.jinja");
  for (const auto& entry : fs::directory_iterator(folder / "additional_chat_templates", ignored)) {
    if (entry.path().extension() != ".jinja") continue;
    if (sources_.size() >= kTemplates)
      fail(Errc::kBadData, folder.string(), ": more than ", kTemplates, " chat templates");
    sources_[entry.path().stem().string()] = read_source(entry.path());
  }
  for (const char* name : {processor ? "processor_config.json" : "tokenizer_config.json",
                           processor ? "tokenizer_config.json" : "chat_template.json"})
    if (sources_.empty()) read_field(folder / name);
}

// The chat_template of a JSON file: one, or a list of named ones.
void ChatTemplates::read_field(const fs::path& file) {
  auto config = read_optional(file);
  if (!config || !config->contains("chat_template")) return;
  const Json& given = (*config)["chat_template"];
  if (given.is_string()) sources_[std::string(kDefault)] = given.get<std::string>();
  if (!given.is_array()) return;
  for (const Json& one : given) {
    Fields fields(one, file.string() + ": chat_template");
    sources_[fields.text("name")] = fields.text("template");
  }
}

void ChatTemplates::read_special_tokens(const fs::path& folder) {
  Json found = Json::object();
  for (const char* file : {"special_tokens_map.json", "tokenizer_config.json"}) {
    auto config = read_optional(folder / file);
    if (!config) continue;
    for (std::string_view name : kSpecialNames)
      if (auto it = config->find(std::string(name)); it != config->end())
        if (auto text = token_text(*it)) found[std::string(name)] = *text;
    read_additional(*config, special_tokens_);
  }
  for (std::string_view name : kSpecialNames)
    if (auto it = found.find(std::string(name)); it != found.end())
      special_tokens_[std::string(name)] = *it;
}

std::vector<std::string> ChatTemplates::names() const {
  std::vector<std::string> all;
  for (const auto& [name, source] : sources_) all.push_back(name);
  return all;
}

std::string ChatTemplates::known() const { return joined(names(), ", "); }

const std::string& ChatTemplates::source(bool with_tools, std::string_view name) const {
  if (sources_.empty())
    fail_hint(Errc::kNotFound, "give one with --chat-template FILE", where_,
              ": the model has no chat template");
  auto find = [&](std::string_view wanted) {
    auto it = sources_.find(std::string(wanted));
    return it == sources_.end() ? nullptr : &it->second;
  };
  if (!name.empty()) {
    if (const std::string* found = find(name)) return *found;
    fail(Errc::kNotFound, where_, ": no chat template named '", name, "'; there are: ", known());
  }
  if (with_tools)
    if (const std::string* found = find(kToolUse)) return *found;
  if (const std::string* found = find(kDefault)) return *found;
  fail_hint(Errc::kNotFound, "choose one with --chat-template NAME", where_,
       ": several chat templates and none is the default; there are: ", known());
}

Rendered ChatTemplates::apply(const Json& messages, const ChatOptions& options) const {
  if (options.continue_final_message && options.add_generation_prompt)
    fail(Errc::kUsage, "continue_final_message and add_generation_prompt exclude each other");
  if (!messages.is_array())
    fail(Errc::kBadData, "the messages are ", messages.type_name(), ", wanted a JSON list");
  Json variables = special_tokens_;
  if (options.variables.is_object())
    for (const auto& [name, value] : options.variables.items()) variables[name] = value;
  variables["messages"] = messages;
  variables["tools"] = options.tools;
  variables["documents"] = options.documents;
  variables["add_generation_prompt"] = options.add_generation_prompt;
  std::string final_message;
  if (options.continue_final_message) final_message = mark_final_message(variables["messages"]);
  const std::string& text = source(!options.tools.is_null(), options.name);
  Rendered rendered = Template::parse(text).render(variables, options.render);
  if (options.continue_final_message) cut_at_mark(rendered.text, final_message);
  return rendered;
}

}  // namespace hft
