// hft generate: prompts and conversations in, text out.
#include <unistd.h>

#include <mutex>

#include "core/base/exact_json.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/checkpoint/config.h"
#include "tasks/commands.h"
#include "tasks/run/constraint_options.h"
#include "tasks/run/drawing.h"
#include "tasks/run/generation_worker.h"
#include "tasks/run/list_option.h"
#include "tasks/run/conversation.h"
#include "tasks/text/generate_batch.h"
#include "tasks/text/generate_stream.h"
#include "tasks/run/text_generator.h"
#include "tasks/text/token_logs.h"

namespace hft {
namespace {

constexpr const char* kGenerateDefaultModel = "openai-community/gpt2";
constexpr std::size_t kMostConstraints = 64;  // of rows, kept for the next ones

struct GenerateOptions {
  ModelOptions model;
  InputOptions input;
  OutputOptions output;
  GenerationOptions generation;
  ConversationOptions chat;
  ConstraintOptions constraint;
  std::vector<std::string> images;
  bool full_text = true, stream = false;
};

// One input: a prompt, or a conversation.
struct GenerateJob : GenerationJob {
  Json messages;     // of a conversation, else null
  std::string text;  // else the prompt
  PicturedPrompt pictured;
  std::optional<BatchRequest> request;  // of a batch, whose response is the record
  std::function<Json(const GenerateJob&)> output;
  std::function<std::string(const GenerateJob&)> response;
  void write(const Input& input, Sink& sink) override {
    if (request && response)
      sink.write_line(response(*this));
    else
      sink.write(input, output(*this));
  }
};

class Generate {
 public:
  Generate(GenerateOptions& o, const fs::path& folder, std::shared_ptr<const Grammar> grammar)
      : o_(o), generator_(o.model, o.generation, folder, std::move(grammar)) {
    if (o.chat.any()) conversations_.emplace(o.chat, folder);
  }

  // Text or messages, to tokens.
  std::unique_ptr<GenerateJob> prepare(const Input& input) {
    if (input.has(3) && is_batch_row(input.row)) return prepare_request(input);
    auto job = std::make_unique<GenerateJob>();
    if (!o_.chat.messages.empty())
      job->messages = checked_messages(read_exact_json(o_.chat.messages), o_.chat.messages);
    else if (input.has(1))
      job->messages = checked_messages(parse_exact_json(input.text(1), input.place), input.place);
    else if (!input.has(0))
      fail(Errc::kBadData, input.place, ": has no column '", o_.input.columns[0].source,
           "' and no '", o_.input.columns[1].source, "'");
    const std::vector<Media> images = input.has(2) ? images_in(input.text(2)) : std::vector<Media>();
    if (!images.empty() && !generator_.pictures()) fail_without_sight(generator_.folder());
    if (!job->messages.is_null() && generator_.pictures())
      job->messages = with_pictures(
          std::move(job->messages), images,
          input.place.empty() ? o_.chat.messages : input.place);
    else if (job->messages.is_null() && is_question(input.text(), images))
      job->messages = begin(input.text(), images);
    else if (job->messages.is_null())
      job->text = input.text();
    job->pictured = prompt_of(*job, images);
    constrain(*job, input.row);
    job->prompt = job->pictured.ids;
    return job;
  }

  int run_records(InputReader& reader, RecordWriter& writer);
  int run_stream(InputReader& reader);

 private:
  std::unique_ptr<GenerateJob> prepare_request(const Input& input) {
    auto job = std::make_unique<GenerateJob>();
    job->request = batch_request_of(input);
    job->messages = job->request->messages;
    job->text = job->request->prompt;
    if (!job->messages.is_null() && generator_.pictures())
      job->messages = with_pictures(std::move(job->messages), {}, input.place);
    job->pictured = prompt_of(*job, {});
    constrain(*job, input.row["body"]);
    job->prompt = job->pictured.ids;
    job->pictured.own = std::make_shared<const OwnSettings>(
        OwnSettings{generator_.config_with(job->request->settings), job->request->seed});
    return job;
  }
  // A row, or the body of a request, may say what its text is to conform with.
  void constrain(GenerateJob& job, const Json& asked) {
    if (asked.is_object() && asked.contains("response_format") && !asked["response_format"].is_null())
      job.pictured.constraint = constraint_of(asked["response_format"]);
  }
  // A text with pictures and no place for them is a question about them.
  bool is_question(const std::string& text, const std::vector<Media>& images) {
    return o_.chat.any() || (!images.empty() && text.find(generator_.pictures()->mark()) == text.npos &&
                             conversations().has_template());
  }
  Json begin(const std::string& text, const std::vector<Media>& images) {
    Json messages = conversations().begin(text);
    if (!images.empty()) messages.back() = pictured_message(images, text);
    return messages;
  }
  PicturedPrompt prompt_of(const GenerateJob& job, const std::vector<Media>& images) {
    if (job.messages.is_null())
      return generator_.prompt(generator_.prefix() + job.text, false, images);
    if (!generator_.pictures())
      return generator_.prompt(conversations().render(job.messages), true, {});
    return generator_.prompt(conversations().render(job.messages, generator_.pictures()->mark()), true,
                             pictures_in(job.messages));
  }
  Conversations& conversations() {
    const std::scoped_lock lock(mutex_);
    if (!conversations_) conversations_.emplace(o_.chat, generator_.folder());
    return *conversations_;
  }
  // Of a row; many have the same.
  std::shared_ptr<Constraint> constraint_of(const Json& response_format) {
    const std::scoped_lock lock(mutex_);
    if (constraints_.size() >= kMostConstraints) constraints_.clear();
    const std::string key = exact_line(response_format);
    if (const auto found = constraints_.find(key); found != constraints_.end())
      return found->second;
    return constraints_[key] = generator_.constrain(grammar_of(response_format));
  }
  Json output_of(const GenerateJob& job) const;
  std::string response_to(const GenerateJob& job) const;
  std::string text_of(const GenerateJob& job, const Generated& made) const;

  GenerateOptions& o_;
  TextGenerator generator_;
  std::mutex mutex_;
  std::optional<Conversations> conversations_;
  std::map<std::string, std::shared_ptr<Constraint>> constraints_;
};

// Only a text that a stop string ended is cut: in a prompt it may stand anywhere.
std::string Generate::text_of(const GenerateJob& job, const Generated& made) const {
  const GenerationConfig& config =
      job.pictured.own ? job.pictured.own->config : generator_.config();
  return new_text(generator_.tokenizer(), job.prompt, made.ids,
                  made.finish == Finish::kStopString ? config.stop_strings
                                                     : std::vector<std::string>(),
                  job.pictured.constraint != nullptr);
}

std::string Generate::response_to(const GenerateJob& job) const {
  std::vector<BatchAnswer> answers;
  for (const Generated& g : job.results)
    answers.push_back({text_of(job, g), g.finish, job.prompt.size(), g.ids.size()});
  return batch_response(*job.request, answers);
}

Json Generate::output_of(const GenerateJob& job) const {
  Json out = Json::array();
  for (const Generated& g : job.results) {
    const std::string text = text_of(job, g);
    Json one;
    if (!o_.full_text)
      one["generated_text"] = text;
    else if (job.messages.is_null())
      one["generated_text"] = job.text + text;
    else
      one["generated_text"] = with_answer(job.messages, text);
    if (job.pictured.constraint) one["finish_reason"] = finish_name(g.finish);
    if (!o_.output.json) generator_.note_if_cut(job.pictured.constraint, g);
    if (o_.generation.logprobs >= 0) one["logprobs"] = log_records(generator_.tokenizer(), g.logs);
    out.push_back(std::move(one));
  }
  return out;
}

std::string draw_generate(const Input&, const Json& output) {
  std::string text;
  for (const Json& one : output) {
    const Json& made = one["generated_text"];
    const Json& said = made.is_string() ? made : made.back()["content"];
    text += (said.is_string() ? said : said.back()["text"]).get<std::string>() + "\n";
  }
  return text;
}

int Generate::run_records(InputReader& reader, RecordWriter& writer) {
  const std::int64_t each = generator_.sequences_each();
  const auto start = [&](std::span<GenerationJob* const> jobs) {
    std::vector<const PicturedPrompt*> prompts;
    for (const GenerationJob* job : jobs)
      prompts.push_back(&static_cast<const GenerateJob*>(job)->pictured);
    return generator_.start(prompts);
  };
  GenerationWorker worker(generator_.model(),
                          {.each = each, .most = generator_.most_sequences(), .refill = each},
                          start);
  const auto prepared = [&](const Input& input) {
    auto job = prepare(input);
    job->output = [this](const GenerateJob& done) { return output_of(done); };
    if (writer.takes_lines())
      job->response = [this](const GenerateJob& done) { return response_to(done); };
    return job;
  };
  // A record must be whole, a text need not.
  const bool text = !o_.output.json && (o_.output.format.empty() || o_.output.format == "text");
  return run({.reader = reader,
              .sink = writer,
              .prepare = prepared,
              .worker = &worker,
              .verb = "generating",
              .threads = generator_.pictures() ? reader_threads() : 1,
              .partial = text && o_.output.file.empty() && o_.output.folder.folder.empty()});
}

int Generate::run_stream(InputReader& reader) {
  TokenStream stream(generator_, o_.output.json, reader.total() != 1);
  const auto start = [&](std::span<GenerationJob* const> jobs) {
    const auto& job = static_cast<const GenerateJob&>(*jobs[0]);
    const PicturedPrompt* prompt = &job.pictured;
    auto methods = generator_.start(
        {&prompt, 1}, [&](std::int32_t id, const TokenLog* l) { stream.add(id, l); });
    stream.begin(job.prompt, o_.full_text ? job.text : "", prompt->constraint != nullptr);
    return methods;
  };
  GenerationWorker worker(generator_.model(), {}, start);
  const auto prepared = [&](const Input& input) {
    auto job = prepare(input);
    job->output = [this](const GenerateJob& done) -> Json {
      if (!o_.output.json) generator_.note_if_cut(done.pictured.constraint, done.results[0]);
      const std::size_t made = done.results[0].ids.size();
      return {{"done", true},
              {"finish_reason", finish_name(done.results[0].finish)},
              {"usage",
               {{"prompt_tokens", done.prompt.size()},
                {"completion_tokens", made},
                {"total_tokens", done.prompt.size() + made}}}};
    };
    return job;
  };
  return run({.reader = reader,
              .sink = stream,
              .prepare = prepared,
              .worker = &worker,
              .verb = "generating",
              .partial = true});
}

// What cannot be streamed is refused when asked for, and printed at the end when not.
bool streams(const GenerateOptions& o, const ResolvedGeneration& settings) {
  std::string obstacle;
  if (settings.config.num_beams > 1)
    obstacle = "beams choose the text at the end";
  else if (settings.config.num_return_sequences > 1)
    obstacle = "several texts cannot be shown at once";
  else if (!o.output.file.empty() || !o.output.folder.folder.empty())
    obstacle = (o.output.file.empty() ? "--output-dir" : "-o") + std::string(" writes whole records");
  else if (!o.output.format.empty() && o.output.format != "text" && o.output.format != "json")
    obstacle = "--format " + o.output.format + " writes whole records";
  if (o.stream && !obstacle.empty()) fail(Errc::kUsage, "--stream: ", obstacle);
  const bool one = o.input.values.size() == 1;
  return o.stream || (obstacle.empty() && !o.output.json && o.output.format.empty() && one &&
                      ::isatty(STDOUT_FILENO));
}

int run_generate(const Flags& flags, GenerateOptions& o) {
  if (!o.chat.messages.empty()) {
    if (!o.input.values.empty() || !o.input.files.empty())
      fail(Errc::kUsage, "--messages: the conversation is the only input, leave out the others");
    o.input.values = {o.chat.messages};
  }
  if (o.output.format == "json") o.output.json = true;
  if (o.output.format.empty() && is_batch_row(first_row(o.input))) o.output.json = true;
  const std::shared_ptr<const Grammar> grammar = grammar_of(o.constraint);
  check_output_file(o.output.file, o.output.force || o.output.resume);
  if (!o.images.empty()) o.input.columns[2].fixed = exact_line(Json(o.images));
  InputReader reader(o.input, o.output.keep_columns);
  const fs::path folder = model_folder(o.model, kGenerateDefaultModel);
  if (!o.images.empty() && !is_vision_language(read_config(folder))) fail_without_sight(folder);
  const ResolvedGeneration settings = resolve_for_texts(o.generation, folder);
  const bool stream = streams(o, settings);
  if (o.generation.logprobs >= 0 && settings.config.num_beams > 1)
    fail(Errc::kUsage, "--logprobs: beams are scored as a whole");
  if (o.generation.logprobs >= 0 && !o.output.json) note("--logprobs: shown with --json only");
  if (stream) return Generate(o, folder, grammar).run_stream(reader);
  const auto shown = [&o](const Input& input, const Json& output) {
    return o.output.file.empty() ? for_stdout(draw_generate(input, output))
                                 : draw_generate(input, output);
  };
  const auto failed = [](const Input& input, const Error& error) {
    return is_batch_row(input.row) ? batch_failure(input, error) : "";
  };
  RecordWriter writer(o.output, {.text_by_default = true, .text = shown, .failed_line = failed},
                      fingerprint(flags, folder));
  return Generate(o, folder, grammar).run_records(reader, writer);
}

std::function<int()> declare_generate(Flags& flags) {
  auto o = std::make_shared<GenerateOptions>();
  flags.footer(
      "Examples:\n"
      "  hft generate -m openai-community/gpt2 \"The secret to success is\" --max-new-tokens 50\n"
      "  hft generate -m DIR --no-do-sample --json -i prompts.jsonl > texts.jsonl\n"
      "  hft generate -m DIR --messages chat.json --stream\n"
      "  hft generate -m DIR --system \"Answer briefly.\" \"Why is the sky blue?\"\n"
      "  hft generate -m DIR --json-schema person.json --no-full-text \"A person as JSON:\"\n"
      "  hft generate -m DIR --choices positive,negative --no-full-text \"Great film! It is\"\n"
      "  hft generate -m llava-hf/llava-1.5-7b-hf --image photo.jpg \"What is this?\"\n"
      "  hft generate -m DIR -i batch.jsonl -o responses.jsonl   # requests of OpenAI's Batch API\n\n"
      "Without other settings of the model, tokens are drawn at temperature 0.7, 256 at most, as "
      "by the\n"
      "text-generation pipeline. A text that --stop ends is cut before that text.");
  flags
      .add(
          "--full-text", [o] { o->full_text = true; }, "The prompt and the new text [default]")
      .group("Output");
  flags
      .add(
          "--no-full-text", [o] { o->full_text = false; }, "Only the new text")
      .group("Output");
  flags.add("--stream", o->stream, "Show the text while it is made; with --json one line per token")
      .group("Output");
  add_list_option(flags, "--image", o->images,
                  "A picture the text is about, for every input; may be repeated: they fill the image "
                  "parts of messages in order, or come before the text",
                  ListForm::kTexts)
      .metavar("FILE|URL")
      .group("Chat");
  add_conversation_options(flags, o->chat, true);
  add_constraint_options(flags, o->constraint);
  add_generation_options(flags, o->generation);
  add_input_options(
      flags, o->input,
      {{.name = "text", .optional = true},
       {.name = "messages", .optional = true, .alternative = true, .kind = Kind::kList},
       {.name = "image", .optional = true, .kind = Kind::kImages},
       {.name = "body", .optional = true, .alternative = true, .kind = Kind::kObject}});
  add_output_options(flags, o->output);
  add_model_options(flags, o->model);
  return [o, flags] { return run_generate(flags, *o); };
}

}  // namespace

extern const Command generate_command{"generate", "Text", "Continue texts, answer conversations",
                                      declare_generate};

}  // namespace hft
