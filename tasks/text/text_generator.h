// A model that generates text with everything around it: config, tokenizer, settings, an assistant.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/files.h"
#include "core/generation/generator.h"
#include "tasks/run/generation_options.h"
#include "tasks/run/model_options.h"

namespace hft {

class TextGenerator {
 public:
  // Reads the files, says what flags have no effect, refuses what cannot be, then loads the model.
  TextGenerator(const ModelOptions& model, const GenerationOptions& options, fs::path folder);

  const fs::path& folder() const { return folder_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const GenerationConfig& config() const { return settings_.config; }
  CausalLm& model() { return *model_; }
  // Put before every prompt that is no conversation.
  const std::string& prefix() const { return settings_.prefix; }

  // The tokens of a prompt: text with special tokens, a rendered conversation without.
  TokenIds encode(const std::string& text, bool rendered) const;
  // A method on its way from this prompt; the sequence is opened when it has none (below 0).
  std::unique_ptr<Method> start(Prompt prompt,
                                std::function<void(std::int32_t, const TokenLog*)> on_token = {});
  // Sequences one input takes, and how many may be live.
  std::int64_t sequences_each() const;
  std::int64_t most_sequences() const { return most_sequences_; }

 private:
  void load(const ModelOptions& model);
  // Cuts a prompt that leaves no room for a token, with a note, or refuses it.
  void fit(TokenIds& ids);
  const GenerationOptions& options_;
  fs::path folder_;
  Json config_json_;
  ResolvedGeneration settings_;
  std::optional<Tokenizer> tokenizer_;
  std::unique_ptr<CausalLm> model_, assistant_;
  std::uint64_t seed_ = 0;
  std::int64_t most_sequences_ = 0;
  bool cut_ = true;  // false: --no-truncation
  bool said_lengths_ = false;
};

}  // namespace hft
