#include <ATen/Parallel.h>

#include <atomic>

#include "core/nn/attention.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

// Multiplications that are not worth another thread.
constexpr std::int64_t kSmallWork = 1 << 15;

// Rows [first, last) of the work of one key/value head and one sequence.
struct Piece {
  const CachedHead* head;
  std::int64_t first, last;
};

// Rows of queries that attend to the same blocks.
struct Span {
  std::int64_t begin, count, past, everyone;  // see CachedHead
  const void* const* blocks;
};

class Pieces {
 public:
  Pieces(const Tensor& queries, Tensor& out, const CausalAttention& a, const CacheLayer& layer,
         const std::vector<Span>& spans, const Tensor& bias = {}) {
    const auto group = a.heads / layer.heads;
    const auto bytes = queries.element_size();
    heads_.reserve(spans.size() * layer.heads);
    for (const auto& span : spans)
      for (std::int64_t k = 0; k < layer.heads; ++k)
        heads_.push_back({.query = static_cast<const char*>(queries.const_data_ptr()) +
                                   (span.begin * queries.stride(0) + k * group * layer.size) * bytes,
                          .query_stride = queries.stride(0),
                          .out = static_cast<char*>(out.data_ptr()) +
                                 (span.begin * out.stride(0) + k * group * layer.size) * bytes,
                          .out_stride = out.stride(0),
                          .blocks = span.blocks,
                          .head_offset = k * numbers_of_head(layer.size),
                          .group = group,
                          .size = layer.size,
                          .past = span.past,
                          .window = layer.window,
                          .everyone = span.everyone,
                          .scale = static_cast<float>(a.scale),
                          .softcap = static_cast<float>(a.softcap),
                          .bias = bias.defined() ? bias.const_data_ptr<float>() +
                                                       k * bias.stride(0) + bias.size(1) / 2
                                                 : nullptr,
                          .bfloat16 = queries.scalar_type() == at::kBFloat16});
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      const auto& span = spans[i / layer.heads];
      cut(heads_[i], span.count * group);
      const auto all = span.everyone > 0 ? span.everyone : span.past + span.count;
      work_ += span.count * group * (layer.window > 0 ? std::min(layer.window, all) : all) *
               layer.size;
    }
  }

  void run() const {
    const int cores = work_ < kSmallWork ? 1 : at::get_num_threads();
    std::atomic<std::size_t> next = 0;
    const auto size = heads_.empty() ? 0 : heads_[0].size;
    on_each_core(cores, [&](int) {
      thread_local std::vector<float> scratch;
      if (const auto needed = static_cast<std::size_t>(cached_scratch(size));
          scratch.size() < needed)
        scratch.resize(needed);
      for (std::size_t i; (i = next++) < pieces_.size();)
        attend_cached(*pieces_[i].head, pieces_[i].first, pieces_[i].last, scratch.data());
    });
  }

 private:
  void cut(const CachedHead& head, std::int64_t rows) {
    for (std::int64_t first = 0; first < rows; first += kCachedRows)
      pieces_.push_back({&head, first, std::min(first + kCachedRows, rows)});
  }

  std::vector<CachedHead> heads_;
  std::vector<Piece> pieces_;
  std::int64_t work_ = 0;
};

// Keys and values of each sequence, to the cache.
void keep(const Tensor& qkv, const CausalAttention& a, const Steps& steps) {
  KvCache& cache = *steps.cache;
  const CacheLayer& layer = cache.layer(a.layer);
  const auto bytes = qkv.element_size();
  const auto work = qkv.size(0) * layer.heads * layer.size;
  std::atomic<std::size_t> next = 0;
  on_each_core(work < kSmallWork ? 1 : at::get_num_threads(), [&](int) {
    for (std::size_t i; (i = next++) < steps.steps.size();) {
      const Step& step = steps.steps[i];
      const auto* keys = static_cast<const char*>(qkv.const_data_ptr()) +
                         (step.begin * qkv.stride(0) + a.heads * layer.size) * bytes;
      cache.write(a.layer, step.sequence, step.past, step.count, keys,
                  keys + layer.heads * layer.size * bytes, qkv.stride(0));
    }
  });
}

}  // namespace

Tensor attend_causal(const Tensor& input, const CausalAttention& a, const Steps& steps,
                     const Tensor& bias) {
  KvCache& cache = *steps.cache;
  const Tensor qkv = input.to(cache.dtype()).contiguous();
  keep(qkv, a, steps);
  std::vector<Span> spans;
  for (const auto& step : steps.steps)
    spans.push_back(
        {step.begin, step.count, step.past, 0, cache.blocks(a.layer, step.sequence)});
  const CacheLayer& layer = cache.layer(a.layer);
  Tensor out = at::empty({qkv.size(0), a.heads * layer.size}, qkv.options());
  Pieces(qkv, out, a, layer, spans, bias).run();
  return out.to(input.scalar_type());
}

Tensor attend_source(const Tensor& input, const CausalAttention& a, const Steps& steps) {
  const KvCache& sources = *steps.sources;
  const Tensor queries = input.to(sources.dtype()).contiguous();
  std::vector<Span> spans;
  int last = -1;
  for (const auto& step : steps.steps) {
    if (spans.empty() || step.source != last)
      spans.push_back({step.begin, 0, 0, sources.length(step.source),
                       sources.blocks(a.layer, step.source)});
    spans.back().count += step.count;
    last = step.source;
  }
  Tensor out = at::empty(queries.sizes(), queries.options());
  Pieces(queries, out, a, sources.layer(a.layer), spans).run();
  return out.to(input.scalar_type());
}

}  // namespace hft
