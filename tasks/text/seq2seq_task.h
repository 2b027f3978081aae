// The runner of the commands that turn one text into another with an encoder-decoder. A command
// says what its output is called and what it has to say of lengths; reading, cutting, encoding and
// generating together, order and error records are done here, once.
#pragma once

#include <functional>
#include <string>

#include "core/generation/generation_config.h"
#include "tasks/run/command.h"
#include "tasks/run/flags.h"
#include "tasks/run/generation_options.h"
#include "tasks/run/model_options.h"
#include "tasks/run/records.h"
#include "tasks/run/rows.h"

namespace hft {

struct Seq2SeqOptions {
  ModelOptions model;
  InputOptions input;
  OutputOptions output;
  GenerationOptions generation;
};

// Codes of --src-lang and --tgt-lang; empty when not given.
struct LanguagePair {
  std::string source, target;
  bool any() const { return !source.empty() || !target.empty(); }
  bool both() const { return !source.empty() && !target.empty(); }
};

struct Seq2SeqTask {
  std::string default_model;
  std::string verb;   // of the progress bar: "summarizing"
  std::string field;  // of the output: "summary_text"
  std::string name;   // the pipeline's, whose task_specific_params apply: "summarization"
  LanguagePair languages = {};
  // What to say of a text of so many tokens; "" for nothing.
  std::function<std::string(std::int64_t tokens, const Lengths& lengths)> hint;
};

void add_seq2seq_options(Flags& flags, Seq2SeqOptions& options);

// Runs the task to its exit code.
int run_seq2seq_task(const Flags& flags, Seq2SeqOptions& options, const Seq2SeqTask& task);

}  // namespace hft
