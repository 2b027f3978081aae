#include "tasks/train/train_options.h"

#include "core/base/text.h"
#include "tasks/train/kinds.h"

namespace hft {
namespace {

void declare_data(Flags& flags, TrainOptions& o) {
  std::vector<std::string> names;
  for (const TrainTask& task : train_tasks())
    names.push_back(task.name + (task.name == task.short_name ? "" : " (" + task.short_name + ")"));
  flags.add("--task", o.task, "What is learned: " + joined(names, ", "))
      .metavar("TASK")
      .group("Data");
  flags.add("--train-file", o.train_file, "Rows to learn from: JSON lines, JSON, CSV, TSV, text, or a folder of files in "
            "folders that are called as their labels")
      .metavar("FILE|DIR")
      .group("Data");
  flags.add("--eval-file,--validation-file", o.eval_file, "Rows to evaluate on")
      .metavar("FILE|DIR")
      .group("Data");
  flags
      .add("--no-cache", o.no_cache,
           "Make the tokens of large files anew, and keep none in HF_HOME/hft/tokens")
      .group("Data");
  flags.add("--text-column", o.columns.text, "Column with the text, the words, the question, the messages or the source")
      .metavar("NAME")
      .group("Data");
  flags.add("--text-pair-column", o.columns.pair, "Column with the second text, the context or the positive")
      .metavar("NAME")
      .group("Data");
  flags.add("--media-column", o.columns.media, "Column with the picture or sound: a path, URL or base64")
      .metavar("NAME")
      .group("Data");
  flags.add("--label-column", o.columns.label, "Column with the label, the tags, the answers, the target or the negative")
      .metavar("NAME")
      .group("Data");
  flags
      .add("--chat-template", o.reading.chat_template,
           "Write conversations by this template in place of the model's")
      .metavar("FILE|NAME")
      .group("Data");
  flags
      .add("--assistant-turns", o.reading.by_turns,
           "Learn an assistant's whole turns, whatever {% generation %} marks in the template")
      .group("Data");
  flags
      .add("--source-prefix", o.reading.source_prefix,
           "text2text-generation: put before each text that is read")
      .metavar("TEXT")
      .group("Data");
  flags.add("--problem-type", o.problem_type, "What labels are; else they tell")
      .one_of({"single_label_classification", "regression", "multi_label_classification"})
      .metavar("NAME")
      .group("Data");
}

void declare_output(Flags& flags, TrainOptions& o) {
  flags.add("-o,--output-dir", o.output, "Folder to write").metavar("DIR");
  flags.add("--force,--overwrite-output-dir", o.force,
            "Write into a folder that has files; resume although something differs");
  flags
      .add("--resume-from-checkpoint", o.resume,
           "Go on from this checkpoint; last: from the newest whole one")
      .metavar("DIR|last");
  flags
      .add("--logging-file", o.logging_file,
           "Write each entry of the log there too, a line of JSON")
      .metavar("FILE");
  flags
      .add("--ddp-timeout", o.ddp_timeout,
           "Seconds in which the other processes must answer; else this one ends (exit 12)")
      .metavar("SECONDS")
      .range(1, 10'000'000)
      .show_default()
      .group("Several processes");
  flags
      .add("--report-to", o.report_to,
           "Event files below DIR/runs, which TensorBoard reads, or none")
      .one_of({"tensorboard", "none"})
      .metavar("NAME")
      .show_default();
  add_push_options(flags, o.push);
}

}  // namespace

void add_train_options(Flags& flags, TrainOptions& options) {
  flags.footer(
      "Examples:\n"
      "  hft train --task classify -m distilbert-base-uncased --train-file train.jsonl -o DIR\n"
      "  hft train --task classify -m MODEL --train-file train.jsonl --eval-file eval.jsonl -o DIR "
      "\\\n"
      "      --epochs 3 --lr 2e-5 --eval-strategy epoch --save-strategy epoch "
      "--load-best-model-at-end\n"
      "  hft train --task image-classify -m google/vit-base-patch16-224-in21k --train-file photos/ "
      "-o DIR\n"
      "  hft train --task generate -m gpt2 --train-file text.txt --block-size 128 --lora-r 8 -o "
      "DIR\n"
      "  hft train … -o DIR --resume-from-checkpoint last    # after a stop, to the same last bit\n"
      "  mpirun -n 4 hft train … -o DIR    # one model by four processes; also srun, torchrun "
      "--no-python\n"
      "\n"
      "Arguments and defaults are those of TrainingArguments; dropout is config.json's. stdout gets "
      "the final figures.");
  declare_output(flags, options);
  declare_data(flags, options);
  add_training_arguments(flags, options.arguments);
  add_lora_options(flags, options.lora);
  add_source_options(flags, options.model);
  add_variant_option(flags, options.model);
  flags
      .add("--ignore-mismatched-sizes", options.ignore_mismatched,
           "New weights where the checkpoint's head has other sizes")
      .group("Model");
  flags
      .add("--from-config", options.from_config,
           "Train from new weights: of the model only config.json and the tokenizer are read")
      .group("Model");
  add_bits_options(flags, options.model);
  add_device_options(flags, options.model);
}

}  // namespace hft
