// Assisted generation (arXiv:2211.17192): a draft, by a small model or copied from the prompt, is
// checked by the model in one pass. Greedy text is the same as without; sampled text has the same
// distribution. Reference: transformers 4.57.6, GenerationMixin._assisted_decoding,
// PromptLookupCandidateGenerator.
#include <algorithm>

#include "core/generation/method.h"

namespace hft {
namespace {

class Assisted : public Method {
 public:
  Assisted(Decoder& decoder, Prompt prompt, Surroundings around)
      : Method(decoder, std::move(prompt), std::move(around)),
        ids_(prompt_.ids),
        sequence_(prompt_.sequence),
        fed_(static_cast<std::size_t>(prompt_.cached)),
        most_drafted_(static_cast<double>(around_.config.num_assistant_tokens)) {
    results_.resize(1);
  }
  ~Assisted() override {
    if (sequence_ >= 0) decoder_.close(sequence_);
    if (draft_ >= 0) around_.draft->close(draft_);
  }

  void ask(std::vector<Feed>& feeds) override {
    drafted_.clear(), draft_probabilities_.clear();
    // The last token of a text of max_length is the model's own, after the draft.
    const auto room = static_cast<std::size_t>(std::max<std::int64_t>(
        0, around_.lengths.max - static_cast<std::int64_t>(ids_.size()) - 1));
    if (room > 0) {
      if (around_.draft)
        draft(room);
      else
        look_up();
    }
    feed_.assign(ids_.begin() + static_cast<std::ptrdiff_t>(fed_), ids_.end());
    feed_.insert(feed_.end(), drafted_.begin(), drafted_.end());
    feeds.push_back({sequence_, feed_, static_cast<std::int64_t>(drafted_.size()) + 1});
  }

  void take(std::span<float> logits, std::span<const float>) override {
    const std::vector<float> raw(logits.begin(),
                                 around_.logprobs >= 0 ? logits.end() : logits.begin());
    fed_ = ids_.size() + drafted_.size();
    TokenIds all = ids_;
    for (std::size_t i = 0; i <= drafted_.size(); ++i) {
      processors_.process(all, row_of(logits, i));
      if (i < drafted_.size()) all.push_back(drafted_[i]);
    }
    const TokenIds chosen = choose(logits);
    const auto agrees =
        std::mismatch(chosen.begin(), chosen.end(), drafted_.begin(), drafted_.end()).first -
        chosen.begin();
    for (std::size_t i = 0; i < chosen.size() && !done_; ++i) {
      if (around_.mean_logprob) logprob_ += logprob_of(row_of(logits, i), chosen[i]);
      append(chosen[i],
             raw.empty() ? std::span<const float>() : row_of(std::span<const float>(raw), i));
    }
    adjust(static_cast<std::size_t>(agrees));
    // All but the last token may stay cached.
    const std::size_t good = std::min(fed_, ids_.size() - 1);
    if (good < fed_ && !done_) decoder_.crop(sequence_, static_cast<std::int64_t>(good));
    fed_ = good;
    if (done_) end();
  }

  void stop(Finish finish) override {
    results_[0].finish = finish;
    done_ = true;
    end();
  }

 private:
  void append(std::int32_t id, std::span<const float> raw) {
    ids_.push_back(id);
    Generated& result = results_[0];
    result.ids.push_back(id);
    if (around_.logprobs >= 0) result.logs.push_back(log_of(raw, id));
    if (around_.on_token)
      around_.on_token(id, around_.logprobs >= 0 ? &result.logs.back() : nullptr);
    result.finish = stopping_.after(ids_);
    done_ = result.finish != Finish::kNone;
  }

  template <class T>
  std::span<T> row_of(std::span<T> logits, std::size_t i) const {
    const auto v = static_cast<std::size_t>(vocab_);
    return logits.subspan(i * v, v);
  }

  // The tokens that follow, of the scores after each drafted token and before the first: those
  // drafted which the model takes, and one of its own. Random numbers are drawn as torch does it:
  // for all rows at once, however many of them are used.
  TokenIds choose(std::span<float> scores) {
    const std::size_t count = drafted_.size();
    TokenIds own;
    if (!around_.config.do_sample) {
      for (std::size_t i = 0; i <= count; ++i) own.push_back(argmax(row_of(scores, i)));
    } else {
      Matrix p{static_cast<std::int64_t>(count) + 1, vocab_, std::vector<float>(scores.size())};
      for (std::size_t i = 0; i <= count; ++i)
        softmax(row_of(scores, i), row_of(std::span<float>(p.data), i));
      if (!draft_probabilities_.empty()) return accepted(p);
      own = around_.random->draw(p, 1);
    }
    const auto kept = std::mismatch(drafted_.begin(), drafted_.end(), own.begin()).first;
    own.resize(static_cast<std::size_t>(kept - drafted_.begin()) + 1);
    return own;
  }

  // A drafted token is kept with the probability p/q; of the first that is not, and after the last,
  // one is drawn from what the model's p has more than the draft's q.
  TokenIds accepted(const Matrix& p) {
    const std::size_t count = drafted_.size();
    const std::vector<float> draws = around_.random->uniform(static_cast<std::int64_t>(count));
    std::size_t kept = 0;
    for (; kept < count; ++kept) {
      const auto id = static_cast<std::size_t>(drafted_[kept]);
      const float ratio =
          p.row(static_cast<std::int64_t>(kept))[id] / draft_probabilities_[kept][id];
      if (!(draws[kept] <= ratio)) break;
    }
    TokenIds out(drafted_.begin(), drafted_.begin() + static_cast<std::ptrdiff_t>(kept));
    if (kept == count && stopping_.is_eos(drafted_.back())) return out;
    const auto after = p.row(static_cast<std::int64_t>(kept));
    Matrix left{1, vocab_, {after.begin(), after.end()}};
    if (kept < count) {
      const std::vector<float>& q = draft_probabilities_[kept];
      double sum = 0;
      for (std::size_t j = 0; j < left.data.size(); ++j)
        sum += left.data[j] = std::max(left.data[j] - (j < q.size() ? q[j] : 0.0f), 0.0f);
      for (float& x : left.data) x /= static_cast<float>(sum);
    }
    out.push_back(around_.random->draw(left, 1)[0]);
    return out;
  }

  // The small model goes on from ids_ until it is unsure.
  void draft(std::size_t room) {
    Decoder& small = *around_.draft;
    if (draft_ < 0) draft_ = around_.open_draft();
    const auto most =
        std::min({room, static_cast<std::size_t>(most_drafted_),
                  static_cast<std::size_t>(std::max<std::int64_t>(
                      0, small.max_positions() - static_cast<std::int64_t>(ids_.size())))});
    const std::int64_t known =
        std::min(small.length(draft_), static_cast<std::int64_t>(ids_.size()) - 1);
    if (known < small.length(draft_)) small.crop(draft_, known);
    // The model may have more rows than there are tokens; the small one may not know them.
    if (std::any_of(ids_.begin(), ids_.end(), [&](auto id) { return id >= small.vocab(); })) return;
    TokenIds all = ids_;
    Decoded out;
    while (drafted_.size() < most) {
      const Feed feed{draft_,
                      std::span(all).subspan(static_cast<std::size_t>(small.length(draft_)))};
      small.forward({&feed, 1}, out);
      if (!extend_draft(all, out.logits)) break;
    }
  }

  // False when this is the draft's last token.
  bool extend_draft(TokenIds& all, Matrix& logits) {
    const auto row =
        std::span(logits.data).first(static_cast<std::size_t>(std::min(logits.cols, vocab_)));
    processors_.process_draft(all, row);
    Matrix q{1, static_cast<std::int64_t>(row.size()), std::vector<float>(row.size())};
    softmax(row, q.data);
    const std::int32_t id = around_.config.do_sample ? around_.random->draw(q, 1)[0] : argmax(row);
    all.push_back(id);
    drafted_.push_back(id);
    const bool sure =
        q.data[static_cast<std::size_t>(id)] >= around_.config.assistant_confidence_threshold;
    if (around_.config.do_sample) draft_probabilities_.push_back(std::move(q.data));
    return sure && !stopping_.is_eos(id);
  }

  // What followed the last tokens where they stood in the text before, up to a token that may not
  // come next. The draft may be longer than the text: numbers are drawn for all of it.
  void look_up() {
    const auto most = static_cast<std::size_t>(
        std::min(around_.config.prompt_lookup_num_tokens.value(),
                 decoder_.max_positions() - static_cast<std::int64_t>(ids_.size())));
    const auto longest =
        std::min(static_cast<std::size_t>(around_.config.max_matching_ngram_size.value_or(2)),
                 ids_.size() - 1);
    for (std::size_t n = longest; n > 0; --n) {
      const auto tail = std::span(ids_).last(n);
      for (std::size_t at = 0; at + n < ids_.size(); ++at) {
        if (!std::equal(tail.begin(), tail.end(), ids_.begin() + static_cast<std::ptrdiff_t>(at)))
          continue;
        const std::size_t start = at + n, size = std::min(most, ids_.size() - start);
        drafted_ = allowed(std::span(ids_).subspan(start, size));
        if (drafted_.empty()) continue;
        const auto end = std::find_if(drafted_.begin(), drafted_.end(),
                                      [&](auto id) { return stopping_.is_eos(id); });
        drafted_.erase(end, drafted_.end());
        return;
      }
    }
  }

  // The tokens before the first that the processors remove from scores that are all the same.
  TokenIds allowed(std::span<const std::int32_t> tokens) const {
    TokenIds all = ids_;
    for (auto id : tokens) {
      std::vector<float> scores(processors_.idle() ? 0 : static_cast<std::size_t>(vocab_), 1.0f);
      processors_.process(all, scores);
      if (!scores.empty() && scores[static_cast<std::size_t>(id)] == kRemoved) break;
      all.push_back(id);
    }
    return {all.begin() + static_cast<std::ptrdiff_t>(ids_.size()), all.end()};
  }

  void adjust(std::size_t accepted) {
    if (!around_.draft || around_.config.num_assistant_tokens_schedule == "constant") return;
    most_drafted_ =
        accepted == drafted_.size() ? most_drafted_ + 2 : std::max(1.0, most_drafted_ - 1);
  }

  void end() {
    Generated& result = results_[0];
    if (around_.mean_logprob && !result.ids.empty())
      result.mean_logprob = logprob_ / static_cast<float>(result.ids.size());
    if (!prompt_.keep || sequence_ < 0) return;
    decoder_.crop(sequence_, static_cast<std::int64_t>(fed_));
    kept_ = sequence_;
    sequence_ = -1;
  }

  TokenIds ids_;
  int sequence_, draft_ = -1;
  std::size_t fed_;  // of ids_, cached
  TokenIds drafted_, feed_;
  std::vector<std::vector<float>>
      draft_probabilities_;  // a row for each drafted token when sampling
  double most_drafted_;
  float logprob_ = 0;  // of all tokens, for mean_logprob
};

}  // namespace

std::unique_ptr<Method> make_assisted(Decoder& decoder, Prompt prompt, Surroundings around) {
  return std::make_unique<Assisted>(decoder, std::move(prompt), std::move(around));
}

}  // namespace hft
