#include "core/generation/logits_processors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/constraints/constraint.h"
#include "core/generation/filters.h"
#include "core/generation/numbers.h"

namespace hft {
namespace {

using Ids = std::span<const std::int32_t>;
using Scores = std::span<float>;

bool inside(std::int32_t id, Scores scores) { return static_cast<std::size_t>(id) < scores.size(); }

void remove(Ids ids, Scores scores) {
  for (auto id : ids)
    if (inside(id, scores)) scores[id] = kRemoved;
}

// Scores of tokens that were there already: each is changed once, however often it was.
void penalise(Ids ids, Scores scores, float penalty) {
  std::vector<std::pair<std::int32_t, float>> changed;
  changed.reserve(ids.size());
  for (auto id : ids)
    if (inside(id, scores))
      changed.emplace_back(id, scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty);
  for (auto [id, score] : changed) scores[id] = score;
}

// Tokens that would repeat n tokens of `ids`, whose last n - 1 they would follow.
void ban_ngrams(Ids ids, std::size_t n, Scores scores) {
  if (ids.size() + 1 < n) return;
  const Ids tail = ids.last(n - 1);
  for (std::size_t i = 0; i + n <= ids.size(); ++i)
    if (std::equal(tail.begin(), tail.end(), ids.begin() + static_cast<std::ptrdiff_t>(i)) &&
        inside(ids[i + n - 1], scores))
      scores[ids[i + n - 1]] = kRemoved;
}

std::map<TokenIds, TokenIds> ngrams_of(Ids ids, std::size_t n) {
  std::map<TokenIds, TokenIds> found;
  for (std::size_t i = 0; i + n <= ids.size(); ++i) {
    const Ids lead = ids.subspan(i, n - 1);
    found[TokenIds(lead.begin(), lead.end())].push_back(ids[i + n - 1]);
  }
  return found;
}

void only(Ids ids, Scores scores) {
  std::fill(scores.begin(), scores.end(), kRemoved);
  for (auto id : ids)
    if (inside(id, scores)) scores[id] = 0;
}

void diversify(const Diversity& diversity, Scores scores) {
  std::map<std::int32_t, int> counts;
  for (auto id : diversity.chosen) ++counts[id];
  for (auto [id, count] : counts)
    if (inside(id, scores)) scores[id] -= diversity.penalty * static_cast<float>(count);
}

// A bit for each token that stays.
void keep_only(const Constraint::Mask& mask, Scores scores) {
  for (std::size_t begin = 0; begin < scores.size(); begin += 64) {
    const std::size_t end = std::min(begin + 64, scores.size());
    const std::uint64_t word = begin / 64 < mask.size() ? mask[begin / 64] : 0;
    if (word == ~std::uint64_t{0}) continue;
    if (word == 0) {
      std::fill(scores.begin() + static_cast<std::ptrdiff_t>(begin),
                scores.begin() + static_cast<std::ptrdiff_t>(end), kRemoved);
      continue;
    }
    for (std::size_t i = begin; i < end; ++i)
      if (!(word >> (i - begin) & 1)) scores[i] = kRemoved;
  }
}

void make_finite(Scores scores) {
  constexpr float kMost = std::numeric_limits<float>::max();
  for (float& s : scores) s = std::isnan(s) ? 0 : std::clamp(s, -kMost, kMost);
}

bool changes_nothing(const GenerationConfig& c, const Lengths& lengths) {
  return c.sequence_bias.empty() && c.encoder_repetition_penalty == 1 &&
         c.repetition_penalty == 1 && c.no_repeat_ngram_size == 0 &&
         c.encoder_no_repeat_ngram_size == 0 && c.bad_words_ids.empty() && lengths.min == 0 &&
         !c.forced_bos_token_id && c.forced_eos_token_id.empty() && !c.remove_invalid_values &&
         !c.exponential_decay_length_penalty && c.suppress_tokens.empty() &&
         c.begin_suppress_tokens.empty() && !c.timestamps && !c.watermarking_config && !c.do_sample &&
         !c.renormalize_logits;
}

}  // namespace

LogitsProcessors::LogitsProcessors(const GenerationConfig& config, const Lengths& lengths,
                                   std::int64_t prompt, std::span<const std::int32_t> source,
                                   std::int64_t vocab)
    : config_(config), lengths_(lengths), prompt_(prompt), source_(source.begin(), source.end()) {
  for (const auto& [ids, bias] : config.sequence_bias)
    for (auto id : ids)
      if (id >= vocab)
        fail(Errc::kUsage, "--sequence-bias: token ", id, " is outside the vocabulary of ", vocab);
  for (auto id : config.forced_eos_token_id)
    if (id >= vocab)
      fail(Errc::kUsage, "--forced-eos-token-id: ", id, " is outside the vocabulary of ", vocab);
  if (config.forced_bos_token_id.value_or(0) >= vocab)
    fail(Errc::kUsage, "--forced-bos-token-id: ", *config.forced_bos_token_id,
         " is outside the vocabulary of ", vocab);
  for (const TokenIds& word : config.bad_words_ids) {
    const bool ends = word.size() == 1 &&
                      std::count(config.eos_token_id.begin(), config.eos_token_id.end(), word[0]);
    if (!ends && std::all_of(word.begin(), word.end(), [&](auto id) { return id < vocab; }))
      bad_words_.emplace_back(word, kRemoved);
  }
  if (config.encoder_no_repeat_ngram_size > 0)
    source_ngrams_ =
        ngrams_of(source_, static_cast<std::size_t>(config.encoder_no_repeat_ngram_size));
  begin_ = prompt > 1 || !config.forced_bos_token_id ? prompt : prompt + 1;
  // With beams, one token that does not end the text must be left.
  if (config.num_beams > 1)
    least_kept_ = config.eos_token_id.empty() ? 2 : config.eos_token_id.size() + 1;
  if (config.watermarking_config) watermark_.emplace(*config.watermarking_config, vocab);
  idle_ = changes_nothing(config, lengths);
}

LogitsProcessors::~LogitsProcessors() = default;

void LogitsProcessors::add_biases(Ids ids, Scores scores,
                                  const std::vector<std::pair<TokenIds, double>>& biases) const {
  std::map<std::int32_t, float> sums;
  for (const auto& [sequence, bias] : biases)
    if (sequence.size() == 1) sums[sequence[0]] = static_cast<float>(bias);
  for (const auto& [sequence, bias] : biases) {
    if (sequence.size() == 1 || sequence.size() > ids.size()) continue;
    if (std::equal(sequence.begin(), sequence.end() - 1,
                   ids.end() - static_cast<std::ptrdiff_t>(sequence.size() - 1)))
      sums[sequence.back()] += static_cast<float>(bias);
  }
  for (auto [id, sum] : sums)
    if (inside(id, scores)) scores[id] += sum;
}

void LogitsProcessors::keep_from_repeating(Ids ids, Scores scores, std::size_t row) const {
  const GenerationConfig& c = config_;
  if (c.encoder_repetition_penalty != 1 && row == 0)
    penalise(source_, scores, static_cast<float>(1 / c.encoder_repetition_penalty));
  if (c.repetition_penalty != 1) penalise(ids, scores, static_cast<float>(c.repetition_penalty));
  if (c.no_repeat_ngram_size > 0)
    ban_ngrams(ids, static_cast<std::size_t>(c.no_repeat_ngram_size), scores);
  if (c.encoder_no_repeat_ngram_size > 0) {
    const auto lead = static_cast<std::size_t>(c.encoder_no_repeat_ngram_size - 1);
    if (ids.size() < lead) return;
    const Ids tail = ids.last(lead);
    if (auto it = source_ngrams_.find(TokenIds(tail.begin(), tail.end()));
        it != source_ngrams_.end())
      remove(it->second, scores);
  }
}

void LogitsProcessors::keep_going(std::int64_t length, Scores scores) const {
  if (length < lengths_.min) remove(config_.eos_token_id, scores);
}

void LogitsProcessors::force(std::int64_t length, Scores scores) const {
  if (config_.forced_bos_token_id && length == 1) only({&*config_.forced_bos_token_id, 1}, scores);
  if (!config_.forced_eos_token_id.empty() && length == lengths_.max - 1)
    only(config_.forced_eos_token_id, scores);
}

void LogitsProcessors::decay(std::int64_t length, Scores scores) const {
  const auto [start, factor] = *config_.exponential_decay_length_penalty;
  const std::int64_t past = length - (start + prompt_);
  if (past <= 0) return;
  const auto grown = static_cast<float>(std::pow(factor, static_cast<double>(past)) - 1);
  for (auto id : config_.eos_token_id)
    if (inside(id, scores) && scores[id] != kRemoved) scores[id] += std::abs(scores[id]) * grown;
}

void LogitsProcessors::filter(Scores scores) const {
  const GenerationConfig& c = config_;
  if (c.temperature != 1)
    for (float& s : scores) s /= static_cast<float>(c.temperature);
  if (c.top_k != 0) keep_top_k(scores, std::max(static_cast<std::size_t>(c.top_k), least_kept_));
  if (c.top_p < 1) keep_top_p(scores, c.top_p, least_kept_);
  if (c.min_p) keep_min_p(scores, *c.min_p, least_kept_);
  if (c.typical_p < 1) keep_typical(scores, c.typical_p, least_kept_);
  if (c.epsilon_cutoff > 0) cut_epsilon(scores, c.epsilon_cutoff, least_kept_);
  if (c.eta_cutoff > 0) cut_eta(scores, c.eta_cutoff, least_kept_);
}

void LogitsProcessors::constrain(std::shared_ptr<Constraint> constraint) {
  if (!constraint) return;
  constraint_ = std::make_unique<ConstraintStates>(std::move(constraint));
  idle_ = false;
}

bool LogitsProcessors::complete(Ids ids) const {
  const Ids written = ids.subspan(static_cast<std::size_t>(prompt_));
  return !written.empty() && constraint_->constraint().complete(constraint_->of(written));
}

// Removes the tokens with which the text would not conform. The end may come where it does; where
// other settings leave nothing else, it must.
void LogitsProcessors::conform(Ids ids, Scores scores) const {
  const Ids written = ids.subspan(static_cast<std::size_t>(prompt_));
  const TokenIds& ends = config_.eos_token_id;
  const auto is_end = [&](std::int32_t id) { return std::ranges::find(ends, id) != ends.end(); };
  if (std::ranges::any_of(written, is_end)) return;  // what follows counts no more
  const std::int32_t state = constraint_->of(written);
  std::vector<std::pair<std::int32_t, float>> kept;
  const bool may_end = constraint_->constraint().accepts(state);
  for (const std::int32_t id : ends)
    if (may_end && inside(id, scores)) kept.emplace_back(id, scores[id]);
  keep_only(*constraint_->constraint().allowed(state), scores);
  for (const std::int32_t id : ends)
    if (inside(id, scores)) scores[id] = kRemoved;
  for (const auto& [id, score] : kept) scores[id] = score;
  if (std::ranges::any_of(scores, [](float s) { return s != kRemoved; })) return;
  for (const auto& [id, score] : kept) scores[id] = 0;
  if (kept.empty() && config_.num_beams == 1)
    fail(Errc::kFailure, "no token is left with which the text conforms",
         state < 0 ? "" : ": the vocabulary or other settings leave none");
}

void LogitsProcessors::process(Ids ids, Scores scores, std::size_t row,
                               const Diversity& diversity) const {
  if (idle_ && diversity.chosen.empty()) return;
  const GenerationConfig& c = config_;
  const auto length = static_cast<std::int64_t>(ids.size());
  if (!c.sequence_bias.empty()) add_biases(ids, scores, c.sequence_bias);
  if (!diversity.chosen.empty()) diversify(diversity, scores);
  keep_from_repeating(ids, scores, row);
  if (!bad_words_.empty()) add_biases(ids, scores, bad_words_);
  keep_going(length, scores);
  force(length, scores);
  if (c.remove_invalid_values) make_finite(scores);
  if (c.exponential_decay_length_penalty) decay(length, scores);
  remove(c.suppress_tokens, scores);
  if (length == begin_) remove(c.begin_suppress_tokens, scores);
  if (c.timestamps) c.timestamps->apply(ids.subspan(static_cast<std::size_t>(prompt_)), scores);
  if (constraint_) conform(ids, scores);
  finish(ids, scores);
}

void LogitsProcessors::process_draft(Ids ids, Scores scores) const {
  process(ids, scores);
  if (!idle_) finish(ids, scores);
}

// What comes last: the filters of sampling, the watermark, probabilities that sum to 1.
void LogitsProcessors::finish(Ids ids, Scores scores) const {
  if (config_.do_sample) filter(scores);
  if (watermark_) watermark_->mark(ids, scores);
  if (config_.renormalize_logits) log_softmax(scores);
}

}  // namespace hft
