// hft generate: prompts and conversations in, text out.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <deque>

#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/progress.h"
#include "core/base/signals.h"
#include "core/checkpoint/config.h"
#include "core/generation/text_stream.h"
#include "tasks/commands.h"
#include "tasks/conversation.h"
#include "tasks/drawing.h"
#include "tasks/input.h"
#include "tasks/output.h"
#include "tasks/output_file.h"
#include "tasks/text_generator.h"
#include "tasks/token_logs.h"

namespace hft {
namespace {

constexpr const char* kDefaultModel = "openai-community/gpt2";

struct Options {
  ModelOptions model;
  InputOptions input;
  OutputOptions output;
  GenerationOptions generation;
  ConversationOptions chat;
  bool full_text = true, stream = false;
};

// One input: what it asks, and what became of it.
struct Work {
  Input input;
  Json messages;     // of a conversation, else null
  std::string text;  // else the prompt
  TokenIds prompt;
  std::vector<Generated> results;
  std::optional<Error> error;
  bool reused = false, finished = false;
};

class Task {
 public:
  // `reader` is null for --messages.
  Task(const CLI::App& app, Options& o, InputReader* reader)
      : o_(o), reader_(reader), generator_(o.model, o.generation, kDefaultModel), app_(app) {
    if (o.chat.any()) conversations_.emplace(o.chat, generator_.folder());
  }

  // Text or messages, to tokens.
  void prepare(Work& work) {
    if (work.input.error) throw *work.input.error;
    const auto row = work.input.row.find("messages");
    if (!o_.chat.messages.empty())
      work.messages = checked_messages(read_json(o_.chat.messages), o_.chat.messages);
    else if (!work.input.values[0] && row != work.input.row.end())
      work.messages = checked_messages(*row, work.input.place);
    else if (!work.input.values[0])
      fail(Errc::kBadData, work.input.place, ": has no column '", o_.input.columns[0].source,
           "' and no 'messages'");
    else if (o_.chat.any())
      work.messages = conversations().begin(work.input.text());
    else
      work.text = work.input.text();
    if (work.messages.is_null())
      work.prompt = generator_.encode(generator_.prefix() + work.text, false);
    else
      work.prompt = generator_.encode(conversations().render(work.messages), true);
  }

  Json output_of(const Work& work) {
    Json out = Json::array();
    for (const Generated& g : work.results) {
      const std::string text = new_text(generator_.tokenizer(), work.prompt, g.ids, stops(g));
      Json one;
      if (!o_.full_text)
        one["generated_text"] = text;
      else if (work.messages.is_null())
        one["generated_text"] = work.text + text;
      else
        one["generated_text"] = with_answer(work.messages, text);
      if (o_.generation.logprobs >= 0)
        one["logprobs"] = log_records(generator_.tokenizer(), g.logs);
      out.push_back(std::move(one));
    }
    return out;
  }

  int run_records();
  int run_streams();

 private:
  Conversations& conversations() {
    if (!conversations_) conversations_.emplace(o_.chat, generator_.folder());
    return *conversations_;
  }
  // Only a text that a stop string ended is cut: in a prompt it may stand anywhere.
  std::vector<std::string> stops(const Generated& g) const {
    return g.finish == Finish::kStopString ? generator_.config().stop_strings
                                           : std::vector<std::string>();
  }
  // --messages is one input of its own.
  std::optional<Input> next();
  bool lone() const { return !reader_ || reader_->total() == 1; }
  void admit(Generator& running, Work& work);
  void write_ready(std::deque<std::unique_ptr<Work>>& works, RecordWriter& writer,
                   std::int64_t& done);
  void stream_one(Work& work, OutputFile& out);

  Options& o_;
  InputReader* reader_;
  TextGenerator generator_;
  const CLI::App& app_;
  bool taken_ = false;
  std::optional<Conversations> conversations_;
};

std::optional<Input> Task::next() {
  if (reader_) return reader_->next();
  if (std::exchange(taken_, true)) return std::nullopt;
  Input input;
  input.shown = o_.chat.messages;
  input.values.resize(1);
  return input;
}

void Task::admit(Generator& running, Work& work) {
  try {
    prepare(work);
    auto method = generator_.start({.ids = work.prompt, .sequence = -1});
    running.add(std::move(method), generator_.sequences_each(),
                [&work](auto results, Method&, const std::optional<Error>& error) {
                  work.results = std::move(results);
                  work.error = error;
                  work.finished = true;
                });
  } catch (const Error& e) {
    if (e.code == Errc::kResources) throw;
    work.error = e;
    work.finished = true;
  }
}

void Task::write_ready(std::deque<std::unique_ptr<Work>>& works, RecordWriter& writer,
                       std::int64_t& done) {
  for (; !works.empty() && works.front()->finished; works.pop_front(), ++done) {
    Work& work = *works.front();
    if (work.reused)
      writer.write_reused(work.input);
    else if (work.error)
      writer.write_error(work.input, *work.error);
    else
      writer.write(work.input, output_of(work));
  }
  writer.flush();
}

std::string draw(const Input&, const Json& output) {
  std::string text;
  for (const Json& one : output) {
    const Json& made = one["generated_text"];
    text +=
        (made.is_string() ? made.get<std::string>() : made.back()["content"].get<std::string>()) +
        "\n";
  }
  return text;
}

int Task::run_records() {
  const bool to_file = !o_.output.file.empty();
  auto shown = [to_file](const Input& input, const Json& output) {
    return to_file ? draw(input, output) : for_stdout(draw(input, output));
  };
  RecordWriter writer(o_.output, {.text_by_default = true, .text = shown},
                      fingerprint(app_, generator_.folder()));
  Generator running(generator_.model(), generator_.most_sequences());
  Progress progress("generating", "text", reader_ ? reader_->total() : 1);
  std::deque<std::unique_ptr<Work>> works;
  bool ended = false;
  std::int64_t done = 0;
  while (!stop_requested() && !(ended && works.empty())) {
    while (!ended && running.has_room(generator_.sequences_each()) &&
           (!running.busy() || !reader_ || reader_->ready())) {
      auto input = next();
      ended = !input;
      if (ended) break;
      works.push_back(std::make_unique<Work>());
      Work& work = *works.back();
      work.input = std::move(*input);
      work.finished = work.reused = writer.reuse(work.input);
      if (!work.finished) admit(running, work);
      // What cannot be done for the one input there is ends the program with that code.
      if (work.error && work.error->code == Errc::kUsage && lone()) throw *work.error;
    }
    if (running.busy()) running.step();
    write_ready(works, writer, done);
    progress.update(done);
  }
  progress.hide();
  if (const int code = stop_requested()) {
    const bool text = !o_.output.json && (o_.output.format.empty() || o_.output.format == "text");
    if (text && o_.output.file.empty()) {  // a record must be whole, a text need not
      running.stop(Finish::kInterrupted);
      write_ready(works, writer, done);
    } else {
      writer.interrupted();
    }
    return code;
  }
  return writer.finish();
}

// One JSON line a token, or the text itself.
void Task::stream_one(Work& work, OutputFile& out) {
  TextStream text(generator_.tokenizer(), work.prompt, generator_.config().stop_strings);
  const bool json = o_.output.json;
  auto show = [&](Json line) {
    if (!lone()) line["index"] = work.input.index;
    out.write(to_line(line) + "\n");
    out.flush();
  };
  auto on_token = [&](std::int32_t id, const TokenLog* log) {
    const std::string piece = text.push(id);
    if (json) {
      Json line{{"text", piece}, {"id", id}};
      if (log)
        line["logprob"] = number(log->logprob),
        line["top"] = log_record(generator_.tokenizer(), *log)["top"];
      show(std::move(line));
    } else if (!piece.empty()) {
      out.write(for_stdout(piece));
      out.flush();
    }
  };
  Generator running(generator_.model(), 1);
  if (!json && o_.full_text && work.messages.is_null()) out.write(work.text), out.flush();
  running.add(generator_.start({.ids = work.prompt, .sequence = -1}, on_token), 1,
              [&](auto results, Method&, const std::optional<Error>& error) {
                work.results = std::move(results);
                work.error = error;
              });
  while (running.busy() && !stop_requested()) running.step();
  running.stop(Finish::kInterrupted);
  const std::string rest = text.finish();
  if (!json)
    out.write(for_stdout(rest) + "\n");
  else if (!rest.empty())
    show({{"text", rest}});
  if (work.error) throw *work.error;
  const std::size_t made = work.results[0].ids.size();
  if (json)
    show({{"done", true},
          {"finish_reason", finish_name(work.results[0].finish)},
          {"usage",
           {{"prompt_tokens", work.prompt.size()},
            {"completion_tokens", made},
            {"total_tokens", work.prompt.size() + made}}}});
  out.flush();
}

int Task::run_streams() {
  OutputFile out("");
  Failures failures;
  while (auto input = next()) {
    Work work;
    work.input = std::move(*input);
    try {
      prepare(work);
      stream_one(work, out);
      failures.succeeded();
    } catch (const Error& e) {
      if (e.code == Errc::kResources || (lone() && e.code == Errc::kUsage)) throw;
      failures.add(work.input, e);
    }
    if (stop_requested()) break;
  }
  out.flush();
  return stop_requested() ? stop_requested() : failures.exit_code();
}

// What cannot be streamed is refused when asked for, and printed at the end when not.
bool streams(const Options& o, const ResolvedGeneration& settings) {
  std::string obstacle;
  if (settings.config.num_beams > 1)
    obstacle = "beams choose the text at the end";
  else if (settings.config.num_return_sequences > 1)
    obstacle = "several texts cannot be shown at once";
  else if (!o.output.file.empty())
    obstacle = "-o writes whole records";
  else if (!o.output.format.empty() && o.output.format != "text" && o.output.format != "json")
    obstacle = "--format " + o.output.format + " writes whole records";
  if (o.stream && !obstacle.empty()) fail(Errc::kUsage, "--stream: ", obstacle);
  const bool one = o.input.values.size() == 1 || !o.chat.messages.empty();
  return o.stream || (obstacle.empty() && !o.output.json && o.output.format.empty() && one &&
                      ::isatty(STDOUT_FILENO));
}

int run(const CLI::App& app, Options& o) {
  if (!o.chat.messages.empty() && !(o.input.values.empty() && o.input.files.empty()))
    fail(Errc::kUsage, "--messages: the conversation is the only input, leave out the others");
  if (o.output.format == "json") o.output.json = true;
  check_output_file(o.output.file, o.output.force || o.output.resume);
  std::optional<InputReader> reader;
  if (o.chat.messages.empty()) reader.emplace(o.input);
  const fs::path folder = model_folder(o.model, kDefaultModel);
  if (o.model.model.empty()) o.model.model = kDefaultModel;
  const ResolvedGeneration settings =
      resolve(o.generation, folder, read_config(folder).json(), Pipeline::kTextGeneration,
              "text-generation", nullptr);
  const bool stream = streams(o, settings);
  if (o.generation.logprobs >= 0 && settings.config.num_beams > 1)
    fail(Errc::kUsage, "--logprobs: beams are scored as a whole");
  if (o.generation.logprobs >= 0 && !o.output.json) note("--logprobs: shown with --json only");
  Task task(app, o, reader ? &*reader : nullptr);
  return stream ? task.run_streams() : task.run_records();
}

std::function<int()> declare(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.footer(
      "Examples:\n"
      "  hft generate -m openai-community/gpt2 \"The secret to success is\" --max-new-tokens 50\n"
      "  hft generate -m DIR --no-do-sample --json -i prompts.jsonl > texts.jsonl\n"
      "  hft generate -m DIR --messages chat.json --stream\n"
      "  hft generate -m DIR --system \"Answer briefly.\" \"Why is the sky blue?\"\n\n"
      "Without other settings of the model, tokens are drawn at temperature 0.7, 256 at most, as "
      "by the\n"
      "text-generation pipeline. A text that --stop ends is cut before that text.");
  app.add_flag_callback(
         "--full-text", [o] { o->full_text = true; }, "The prompt and the new text [default]")
      ->group("Output");
  app.add_flag_callback(
         "--no-full-text", [o] { o->full_text = false; }, "Only the new text")
      ->group("Output");
  app.add_flag("--stream", o->stream,
               "Show the text while it is made; with --json one line per token")
      ->group("Output");
  add_conversation_options(app, o->chat, true);
  add_generation_options(app, o->generation);
  add_input_options(app, o->input, {{.name = "text", .optional = true}});
  add_output_options(app, o->output);
  add_model_options(app, o->model);
  return [o, &app] { return run(app, *o); };
}

}  // namespace

extern const Command generate_command{"generate", "Text", "Continue texts, answer conversations",
                                      declare};

}  // namespace hft
