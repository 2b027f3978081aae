#include "core/generation/method.h"

#include <algorithm>

namespace hft {

Method::Method(Decoder& decoder, Prompt prompt, Surroundings around)
    : decoder_(decoder),
      prompt_(std::move(prompt)),
      around_(std::move(around)),
      vocab_(decoder.vocab()),
      processors_(around_.config, around_.lengths, static_cast<std::int64_t>(prompt_.ids.size()),
                  prompt_.source.empty() ? prompt_.ids : prompt_.source, vocab_),
      stopping_(around_.config, around_.lengths.max, around_.tokenizer) {
  if (!around_.constraint) return;
  processors_.constrain(around_.constraint);
  if (around_.config.eos_token_id.empty())
    stopping_.end_when(
        [this](std::span<const std::int32_t> ids) { return processors_.complete(ids); });
}

Method::~Method() = default;

TokenLog Method::log_of(std::span<const float> logits, std::int32_t chosen) const {
  std::vector<float> logs(logits.begin(), logits.end());
  log_softmax(logs);
  const auto most = static_cast<std::size_t>(std::min<std::int64_t>(around_.logprobs, vocab_));
  return {chosen, logs[static_cast<std::size_t>(chosen)], largest(logs, most)};
}

float Method::logprob_of(std::span<const float> scores, std::int32_t chosen) const {
  std::vector<float> warm;
  if (const GenerationConfig& c = around_.config; c.do_sample && c.temperature != 1) {
    warm.assign(scores.begin(), scores.end());
    for (float& s : warm) s *= static_cast<float>(c.temperature);
    scores = warm;
  }
  const Normaliser normal = normaliser(scores);
  return scores[static_cast<std::size_t>(chosen)] - normal.most - normal.log_sum;
}

std::unique_ptr<Method> make_method(Decoder& decoder, Prompt prompt, Surroundings around) {
  const GenerationConfig& c = around.config;
  if (c.num_beams > 1)
    return (c.num_beam_groups > 1 ? make_group_beam_search : make_beam_search)(
        decoder, std::move(prompt), std::move(around));
  const bool one = c.num_return_sequences == 1;
  if (one && (around.draft || c.prompt_lookup_num_tokens))
    return make_assisted(decoder, std::move(prompt), std::move(around));
  if (!c.do_sample && c.penalty_alpha && c.top_k > 1)
    return make_contrastive(decoder, std::move(prompt), std::move(around));
  return make_sampling(decoder, std::move(prompt), std::move(around));
}

}  // namespace hft
