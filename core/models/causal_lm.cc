#include "core/models/causal_lm.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <bit>
#include <map>

#include "core/base/error.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

// Tokens of one pass: enough that laying out the weights costs little, few enough that activations
// stay small.
constexpr std::int64_t kPassTokens = 1024;

bool all_finite(const Tensor& values) {
  constexpr std::uint32_t kExponent = 0x7f800000;  // all ones: infinity or NaN (IEEE 754)
  const auto* data = values.const_data_ptr<float>();
  std::uint32_t found = 0;
  for (std::int64_t i = 0; i < values.numel(); ++i)
    found |= (std::bit_cast<std::uint32_t>(data[i]) & kExponent) == kExponent;
  return found == 0;
}

class CachedDecoder : public CausalLm {
 public:
  CachedDecoder(DecoderNet net, const ModelRequest& request, at::ScalarType dtype,
                std::vector<std::string> warnings)
      : net_(std::move(net)),
        cache_(net_.cache, dtype == at::kBFloat16 ? at::kBFloat16 : at::kFloat),
        threads_(request.threads),
        pass_tokens_(request.prefill_chunk > 0 ? request.prefill_chunk : kPassTokens),
        warnings_(std::move(warnings)) {}

  int open() override { return remember(cache_.open(), {}); }
  int fork(int sequence) override { return remember(cache_.fork(sequence), ids_[sequence]); }
  void crop(int sequence, std::int64_t length) override {
    cache_.crop(sequence, length);
    auto& ids = ids_[sequence];
    ids.resize(std::min<std::size_t>(ids.size(), length));
  }
  void close(int sequence) override {
    cache_.close(sequence);
    ids_.erase(sequence);
  }
  std::int64_t length(int sequence) const override { return cache_.length(sequence); }
  std::int64_t vocab() const override { return net_.vocab; }
  std::int64_t max_positions() const override { return net_.positions; }
  const std::vector<std::string>& warnings() const override { return warnings_; }

  void forward(std::span<const Feed> feeds, Decoded& out) override {
    for (const auto& feed : feeds) check(feed);
    translate_errors([&] {
      const c10::InferenceMode no_gradients;
      const ThreadCount threads(threads_);
      out.logits = {0, net_.vocab, std::move(out.logits.data)};
      out.hidden = {0, net_.size, std::move(out.hidden.data)};
      out.logits.data.clear();
      out.hidden.data.clear();
      std::vector<Feed> whole(feeds.begin(), feeds.end());
      for (auto& feed : whole) turn(feed);
      run(whole, out);
    });
  }

 private:
  int remember(int sequence, std::vector<std::int32_t> ids) {
    if (net_.turning_point > 0) ids_[sequence] = std::move(ids);
    return sequence;
  }

  // Past the turning point all that is cached is computed anew, with the new tokens.
  void turn(Feed& feed) {
    if (net_.turning_point == 0) return;
    auto& ids = ids_[feed.sequence];
    const auto past = static_cast<std::int64_t>(ids.size());
    ids.insert(ids.end(), feed.ids.begin(), feed.ids.end());
    if (past == 0 || past > net_.turning_point ||
        static_cast<std::int64_t>(ids.size()) <= net_.turning_point)
      return;
    cache_.crop(feed.sequence, 0);
    feed.ids = ids;
  }

  void check(const Feed& feed) const {
    const auto count = static_cast<std::int64_t>(feed.ids.size());
    const auto total = cache_.length(feed.sequence) + count;
    if (count == 0 || feed.rows < 0 || feed.rows > count)
      fail(Errc::kFailure, "a feed of ", count, " tokens wants ", feed.rows, " rows");
    if (total > net_.positions)
      fail(Errc::kUsage, "the text has ", total, " tokens, but the model takes at most ",
           net_.positions);
    for (auto id : feed.ids)
      if (id < 0 || id >= net_.vocab)
        fail(Errc::kBadData, "token id ", id, " is outside [0, ", net_.vocab, ") of the model");
  }

  // Passes of at most pass_tokens_; a long feed takes several.
  void run(const std::vector<Feed>& feeds, Decoded& out) {
    Pass pass;
    for (const auto& feed : feeds) {
      const auto count = static_cast<std::int64_t>(feed.ids.size());
      const auto past = cache_.length(feed.sequence);
      for (std::int64_t begin = 0; begin < count;) {
        const auto room = pass_tokens_ - static_cast<std::int64_t>(pass.ids.size());
        const auto part = std::min(room, count - begin);
        pass.add(feed, past, begin, part);
        begin += part;
        if (part == room) run(std::exchange(pass, {}), out);
      }
    }
    if (!pass.ids.empty()) run(pass, out);
  }

  struct Pass {
    std::vector<Step> steps;
    std::vector<std::int64_t> ids, positions, rows;
    // Tokens [begin, begin + count) of a feed that began at `past`.
    void add(const Feed& feed, std::int64_t past, std::int64_t begin, std::int64_t count) {
      const auto size = static_cast<std::int64_t>(feed.ids.size());
      const auto row = static_cast<std::int64_t>(ids.size());
      steps.push_back({feed.sequence, row, count, past + begin, past + size});
      for (std::int64_t i = begin; i < begin + count; ++i) {
        if (i >= size - feed.rows) rows.push_back(static_cast<std::int64_t>(ids.size()));
        ids.push_back(feed.ids[i]);
        positions.push_back(past + i);
      }
    }
  };

  void run(const Pass& pass, Decoded& out) {
    Steps steps;
    steps.steps = pass.steps;
    steps.cache = &cache_;
    steps.ids = at::tensor(pass.ids, at::kLong);
    steps.positions = at::tensor(pass.positions, at::kLong);
    if (pass.rows.size() < pass.ids.size()) steps.rows = at::tensor(pass.rows, at::kLong);
    for (const auto& step : steps.steps) cache_.extend(step.sequence, step.count);
    const Tensor hidden = net_.hidden(steps);  // [R,D]
    if (!pass.rows.empty()) {
      const Tensor logits = net_.logits(hidden).contiguous();  // [R,V]
      if (!all_finite(logits)) fail_not_finite(std::move(steps));
      append(logits, out.logits);
      if (out.want_hidden) append(hidden.to(at::kFloat).contiguous(), out.hidden);
    }
    for (const auto& step : steps.steps) cache_.advance(step.sequence, step.count);
  }

  static void append(const Tensor& values, Matrix& matrix) {
    const auto* data = values.const_data_ptr<float>();
    matrix.rows += values.size(0);
    matrix.data.insert(matrix.data.end(), data, data + values.numel());
  }

  // Runs once more, looking at every layer's output.
  [[noreturn]] void fail_not_finite(Steps steps) const {
    steps.watch = [](const std::string& layer, const Tensor& output) {
      const bool nan = at::isnan(output).any().item<bool>();
      if (nan || at::isinf(output).any().item<bool>())
        fail(Errc::kNotFinite, nan ? "NaN" : "infinity", " first shows in the output of '", layer,
             "'");
    };
    net_.hidden(steps);
    fail(Errc::kNotFinite, "NaN or infinity first shows in the logits");
  }

  DecoderNet net_;
  KvCache cache_;
  int threads_;
  std::int64_t pass_tokens_;
  std::vector<std::string> warnings_;
  std::map<int, std::vector<std::int32_t>> ids_;  // of each sequence, when there is a turning point
};

}  // namespace

std::unique_ptr<CausalLm> make_causal_lm(DecoderNet net, const ModelRequest& request,
                                         at::ScalarType dtype, std::vector<std::string> warnings) {
  return std::make_unique<CachedDecoder>(std::move(net), request, dtype, std::move(warnings));
}

}  // namespace hft
