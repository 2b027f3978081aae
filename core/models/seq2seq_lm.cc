#include "core/models/seq2seq_lm.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <optional>

#include "core/base/error.h"
#include "core/models/cached_decoder.h"
#include "core/models/looking.h"
#include "core/models/text_model.h"
#include "core/nn/attention.h"
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
        dtype_(dtype),
        warnings_(std::move(warnings)) {}

  std::vector<int> encode(const TokenBatch& batch) override {
    if (!net_.encode) fail(Errc::kUnsupported, "the model reads no texts");
    check(batch);
    return translate_errors([&] {
      const c10::InferenceMode no_gradients;
      const OnPool on(pool_.get());
      Tokens tokens = read(batch);
      const Tensor encoded = finite([&](const Watch& watch) {  // [N,D]
        tokens.watch = watch;
        return net_.encode(tokens);
      });
      return keep(encoded, tokens.seqs);
    });
  }

  std::vector<int> hear(std::span<const SoundView> windows) override {
    if (!net_.hear) fail(Errc::kUnsupported, "the model hears no sounds");
    for (const SoundView& window : windows)
      if (window.frames != net_.hearing.frames || window.bins != net_.hearing.bins)
        fail(Errc::kBadData, "a window of ", window.frames, " frames of ", window.bins,
             " bins, but the model hears ", net_.hearing.frames, " of ", net_.hearing.bins);
    return translate_errors([&] {
      const c10::InferenceMode no_gradients;
      const OnPool on(pool_.get());
      Sequences seqs;
      for (std::size_t b = 1; b <= windows.size(); ++b)
        seqs.starts.push_back(static_cast<std::int64_t>(b) * net_.source_positions);
      return keep(encoded(windows), seqs);
    });
  }

  std::vector<int> see(std::span<const PictureView> pictures, const Questions& questions) override {
    if (!net_.see) fail(Errc::kUnsupported, "the model sees no pictures");
    for (const PictureView& picture : pictures)
      if (picture.channels != 3)
        fail(Errc::kBadData, "a picture has ", picture.channels, " channels, but the model sees 3");
    if (net_.ask) check(questions.texts);
    return translate_errors([&] {
      const c10::InferenceMode no_gradients;
      const OnPool on(pool_.get());
      const PictureStates seen = seen_in(pictures);
      if (net_.ask) {
        const Tokens texts = read(questions.texts);
        return keep(finite([&](const auto& watch) {
          Tokens watched = texts;
          watched.watch = watch;
          return net_.ask(watched, seen, questions.of);
        }), texts.seqs);
      }
      std::vector<Tensor> parts;
      Sequences seqs;
      for (const auto picture : questions.of) {
        const auto length = seen.seqs.length(picture);
        parts.push_back(seen.x.narrow(0, seen.seqs.starts[picture], length));
        seqs.starts.push_back(seqs.tokens() + length);
      }
      return keep(at::concat(parts), seqs);
    });
  }

  Attended attended(int sequence, std::span<const std::int32_t> ids,
                    std::span<const SourceHead> heads) override {
    const OneSource seen{sources_, 0, source_of_.at(sequence)};
    std::vector<std::vector<Tensor>> parts(heads.size());  // of each pass [T,S]
    Decoded out;
    CachedDecoder::Sources sources = looked_up();
    sources.asked = [&](std::int64_t layer, const Tensor& queries) {
      for (std::size_t i = 0; i < heads.size(); ++i)
        if (heads[i].first == layer)
          parts[i].push_back(
              source_weights(queries, heads[i].second, {sources_, layer, seen.source}));
    };
    const Feed feed{sequence, ids, 0};
    decoder_.forward({&feed, 1}, out, sources);
    Attended found{static_cast<std::int64_t>(heads.size()), static_cast<std::int64_t>(ids.size()),
                   sources_.length(seen.source), {}};
    for (const auto& part : parts) {
      const Tensor all = at::concat(part).contiguous();
      const auto* data = all.const_data_ptr<float>();
      found.weights.insert(found.weights.end(), data, data + all.numel());
    }
    return found;
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
    decoder_.forward(feeds, out, looked_up());
  }
  std::int64_t length(int sequence) const override { return decoder_.length(sequence); }
  void each(std::size_t count, const std::function<void(std::size_t)>& f) override {
    decoder_.each(count, f);
  }
  std::int64_t vocab() const override { return decoder_.net().vocab; }
  std::int64_t max_positions() const override { return decoder_.net().positions; }
  std::int64_t max_source_positions() const override { return net_.source_positions; }
  Hearing hearing() const override { return net_.hearing; }
  Sight sight() const override {
    return net_.ask ? Sight::kIsAsked : net_.see ? Sight::kSees : Sight::kNone;
  }
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

  CachedDecoder::Sources looked_up() {
    return {&sources_, [this](int sequence) { return source_of_.at(sequence); }};
  }

  using Watch = std::function<void(const std::string& layer, const Tensor& output)>;
  // What compute(watch) gives; looks once more, at every layer's output, where it is not finite.
  template <class F>
  static Tensor finite(const F& compute) {
    Tensor encoded = compute(Watch());
    if (at::isfinite(encoded).all().template item<bool>()) return encoded;
    compute(Watch(find_not_finite));
    fail(Errc::kNotFinite, "NaN or infinity first shows in the output of the encoder");
  }

  Tensor listen(const SoundView& window) const {  // [S,D]
    Sounds sounds;
    sounds.features = at::from_blob(const_cast<float*>(window.data), {1, window.frames, window.bins},
                                    at::kFloat)
                          .to(dtype_);
    return finite([&](const Watch& watch) {
      sounds.watch = watch;
      return net_.hear(sounds);
    });
  }

  // Of pictures that were asked about last nothing is computed again.
  PictureStates seen_in(std::span<const PictureView> pictures) {
    std::vector<Tensor> parts(pictures.size());
    std::vector<std::size_t> fresh;
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      if (auto known = looked_at_.find(pictures[i]))
        parts[i] = *std::move(known);
      else
        fresh.push_back(i);
    }
    each_apart(fresh.size(), [&](std::size_t i) {
      Pictures one;
      one.pixels.push_back(pixels_of(pictures[fresh[i]]));
      parts[fresh[i]] = finite([&](const Watch& watch) {
        one.watch = watch;
        return net_.see(one).x;
      });
    });
    if (net_.ask)
      for (const std::size_t i : fresh) looked_at_.keep(pictures[i], parts[i]);
    PictureStates seen;
    for (const Tensor& part : parts) seen.seqs.starts.push_back(seen.seqs.tokens() + part.size(0));
    seen.x = at::concat(parts);
    return seen;
  }

  Tensor encoded(std::span<const SoundView> windows) const {
    std::vector<Tensor> parts(windows.size());
    each_apart(windows.size(), [&](std::size_t i) { parts[i] = listen(windows[i]); });
    return at::concat(parts);
  }

  // A decoder's sequence for each source.
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

  Seq2SeqNet net_;
  CachedDecoder decoder_;
  KvCache sources_;  // keys and values of the source texts
  std::shared_ptr<Pool> pool_;
  at::ScalarType dtype_;
  std::vector<std::string> warnings_;
  std::map<int, int> source_of_;  // of a decoder's sequence
  std::map<int, int> holders_;    // sequences of a source
  static constexpr std::size_t kLookedAt = 4;
  LookedAt<Tensor> looked_at_{kLookedAt};
};

}  // namespace

std::unique_ptr<Seq2SeqLm> make_seq2seq_lm(Seq2SeqNet net, const ModelRequest& request,
                                           std::shared_ptr<Pool> pool, at::ScalarType dtype,
                                           std::vector<std::string> warnings) {
  return std::make_unique<EncoderDecoder>(std::move(net), request, std::move(pool), dtype,
                                          std::move(warnings));
}

}  // namespace hft
