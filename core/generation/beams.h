// What the beam searches share: hypotheses with their cached sequences, and their best
// continuations.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "core/generation/method.h"

namespace hft {

// The score of what must not win.
constexpr float kNever = -1.0e9f;

// Whether a text with this score may be a result: it has not ended before, and it conforms.
inline bool alive(float score) { return score > kNever / 2; }
// For the inputs whose constraint leaves no text at all.
[[noreturn]] void fail_without_texts();

struct Beam {
  TokenIds ids;       // the prompt and what follows
  int sequence = -1;  // caches all but the last id
  float score = 0;    // sum of processed log-probabilities
  float logprob = 0;  // that of log-probabilities among what was left, for mean_logprob
};

// A beam and one more token.
struct Continuation {
  std::size_t beam = 0;
  std::int32_t id = 0;
  float score = 0;
  float logprob = 0;  // of the token alone, as Beam's
};

// From the `best` of the flattened scores [B * V] back to beams and tokens.
std::vector<Continuation> continuations(std::span<const Ranked> best, std::int64_t vocab);

// The beams that go on, from these continuations: each takes over its parent's sequence, or a fork
// of it when the parent has several children. Sequences without children are closed.
std::vector<Beam> follow(Decoder& decoder, std::vector<Beam>& beams,
                         std::span<const Continuation> chosen);

// Closes each sequence once.
void close_all(Decoder& decoder, std::vector<Beam>& beams);

// a / n^power, in float32 as torch divides a tensor by a Python number.
inline float over_length(float a, std::int64_t n, double power) {
  return a / static_cast<float>(std::pow(static_cast<double>(n), power));
}

}  // namespace hft
