#include "core/models/cached_decoder.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <atomic>

#include "core/base/error.h"
#include "core/models/text_model.h"
#include "core/nn/finite.h"

namespace hft {
namespace {

// Tokens of one pass: enough that laying out the weights costs little, few enough that activations
// stay small.
constexpr std::int64_t kPassTokens = 1024;

void append(const Tensor& values, Matrix& matrix) {
  const auto* data = values.const_data_ptr<float>();
  matrix.rows += values.size(0);
  matrix.data.insert(matrix.data.end(), data, data + values.numel());
}

}  // namespace

CachedDecoder::CachedDecoder(DecoderNet net, const ModelRequest& request,
                             std::shared_ptr<Pool> pool, at::ScalarType dtype)
    : net_(std::move(net)),
      cache_(net_.cache, cache_type(dtype), request.deterministic,
             {request.cache_bits, request.cache_residual}),
      pool_(std::move(pool)),
      pass_tokens_(request.prefill_chunk > 0 ? request.prefill_chunk : kPassTokens) {}

at::ScalarType CachedDecoder::cache_type(at::ScalarType dtype) {
  return dtype == at::kBFloat16 ? at::kBFloat16 : at::kFloat;
}

void CachedDecoder::crop(int sequence, std::int64_t length) {
  cache_.crop(sequence, length);
  auto& ids = ids_[sequence];
  ids.resize(std::min<std::size_t>(ids.size(), length));
}

void CachedDecoder::close(int sequence) {
  cache_.close(sequence);
  ids_.erase(sequence);
  illustrations_.close(sequence);
}

void CachedDecoder::forward(std::span<const Feed> feeds, Decoded& out, const Sources& sources) {
  for (const auto& feed : feeds) check(feed);
  translate_errors([&] {
    const c10::InferenceMode no_gradients;
    const OnPool on(pool_.get());
    std::int64_t rows = 0;
    for (const auto& feed : feeds) rows += feed.rows;
    // Memory that is as large as the last time's stays as it is.
    out.logits = {0, net_.vocab, std::move(out.logits.data)};
    out.logits.data.resize(rows * net_.vocab);
    out.hidden = {0, net_.size, std::move(out.hidden.data)};
    out.hidden.data.clear();
    std::vector<Feed> whole(feeds.begin(), feeds.end());
    for (auto& feed : whole) turn(feed);
    not_finite_.reset();
    run(whole, out, sources);
    if (not_finite_) throw *not_finite_;
  });
}

void CachedDecoder::each(std::size_t count, const std::function<void(std::size_t)>& f) const {
  const OnPool on(pool_.get());
  std::atomic<std::size_t> next = 0;
  on_each_core(std::min<int>(cores(), static_cast<int>(count)), [&](int) {
    for (std::size_t i; (i = next++) < count;) f(i);
  });
}

int CachedDecoder::remember(int sequence, std::vector<std::int32_t> ids) {
  if (net_.turning_point > 0) ids_[sequence] = std::move(ids);
  return sequence;
}

void CachedDecoder::turn(Feed& feed) {
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

void CachedDecoder::check(const Feed& feed) const {
  const auto count = static_cast<std::int64_t>(feed.ids.size());
  const auto total = cache_.length(feed.sequence) + count;
  if (count == 0 || feed.rows < 0 || feed.rows > count)
    fail(Errc::kFailure, "a feed of ", count, " tokens wants ", feed.rows, " rows");
  if (total > net_.positions)
    fail(Errc::kUsage, "the text has ", total, " tokens, but the model takes at most ",
         net_.positions);
  check_ids(feed.ids, net_.vocab);
}

void check_ids(std::span<const std::int32_t> ids, std::int64_t vocab) {
  for (auto id : ids)
    if (id < 0 || id >= vocab)
      fail(Errc::kBadData, "token id ", id, " is outside [0, ", vocab, ") of the model");
}

struct CachedDecoder::Pass {
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

// Passes of at most pass_tokens_; a long feed takes several.
void CachedDecoder::run(const std::vector<Feed>& feeds, Decoded& out, const Sources& sources) {
  Pass pass;
  for (const auto& feed : feeds) {
    const auto count = static_cast<std::int64_t>(feed.ids.size());
    const auto past = cache_.length(feed.sequence);
    for (std::int64_t begin = 0; begin < count;) {
      const auto room = pass_tokens_ - static_cast<std::int64_t>(pass.ids.size());
      const auto part = std::min(room, count - begin);
      pass.add(feed, past, begin, part);
      begin += part;
      if (part == room) run(std::exchange(pass, {}), out, sources);
    }
  }
  if (!pass.ids.empty()) run(pass, out, sources);
}

void CachedDecoder::run(const Pass& pass, Decoded& out, const Sources& sources) {
  Steps steps;
  steps.steps = pass.steps;
  steps.cache = &cache_;
  steps.sources = sources.cache;
  steps.asked = sources.asked;
  if (sources.of)
    for (auto& step : steps.steps) step.source = sources.of(step.sequence);
  steps.ids = at::tensor(pass.ids, at::kLong);
  steps.positions = at::tensor(pass.positions, at::kLong);
  if (pass.rows.size() < pass.ids.size()) steps.rows = at::tensor(pass.rows, at::kLong);
  illustrations_.add_to(steps);
  for (const auto& step : steps.steps) cache_.extend(step.sequence, step.count);
  const Tensor hidden = net_.hidden(steps);  // [R,D]
  if (!pass.rows.empty()) {
    float* logits = out.logits.data.data() + out.logits.rows * net_.vocab;
    logits_of(hidden, out.logits);
    if (!not_finite_ && !all_finite({logits, static_cast<std::size_t>(hidden.size(0) * net_.vocab)}))
      not_finite_ = find_not_finite(steps);
    if (out.want_hidden) append(hidden.to(at::kFloat).contiguous(), out.hidden);
  }
  for (const auto& step : steps.steps) cache_.advance(step.sequence, step.count);
}

void CachedDecoder::logits_of(const Tensor& hidden, Matrix& logits) {
  const auto rows = hidden.size(0);
  Tensor values = at::from_blob(logits.data.data() + logits.rows * net_.vocab, {rows, net_.vocab},
                                at::kFloat);
  net_.logits.in_float(hidden, values);
  if (net_.finish) net_.finish(values);
  logits.rows += rows;
}

// Runs once more, looking at every layer's output.
Error CachedDecoder::find_not_finite(Steps steps) const {
  steps.watch = hft::find_not_finite;
  try {
    net_.hidden(steps);
  } catch (const Error& e) {
    if (e.code == Errc::kNotFinite) return e;
    throw;
  }
  return {Errc::kNotFinite, "NaN or infinity first shows in the logits"};
}

}  // namespace hft
