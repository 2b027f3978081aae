// What changes the scores of the next token before one is chosen, in the order of generate().
// Reference: transformers 4.57.6 (generation/logits_process.py, _get_logits_processor).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/generation/generation_config.h"
#include "core/generation/watermark.h"

namespace hft {

class Constraint;
class ConstraintStates;

// Of diverse beam search: the tokens that earlier groups chose for this position.
struct Diversity {
  std::span<const std::int32_t> chosen;
  float penalty = 0;
};

class LogitsProcessors {
 public:
  // `lengths` count `prompt` tokens; source: what the encoder read, or the prompt of a decoder
  // alone. The config must outlive the object. Throws kUsage for a bias of a token outside the
  // vocabulary.
  LogitsProcessors(const GenerationConfig& config, const Lengths& lengths, std::int64_t prompt,
                   std::span<const std::int32_t> source, std::int64_t vocab);
  ~LogitsProcessors();

  // What is written behind the prompt must conform. Set once, before anything is processed.
  void constrain(std::shared_ptr<Constraint> constraint);
  // Nothing may follow these with which the text would conform.
  bool complete(std::span<const std::int32_t> ids) const;

  // ids: the sequence so far; scores [V] of its next token, changed in place. Logits when one token
  // is to be chosen, log-probabilities with beams. row: which of the texts of one input this is;
  // the encoder's repetition penalty meets the first one only, as in the reference.
  void process(std::span<const std::int32_t> ids, std::span<float> scores, std::size_t row = 0,
               const Diversity& diversity = {}) const;

  // As the model that drafts meets them: the reference hands them to it, and then it adds those of
  // sampling once more.
  void process_draft(std::span<const std::int32_t> ids, std::span<float> scores) const;

  // Nothing is changed: the largest logit wins.
  bool idle() const { return idle_; }

 private:
  void add_biases(std::span<const std::int32_t> ids, std::span<float> scores,
                  const std::vector<std::pair<TokenIds, double>>& biases) const;
  void keep_from_repeating(std::span<const std::int32_t> ids, std::span<float> scores,
                           std::size_t row) const;
  void keep_going(std::int64_t length, std::span<float> scores) const;
  void force(std::int64_t length, std::span<float> scores) const;
  void decay(std::int64_t length, std::span<float> scores) const;
  void filter(std::span<float> scores) const;
  void conform(std::span<const std::int32_t> ids, std::span<float> scores) const;
  void finish(std::span<const std::int32_t> ids, std::span<float> scores) const;

  const GenerationConfig& config_;
  Lengths lengths_;
  std::int64_t prompt_, begin_ = 0;
  TokenIds source_;
  std::map<TokenIds, TokenIds> source_ngrams_;  // n-1 tokens -> what followed them in the source
  std::vector<std::pair<TokenIds, double>> bad_words_;
  std::optional<Watermark> watermark_;
  std::unique_ptr<ConstraintStates> constraint_;
  std::size_t least_kept_ = 1;
  bool idle_ = false;
};

}  // namespace hft
