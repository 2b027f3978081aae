// Contrastive search (arXiv:2202.06417): of the k likeliest tokens the one that is likely and whose
// hidden state is unlike all before it.
// Reference: GenerationMixin._contrastive_search of transformers 4.55.
#include <algorithm>
#include <cmath>

#include "core/generation/beams.h"

namespace hft {
namespace {

constexpr std::size_t kPromptPart = 64;  // tokens fed at a time: each gives a row of V logits

class Contrastive : public Method {
 public:
  Contrastive(Decoder& decoder, Prompt prompt, Surroundings around)
      : Method(decoder, std::move(prompt), std::move(around)),
        sequence_(prompt_.sequence),
        ids_(prompt_.ids) {
    if (prompt_.cached > 0) decoder_.crop(sequence_, 0);  // hidden states are not cached
    results_.resize(1);
  }
  ~Contrastive() override {
    if (sequence_ >= 0) decoder_.close(sequence_);
    for (int s : tries_) decoder_.close(s);
  }
  bool wants_hidden() const override { return true; }

  void ask(std::vector<Feed>& feeds) override {
    if (fed_ < prompt_.ids.size()) {
      const std::size_t n = std::min(kPromptPart, prompt_.ids.size() - fed_);
      feeds.push_back(
          {sequence_, std::span(prompt_.ids).subspan(fed_, n), static_cast<std::int64_t>(n)});
      return;
    }
    for (std::size_t i = 0; i < candidates_.size(); ++i)
      feeds.push_back({tries_[i], std::span(&candidates_[i], 1)});
  }

  void take(std::span<float> logits, std::span<const float> hidden) override {
    const auto v = static_cast<std::size_t>(vocab_);
    const std::size_t rows = logits.size() / v, width = hidden.size() / rows;
    if (fed_ < prompt_.ids.size()) {
      for (std::size_t r = 0; r < rows; ++r) remember(hidden.subspan(r * width, width));
      fed_ += rows;
      if (fed_ == prompt_.ids.size()) propose(logits.last(v));
      return;
    }
    const std::size_t best = choose(hidden, width);
    accept(best);
    remember(hidden.subspan(best * width, width));
    if (!done_) propose(logits.subspan(best * v, v));
  }

  void stop(Finish finish) override {
    results_[0].finish = finish;
    done_ = true;
  }

 private:
  // Unit vectors of all tokens so far.
  void remember(std::span<const float> hidden) {
    const std::vector<float> unit = unit_of(hidden);
    context_.insert(context_.end(), unit.begin(), unit.end());
  }
  static std::vector<float> unit_of(std::span<const float> x) {
    double sum = 0;
    for (float a : x) sum += static_cast<double>(a) * a;
    const auto norm = static_cast<float>(std::sqrt(sum));
    std::vector<float> unit(x.begin(), x.end());
    for (float& a : unit) a /= norm;
    return unit;
  }

  // The k likeliest, each on a fork of its own.
  void propose(std::span<float> logits) {
    if (around_.logprobs >= 0) raw_.assign(logits.begin(), logits.end());
    processors_.process(ids_, logits);
    softmax(logits);
    candidates_.clear(), likelihood_.clear();
    for (const Ranked& r :
         largest(logits, std::min(logits.size(), static_cast<std::size_t>(around_.config.top_k)))) {
      if (around_.constraint && r.score == 0) break;  // what does not conform is no candidate
      candidates_.push_back(static_cast<std::int32_t>(r.index));
      likelihood_.push_back(r.score);
      tries_.push_back(decoder_.fork(sequence_));
    }
    decoder_.close(sequence_);
    sequence_ = -1;
  }

  std::size_t choose(std::span<const float> hidden, std::size_t width) const {
    const auto alpha = static_cast<float>(*around_.config.penalty_alpha);
    std::size_t best = 0;
    float best_score = kRemoved;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      const std::vector<float> unit = unit_of(hidden.subspan(i * width, width));
      float nearest = -1;
      for (std::size_t t = 0; t + width <= context_.size(); t += width) {
        double dot = 0;
        for (std::size_t d = 0; d < width; ++d)
          dot += static_cast<double>(context_[t + d]) * unit[d];
        nearest = std::max(nearest, static_cast<float>(dot));
      }
      const float score = (1 - alpha) * likelihood_[i] - alpha * nearest;
      if (score > best_score) best_score = score, best = i;
    }
    return best;
  }

  void accept(std::size_t best) {
    for (std::size_t i = 0; i < tries_.size(); ++i)
      if (i != best) decoder_.close(tries_[i]);
    sequence_ = tries_[best];
    tries_.clear();
    const std::int32_t id = candidates_[best];
    ids_.push_back(id);
    Generated& result = results_[0];
    result.ids.push_back(id);
    if (around_.logprobs >= 0) result.logs.push_back(log_of(raw_, id));
    if (around_.on_token)
      around_.on_token(id, around_.logprobs >= 0 ? &result.logs.back() : nullptr);
    result.finish = stopping_.after(ids_);
    done_ = result.finish != Finish::kNone;
  }

  int sequence_;
  TokenIds ids_;
  std::size_t fed_ = 0;
  std::vector<float> context_;  // [T, D]
  TokenIds candidates_;
  std::vector<float> likelihood_, raw_;
  std::vector<int> tries_;
};

}  // namespace

std::unique_ptr<Method> make_contrastive(Decoder& decoder, Prompt prompt, Surroundings around) {
  return std::make_unique<Contrastive>(decoder, std::move(prompt), std::move(around));
}

}  // namespace hft
