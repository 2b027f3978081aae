#include "tasks/text_task.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>

#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/progress.h"
#include "core/base/signals.h"
#include "core/checkpoint/config.h"
#include "core/engine.h"

namespace hft {
namespace {

constexpr std::int64_t kWindowTokens = 4 * kForwardTokens;  // sorted together, then written
constexpr std::size_t kWindowInputs = 4096;
constexpr int kCutsShown = 3;  // notes about cut texts, one by one; then only their number

std::atomic<std::int64_t> cuts{0};

// An input on its way: read, prepared (or failed, or reused), its results, written.
struct Work {
  Input input;
  Prepared prepared;
  std::optional<Error> error;
  bool reused = false;
  std::vector<Matrix> results;
  std::size_t waiting = 0;  // sequences without a result
  std::int64_t tokens() const {
    return std::accumulate(
        prepared.sequences.begin(), prepared.sequences.end(), std::int64_t{1},
        [](auto n, auto& s) { return n + static_cast<std::int64_t>(s.ids.size()); });
  }
};

// Reads and tokenises ahead on a thread of its own; take() gives a window of inputs in order.
class Ahead {
 public:
  Ahead(InputReader& reader, Sink& sink, Prepare prepare)
      : reader_(reader), sink_(sink), prepare_(std::move(prepare)), thread_([this] { run(); }) {}
  ~Ahead() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    room_.notify_all();
    thread_.join();
  }

  // At most a window; fewer when the inputs come slowly. Empty at the end.
  std::vector<Work> take() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] {
      return ended_ || tokens_ >= kWindowTokens || queue_.size() >= kWindowInputs ||
             (starved_ && !queue_.empty());
    });
    if (failure_) std::rethrow_exception(failure_);
    std::vector<Work> window;
    std::int64_t tokens = 0;
    while (!queue_.empty() && tokens < kWindowTokens && window.size() < kWindowInputs) {
      tokens += queue_.front().tokens();
      window.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    tokens_ -= tokens;
    room_.notify_all();
    return window;
  }

 private:
  void run() {
    try {
      while (auto input = read()) push(prepared(std::move(*input)));
    } catch (...) {
      std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
    }
    std::lock_guard lock(mutex_);
    ended_ = true;
    filled_.notify_all();
  }

  std::optional<Input> read() {
    const bool starved = !reader_.ready();
    {
      std::lock_guard lock(mutex_);
      starved_ = starved;
      if (stopping_) return std::nullopt;
    }
    if (starved) filled_.notify_all();
    return reader_.next();
  }

  Work prepared(Input input) {
    Work work;
    work.reused = sink_.reuse(input);
    if (!work.reused && input.error) work.error = input.error;
    if (!work.reused && !work.error) {
      try {
        work.prepared = prepare_(input);
      } catch (const Error& e) {
        work.error = e;
      }
    }
    work.waiting = work.prepared.sequences.size();
    work.results.resize(work.waiting);
    work.input = std::move(input);
    return work;
  }

  void push(Work work) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] {
      return stopping_ || (tokens_ < 2 * kWindowTokens && queue_.size() < 2 * kWindowInputs);
    });
    tokens_ += work.tokens();
    queue_.push_back(std::move(work));
    if (tokens_ >= kWindowTokens || queue_.size() >= kWindowInputs) filled_.notify_all();
  }

  InputReader& reader_;
  Sink& sink_;
  Prepare prepare_;
  std::mutex mutex_;
  std::condition_variable filled_, room_;
  std::deque<Work> queue_;
  std::int64_t tokens_ = 0;
  bool ended_ = false, starved_ = false, stopping_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
};

struct Place {
  Work* work;
  std::size_t sequence;
  const Sequence& get() const { return work->prepared.sequences[sequence]; }
};

// Cuts the model's rows apart: [B,·] or [N,·] or [rows,·], by the shape they came in.
void scatter(Head head, const std::vector<Place>& batch, Matrix result) {
  std::int64_t at = 0;
  for (const Place& place : batch) {
    const Sequence& sequence = place.get();
    std::int64_t rows = 1;
    if (head == Head::kFeatures || head == Head::kTokenClassify || head == Head::kAnswer)
      rows = static_cast<std::int64_t>(sequence.ids.size());
    if (head == Head::kMaskedLm) rows = static_cast<std::int64_t>(sequence.rows.size());
    Matrix& own = place.work->results[place.sequence];
    own.rows = rows;
    own.cols = result.cols;
    own.data.assign(result.data.begin() + at * result.cols,
                    result.data.begin() + (at + rows) * result.cols);
    at += rows;
    --place.work->waiting;
  }
}

void compute(TextModel& model, Head head, const std::vector<Place>& batch) {
  TokenBatch tokens;
  for (const Place& place : batch) {
    const Sequence& sequence = place.get();
    const auto start = static_cast<std::int32_t>(tokens.ids.size());
    tokens.ids.insert(tokens.ids.end(), sequence.ids.begin(), sequence.ids.end());
    tokens.type_ids.insert(tokens.type_ids.end(), sequence.type_ids.begin(),
                           sequence.type_ids.end());
    for (auto row : sequence.rows) tokens.rows.push_back(start + row);
    tokens.starts.push_back(static_cast<std::int32_t>(tokens.ids.size()));
  }
  scatter(head, batch, model.forward(tokens));
}

// Writes the leading inputs of the window that have all their results; returns how many.
std::size_t write_ready(std::vector<Work>& window, std::size_t from, Sink& sink) {
  for (; from < window.size() && window[from].waiting == 0; ++from) {
    Work& work = window[from];
    if (work.reused) {
      sink.write_reused(work.input);
      continue;
    }
    if (!work.error) {
      try {
        sink.write(work.input, work.prepared.finish(work.results));
      } catch (const Error& e) {
        if (e.code == Errc::kResources) throw;
        work.error = e;
      }
    }
    if (work.error) sink.write_error(work.input, *work.error);
    work = Work{};
  }
  sink.flush();
  return from;
}

// Batches of a window: longest first, filled to the token budget.
void run_window(std::vector<Work>& window, TextModel& model, Head head, std::int64_t most,
                Sink& sink, Progress& progress, std::int64_t before) {
  std::vector<Place> places;
  for (Work& work : window)
    for (std::size_t i = 0; i < work.prepared.sequences.size(); ++i) places.push_back({&work, i});
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return a.get().ids.size() > b.get().ids.size();
  });
  std::size_t written = write_ready(window, 0, sink);
  for (std::size_t at = 0; at < places.size() && !stop_requested();) {
    std::vector<Place> batch;
    std::int64_t tokens = 0;
    for (; at < places.size(); ++at) {
      const auto length = static_cast<std::int64_t>(places[at].get().ids.size());
      const bool full = most > 0 ? static_cast<std::int64_t>(batch.size()) == most
                                 : tokens + length > kForwardTokens;
      if (!batch.empty() && full) break;
      tokens += length;
      batch.push_back(places[at]);
    }
    compute(model, head, batch);
    written = write_ready(window, written, sink);
    // Progress by tokens would jump less, but people count inputs.
    progress.update(before + static_cast<std::int64_t>(window.size() * at / places.size()));
  }
}

}  // namespace

void add_text_options(CLI::App& app, TextOptions& o, std::vector<Column> columns) {
  add_input_options(app, o.input, std::move(columns));
  add_output_options(app, o.output);
  add_model_options(app, o.model);
}

Sequence to_sequence(const TextContext& context, const Encoding& encoding) {
  Sequence sequence;
  sequence.ids = encoding.ids;
  if (context.tokenizer.has_input("token_type_ids"))
    sequence.type_ids = encoding.type_ids;
  else
    sequence.type_ids.assign(encoding.ids.size(), 0);
  return sequence;
}

Encoding encode_within(const TextContext& context, const std::string& text, const std::string* pair,
                       Truncation truncation, bool offsets) {
  EncodeOptions options;
  options.offsets = offsets;
  auto encode = [&] {
    return pair ? context.tokenizer.encode_pair(text, *pair, options)
                : context.tokenizer.encode(text, options);
  };
  Encoding encoding = encode();
  const auto length = static_cast<std::int64_t>(encoding.size());
  if (length <= context.max_tokens) return encoding;
  const std::string what =
      std::to_string(length) + " tokens, the model takes " + std::to_string(context.max_tokens);
  if (!context.cut)
    fail_hint(Errc::kBadData, "leave out --no-truncation to cut it", "the text has ", what);
  if (++cuts <= kCutsShown) note("a text was cut: " + what);
  options.truncation = truncation;
  options.max_length = context.max_tokens;
  return encode();
}

int run_text_task(const CLI::App& app, const TextOptions& o, const TextTask& task) {
  const fs::path folder = model_folder(o.model, task.default_model);
  const std::int64_t most = batch_size(o.model);
  ModelRequest request = model_request(o.model, folder, task.head);
  if (task.request) task.request(request);
  Fields config = read_config(folder);
  auto writer = std::make_unique<RecordWriter>(o.output, task.rendering, fingerprint(app, folder));
  InputReader reader(o.input);
  auto loading = load_in_background(&Engine::load_text_model, request);

  TextContext context{.folder = folder,
                      .config = std::move(config),
                      .tokenizer = Tokenizer::load(folder),
                      .cut = o.model.truncate};
  context.labels = labels_of(context.config);
  const std::unique_ptr<TextModel> model = loading.get();
  for (const auto& warning : model->warnings()) note(warning);
  context.max_tokens =
      std::min(model->max_positions(), context.tokenizer.model_max_length().value_or(INT64_MAX));
  if (task.max_tokens)
    if (const std::int64_t own = task.max_tokens(context))
      context.max_tokens = std::min(context.max_tokens, own);

  detail("settings: model " + folder.string() + ", dtype " + o.model.dtype + ", device " +
         o.model.device + ", threads " +
         (o.model.threads ? std::to_string(o.model.threads) : "all") + ", batch size " +
         o.model.batch_size + ", at most " + std::to_string(context.max_tokens) +
         " tokens a sequence");
  Prepare prepare = task.setup(context);
  std::unique_ptr<Sink> sink = task.sink ? task.sink(std::move(writer)) : std::move(writer);
  Progress progress(task.verb, "text", reader.total());
  std::int64_t done = 0;
  {
    Ahead ahead(reader, *sink, std::move(prepare));
    for (auto window = ahead.take(); !window.empty() && !stop_requested(); window = ahead.take()) {
      run_window(window, *model, task.head, most, *sink, progress, done);
      done += static_cast<std::int64_t>(window.size());
    }
  }
  progress.hide();
  if (cuts > kCutsShown) note(std::to_string(cuts) + " texts were cut in all");
  if (const int code = stop_requested()) {
    sink->interrupted();
    return code;
  }
  return sink->finish();
}

}  // namespace hft
