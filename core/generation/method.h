// One input on its way through a decoder: a state machine that says which tokens it wants fed next
// and is given the logits they lead to. What a method does with them is its search strategy.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/generation/generation_config.h"
#include "core/generation/logits_processors.h"
#include "core/generation/numbers.h"
#include "core/generation/stopping.h"
#include "core/models/heads/decoder.h"
#include "core/models/heads/engine.h"

namespace hft {

struct Prompt {
  TokenIds ids;      // what the decoder starts with
  int sequence = 0;  // an open sequence that has the first `cached` of them; the method's own now
  std::int64_t cached = 0;
  TokenIds source;    // what an encoder read; empty for a decoder alone
  bool keep = false;  // leave the sequence of the first result open (Method::kept)
};

// What the model thought of a token before it was chosen.
struct TokenLog {
  std::int32_t id = 0;
  float logprob = 0;                // log_softmax of the logits
  std::vector<Ranked> most_likely;  // index: id, score: log-probability
};

struct Generated {
  TokenIds ids;  // new tokens, an end token included
  Finish finish = Finish::kNone;
  std::optional<float> score;  // beams: the sum of log-probabilities over length^length_penalty
  std::vector<TokenLog> logs;  // one a token, when asked for
  // Mean log-probability of the tokens among what the processors left, without the temperature; when
  // asked for.
  std::optional<float> mean_logprob;
};

// What a method needs besides the model.
struct Surroundings {
  const GenerationConfig& config;
  Lengths lengths;
  const Tokenizer* tokenizer = nullptr;  // for stop strings
  std::unique_ptr<Random> random;        // for sampling: this input's own
  std::int64_t logprobs = -1;            // most likely tokens to log; -1: no log
  bool mean_logprob = false;             // greedy, sampling, beams, drafts
  Decoder* draft = nullptr;              // assisted generation: a small decoder-only model
  std::function<int()> open_draft;       // an empty sequence of it
  std::shared_ptr<Constraint> constraint;  // what the text must conform with; null: nothing
  std::function<void(std::int32_t id, const TokenLog*)> on_token;  // greedy, sampling: as chosen
};

class Method {
 public:
  Method(Decoder& decoder, Prompt prompt, Surroundings around);
  virtual ~Method();
  Method(const Method&) = delete;

  // Appends the feeds wanted next; their ids stay valid until take().
  virtual void ask(std::vector<Feed>& feeds) = 0;
  // What take() does with the rows that concerns this input alone: it may run beside other inputs'.
  // Called once before each take(), with the same logits, which it may change.
  virtual void weigh(std::span<float>) {}
  // The rows of those feeds; changed freely. hidden is empty unless wants_hidden().
  virtual void take(std::span<float> logits, std::span<const float> hidden) = 0;
  virtual bool wants_hidden() const { return false; }
  bool done() const { return done_; }
  // Ends now, with what there is.
  virtual void stop(Finish finish) = 0;
  // num_return_sequences of them, once done.
  std::vector<Generated> take_results() { return std::move(results_); }
  // The sequence of Prompt::keep and how many of ids + results[0].ids it has been fed; it is the
  // caller's to close. None when it had to be given up.
  std::optional<int> kept() const { return kept_; }

 protected:
  std::int64_t vocab() const { return vocab_; }
  TokenLog log_of(std::span<const float> logits, std::int32_t chosen) const;
  // Of a token among processed scores [V], as mean_logprob counts it.
  float logprob_of(std::span<const float> scores, std::int32_t chosen) const;

  Decoder& decoder_;
  Prompt prompt_;
  Surroundings around_;
  std::int64_t vocab_;
  LogitsProcessors processors_;
  Stopping stopping_;
  bool done_ = false;
  std::vector<Generated> results_;
  std::optional<int> kept_;
};

// The method the configuration asks for.
std::unique_ptr<Method> make_method(Decoder& decoder, Prompt prompt, Surroundings around);

std::unique_ptr<Method> make_sampling(Decoder&, Prompt, Surroundings);  // and greedy
std::unique_ptr<Method> make_beam_search(Decoder&, Prompt, Surroundings);
std::unique_ptr<Method> make_group_beam_search(Decoder&, Prompt, Surroundings);
std::unique_ptr<Method> make_contrastive(Decoder&, Prompt, Surroundings);
std::unique_ptr<Method> make_assisted(Decoder&, Prompt, Surroundings);

}  // namespace hft
