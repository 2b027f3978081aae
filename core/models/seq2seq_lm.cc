#include "core/models/seq2seq_lm.h"

#include <c10/core/InferenceMode.h>

#include "core/base/error.h"
#include "core/models/cached_decoder.h"
#include "core/models/text_model.h"
#include "core/nn/finite.h"

namespace hft {
namespace {

class EncoderDecoder : public Seq2SeqLm {
 public:
  EncoderDecoder(Seq2SeqNet net, const ModelRequest& request, std::shared_ptr<Pool> pool,
                 at::ScalarType dtype, std::vector<std::string> warnings)
      : net_(std::move(net)),
        decoder_(net_.decoder, request, pool, dtype),
        sources_(net_.sources, CachedDecoder::cache_type(dtype), request.deterministic),
        pool_(std::move(pool)),
        warnings_(std::move(warnings)) {}

  std::vector<int> encode(const TokenBatch& batch) override {
    check(batch);
    return translate_errors([&] {
      const c10::InferenceMode no_gradients;
      const OnPool on(pool_.get());
      const Tokens tokens = read(batch);
      const Tensor encoded = net_.encode(tokens);  // [N,D]
      if (!at::isfinite(encoded).all().item<bool>()) fail_not_finite(tokens);
      return keep(encoded, tokens.seqs);
    });
  }

  int fork(int sequence) override {
    const int copy = decoder_.fork(sequence);
    hold(copy, source_of_.at(sequence));
    return copy;
  }
  void crop(int sequence, std::int64_t length) override { decoder_.crop(sequence, length); }
  void close(int sequence) override {
    decoder_.close(sequence);
    const int source = source_of_.at(sequence);
    source_of_.erase(sequence);
    if (--holders_[source] > 0) return;
    holders_.erase(source);
    sources_.close(source);
  }
  void forward(std::span<const Feed> feeds, Decoded& out) override {
    decoder_.forward(feeds, out,
                     {&sources_, [&](int sequence) { return source_of_.at(sequence); }});
  }
  std::int64_t length(int sequence) const override { return decoder_.length(sequence); }
  void each(std::size_t count, const std::function<void(std::size_t)>& f) override {
    decoder_.each(count, f);
  }
  std::int64_t vocab() const override { return decoder_.net().vocab; }
  std::int64_t max_positions() const override { return decoder_.net().positions; }
  std::int64_t max_source_positions() const override { return net_.source_positions; }
  Kept kept_bytes() const override { return {sources_.token_bytes(), decoder_.token_bytes()}; }
  const std::vector<std::string>& warnings() const override { return warnings_; }

 private:
  void check(const TokenBatch& batch) const {
    const auto count = static_cast<std::int64_t>(batch.ids.size());
    if (batch.starts.empty() || batch.starts.front() != 0 || batch.starts.back() != count)
      fail(Errc::kFailure, "a batch's starts do not span its ", count, " tokens");
    for (std::size_t b = 1; b < batch.starts.size(); ++b) {
      const auto length = std::int64_t{batch.starts[b]} - batch.starts[b - 1];
      if (length < 1) fail(Errc::kBadData, "input ", b - 1, " of the batch has no tokens");
      if (length > net_.source_positions)
        fail(Errc::kUsage, "an input has ", length, " tokens, but the model takes at most ",
             net_.source_positions);
    }
    check_ids(batch.ids, net_.source_vocab);
  }

  static Tokens read(const TokenBatch& batch) {
    Tokens tokens;
    tokens.seqs.starts.assign(batch.starts.begin(), batch.starts.end());
    tokens.ids =
        at::tensor(std::vector<std::int64_t>(batch.ids.begin(), batch.ids.end()), at::kLong);
    return tokens;
  }

  // A decoder's sequence for each text.
  std::vector<int> keep(const Tensor& encoded, const Sequences& seqs) {
    std::vector<int> sequences;
    for (const int source : keep_sources(net_, encoded, seqs, sources_)) {
      sequences.push_back(decoder_.open());
      hold(sequences.back(), source);
    }
    return sequences;
  }

  void hold(int sequence, int source) {
    source_of_[sequence] = source;
    ++holders_[source];
  }

  [[noreturn]] void fail_not_finite(Tokens tokens) const {
    tokens.watch = find_not_finite;
    net_.encode(tokens);
    fail(Errc::kNotFinite, "NaN or infinity first shows in the output of the encoder");
  }

  Seq2SeqNet net_;
  CachedDecoder decoder_;
  KvCache sources_;  // keys and values of the source texts
  std::shared_ptr<Pool> pool_;
  std::vector<std::string> warnings_;
  std::map<int, int> source_of_;  // of a decoder's sequence
  std::map<int, int> holders_;    // sequences of a source
};

}  // namespace

std::unique_ptr<Seq2SeqLm> make_seq2seq_lm(Seq2SeqNet net, const ModelRequest& request,
                                           std::shared_ptr<Pool> pool, at::ScalarType dtype,
                                           std::vector<std::string> warnings) {
  return std::make_unique<EncoderDecoder>(std::move(net), request, std::move(pool), dtype,
                                          std::move(warnings));
}

}  // namespace hft
