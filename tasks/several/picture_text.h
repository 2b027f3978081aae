// The runner of the commands that write about pictures: what a model sees in one, or what it
// answers when it is asked about one. Reading, looking and writing together, order and error
// records are done here, once.
#pragma once

#include <functional>
#include <string>

#include "core/tokenizers/tokenizer.h"
#include "tasks/run/command.h"
#include "tasks/run/flags.h"
#include "tasks/run/generation_options.h"
#include "tasks/run/model_options.h"
#include "tasks/run/records.h"
#include "tasks/run/rows.h"

namespace hft {

struct PictureTextOptions {
  ModelOptions model;
  InputOptions input;
  OutputOptions output;
  GenerationOptions generation;
  std::string prompt;  // what the text begins with
};

struct PictureTextTask {
  std::string default_model;
  std::string verb;   // of the progress bar: "describing"
  std::string field;  // of the output: "generated_text"
  bool asks = false;  // the second column of an input is a question
  // Where it is no encoder that is asked: what the text begins with, and what it comes to.
  std::function<std::string(const std::string& question)> prompt{};
  std::function<Json(const Tokenizer&, const std::vector<std::int32_t>& text)> output{};
};

// own_top_k: the command's --top-k is not that of sampling.
void add_picture_text_options(Flags& flags, PictureTextOptions& options,
                              std::vector<Column> columns, bool own_top_k = false);

// Runs the task to its exit code.
int run_picture_text_task(const Flags& flags, PictureTextOptions& options,
                          const PictureTextTask& task);

}  // namespace hft
