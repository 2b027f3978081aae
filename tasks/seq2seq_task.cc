#include "tasks/seq2seq_task.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>

#include "core/base/log.h"
#include "core/base/progress.h"
#include "core/base/signals.h"
#include "core/generation/generator.h"
#include "tasks/drawing.h"
#include "tasks/seq2seq_generator.h"
#include "tasks/token_logs.h"

namespace hft {
namespace {

// What all live inputs keep of their texts, together.
constexpr std::int64_t kKeptBytes = std::int64_t{1} << 30;

// One input: what it says, and what became of it.
struct Work {
  Input input;
  TokenIds source;
  std::vector<Generated> results;
  std::optional<Error> error;
  std::int64_t bytes = 0;  // kept while it is on its way
  bool reused = false, finished = false;
};

class Run {
 public:
  Run(const CLI::App& app, Seq2SeqOptions& o, const Seq2SeqTask& task)
      : o_(o),
        task_(task),
        reader_(o.input),
        generator_(o, task),
        writer_(o.output,
                {.text_by_default = true,
                 .text = [this](auto&, auto& output) { return drawn(output); },
                 .failed = o.input.lines ? "\n" : ""},
                fingerprint(app, generator_.folder())),
        running_(generator_.model(), generator_.most_sequences()) {}

  int operator()() {
    Progress progress(task_.verb, "text", reader_.total());
    while (!stop_requested() && !(ended_ && works_.empty())) {
      admit();
      if (running_.busy()) running_.step();
      write_ready();
      progress.update(done_);
    }
    progress.hide();
    generator_.finish_hints();
    if (const int code = stop_requested()) {
      writer_.interrupted();
      return code;
    }
    return writer_.finish();
  }

 private:
  // With --lines each input is a line of the output.
  std::string drawn(const Json& output) const {
    std::string text;
    for (const Json& one : output) {
      std::string made = one[task_.field];
      if (o_.input.lines) std::ranges::replace(made, '\n', ' ');
      text += made + "\n";
    }
    return o_.output.file.empty() ? for_stdout(text) : text;
  }

  // Takes in new inputs once there is room for a good part of them, so that few encode together
  // only at the end.
  void admit() {
    const std::int64_t each = generator_.sequences_each(), most = generator_.most_sequences();
    if (ended_ || (running_.busy() && running_.live() + std::max(most / 4, each) > most)) return;
    std::vector<Work*> group;
    std::int64_t tokens = 0, sequences = running_.live();
    while (!ended_ && (sequences == 0 || sequences + each <= most) && tokens < kForwardTokens &&
           kept_ < kKeptBytes && (sequences == 0 || reader_.ready())) {
      Work* work = next();
      if (!work || work->finished) continue;
      group.push_back(work);
      tokens += static_cast<std::int64_t>(work->source.size());
      sequences += each;
      kept_ += work->bytes = generator_.bytes_of(static_cast<std::int64_t>(work->source.size()));
    }
    start(group);
  }

  // The next input, read and turned into tokens; null at the end.
  Work* next() {
    auto input = reader_.next();
    ended_ = !input;
    if (ended_) return nullptr;
    works_.push_back(std::make_unique<Work>());
    Work& work = *works_.back();
    work.input = std::move(*input);
    work.finished = work.reused = writer_.reuse(work.input);
    if (work.reused) return &work;
    try {
      if (work.input.error) throw *work.input.error;
      work.source = generator_.read(work.input.text());
    } catch (const Error& e) {
      give_up(work, e);
    }
    return &work;
  }

  void give_up(Work& work, const Error& error) {
    // What cannot be done for the one input there is ends the program with that code.
    if (error.code == Errc::kResources || (error.code == Errc::kUsage && reader_.total() == 1))
      throw error;
    work.error = error;
    work.finished = true;
    kept_ -= std::exchange(work.bytes, 0);
  }

  // Together; one by one when one of them cannot be.
  void start(const std::vector<Work*>& group) {
    if (group.empty()) return;
    std::vector<TokenIds> sources;
    for (Work* work : group) sources.push_back(work->source);
    try {
      auto methods = generator_.start(sources);
      for (std::size_t i = 0; i < group.size(); ++i) run(*group[i], std::move(methods[i]));
    } catch (const Error& e) {
      if (group.size() == 1) return give_up(*group[0], e);
      for (Work* work : group) start({work});
    }
  }

  void run(Work& work, std::unique_ptr<Method> method) {
    running_.add(std::move(method), generator_.sequences_each(),
                 [this, &work](auto results, Method&, const std::optional<Error>& error) {
                   work.results = std::move(results);
                   work.error = error;
                   work.finished = true;
                   kept_ -= std::exchange(work.bytes, 0);
                 });
  }

  void write_ready() {
    for (; !works_.empty() && works_.front()->finished; works_.pop_front(), ++done_) {
      const Work& work = *works_.front();
      if (work.reused)
        writer_.write_reused(work.input);
      else if (work.error)
        writer_.write_error(work.input, *work.error);
      else
        writer_.write(work.input, output_of(work));
    }
    writer_.flush();
  }

  Json output_of(const Work& work) const {
    Json out = Json::array();
    for (const Generated& g : work.results) {
      Json one{{task_.field, generator_.text_of(g)}};
      if (o_.generation.logprobs >= 0) one["logprobs"] = log_records(generator_.tokenizer(), g.logs);
      out.push_back(std::move(one));
    }
    return out;
  }

  Seq2SeqOptions& o_;
  const Seq2SeqTask& task_;
  InputReader reader_;
  Seq2SeqGenerator generator_;
  RecordWriter writer_;
  Generator running_;
  std::deque<std::unique_ptr<Work>> works_;  // in input order
  std::int64_t kept_ = 0, done_ = 0;
  bool ended_ = false;
};

}  // namespace

void add_seq2seq_options(CLI::App& app, Seq2SeqOptions& o) {
  add_generation_options(app, o.generation);
  add_input_options(app, o.input, {{.name = "text"}});
  add_output_options(app, o.output);
  add_model_options(app, o.model);
}

int run_seq2seq_task(const CLI::App& app, Seq2SeqOptions& o, const Seq2SeqTask& task) {
  check_output_file(o.output.file, o.output.force || o.output.resume);
  return Run(app, o, task)();
}

}  // namespace hft
