// What hft eval can evaluate: a task, the command that does it, and how its answers are compared.
#pragma once

#include <string>
#include <vector>

#include "tasks/run/values.h"

namespace hft {

enum class AnswerKind {
  kLabels,   // a label, its score, or a number
  kTags,     // a tag for each word, or spans of a text
  kAnswers,  // the words that answer a question
  kTexts,    // any text
  kChoices,  // one of the choices of each row, by their log-likelihoods
  kLikelihood,  // how likely a text is
};

struct EvalTask {
  std::string id;       // the pipeline's: "text-classification"
  std::string command;  // "classify"
  AnswerKind kind;
  std::vector<std::string> references;  // none are wanted where this is empty; columns that hold what is right, the likeliest first
  std::vector<std::string> metrics;     // without --metric
  std::vector<std::string> arguments;   // of the command: what the metrics need of it
  Kind input = Kind::kText;             // what a folder of data is looked through for
};

// By the pipeline's name, another name of it, or the command's; kUsage for what is none.
const EvalTask& eval_task(const std::string& name);

}  // namespace hft
