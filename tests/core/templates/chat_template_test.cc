#include "core/templates/chat_template.h"

#include "tests/support/test.h"

using namespace hft;
namespace fs = std::filesystem;
using test::caught;
using test::error_of;
using test::spit;
using test::TempFolder;

namespace {

const std::string kTurns =
    "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}{{ eos_token }}\n{% "
    "endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}";

Json turns() {
  return Json::parse(
      R"([{"role":"user","content":"Hi "},{"role":"assistant","content":"Hello there "}])");
}

void write_tokens(const TempFolder& folder) {
  spit(folder.path / "tokenizer_config.json",
       R"({"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>", "pad_token": null,
           "chat_template": "config"})");
}

}  // namespace

TEST_CASE("chat template: sources are taken in the order of C9") {
  TempFolder folder;
  CHECK(ChatTemplates::load(folder.path).empty());
  spit(folder.path / "chat_template.json", R"({"chat_template": "processor"})");
  CHECK(ChatTemplates::load(folder.path).source(false) == "processor");
  write_tokens(folder);
  CHECK(ChatTemplates::load(folder.path).source(false) == "config");
  CHECK(ChatTemplates::load(folder.path, ChatTemplates::Owner::kProcessor).source(false) == "processor");
  spit(folder.path / "chat_template.jinja", "file");
  CHECK(ChatTemplates::load(folder.path, ChatTemplates::Owner::kProcessor).source(false) == "processor");
  CHECK(ChatTemplates::load(folder.path).source(false) == "file");
  fs::create_directory(folder.path / "additional_chat_templates");
  spit(folder.path / "additional_chat_templates/tool_use.jinja", "tools");
  spit(folder.path / "additional_chat_templates/rag.jinja", "rag");
  auto loaded = ChatTemplates::load(folder.path);
  CHECK(loaded.names() == std::vector<std::string>{"default", "rag", "tool_use"});
  CHECK(loaded.source(false) == "file");
  CHECK(loaded.source(true) == "tools");
  CHECK(loaded.source(true, "rag") == "rag");
}

TEST_CASE("chat template: a list of named templates, and one without a default") {
  TempFolder folder;
  spit(
      folder.path / "tokenizer_config.json",
      R"({"chat_template": [{"name": "a", "template": "A"}, {"name": "tool_use", "template": "T"}]})");
  auto loaded = ChatTemplates::load(folder.path);
  CHECK(loaded.source(true) == "T");
  Error error = caught([&] { loaded.source(false); });
  CHECK(error.code == Errc::kNotFound);
  CHECK(error.message ==
        folder.path.string() +
            ": several chat templates and none is the default; there are: a, tool_use");
  CHECK(error_of([&] { loaded.source(false, "b"); }) ==
        folder.path.string() + ": no chat template named 'b'; there are: a, tool_use");
}

TEST_CASE("chat template: a folder without a template says so") {
  TempFolder folder;
  Error error = caught([&] { ChatTemplates::load(folder.path).apply(turns()); });
  CHECK(error.code == Errc::kNotFound);
  CHECK(error.message == folder.path.string() + ": the model has no chat template");
  CHECK(error.hint == "give one with --chat-template FILE");
}

TEST_CASE("chat template: special tokens are variables, those given win") {
  TempFolder folder;
  write_tokens(folder);
  spit(folder.path / "special_tokens_map.json", R"({"eos_token": "map", "unk_token": "<unk>"})");
  auto loaded = ChatTemplates::load(folder.path, kTurns + "{{ unk_token }}{{ pad_token }}");
  CHECK(loaded.special_tokens().dump() ==
        R"({"bos_token":"<s>","eos_token":"</s>","unk_token":"<unk>"})");
  CHECK(loaded.apply(turns()).text == "<s><user>Hi</s>\n<assistant>Hello there</s>\n<unk>");
  ChatOptions options;
  options.add_generation_prompt = true;
  options.variables = {{"bos_token", "B"}};
  CHECK(loaded.apply(turns(), options).text ==
        "B<user>Hi</s>\n<assistant>Hello there</s>\n<assistant><unk>");
}

TEST_CASE("chat template: tools and documents reach the template, null when absent") {
  TempFolder folder;
  auto loaded = ChatTemplates::load(
      folder.path, "{{ tools is none }}{{ documents is none }}{{ tools|tojson if tools }}");
  CHECK(loaded.apply(turns()).text == "TrueTrue");
  ChatOptions options;
  options.tools = Json::parse(R"([{"z": 1, "a": "é"}])");
  CHECK(loaded.apply(turns(), options).text == "FalseTrue[{\"z\": 1, \"a\": \"é\"}]");
}

TEST_CASE("chat template: continue_final_message ends the text in the last message") {
  TempFolder folder;
  ChatOptions options;
  options.continue_final_message = true;
  auto trims = ChatTemplates::load(folder.path, kTurns);
  CHECK(trims.apply(turns(), options).text == "<user>Hi\n<assistant>Hello there");
  auto keeps =
      ChatTemplates::load(folder.path, "{% for m in messages %}[{{ m.content }}]{% endfor %}");
  CHECK(keeps.apply(turns(), options).text == "[Hi ][Hello there ");
  auto drops = ChatTemplates::load(folder.path, "{{ messages[0].content }}");
  CHECK(error_of([&] { drops.apply(turns(), options); }) ==
        "continue_final_message: the last message does not appear in the text the chat template "
        "made of it");
  Json parts = Json::parse(
      R"([{"role":"assistant","content":[{"type":"text","text":"abc"},{"type":"image"}]}])");
  auto listed = ChatTemplates::load(folder.path, "{{ messages[0].content[0].text }}!");
  CHECK(listed.apply(parts, options).text == "abc");
  options.add_generation_prompt = true;
  CHECK(caught([&] { trims.apply(turns(), options); }).code == Errc::kUsage);
}
