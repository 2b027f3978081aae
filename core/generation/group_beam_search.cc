// Diverse beam search (arXiv:1610.02424): groups of beams one after another, each kept from
// choosing what earlier groups chose for the same position. Reference: transformers 4.57.6,
// BeamSearchScorer, BeamHypotheses and HammingDiversityLogitsProcessor, put together as
// GenerationMixin._group_beam_search of 4.55 did.
#include <algorithm>

#include "core/generation/beams.h"

namespace hft {
namespace {

// The best `most` results of one group.
class Hypotheses {
 public:
  struct Entry {
    double score;
    TokenIds ids;
    Finish why;
  };

  Hypotheses(std::size_t most, double length_penalty)
      : most_(most), length_penalty_(length_penalty) {}

  void add(TokenIds ids, float sum, std::int64_t length, Finish why) {
    const double score = sum / std::pow(static_cast<double>(length), length_penalty_);
    if (entries_.size() >= most_ && !(score > worst_)) return;
    entries_.push_back({score, std::move(ids), why});
    auto worse = [](const Entry& a, const Entry& b) { return a.score < b.score; };
    if (entries_.size() > most_)
      entries_.erase(std::min_element(entries_.begin(), entries_.end(), worse));
    worst_ = std::min_element(entries_.begin(), entries_.end(), worse)->score;
  }
  std::size_t size() const { return entries_.size(); }
  double worst() const { return worst_; }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::size_t most_;
  double length_penalty_;
  std::vector<Entry> entries_;
  double worst_ = 1e9;
};

class GroupBeamSearch : public Method {
 public:
  GroupBeamSearch(Decoder& decoder, Prompt prompt, Surroundings around)
      : Method(decoder, std::move(prompt), std::move(around)),
        groups_(static_cast<std::size_t>(around_.config.num_beam_groups)),
        size_(static_cast<std::size_t>(around_.config.num_beams) / groups_),
        prompt_length_(static_cast<std::int64_t>(prompt_.ids.size())),
        length_(prompt_length_),
        hypotheses_(groups_, Hypotheses(size_, around_.config.length_penalty)),
        closed_(groups_, false) {
    for (std::size_t b = 0; b < groups_ * size_; ++b)
      beams_.push_back({prompt_.ids, prompt_.sequence, b % size_ == 0 ? 0.0f : kNever});
  }
  ~GroupBeamSearch() override { close_all(decoder_, beams_); }

  void ask(std::vector<Feed>& feeds) override {
    if (first_) {
      feeds.push_back({prompt_.sequence,
                       std::span(beams_[0].ids).subspan(static_cast<std::size_t>(prompt_.cached))});
      return;
    }
    for (const Beam& beam : beams_) feeds.push_back({beam.sequence, std::span(beam.ids).last(1)});
  }

  void take(std::span<float> logits, std::span<const float>) override {
    TokenIds chosen;  // by the groups so far, for this position
    std::vector<Continuation> all;
    for (std::size_t g = 0; g < groups_; ++g) {
      const std::vector<Continuation> next = closed_[g] ? padding(g) : search(g, logits, chosen);
      for (const Continuation& c : next) chosen.push_back(c.id);
      all.insert(all.end(), next.begin(), next.end());
    }
    first_ = false;
    beams_ = follow(decoder_, beams_, all);
    ++length_;
    bool all_stop = true;
    for (const Beam& beam : beams_) {
      const Finish finish = stopping_.after(beam.ids);
      if (finish != Finish::kNone) why_ = finish;
      all_stop &= finish != Finish::kNone;
    }
    if (all_stop || std::all_of(closed_.begin(), closed_.end(), [](bool c) { return c; })) finish();
    if (done_ && results_.empty()) fail_without_texts();
  }

  void stop(Finish reason) override {
    if (done_) return;
    why_ = reason;
    finish();
  }

 private:
  bool counts(float score) const { return !around_.constraint || alive(score); }

  // What a finished group does to keep in step.
  std::vector<Continuation> padding(std::size_t g) const {
    const auto& c = around_.config;
    const std::int32_t pad =
        c.pad_token_id.value_or(c.eos_token_id.empty() ? 0 : c.eos_token_id[0]);
    return std::vector<Continuation>(size_, Continuation{g * size_, pad, 0});
  }

  std::vector<Continuation> search(std::size_t g, std::span<const float> logits,
                                   const TokenIds& chosen) {
    const auto v = static_cast<std::size_t>(vocab_);
    const auto& c = around_.config;
    std::vector<float> scores(size_ * v);
    for (std::size_t b = 0; b < size_; ++b) {
      const Beam& beam = beams_[g * size_ + b];
      const auto row = std::span(scores).subspan(b * v, v);
      std::copy_n(logits.begin() + static_cast<std::ptrdiff_t>(first_ ? 0 : (g * size_ + b) * v), v,
                  row.begin());
      log_softmax(row);
      processors_.process(beam.ids, row, b, {chosen, static_cast<float>(c.diversity_penalty)});
      for (float& s : row) s += beam.score;
    }
    const std::size_t most = size_ * std::max<std::size_t>(2, 1 + c.eos_token_id.size());
    std::vector<Continuation> top =
        continuations(largest(scores, std::min(most, scores.size())), vocab_);
    for (Continuation& t : top) t.beam += g * size_;
    return sift(g, top);
  }

  // Ended ones become results, the best of the others go on.
  std::vector<Continuation> sift(std::size_t g, const std::vector<Continuation>& top) {
    std::vector<Continuation> next;
    for (std::size_t rank = 0; rank < top.size() && next.size() < size_; ++rank) {
      if (!stopping_.is_eos(top[rank].id))
        next.push_back(top[rank]);
      else if (rank < size_ && counts(top[rank].score))
        hypotheses_[g].add(beams_[top[rank].beam].ids, top[rank].score,
                           length_ + 1 - prompt_length_, Finish::kEos);
    }
    closed_[g] = !counts(top[0].score) || group_done(hypotheses_[g], top[0].score);
    return next;
  }

  bool group_done(const Hypotheses& found, float best_sum) const {
    const auto& c = around_.config;
    if (found.size() < size_) return false;
    if (c.early_stopping == EarlyStopping::kTrue) return true;
    const bool full_length = c.early_stopping == EarlyStopping::kNever && c.length_penalty > 0;
    const std::int64_t length = full_length ? around_.lengths.max : length_ + 1;
    return found.worst() >=
           best_sum / std::pow(static_cast<double>(length - prompt_length_), c.length_penalty);
  }

  void finish() {
    done_ = true;
    const auto& c = around_.config;
    std::vector<Hypotheses::Entry> best;
    for (std::size_t g = 0; g < groups_; ++g) {
      for (std::size_t b = 0; b < size_ && !closed_[g] && length_ > prompt_length_; ++b) {
        const Beam& beam = beams_[g * size_ + b];
        if (counts(beam.score))
          hypotheses_[g].add(beam.ids, beam.score, length_ - prompt_length_, why_);
      }
      best.insert(best.end(), hypotheses_[g].entries().begin(), hypotheses_[g].entries().end());
    }
    close_all(decoder_, beams_);
    // Of equals the last is taken first.
    std::reverse(best.begin(), best.end());
    std::stable_sort(best.begin(), best.end(),
                     [](const auto& a, const auto& b) { return a.score > b.score; });
    const auto wanted = static_cast<std::size_t>(c.num_return_sequences);
    if (!around_.constraint || best.size() > wanted)
      best.resize(wanted, {kNever, prompt_.ids, why_});
    for (const auto& entry : best) results_.push_back(result_of(entry));
  }

  // A text that ended, and is not as long as it may be, has its end token.
  Generated result_of(const Hypotheses::Entry& entry) const {
    Generated g;
    g.ids.assign(entry.ids.begin() + prompt_length_, entry.ids.end());
    if (entry.why == Finish::kEos &&
        static_cast<std::int64_t>(entry.ids.size()) < around_.lengths.max)
      g.ids.push_back(around_.config.eos_token_id[0]);
    g.finish = entry.why;
    g.score = static_cast<float>(entry.score);
    return g;
  }

  std::size_t groups_, size_;  // beams of a group
  std::int64_t prompt_length_, length_;
  std::vector<Beam> beams_;
  std::vector<Hypotheses> hypotheses_;
  std::vector<bool> closed_;
  bool first_ = true;
  Finish why_ = Finish::kLength;
};

}  // namespace

std::unique_ptr<Method> make_group_beam_search(Decoder& decoder, Prompt prompt,
                                               Surroundings around) {
  return std::make_unique<GroupBeamSearch>(decoder, std::move(prompt), std::move(around));
}

}  // namespace hft
