// hft bench: how fast a model reads a prompt and writes tokens on this machine.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/base/error.h"
#include "core/base/signals.h"
#include "core/engine.h"
#include "tasks/commands.h"
#include "tasks/run/list_option.h"
#include "tasks/run/model_options.h"

namespace hft {
namespace {

struct BenchOptions {
  ModelOptions model;
  std::vector<std::int64_t> prompt{512}, depth{0}, batch{1};
  std::int64_t new_tokens = 64, repetitions = 3, cache_bits = 0;
  std::string format = "text";
};

struct Row {
  std::string test;  // as llama.cpp's bench names them: pp512, tg64
  std::int64_t batch, depth, tokens;
  std::vector<double> seconds;
  double best() const { return *std::ranges::min_element(seconds); }
  double median() const {
    auto sorted = seconds;
    std::ranges::sort(sorted);
    return sorted[sorted.size() / 2];
  }
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Token ids that look like no text in particular, the same in every run.
std::vector<std::int32_t> some_ids(const Decoder& model, std::int64_t count) {
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < count; ++i)
    ids.push_back(static_cast<std::int32_t>((i * 7919 + 13) % model.vocab()));
  return ids;
}

class Bench {
 public:
  Bench(CausalLm& model, std::int64_t batch) : model_(model) {
    for (std::int64_t i = 0; i < batch; ++i) sequences_.push_back(model_.open());
  }
  ~Bench() {
    for (int sequence : sequences_) model_.close(sequence);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  double feed(std::int64_t count) {
    if (stop_requested()) fail(Errc::kInterrupted, "interrupted");
    const auto ids = some_ids(model_, count);
    std::vector<Feed> feeds;
    for (int sequence : sequences_) feeds.push_back({sequence, ids});
    const auto start = std::chrono::steady_clock::now();
    model_.forward(feeds, out_);
    return seconds_since(start);
  }

 private:
  CausalLm& model_;
  std::vector<int> sequences_;
  Decoded out_;
};

void measure(CausalLm& model, const BenchOptions& o, std::vector<Row>& rows) {
  for (const auto batch : o.batch)
    for (const auto depth : o.depth) {
      for (const auto prompt : o.prompt) {
        if (prompt == 0) continue;
        Row row{"pp" + std::to_string(prompt), batch, depth, batch * prompt, {}};
        for (std::int64_t i = 0; i < o.repetitions; ++i) {
          Bench bench(model, batch);
          if (depth > 0) bench.feed(depth);
          row.seconds.push_back(bench.feed(prompt));
        }
        rows.push_back(std::move(row));
      }
      if (o.new_tokens == 0) continue;
      Row row{"tg" + std::to_string(o.new_tokens), batch, depth, batch * o.new_tokens, {}};
      Bench bench(model, batch);
      bench.feed(std::max<std::int64_t>(depth, 1));
      for (std::int64_t i = 0; i < o.repetitions; ++i) {
        double seconds = 0;
        for (std::int64_t t = 0; t < o.new_tokens; ++t) seconds += bench.feed(1);
        row.seconds.push_back(seconds);
      }
      rows.push_back(std::move(row));
    }
}

Json record(const Row& row) {
  const auto rate = [&](double seconds) { return static_cast<double>(row.tokens) / seconds; };
  return {{"test", row.test},
          {"batch", row.batch},
          {"depth", row.depth},
          {"tokens", row.tokens},
          {"seconds", row.median()},
          {"tokens_per_second", rate(row.median())},
          {"best_tokens_per_second", rate(row.best())}};
}

void print(const std::vector<Row>& rows, const std::string& format) {
  if (format == "json") {
    for (const auto& row : rows) std::printf("%s\n", to_line(record(row)).c_str());
    return;
  }
  if (format == "csv") {
    std::printf("test,batch,depth,tokens,seconds,tokens_per_second,best_tokens_per_second\n");
    for (const auto& row : rows) {
      const Json fields = record(row);
      std::string line;
      for (const auto& [key, value] : fields.items())
        line += (line.empty() ? "" : ",") +
                (value.is_string() ? value.get<std::string>() : value.dump());
      std::printf("%s\n", line.c_str());
    }
    return;
  }
  std::printf("%-8s %6s %7s %12s %12s %12s\n", "test", "batch", "depth", "ms a token", "tokens/s",
              "best");
  for (const auto& row : rows) {
    const auto tokens = static_cast<double>(row.tokens);
    std::printf("%-8s %6ld %7ld %12.2f %12.1f %12.1f\n", row.test.c_str(),
                static_cast<long>(row.batch), static_cast<long>(row.depth),
                1e3 * row.median() / tokens, tokens / row.median(), tokens / row.best());
  }
}

int run_bench(const BenchOptions& o) {
  if (o.cache_bits != 0 && o.cache_bits != 4 && o.cache_bits != 8)
    fail(Errc::kUsage, "--cache-bits: ", o.cache_bits, " is none of 0, 4, 8");
  const auto folder = model_folder(o.model, "openai-community/gpt2");
  const auto start = std::chrono::steady_clock::now();
  ModelRequest request = model_request(o.model, folder, Head::kFeatures);
  request.cache_bits = static_cast<int>(o.cache_bits);
  const auto model = load_model<CausalLm>(request);
  const double loading = seconds_since(start);
  std::vector<Row> rows;
  measure(*model, o, rows);
  print(rows, o.format);
  if (o.format == "text") std::printf("loaded in %.2f s\n", loading);
  return 0;
}

std::function<int()> declare_bench(Flags& flags) {
  auto o = std::make_shared<BenchOptions>();
  flags.footer(
      "pp512 is reading a prompt of 512 tokens, tg64 writing 64 tokens one by one; depth is how "
      "many\n"
      "tokens come before. Medians of the repetitions, and the best.\n\n"
      "Examples:\n"
      "  hft bench -m Qwen/Qwen2.5-0.5B\n"
      "  hft bench -m DIR --depth 0,4096 --prompt-tokens 0 --batch 1,16 --format csv");
  flags.add("MODEL", o->model.model, "Model: a folder, or its id on the Hub");
  const auto list = [&](const char* flag, std::vector<std::int64_t>& to, int least,
                        const char* about) {
    const auto take = [flag, &to, least](const std::vector<std::string>& words) {
      to = number_list(flag, words, true).get<std::vector<std::int64_t>>();
      for (const std::int64_t n : to)
        if (n < least || n > 10'000'000)
          fail(Errc::kUsage, flag, ": ", n, " is outside [", least, ", 10000000]");
    };
    add_list_option(flags, flag, take, about).metavar("N,…").show_default(std::to_string(to[0]));
  };
  list("--prompt-tokens", o->prompt, 0, "Lengths of prompts to read; 0: none");
  list("--depth", o->depth, 0, "Tokens that come before");
  list("--batch", o->batch, 1, "Sequences at a time");
  flags.add("--new-tokens", o->new_tokens, "Tokens to write; 0: none")
      .metavar("N")
      .range(0, 10'000'000)
      .show_default();
  flags.add("--repetitions", o->repetitions, "Times to measure each")
      .metavar("N")
      .range(1, 1000)
      .show_default();
  flags.add("--cache-bits", o->cache_bits, "Of keys and values in a quantised cache, 4 or 8; 0: none")
      .metavar("N")
      .show_default();
  flags.add("--format", o->format, "How to print").one_of({"text", "json", "csv"}).show_default();
  flags.add(
      "--json", [o] { o->format = "json"; }, "As --format json");
  add_model_options(flags, o->model);
  return [o] { return run_bench(*o); };
}

}  // namespace

extern const Command bench_command{"bench", "Work", "Measure how fast a model generates here",
                                   declare_bench};

}  // namespace hft
