// Beam search and beam sampling. Reference: transformers 4.57.6, GenerationMixin._beam_search, of
// one input alone; its -1e9 stands for "not to be chosen" here too, because sums with it decide
// ties.
#include <algorithm>
#include <numeric>

#include "core/generation/beams.h"

namespace hft {
namespace {

class BeamSearch : public Method {
 public:
  BeamSearch(Decoder& decoder, Prompt prompt, Surroundings around)
      : Method(decoder, std::move(prompt), std::move(around)),
        count_(static_cast<std::size_t>(around_.config.num_beams)),
        kept_candidates_(count_ * std::max<std::size_t>(2, 1 + around_.config.eos_token_id.size())),
        prompt_length_(static_cast<std::int64_t>(prompt_.ids.size())),
        length_(prompt_length_),
        finished_(count_, Hypothesis{prompt_.ids, kNever, false, Finish::kNone, 0}) {
    for (std::size_t b = 0; b < count_; ++b)
      beams_.push_back({prompt_.ids, prompt_.sequence, b == 0 ? 0.0f : kNever, 0});
  }
  ~BeamSearch() override { close_all(decoder_, beams_); }

  void ask(std::vector<Feed>& feeds) override {
    if (first_) {
      feeds.push_back({prompt_.sequence,
                       std::span(beams_[0].ids).subspan(static_cast<std::size_t>(prompt_.cached))});
      return;
    }
    for (const Beam& beam : beams_) feeds.push_back({beam.sequence, std::span(beam.ids).last(1)});
  }

  void weigh(std::span<float> logits) override {
    if (around_.config.do_sample || !scan(logits)) top_ = candidates(accumulated(logits));
    if (around_.mean_logprob)
      for (Continuation& c : top_) c.logprob = logprob_of(row_of(logits, first_ ? 0 : c.beam), c.id);
  }

  void take(std::span<float>, std::span<const float>) override {
    advance(std::move(top_));
    if (done_ && results_.empty()) fail_without_texts();
  }

  // The unfinished beams count as they are.
  void stop(Finish reason) override {
    if (done_) return;
    for (const Beam& beam : beams_)
      if (length_ > prompt_length_ && counts(beam.score))
        offer({beam.ids,
               over_length(beam.score, length_ - prompt_length_, around_.config.length_penalty),
               true, reason, beam.logprob});
    finish();
  }

 private:
  struct Hypothesis {
    TokenIds ids;
    float score = kNever;
    bool finished = false;
    Finish why = Finish::kNone;
    float logprob = 0;  // of all its tokens
  };

  // Without a constraint any text counts, as in the reference.
  bool counts(float score) const { return !around_.constraint || alive(score); }

  void advance(const std::vector<Continuation>& top) {
    if (top.front().score == -INFINITY || !counts(top.front().score))
      return stop(Finish::kLength);  // the settings leave no token
    first_ = false;
    std::vector<Finish> hits;
    for (const Continuation& c : top) hits.push_back(finish_of(c));
    const std::vector<Continuation> running = next_beams(top, hits);
    update_finished(top, hits);
    beams_ = follow(decoder_, beams_, running);
    ++length_;
    can_improve_ = can_improve_ && improvement_possible();
    const bool full = std::all_of(finished_.begin(), finished_.end(),
                                  [](const Hypothesis& h) { return h.finished; });
    bool none_left = true;
    for (std::size_t i = 0; i < top.size(); ++i)
      none_left &= hits[i] != Finish::kNone || !counts(top[i].score);
    if (!can_improve_ || (full && around_.config.early_stopping == EarlyStopping::kTrue) ||
        none_left)
      finish();
  }

  std::span<float> row_of(std::span<float> rows, std::size_t b) const {
    const auto v = static_cast<std::size_t>(vocab_);
    return rows.subspan(b * v, v);
  }

  // The best continuations in one pass over the logits, which become log-probabilities unless they
  // can stay as they are. False when only the order among equals decides.
  bool scan(std::span<float> logits) {
    if (first_ && !processors_.idle()) raw_.assign(logits.begin(), logits.end());
    LargestOfRows best(kept_candidates_);
    for (std::size_t b = 0; b < (first_ ? 1 : count_); ++b) {  // at first, only one beam counts
      const auto row = row_of(logits, b);
      Normaliser normal;
      if (processors_.idle()) {
        normal = normaliser(row);
      } else {
        log_softmax(row);
        processors_.process(beams_[b].ids, row, b);
      }
      best.add(row, normal, beams_[b].score);
    }
    const auto found = best.take();
    if (found) top_ = continuations(*found, vocab_);
    return found.has_value();
  }

  // Log-probabilities of all continuations, with what their beams have: [B * V]. After a scan.
  std::vector<float> accumulated(std::span<float> logits) {
    std::vector<float> scores(count_ * static_cast<std::size_t>(vocab_));
    const bool ready = !around_.config.do_sample && !processors_.idle();  // by the scan
    for (std::size_t b = 0; b < count_; ++b) {
      const auto row = row_of(scores, b);
      const auto from = !first_ ? row_of(logits, b) : ready ? std::span(raw_) : logits;
      std::copy(from.begin(), from.end(), row.begin());
      if (first_ || !ready) {
        log_softmax(row);
        processors_.process(beams_[b].ids, row, b);
      }
      for (float& s : row) s += beams_[b].score;
    }
    raw_ = {};
    return scores;
  }

  std::vector<Continuation> candidates(const std::vector<float>& scores) {
    if (!around_.config.do_sample)
      return continuations(largest(scores, std::min(kept_candidates_, scores.size())), vocab_);
    Matrix probabilities{1, static_cast<std::int64_t>(scores.size()),
                         std::vector<float>(scores.size())};
    softmax(scores, probabilities.data);
    std::vector<Ranked> drawn;
    for (std::int32_t i :
         around_.random->draw(probabilities, static_cast<std::int64_t>(kept_candidates_)))
      drawn.push_back({i, scores[static_cast<std::size_t>(i)]});
    return continuations(drawn, vocab_);
  }

  Finish finish_of(const Continuation& c) {
    TokenIds& ids = beams_[c.beam].ids;
    ids.push_back(c.id);
    const Finish finish = stopping_.after(ids);
    ids.pop_back();
    return finish;
  }

  // The best that do not end here.
  std::vector<Continuation> next_beams(std::vector<Continuation> top,
                                       const std::vector<Finish>& hits) const {
    for (std::size_t i = 0; i < top.size(); ++i)
      if (hits[i] != Finish::kNone) top[i].score += kNever;
    std::vector<float> scores;
    for (const Continuation& c : top) scores.push_back(c.score);
    std::vector<Continuation> best;
    for (const Ranked& r : largest(scores, std::min(count_, top.size())))
      best.push_back(top[static_cast<std::size_t>(r.index)]);
    return best;
  }

  // Only the first num_beams candidates may become results.
  void update_finished(const std::vector<Continuation>& top, const std::vector<Finish>& hits) {
    const bool full = around_.config.early_stopping == EarlyStopping::kTrue &&
                      std::all_of(finished_.begin(), finished_.end(),
                                  [](const Hypothesis& h) { return h.finished; });
    if (full || !can_improve_) return;
    for (std::size_t i = 0; i < std::min(count_, top.size()); ++i) {
      if (hits[i] == Finish::kNone || !counts(top[i].score)) continue;
      Hypothesis h{
          beams_[top[i].beam].ids,
          over_length(top[i].score, length_ + 1 - prompt_length_, around_.config.length_penalty),
          true, hits[i], beams_[top[i].beam].logprob + top[i].logprob};
      h.ids.push_back(top[i].id);
      offer(std::move(h));
    }
  }

  // Among the best num_beams, or dropped.
  void offer(Hypothesis h) {
    const auto place = std::find_if(finished_.begin(), finished_.end(),
                                    [&](const Hypothesis& other) { return h.score > other.score; });
    if (place == finished_.end()) return;
    finished_.insert(place, std::move(h));
    finished_.pop_back();
  }

  // Could a running beam still beat the worst result?
  bool improvement_possible() const {
    if (!counts(beams_[0].score)) return false;
    const GenerationConfig& c = around_.config;
    const bool full_length = c.early_stopping == EarlyStopping::kNever && c.length_penalty > 0;
    const std::int64_t best_length = (full_length ? around_.lengths.max : length_) - prompt_length_;
    const float best = over_length(beams_[0].score, best_length, c.length_penalty);
    float worst = finished_.back().score;
    for (const Hypothesis& h : finished_) worst = std::min(worst, h.score);
    return std::any_of(finished_.begin(), finished_.end(),
                       [&](const Hypothesis& h) { return best > (h.finished ? worst : kNever); });
  }

  void finish() {
    done_ = true;
    close_all(decoder_, beams_);
    for (std::int64_t i = 0; i < around_.config.num_return_sequences; ++i) {
      const Hypothesis& h = finished_[static_cast<std::size_t>(i)];
      if (around_.constraint && !h.finished) break;  // there are no more texts that conform
      Generated g;
      g.ids.assign(h.ids.begin() + prompt_length_, h.ids.end());
      g.finish = h.why;
      g.score = h.score;
      if (around_.mean_logprob && !g.ids.empty())
        g.mean_logprob = h.logprob / static_cast<float>(g.ids.size());
      results_.push_back(std::move(g));
    }
  }

  std::size_t count_, kept_candidates_;
  std::int64_t prompt_length_, length_;
  std::vector<Beam> beams_;
  std::vector<Hypothesis> finished_;  // the results so far, best first
  std::vector<Continuation> top_;     // the best continuations of this step
  std::vector<float> raw_;            // the first logits, before they are processed
  bool first_ = true, can_improve_ = true;
};

}  // namespace

std::unique_ptr<Method> make_beam_search(Decoder& decoder, Prompt prompt, Surroundings around) {
  return std::make_unique<BeamSearch>(decoder, std::move(prompt), std::move(around));
}

}  // namespace hft
