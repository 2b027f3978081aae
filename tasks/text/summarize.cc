// hft summarize: texts in, summaries out; or whatever else an encoder-decoder makes of them.

#include "tasks/commands.h"
#include "tasks/text/seq2seq_task.h"

namespace hft {
namespace {

struct SummarizeOptions : Seq2SeqOptions {
  bool text2text = false;
};

// What the pipeline warns of.
std::string summarize_hint(std::int64_t tokens, const Lengths& lengths) {
  if (tokens < lengths.max)
    return "a text has only " + std::to_string(tokens) + " tokens, its summary may have " +
           std::to_string(lengths.max) + ": try --max-length " +
           std::to_string(std::max<std::int64_t>(tokens / 2, 2));
  return "";
}

int run_summarize(const Flags& flags, SummarizeOptions& o) {
  if (o.text2text)
    return run_seq2seq_task(flags, o,
                            {.default_model = "google-t5/t5-base",
                             .verb = "generating",
                             .field = "generated_text",
                             .name = "text2text-generation",
                             .hint = [](auto, auto&) { return ""; }});
  return run_seq2seq_task(flags, o,
                          {.default_model = "sshleifer/distilbart-cnn-12-6",
                           .verb = "summarizing",
                           .field = "summary_text",
                           .name = "summarization",
                           .hint = summarize_hint});
}

std::function<int()> declare_summarize(Flags& flags) {
  auto o = std::make_shared<SummarizeOptions>();
  flags.footer(
      "Examples:\n"
      "  hft summarize -m facebook/bart-large-cnn --min-length 30 --max-length 130 < article.txt\n"
      "  hft summarize -m DIR --json -i articles.jsonl -o summaries.jsonl\n"
      "  hft summarize -m google-t5/t5-small --num-beams 2 --no-repeat-ngram-size 3 -i "
      "texts/*.txt\n\n"
      "Without other settings of the model: 4 beams, at most 256 tokens, as by the summarization\n"
      "pipeline. A text longer than the model takes is cut, with a note; --no-truncation refuses "
      "it.");
  flags.add("--text2text", o->text2text,
            "Whatever the model makes of the texts, as generated_text: the pipeline "
            "text2text-generation, without the model's settings for summaries");
  add_seq2seq_options(flags, *o);
  return [o, flags] { return run_summarize(flags, *o); };
}

}  // namespace

extern const Command summarize_command{"summarize", "Text", "Write summaries of texts",
                                       declare_summarize};

}  // namespace hft
