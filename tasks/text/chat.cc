// hft chat: a conversation on the terminal, or line by line from a pipe.
#include <algorithm>
#include <cstdio>

#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/signals.h"
#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "core/generation/text_stream.h"
#include "tasks/commands.h"
#include "tasks/run/constraint_options.h"
#include "tasks/run/drawing.h"
#include "tasks/run/list_option.h"
#include "tasks/run/output_file.h"
#include "tasks/run/conversation.h"
#include "tasks/text/line_editor.h"
#include "tasks/run/text_generator.h"

namespace hft {
namespace {

constexpr const char* kChatDefaultModel = "Qwen/Qwen2.5-0.5B-Instruct";
constexpr const char* kHelp =
    "/clear         begin anew\n"
    "/system TEXT   begin anew with this system message\n"
    "/image FILE    the next message is about this picture too\n"
    "/save FILE     write the conversation as JSON\n"
    "/help          this list\n"
    "/exit          end; so does Ctrl-D. Ctrl-C stops an answer.\n"
    "A line that ends with \\ goes on in the next.\n";

struct ChatOptions {
  ModelOptions model;
  GenerationOptions generation;
  ConversationOptions chat;
  ConstraintOptions constraint;
  std::vector<std::string> images;
};

class Chat {
 public:
  Chat(ChatOptions& o, const fs::path& folder, std::shared_ptr<const Grammar> grammar)
      : generator_(o.model, o.generation, folder, std::move(grammar)),
        conversations_(o.chat, generator_.folder()),
        system_(o.chat.system) {
    conversations_.need_template();
    clear();
    for (const std::string& image : o.images) add_image(image);
  }
  ~Chat() {
    if (sequence_ >= 0) generator_.model().close(sequence_);
  }

  int run();

 private:
  void clear();
  bool command(const std::string& line);
  void answer(const std::string& text);
  void add_image(const std::string& file);
  PicturedPrompt prompt();
  std::string generate(const PicturedPrompt& prompt);
  int sequence_for(const PicturedPrompt& prompt, std::int64_t& cached);
  std::ptrdiff_t in_common(const PicturedPrompt& prompt);
  void save(const std::string& file) const;

  TextGenerator generator_;
  Conversations conversations_;
  LineEditor editor_;
  OutputFile out_{""};
  std::string system_;
  Json messages_;
  std::vector<Media> images_;  // of the next message
  int sequence_ = -1;          // what of the conversation is cached, and its tokens
  PicturedPrompt cached_;
};

void Chat::clear() {
  messages_ = Json::array();
  images_.clear();
  if (!system_.empty()) messages_.push_back({{"role", "system"}, {"content", system_}});
}

void Chat::save(const std::string& file) const {
  if (file.empty()) fail(Errc::kUsage, "/save needs the name of a file");
  check_output_file(file, false);
  write_file(file, messages_.dump(2) + "\n");
  note(counted(static_cast<std::int64_t>(messages_.size()), "message") + " written to " + file);
}

// False when the line is a message.
bool Chat::command(const std::string& line) {
  if (!line.starts_with("/")) return false;
  const std::size_t space = line.find(' ');
  const std::string word = line.substr(0, space),
                    rest = space == std::string::npos ? "" : trimmed(line.substr(space));
  if (word == "/clear") {
    clear();
  } else if (word == "/system") {
    system_ = rest;
    clear();
  } else if (word == "/image") {
    add_image(rest);
  } else if (word == "/save") {
    save(rest);
  } else if (word == "/help") {
    out_.write(kHelp);
    out_.flush();
  } else {
    const std::vector<std::string> words{"/clear", "/system", "/image", "/save", "/help", "/exit"};
    const auto near = nearest(word, words);
    fail(Errc::kUsage, word, ": is no command", near ? "; closest: " + *near : "",
         " (/help lists them)");
  }
  return true;
}

// A file that is no picture is told at once, not when it is asked about.
void Chat::add_image(const std::string& file) {
  if (file.empty()) fail(Errc::kUsage, "/image needs the name of a file");
  if (!generator_.pictures()) fail_without_sight(generator_.folder());
  image_of({file});
  images_.push_back({file});
}

// Tokens at the beginning that are the same; where pictures differ, those before the first.
std::ptrdiff_t Chat::in_common(const PicturedPrompt& prompt) {
  const auto& ids = prompt.ids;
  const auto same = std::mismatch(ids.begin(), ids.end(), cached_.ids.begin(), cached_.ids.end()).first;
  const auto both = std::min(prompt.pictures.size(), cached_.pictures.size());
  const bool seen = std::equal(prompt.pictures.begin(), prompt.pictures.begin() + both,
                               cached_.pictures.begin());
  if (seen) return same - ids.begin();
  return std::find(ids.begin(), same, generator_.model().picture_token()) - ids.begin();
}

// The sequence of the last turn, cut to what both have in common; a new one when that cannot be.
int Chat::sequence_for(const PicturedPrompt& prompt, std::int64_t& cached) {
  // One token at least is fed, because its logits are needed.
  cached = std::min<std::int64_t>(in_common(prompt), std::ssize(prompt.ids) - 1);
  if (sequence_ >= 0) {
    try {
      generator_.model().crop(sequence_, cached);
      return std::exchange(sequence_, -1);
    } catch (const Error&) {  // a sliding window has moved on
      generator_.model().close(std::exchange(sequence_, -1));
    }
  }
  cached = 0;
  return generator_.model().open();
}

std::string Chat::generate(const PicturedPrompt& prompt) {
  TextStream text(generator_.tokenizer(), prompt.ids, generator_.config().stop_strings,
                  generator_.constraint() != nullptr);
  std::string answer;
  auto show = [&](const std::string& piece) {
    if (piece.empty()) return;
    answer += piece;
    out_.write(for_stdout(piece));
    out_.flush();
  };
  Prompt next{.ids = prompt.ids, .keep = true};
  next.sequence = sequence_for(prompt, next.cached);
  cached_ = {};
  if (generator_.pictures()) hft::show(generator_.model(), next.sequence, prompt);
  const std::int64_t reused = next.cached;
  Generator running(generator_.model(), 1);
  std::optional<Error> failed;
  running.add(
      generator_.start(std::move(next),
                       [&](std::int32_t id, const TokenLog*) { show(text.push(id)); }),
      1, [&](std::vector<Generated> results, Method& method, const std::optional<Error>& error) {
        failed = error;
        if (!error) generator_.note_if_cut(generator_.constraint(), results[0]);
        if (error || !method.kept()) return;
        sequence_ = *method.kept();
        cached_ = prompt;
        cached_.ids.insert(cached_.ids.end(), results[0].ids.begin(), results[0].ids.end());
        cached_.ids.resize(static_cast<std::size_t>(generator_.model().length(sequence_)));
      });
  while (running.busy() && !stop_requested()) running.step();
  running.stop(Finish::kInterrupted);
  show(text.finish());
  out_.write("\n");
  out_.flush();
  if (failed) throw *failed;
  detail(std::to_string(reused) + " of " + std::to_string(prompt.ids.size()) +
         " tokens were there from before");
  return answer;
}

PicturedPrompt Chat::prompt() {
  PicturePrompts* pictures = generator_.pictures();
  if (!pictures) return generator_.prompt(conversations_.render(messages_), true, {});
  return generator_.prompt(conversations_.render(messages_, pictures->mark()), true,
                           pictures_in(messages_));
}

void Chat::answer(const std::string& text) {
  const std::vector<Media> images = std::exchange(images_, {});
  if (images.empty())
    messages_.push_back({{"role", "user"}, {"content", text}});
  else
    messages_.push_back(pictured_message(images, text));
  try {
    PicturedPrompt next = prompt();
    generator_.fit(next);
    const std::string made = generate(next);
    messages_.push_back({{"role", "assistant"}, {"content", made}});
  } catch (const Error&) {
    messages_.erase(messages_.size() - 1);
    images_ = images;
    throw;
  }
}

int Chat::run() {
  if (editor_.interactive()) note("/help lists the commands, Ctrl-D ends");
  int failures = 0;
  std::string text;
  while (auto line = editor_.next(text.empty() ? "> " : "… ")) {
    if (stop_requested() == 143 || (stop_requested() && !editor_.interactive())) break;
    forget_stop();
    if (editor_.broken_off()) text.clear();
    if (line->ends_with("\\")) {
      text += line->substr(0, line->size() - 1) + "\n";
      continue;
    }
    text += *line;
    const std::string whole = std::exchange(text, "");
    if (trimmed(whole).empty()) continue;
    if (trimmed(whole) == "/exit" || trimmed(whole) == "/quit") break;
    try {
      if (!command(whole)) answer(whole);
    } catch (const Error& e) {
      if (e.code == Errc::kResources) throw;
      report_error(e.message, e.hint);
      ++failures;
    }
    // An answer that was stopped is no reason to leave.
    if (stop_requested() == 130 && editor_.interactive()) forget_stop();
    if (stop_requested()) break;
  }
  if (stop_requested()) return stop_requested();
  return failures > 0 && !editor_.interactive() ? static_cast<int>(Errc::kSomeFailed) : 0;
}

int run_chat(ChatOptions& o) {
  std::shared_ptr<const Grammar> grammar = grammar_of(o.constraint);
  const fs::path folder = model_folder(o.model, kChatDefaultModel);
  const GenerationConfig config =
      resolve_for_texts(o.generation, folder).config;
  if (config.num_beams > 1 || config.num_return_sequences > 1)
    fail(Errc::kUsage,
         "chat shows the answer while it is made: no --num-beams, no --num-return-sequences");
  if (!o.images.empty() && !is_vision_language(read_config(folder))) fail_without_sight(folder);
  return Chat(o, folder, std::move(grammar)).run();
}

std::function<int()> declare_chat(Flags& flags) {
  auto o = std::make_shared<ChatOptions>();
  flags.footer(
      "Examples:\n"
      "  hft chat -m DIR --system \"Answer briefly.\"\n"
      "  printf 'Hello\\nAnd now in French.\\n' | hft chat -m DIR --seed 1\n"
      "  hft chat -m Qwen/Qwen2-VL-2B-Instruct --image photo.jpg\n\n"
      "Each line is a message, and what was said before is kept. /help lists what else can be "
      "typed.");
  add_list_option(flags, "--image", o->images,
                  "A picture the first message is about; may be repeated", ListForm::kTexts)
      .metavar("FILE|URL")
      .group("Chat");
  add_conversation_options(flags, o->chat, false);
  add_constraint_options(flags, o->constraint);
  add_generation_options(flags, o->generation);
  add_model_options(flags, o->model);
  return [o] { return run_chat(*o); };
}

}  // namespace

extern const Command chat_command{"chat", "Text", "Talk with a model", declare_chat};

}  // namespace hft
