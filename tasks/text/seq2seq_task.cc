#include "tasks/text/seq2seq_task.h"

#include <algorithm>

#include "tasks/run/drawing.h"
#include "tasks/run/generation_worker.h"
#include "tasks/text/seq2seq_generator.h"
#include "tasks/text/token_logs.h"

namespace hft {
namespace {

struct Seq2SeqJob : GenerationJob {
  std::function<Json(const Seq2SeqJob&)> output;
  void write(const Input& input, Sink& sink) override { sink.write(input, output(*this)); }
};

// With --lines each input is a line of the output.
std::string drawn(const Json& output, const Seq2SeqTask& task, const Seq2SeqOptions& o) {
  std::string text;
  for (const Json& one : output) {
    std::string made = one[task.field];
    if (o.input.lines) std::ranges::replace(made, '\n', ' ');
    text += made + "\n";
  }
  return o.output.file.empty() ? for_stdout(text) : text;
}

Json seq2seq_output_of(const Seq2SeqJob& job, const Seq2SeqGenerator& generator,
                       const std::string& field, bool logprobs) {
  Json out = Json::array();
  for (const Generated& g : job.results) {
    Json one{{field, generator.text_of(g)}};
    if (logprobs) one["logprobs"] = log_records(generator.tokenizer(), g.logs);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

void add_seq2seq_options(Flags& flags, Seq2SeqOptions& o) {
  add_generation_options(flags, o.generation);
  add_input_options(flags, o.input, {{.name = "text"}});
  add_output_options(flags, o.output);
  add_model_options(flags, o.model);
}

int run_seq2seq_task(const Flags& flags, Seq2SeqOptions& o, const Seq2SeqTask& task) {
  check_output_file(o.output.file, o.output.force || o.output.resume);
  InputReader reader(o.input, o.output.keep_columns);
  Seq2SeqGenerator generator(o, task);
  RecordWriter writer(o.output,
                      {.text_by_default = true,
                       .text = [&](auto&, auto& output) { return drawn(output, task, o); },
                       .failed = o.input.lines ? "\n" : ""},
                      fingerprint(flags, generator.folder()));
  const std::int64_t each = generator.sequences_each(), most = generator.most_sequences();
  GenerationWorker worker(
      generator.model(),
      // New inputs come in once there is room for a good part of them, so that few encode together
      // only at the end.
      {.each = each, .most = most, .refill = std::max(most / 4, each)},
      [&](std::span<GenerationJob* const> jobs) {
        std::vector<TokenIds> sources;
        for (const GenerationJob* job : jobs) sources.push_back(job->prompt);
        return generator.start(sources);
      },
      [&](std::int64_t tokens) { return generator.bytes_of(tokens); });
  const auto prepare = [&](const Input& input) {
    auto job = std::make_unique<Seq2SeqJob>();
    job->prompt = generator.read(input.text());
    job->output = [&](const Seq2SeqJob& done) {
      return seq2seq_output_of(done, generator, task.field, o.generation.logprobs >= 0);
    };
    return job;
  };
  const int code = run(
      {.reader = reader, .sink = writer, .prepare = prepare, .worker = &worker, .verb = task.verb});
  generator.finish_hints();
  return code;
}

}  // namespace hft
