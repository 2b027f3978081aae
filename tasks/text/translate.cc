// hft translate: texts in, translations out.

#include "core/base/error.h"
#include "tasks/commands.h"
#include "tasks/text/seq2seq_task.h"

namespace hft {
namespace {

constexpr const char* kTranslateDefaultModel = "google-t5/t5-base";

struct TranslateOptions : Seq2SeqOptions {
  LanguagePair languages;
};

// What the pipeline warns of.
std::string translate_hint(std::int64_t tokens, const Lengths& lengths) {
  if (static_cast<double>(tokens) <= 0.9 * static_cast<double>(lengths.max)) return "";
  return "a text has " + std::to_string(tokens) + " tokens, its translation may have at most " +
         std::to_string(lengths.max) + ": try a greater --max-length";
}

// The pipeline's: "translation_en_to_fr", but for codes such as en_XX there is none.
std::string task_of(const LanguagePair& pair) {
  const bool plain = (pair.source + pair.target).find('_') == std::string::npos;
  return pair.both() && plain ? "translation_" + pair.source + "_to_" + pair.target : "translation";
}

int run_translate(const Flags& flags, TranslateOptions& o) {
  const LanguagePair& pair = o.languages;
  if (o.model.model.empty() && !pair.both())
    fail_hint(Errc::kUsage, "give a model with -m, or --src-lang en --tgt-lang de, fr or ro",
              "no model and no languages given; the default model, ", kTranslateDefaultModel,
              ", needs them");
  return run_seq2seq_task(flags, o,
                          {.default_model = kTranslateDefaultModel,
                           .verb = "translating",
                           .field = "translation_text",
                           .name = task_of(pair),
                           .languages = pair,
                           .hint = translate_hint});
}

std::function<int()> declare_translate(Flags& flags) {
  auto o = std::make_shared<TranslateOptions>();
  flags.footer(
      "Examples:\n"
      "  hft translate -m Helsinki-NLP/opus-mt-en-fr \"Hello, how are you?\"\n"
      "  hft translate -m Helsinki-NLP/opus-mt-en-fr --lines -i book.txt > livre.txt\n"
      "  hft translate -m facebook/nllb-200-distilled-600M --src-lang eng_Latn --tgt-lang fra_Latn "
      "\"Hello\"\n"
      "  hft translate -m google-t5/t5-small --src-lang en --tgt-lang de \"Hello\"\n\n"
      "Without other settings of the model: 4 beams, at most 256 tokens, as by the translation\n"
      "pipeline. With --lines, line N of the output translates line N of the input. A text longer\n"
      "than the model takes is cut, with a note; --no-truncation refuses it.");
  flags
      .add("--src-lang", o->languages.source,
           "Language of the texts, by the model's code (en, en_XX, eng_Latn)")
      .metavar("CODE")
      .group("Languages");
  flags.add("--tgt-lang", o->languages.target, "Language to translate to")
      .metavar("CODE")
      .group("Languages");
  add_seq2seq_options(flags, *o);
  return [o, flags] { return run_translate(flags, *o); };
}

}  // namespace

extern const Command translate_command{"translate", "Text", "Translate texts", declare_translate};

}  // namespace hft
