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
        look_up(room);
    }
    feed_.assign(ids_.begin() + static_cast<std::ptrdiff_t>(fed_), ids_.end());
    feed_.insert(feed_.end(), drafted_.begin(), drafted_.end());
    feeds.push_back({sequence_, feed_, static_cast<std::int64_t>(drafted_.size()) + 1});
  }

  void take(std::span<float> logits, std::span<const float>) override {
    const auto v = static_cast<std::size_t>(vocab_);
    fed_ = ids_.size() + drafted_.size();
    std::size_t accepted = 0;
    for (std::size_t i = 0; i <= drafted_.size() && !done_; ++i) {
      const auto row = logits.subspan(i * v, v);
      std::vector<float> raw;
      if (around_.logprobs >= 0) raw.assign(row.begin(), row.end());
      processors_.process(ids_, row);
      const std::optional<std::int32_t> wanted =
          i < drafted_.size() ? std::optional(drafted_[i]) : std::nullopt;
      const std::int32_t id = around_.config.do_sample ? sampled(row, i, wanted) : argmax(row);
      append(id, raw);
      if (id != wanted) break;
      ++accepted;
    }
    adjust(accepted);
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

  // A token of the model's distribution p, given that the draft's q proposed `wanted`: kept with
  // probability p/q, else drawn from what p has more than q.
  std::int32_t sampled(std::span<float> scores, std::size_t i, std::optional<std::int32_t> wanted) {
    Matrix p{1, vocab_, std::vector<float>(scores.size())};
    softmax(scores, p.data);
    if (!wanted || draft_probabilities_.empty()) return around_.random->draw(p, 1)[0];
    const std::vector<float>& q = draft_probabilities_[i];
    const auto w = static_cast<std::size_t>(*wanted);
    if (around_.random->uniform(1)[0] <= p.data[w] / q[w]) return *wanted;
    double left = 0;
    for (std::size_t j = 0; j < p.data.size(); ++j)
      left += p.data[j] = std::max(p.data[j] - (j < q.size() ? q[j] : 0.0f), 0.0f);
    if (left <= 0) return argmax(scores);
    for (float& x : p.data) x = static_cast<float>(x / left);
    return around_.random->draw(p, 1)[0];
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
    processors_.process(all, row);
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

  // What followed the last tokens when they stood in the text before.
  void look_up(std::size_t room) {
    const auto most = static_cast<std::size_t>(around_.config.prompt_lookup_num_tokens.value());
    const auto longest =
        std::min(static_cast<std::size_t>(around_.config.max_matching_ngram_size.value_or(2)),
                 ids_.size() - 1);
    for (std::size_t n = longest; n > 0 && drafted_.empty(); --n) {
      const auto tail = std::span(ids_).last(n);
      for (std::size_t at = 0; at + n < ids_.size(); ++at) {
        if (!std::equal(tail.begin(), tail.end(), ids_.begin() + static_cast<std::ptrdiff_t>(at)))
          continue;
        for (std::size_t i = at + n; i < std::min(ids_.size(), at + n + std::min(most, room));
             ++i) {
          if (stopping_.is_eos(ids_[i])) break;
          drafted_.push_back(ids_[i]);
        }
        break;
      }
    }
  }

  void adjust(std::size_t accepted) {
    if (!around_.draft || around_.config.num_assistant_tokens_schedule == "constant") return;
    most_drafted_ =
        accepted == drafted_.size() ? most_drafted_ + 2 : std::max(1.0, most_drafted_ - 1);
  }

  void end() {
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
};

}  // namespace

std::unique_ptr<Method> make_assisted(Decoder& decoder, Prompt prompt, Surroundings around) {
  return std::make_unique<Assisted>(decoder, std::move(prompt), std::move(around));
}

}  // namespace hft
