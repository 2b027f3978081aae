// hft summarize: texts in, summaries out.
#include <CLI/CLI.hpp>

#include "tasks/commands.h"
#include "tasks/seq2seq_task.h"

namespace hft {
namespace {

// What the pipeline warns of (P1.17).
std::string hint(std::int64_t tokens, const Lengths& lengths) {
  if (tokens < lengths.max)
    return "a text has only " + std::to_string(tokens) + " tokens, its summary may have " +
           std::to_string(lengths.max) + ": try --max-length " +
           std::to_string(std::max<std::int64_t>(tokens / 2, 2));
  return "";
}

int run(const CLI::App& app, Seq2SeqOptions& o) {
  return run_seq2seq_task(app, o,
                          {.default_model = "sshleifer/distilbart-cnn-12-6",
                           .verb = "summarizing",
                           .field = "summary_text",
                           .name = "summarization",
                           .hint = hint});
}

std::function<int()> declare(CLI::App& app) {
  auto o = std::make_shared<Seq2SeqOptions>();
  app.footer(
      "Examples:\n"
      "  hft summarize -m facebook/bart-large-cnn --min-length 30 --max-length 130 < article.txt\n"
      "  hft summarize -m DIR --json -i articles.jsonl -o summaries.jsonl\n"
      "  hft summarize -m google-t5/t5-small --num-beams 2 --no-repeat-ngram-size 3 -i "
      "texts/*.txt\n\n"
      "Without other settings of the model: 4 beams, at most 256 tokens, as by the summarization\n"
      "pipeline. A text longer than the model takes is cut, with a note; --no-truncation refuses "
      "it.");
  add_seq2seq_options(app, *o);
  return [o, &app] { return run(app, *o); };
}

}  // namespace

extern const Command summarize_command{"summarize", "Text", "Write summaries of texts", declare};

}  // namespace hft
