// An encoder-decoder with everything around it: config, tokenizer, settings.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "core/base/files.h"
#include "core/generation/method.h"
#include "tasks/run/text_task.h"
#include "tasks/text/seq2seq_task.h"

namespace hft {

class Seq2SeqGenerator {
 public:
  // Reads the files, says what flags have no effect, refuses what cannot be, then loads the model.
  Seq2SeqGenerator(const Seq2SeqOptions& options, const Seq2SeqTask& task);

  const fs::path& folder() const { return folder_; }
  const Tokenizer& tokenizer() const { return context_.tokenizer; }
  const GenerationConfig& config() const { return settings_.config; }
  Seq2SeqLm& model() { return *model_; }

  // The tokens of a source text, its prefix and special tokens included; cut to what the model
  // takes.
  TokenIds read(const std::string& text);
  // Encodes the sources together; a method on its way for each.
  std::vector<std::unique_ptr<Method>> start(const std::vector<TokenIds>& sources);
  // What a method made, without special tokens.
  std::string text_of(const Generated& generated) const;

  // Sequences one input takes, how many may be live, and about how many bytes an input of so many
  // tokens keeps.
  std::int64_t sequences_each() const;
  std::int64_t most_sequences() const { return most_sequences_; }
  std::int64_t bytes_of(std::int64_t source_tokens) const;
  // Of the summary: how often something was said of lengths that was not shown.
  void finish_hints() const;

 private:
  std::future<std::unique_ptr<Seq2SeqLm>> load();
  ResolvedGeneration resolved(const Tokenizer* tokenizer) const;
  // What --src-lang and --tgt-lang mean for this model.
  void choose_languages();
  void start_token();
  void say_hint(std::int64_t tokens);
  Lengths lengths() const;

  const Seq2SeqOptions& options_;
  const Seq2SeqTask& task_;
  GenerationOptions generation_;
  fs::path folder_;
  Fields config_json_;
  std::string name_;  // of the pipeline
  ResolvedGeneration settings_;
  std::future<std::unique_ptr<Seq2SeqLm>> loading_;
  TextContext context_;
  std::unique_ptr<Seq2SeqLm> model_;
  TokenIds decoder_start_;
  std::uint64_t seed_ = 0;
  std::int64_t most_sequences_ = 0, hints_ = 0;
};

}  // namespace hft
