// A model that generates text with everything around it: config, tokenizer, settings, an assistant.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/base/files.h"
#include "core/generation/generator.h"
#include "tasks/run/generation_options.h"
#include "tasks/run/model_options.h"
#include "tasks/run/picture_prompts.h"

namespace hft {

class Constraint;
class Grammar;
class TokenTexts;

// What the options and the files of a folder come to, before anything is loaded.
ResolvedGeneration resolve_for_texts(const GenerationOptions& options, const fs::path& folder);

class TextGenerator {
 public:
  // Reads the files, says what flags have no effect, refuses what cannot be, then loads the model.
  // The texts conform with `grammar`; null: anything may come.
  TextGenerator(const ModelOptions& model, const GenerationOptions& options, fs::path folder,
                std::shared_ptr<const Grammar> grammar = nullptr);

  const fs::path& folder() const { return folder_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const GenerationConfig& config() const { return settings_.config; }
  CausalLm& model() { return *model_; }
  // Put before every prompt that is no conversation.
  const std::string& prefix() const { return settings_.prefix; }

  // The tokens of a prompt: text with special tokens, a rendered conversation without. A model that
  // sees gets them there too, unless they are there already, as from a processor.
  TokenIds encode(const std::string& text, bool rendered) const;
  // How pictures come into prompts; null: the model sees none.
  PicturePrompts* pictures() { return pictures_.get(); }
  // The prompt of a text, or a rendered conversation, with these pictures.
  PicturedPrompt prompt(const std::string& text, bool rendered, const std::vector<Media>& pictures);
  // Methods on their way from prompts, whose pictures are looked at together, each once.
  using OnToken = std::function<void(std::int32_t, const TokenLog*)>;
  std::vector<std::unique_ptr<Method>> start(std::span<const PicturedPrompt* const> prompts,
                                             const OnToken& on_token = {});
  // Cuts a prompt that leaves no room for a token, with a note, or refuses it; one with pictures
  // always.
  void fit(PicturedPrompt& prompt) const { fit(prompt.ids, !prompt.pictures.empty()); }
  // A method on its way from this prompt, which fit() has cut where it has cached tokens; the
  // sequence is opened when it has none (below 0).
  std::unique_ptr<Method> start(Prompt prompt, OnToken on_token = {});
  // The run's settings with these fields in place of its own; kUsage where they cannot be.
  GenerationConfig config_with(const Json& fields) const;
  // What the texts must conform with that say nothing of their own; null: nothing.
  const std::shared_ptr<Constraint>& constraint() const { return constraint_; }
  // A grammar over the tokens of this model; null for null. From any thread.
  std::shared_ptr<Constraint> constrain(const std::shared_ptr<const Grammar>& grammar);
  // Says so when a text ended before it conforms.
  void note_if_cut(const std::shared_ptr<Constraint>& constraint, const Generated& text) const;
  // Sequences one input takes, and how many may be live.
  std::int64_t sequences_each() const;
  std::int64_t most_sequences() const { return most_sequences_; }

 private:
  void load(const ModelOptions& model);
  std::unique_ptr<Method> start(Prompt prompt, OnToken on_token, const OwnSettings* own,
                                std::shared_ptr<Constraint> constraint);
  // An open sequence for each prompt that has pictures.
  std::vector<Prompt> open(std::span<const PicturedPrompt* const> prompts);
  void fit(TokenIds& ids, bool whole) const;
  const GenerationOptions& options_;
  fs::path folder_;
  std::shared_ptr<const Grammar> grammar_;
  Fields config_fields_;
  ResolvedGeneration settings_;
  std::optional<Tokenizer> tokenizer_;
  std::unique_ptr<CausalLm> model_, assistant_;
  std::shared_ptr<Constraint> constraint_;
  std::shared_ptr<const TokenTexts> token_texts_;  // when they were asked for
  std::mutex token_texts_mutex_;
  std::unique_ptr<PicturePrompts> pictures_;
  std::optional<SharedBeginnings> beginnings_;
  std::uint64_t seed_ = 0;
  std::int64_t most_sequences_ = 0;
  bool cut_ = true;  // false: --no-truncation
  bool said_lengths_ = false;
};

}  // namespace hft
