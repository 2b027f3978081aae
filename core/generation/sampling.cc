// Greedy search and sampling: one token a step for each of num_return_sequences rows.
// Reference: transformers 4.57.6, GenerationMixin._sample.
#include <algorithm>
#include <optional>

#include "core/generation/method.h"

namespace hft {
namespace {

class Sampling : public Method {
 public:
  Sampling(Decoder& decoder, Prompt prompt, Surroundings around)
      : Method(decoder, std::move(prompt), std::move(around)) {
    const auto count = static_cast<std::size_t>(around_.config.num_return_sequences);
    rows_.resize(count);
    results_.resize(count);
    for (Row& row : rows_) row.ids = prompt_.ids;
    rows_[0].sequence = prompt_.sequence;
    if (const double scale = around_.config.guidance_scale.value_or(1); scale != 1) scale_ = scale;
    if (around_.config.do_sample)
      probabilities_ = {static_cast<std::int64_t>(count), vocab_,
                        std::vector<float>(count * static_cast<std::size_t>(vocab_), 1.0f)};
  }

  ~Sampling() override {
    for (Row& row : rows_) close(row);
  }

  void ask(std::vector<Feed>& feeds) override {
    if (first_) {
      Row& row = rows_[0];
      feeds.push_back(
          {row.sequence, std::span(row.ids).subspan(static_cast<std::size_t>(prompt_.cached))});
      if (!scale_) return;
      row.guide = decoder_.fork(row.sequence);  // which begins with the prompt's last token
      decoder_.crop(row.guide, 0);
      feeds.push_back({row.guide, std::span(row.ids).last(1)});
      return;
    }
    for (const Row& row : rows_) {
      if (row.done) continue;
      feeds.push_back({row.sequence, std::span(row.ids).last(1)});
      if (scale_) feeds.push_back({row.guide, std::span(row.ids).last(1)});
    }
  }

  void weigh(std::span<float> logits) override {
    const auto v = static_cast<std::size_t>(vocab_), stride = scale_ ? 2 * v : v;
    for (std::size_t at = 0; scale_ && at < logits.size(); at += stride)
      guide(logits.subspan(at, v), logits.subspan(at + v, v));
    std::vector<std::vector<float>> copies;
    if (first_)  // all rows go on from the one prompt
      copies.assign(rows_.size() - 1, {logits.begin(), logits.begin() + vocab_});
    std::vector<std::span<float>> scores(rows_.size());
    std::size_t at = 0;
    for (std::size_t r = 0; r < rows_.size(); ++r)
      if (!rows_[r].done)
        scores[r] = first_ && r > 0 ? std::span(copies[r - 1]) : logits.subspan(at++ * stride, v);
    process(scores);
    chosen_ = choose(scores);
    if (around_.mean_logprob)
      for (std::size_t r = 0; r < rows_.size(); ++r)
        if (!rows_[r].done) rows_[r].logprob += logprob_of(scores[r], chosen_[r]);
  }

  void take(std::span<float>, std::span<const float>) override {
    for (std::size_t r = 1; first_ && r < rows_.size(); ++r) {
      rows_[r].sequence = decoder_.fork(rows_[0].sequence);
      if (scale_) rows_[r].guide = decoder_.fork(rows_[0].guide);
    }
    first_ = false;
    for (std::size_t r = 0; r < rows_.size(); ++r)
      if (!rows_[r].done) append(r, chosen_[r]);
    done_ = std::all_of(rows_.begin(), rows_.end(), [](const Row& row) { return row.done; });
  }

  void stop(Finish finish) override {
    for (std::size_t r = 0; r < rows_.size(); ++r)
      if (!rows_[r].done) end(r, finish);
    done_ = true;
  }

 private:
  struct Row {
    TokenIds ids;            // the prompt and what was chosen
    std::vector<float> raw;  // the last logits, for the log
    float logprob = 0;       // of all tokens, for mean_logprob
    int sequence = -1;
    int guide = -1;  // a sequence that does not know the prompt, with guidance_scale
    bool done = false;
  };

  // Classifier-free guidance (arXiv:2306.17806): away from what comes without the prompt.
  void guide(std::span<float> scores, std::span<float> without) const {
    log_softmax(scores), log_softmax(without);
    const auto scale = static_cast<float>(*scale_);
    for (std::size_t i = 0; i < scores.size(); ++i)
      scores[i] = scale * (scores[i] - without[i]) + without[i];
  }

  void process(const std::vector<std::span<float>>& scores) {
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      if (rows_[r].done) continue;
      if (around_.logprobs >= 0) rows_[r].raw.assign(scores[r].begin(), scores[r].end());
      processors_.process(rows_[r].ids, scores[r], r);
    }
  }

  // Rows that are done draw as well, as they do in Python: the others' numbers depend on it.
  TokenIds choose(const std::vector<std::span<float>>& scores) {
    TokenIds chosen(rows_.size());
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      if (rows_[r].done) continue;
      if (!around_.config.do_sample)
        chosen[r] = argmax(scores[r]);
      else
        softmax(scores[r], std::span(probabilities_.data)
                               .subspan(r * static_cast<std::size_t>(vocab_),
                                        static_cast<std::size_t>(vocab_)));
    }
    return around_.config.do_sample ? around_.random->draw(probabilities_, 1) : chosen;
  }

  void append(std::size_t r, std::int32_t id) {
    Row& row = rows_[r];
    row.ids.push_back(id);
    if (around_.logprobs >= 0) results_[r].logs.push_back(log_of(row.raw, id));
    if (r == 0 && around_.on_token)
      around_.on_token(id, around_.logprobs >= 0 ? &results_[r].logs.back() : nullptr);
    if (const Finish finish = stopping_.after(row.ids); finish != Finish::kNone) end(r, finish);
  }

  void end(std::size_t r, Finish finish) {
    Row& row = rows_[r];
    row.done = true;
    results_[r].finish = finish;
    results_[r].ids.assign(row.ids.begin() + static_cast<std::ptrdiff_t>(prompt_.ids.size()),
                           row.ids.end());
    if (around_.mean_logprob && !results_[r].ids.empty())
      results_[r].mean_logprob = row.logprob / static_cast<float>(results_[r].ids.size());
    if (r == 0 && prompt_.keep) {
      kept_ = row.sequence;
      row.sequence = -1;
    }
    if (!first_) close(row);
  }

  void close(Row& row) {
    for (int* sequence : {&row.sequence, &row.guide}) {
      if (*sequence >= 0) decoder_.close(*sequence);
      *sequence = -1;
    }
  }

  std::vector<Row> rows_;
  std::optional<double> scale_;  // guidance_scale, when it is not 1
  TokenIds chosen_;              // of this step
  Matrix probabilities_;         // [R, V]
  bool first_ = true;
};

}  // namespace

std::unique_ptr<Method> make_sampling(Decoder& decoder, Prompt prompt, Surroundings around) {
  return std::make_unique<Sampling>(decoder, std::move(prompt), std::move(around));
}

}  // namespace hft
