// What examples are made with, as the model's folder has it: tokenizer, processor, chat template.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "core/processors/ctc.h"
#include "tasks/train/arguments.h"
#include "tasks/train/training.h"
#include "tasks/train/kinds.h"

namespace hft {

struct ReadingOptions {
  std::string chat_template, source_prefix;
  bool by_turns = false;  // whatever the chat template marks, an assistant's turns are learned
};

class Reading {
 public:
  // Throws kUsage for lengths that the model does not take, and what reading the files throws.
  Reading(const std::filesystem::path& folder, const TrainTask& task, const Trainee& trainee,
          const TrainingArguments& arguments, const ReadingOptions& options);
  Reading(const Reading&) = delete;

  // What examples with these labels are made with.
  Encoder encoder(const Labels& labels) const;
  const Masking& masking() const { return masking_; }
  SpokenLetters spoken() const;  // kCtc

 private:
  void read_lengths(const Trainee& trainee, const TrainingArguments& a);
  void read_mask(const TrainingArguments& a);
  void read_chats(const ReadingOptions& options);

  std::filesystem::path folder_;
  const TrainTask& task_;
  std::optional<Tokenizer> tokenizer_;
  std::optional<ImageProcessor> images_;
  std::optional<FeatureExtractor> sounds_;
  std::optional<ChatTemplates> chats_;
  std::shared_ptr<const CtcDecoder> letters_;
  Encoder encoder_;
  Masking masking_;
};

}  // namespace hft
