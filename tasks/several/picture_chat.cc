#include "tasks/several/picture_chat.h"

#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "core/generation/text_stream.h"
#include "tasks/run/ahead.h"
#include "tasks/run/conversation.h"
#include "tasks/run/drawing.h"
#include "tasks/run/generation_worker.h"
#include "tasks/run/text_generator.h"

namespace hft {
namespace {

constexpr const char* kDescribe = "Describe this image.";

struct ChatPictureJob : GenerationJob {
  PicturedPrompt pictured;
  std::function<Json(const ChatPictureJob&)> output;
  void write(const Input& input, Sink& sink) override { sink.write(input, output(*this)); }
};

class PictureChat {
 public:
  PictureChat(PictureTextOptions& o, const PictureTextTask& task)
      : options_(o),
        task_(task),
        generator_(o.model, o.generation, model_folder(o.model, task.default_model)),
        conversations_(ConversationOptions{}, generator_.folder()) {}

  TextGenerator& generator() { return generator_; }
  std::unique_ptr<ChatPictureJob> prepare(const Input& input) {
    auto job = std::make_unique<ChatPictureJob>();
    const std::vector<Media> picture{std::get<Media>(*input.values[0])};
    const std::string text = task_.asks                ? input.text(1)
                             : options_.prompt.empty() ? kDescribe
                                                       : options_.prompt;
    const std::string& mark = generator_.pictures()->mark();
    Json messages = Json::array();
    messages.push_back(pictured_message(picture, text));
    job->pictured = conversations_.has_template()
                        ? generator_.prompt(conversations_.render(messages, mark), true, picture)
                        : generator_.prompt(mark + "\n" + text, false, picture);
    job->prompt = job->pictured.ids;
    job->output = [this](const ChatPictureJob& done) { return output_of(done); };
    return job;
  }

 private:
  Json output_of(const ChatPictureJob& job) const {
    Json out = Json::array();
    for (const Generated& g : job.results) {
      const bool stopped = g.finish == Finish::kStopString;
      const std::string text =
          new_text(generator_.tokenizer(), job.prompt, g.ids,
                   stopped ? generator_.config().stop_strings : std::vector<std::string>());
      out.push_back({{task_.field, unicode_trimmed(text)}});
    }
    return out;
  }

  PictureTextOptions& options_;
  const PictureTextTask& task_;
  TextGenerator generator_;
  Conversations conversations_;
};

}  // namespace

bool is_picture_chat(const PictureTextOptions& o) {
  return !o.model.model.empty() && is_vision_language(read_config(model_folder(o.model, "")));
}

int run_picture_chat(const Flags& flags, PictureTextOptions& o, const PictureTextTask& task) {
  InputReader reader(o.input, o.output.keep_columns);
  PictureChat chat(o, task);
  TextGenerator& generator = chat.generator();
  const auto drawn = [&](const Input&, const Json& output) {
    std::string text;
    for (const Json& one : output) text += one[task.field].get<std::string>() + "\n";
    return o.output.file.empty() ? for_stdout(text) : text;
  };
  RecordWriter records(o.output, {.text_by_default = true, .text = drawn},
                       fingerprint(flags, generator.folder()));
  const std::int64_t each = generator.sequences_each();
  GenerationWorker worker(
      generator.model(), {.each = each, .most = generator.most_sequences(), .refill = each},
      [&](std::span<GenerationJob* const> jobs) {
        std::vector<const PicturedPrompt*> prompts;
        for (const GenerationJob* job : jobs)
          prompts.push_back(&static_cast<const ChatPictureJob*>(job)->pictured);
        return generator.start(prompts);
      });
  return run({.reader = reader,
              .sink = records,
              .prepare = [&](const Input& input) { return chat.prepare(input); },
              .worker = &worker,
              .verb = task.verb,
              .unit = "picture",
              .threads = reader_threads()});
}

}  // namespace hft
