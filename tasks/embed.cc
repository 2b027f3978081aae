// hft embed: texts in, sentence vectors out, or the texts ranked by likeness to a query.
// Reference: sentence-transformers (M2.8-M2.11), A4.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "tasks/commands.h"
#include "tasks/drawing.h"
#include "tasks/embed_sinks.h"
#include "tasks/text_task.h"

namespace hft {
namespace {

struct Options {
  TextOptions common;
  std::string pooling = "auto", prompt_name, prompt, query;
  int normalize = -1;
  std::int64_t top_k = -1, max_length = 0;
};

// A JSON file of the model folder, {} when it is not there.
Fields optional_file(const fs::path& file) {
  return fs::exists(file) ? Fields(read_json(file), file.string())
                          : Fields(Json::object(), file.string());
}

// The text put before every input: --prompt, else the named one of
// config_sentence_transformers.json.
std::string prompt_of(const Options& o, const TextContext& context) {
  if (!o.prompt.empty()) return o.prompt;
  const Fields config = optional_file(context.folder / "config_sentence_transformers.json");
  const std::string name =
      o.prompt_name.empty() ? config.text("default_prompt_name", "") : o.prompt_name;
  if (name.empty()) return "";
  const Fields prompts = config.object("prompts");
  if (prompts.has(name)) return prompts.text(name);
  std::vector<std::string> names;
  for (const auto& [key, value] : prompts.json().items()) names.push_back(key);
  fail(Errc::kUsage, "--prompt-name: the model has no prompt '", name,
       "'; it has: ", names.empty() ? "none" : joined(names, ", "));
}

std::int64_t max_tokens(const Options& o, const TextContext& context) {
  if (o.max_length > 0) return o.max_length;
  return optional_file(context.folder / "sentence_bert_config.json")
      .integer("max_seq_length", 1, limits::kPositions, 0);
}

Prepare setup(const Options& o, const TextContext& context) {
  const bool lower =
      optional_file(context.folder / "sentence_bert_config.json").boolean("do_lower_case", false);
  return [&context, prompt = prompt_of(o, context), lower](const Input& input) {
    std::string text = unicode_trimmed(prompt + input.text());
    if (lower) text = lowercase(text);
    Prepared prepared;
    prepared.sequences.push_back(to_sequence(
        context, encode_within(context, text, nullptr, Truncation::kLongestFirst, false)));
    prepared.finish = [](std::span<const Matrix> results) {
      Json vector = Json::array();
      for (float x : results[0].row(0)) vector.push_back(number(x));
      return vector;
    };
    return prepared;
  };
}

std::string draw(const Input& input, const Json& output) {
  if (output.is_number()) {
    char score[32];
    std::snprintf(score, sizeof score, "%7.4f  ", output.get<double>());
    return score + heading(input);
  }
  std::string out = heading(input) + "  [" + std::to_string(output.size()) + "]";
  for (std::size_t i = 0; i < std::min<std::size_t>(output.size(), 8); ++i) {
    char x[32];
    std::snprintf(x, sizeof x, " %8.5f", output[i].get<double>());
    out += x;
  }
  return out + (output.size() > 8 ? " …\n" : "\n");
}

int run(const CLI::App& app, Options& o) {
  const std::string suffix = fs::path(o.common.output.file).extension().string();
  const bool array_file = suffix == ".npy" || suffix == ".safetensors";
  const bool ranking = app.get_option("--query")->count() > 0;
  if (array_file && (ranking || o.common.output.json || !o.common.output.format.empty()))
    fail(Errc::kUsage, "-o ", o.common.output.file,
         " holds vectors only: leave out --query, --json and --format");
  if (array_file && o.common.output.resume)
    fail(Errc::kUsage,
         "--resume: an array file is written whole at the end; leave it out, or write records (-o "
         "FILE.jsonl --json)");
  if (o.top_k > 0 && !ranking)
    fail(Errc::kUsage, "--top-k ranks by likeness: it needs --query TEXT");
  TextTask task{.head = Head::kEmbed,
                .default_model = "sentence-transformers/all-MiniLM-L6-v2",
                .verb = "embedding",
                .rendering = {.text = draw},
                .setup = [&o](const TextContext& context) { return setup(o, context); },
                .max_tokens = [&o](const TextContext& c) { return max_tokens(o, c); }};
  task.request = [&o](ModelRequest& request) {
    request.pooling = o.pooling;
    request.normalize = o.normalize;
  };
  TextOptions common = o.common;
  if (array_file) {
    check_output_file(common.output.file, common.output.force);
    task.sink = [file = common.output.file](std::unique_ptr<RecordWriter>) {
      return make_array_sink(file);
    };
    common.output = {};
  }
  if (ranking) {
    common.input.first = {o.query};
    task.sink = [&o](std::unique_ptr<RecordWriter> writer) {
      return make_ranking_sink(std::move(writer), o.top_k);
    };
    if (o.common.output.resume) fail(Errc::kUsage, "--resume and --query contradict each other");
  }
  return run_text_task(app, common, task);
}

std::function<int()> declare(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.footer(
      "Examples:\n"
      "  hft embed -m models/all-MiniLM-L6-v2 \"Hello world\" \"How are you?\"\n"
      "  hft embed -m models/all-MiniLM-L6-v2 --query \"opening hours\" --top-k 3 --lines < "
      "faq.txt\n"
      "  hft embed -m models/all-MiniLM-L6-v2 -i texts.jsonl -o vectors.npy");
  app.add_option("--pooling", o->pooling,
                 "Token vectors to one; auto: as the model says, else mean")
      ->check(
          CLI::IsMember({"auto", "cls", "mean", "max", "last", "mean_sqrt_len", "weightedmean"}))
      ->capture_default_str();
  app.add_flag_callback(
      "--normalize", [o] { o->normalize = 1; },
      "Scale vectors to length 1; default: as the model says");
  app.add_flag_callback(
      "--no-normalize", [o] { o->normalize = 0; }, "Leave their length as it is");
  app.add_option("--prompt-name", o->prompt_name, "Put this prompt of the model before every text")
      ->type_name("NAME");
  app.add_option("--prompt", o->prompt, "Put this text before every text")->type_name("TEXT");
  app.add_option("--max-length", o->max_length, "Tokens of a text that are read")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 24));
  app.add_option("--query", o->query, "Rank the inputs by their likeness to TEXT, best first")
      ->type_name("TEXT");
  app.add_option("--top-k", o->top_k, "With --query: show the N best")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000'000));
  add_text_options(app, o->common, {{.name = "text"}});
  return [o, &app] { return run(app, *o); };
}

}  // namespace

extern const Command embed_command{"embed", "Text",
                                   "Turn texts into vectors, or rank them by meaning", declare};

}  // namespace hft
