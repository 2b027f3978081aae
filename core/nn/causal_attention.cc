
#include <atomic>
#include <cmath>

#include "core/kernels/cached_codes.h"
#include "core/nn/attention.h"
#include "core/nn/learning.h"
#include "core/nn/twins.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

// Multiplications that are not worth another thread.
constexpr std::int64_t kSmallAttention = 1 << 15;

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
  Pieces(const Tensor& queries, Tensor& out, const CausalAttention& a, const KvCache& cache,
         const std::vector<Span>& spans, const Tensor& bias = {}) {
    const CacheLayer& layer = cache.layer(a.layer);
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
                          .bfloat16 = queries.scalar_type() == at::kBFloat16,
                          .bits = cache.bits(),
                          .coded_offset = k * coded_bytes_of_head(layer.size, cache.bits()),
                          .sinks = a.sinks.defined()
                                       ? a.sinks.const_data_ptr<float>() + k * group
                                       : nullptr,
                          .row_exact = cache.row_exact()});
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      const auto& span = spans[i / layer.heads];
      cut(heads_[i], span.count * group);
      const auto all = span.everyone > 0 ? span.everyone : span.past + span.count;
      work_ += span.count * group * (layer.window > 0 ? std::min(layer.window, all) : all) *
               layer.size;
    }
  }

  void run() const {
    const int count = work_ < kSmallAttention ? 1 : cores();
    std::atomic<std::size_t> next = 0;
    const auto size = heads_.empty() ? 0 : heads_[0].size;
    on_each_core(count, [&](int) {
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
  on_each_core(work < kSmallAttention ? 1 : cores(), [&](int) {
    for (std::size_t i; (i = next++) < steps.steps.size();) {
      const Step& step = steps.steps[i];
      const auto* keys = static_cast<const char*>(qkv.const_data_ptr()) +
                         (step.begin * qkv.stride(0) + a.heads * layer.size) * bytes;
      const auto* values = keys + layer.heads * layer.size * bytes;
      cache.write(a.layer, step.sequence, step.past, {keys, values, step.count, qkv.stride(0)});
    }
  });
}

// What a sequence's new tokens see, for the twin.
struct Seen {
  Tensor keys, values;  // [K,P,E] each
  std::int64_t past = 0, everyone = 0, window = 0;  // see CachedHead
};

// queries [T, H*E] -> [T, H*E]
Tensor mixed(const Tensor& queries, const Seen& seen, const CausalAttention& a,
             const Tensor& bias) {
  const auto count = queries.size(0), positions = seen.keys.size(1), size = seen.keys.size(2);
  const auto of_all_heads = [&](const Tensor& x) {
    return x.to(at::kFloat).repeat_interleave(a.heads / x.size(0), 0);  // [H,P,E]
  };
  const Tensor parted = queries.to(at::kFloat).reshape({count, a.heads, size});  // [T,H,E]
  const Tensor wide = parted.transpose(0, 1);
  Tensor scores = at::matmul(wide * a.scale, of_all_heads(seen.keys).transpose(1, 2));  // [H,T,P]
  if (a.softcap > 0) scores = at::tanh(scores / a.softcap) * a.softcap;
  if (seen.everyone == 0) {
    const auto numbers = queries.options().dtype(at::kLong);
    const Tensor distance = at::arange(positions, numbers).unsqueeze(0) -
                            at::arange(seen.past, seen.past + count, numbers).unsqueeze(1);  // [T,P]
    if (bias.defined()) {
      const auto middle = bias.size(1) / 2;
      const Tensor places = (distance + middle).clamp(0, bias.size(1) - 1).flatten();  // [T*P]
      scores = scores + bias.index_select(1, places).view(scores.sizes());  // [H,T,P]
    }
    Tensor hidden = distance > 0;
    if (seen.window > 0) hidden = hidden.logical_or(distance <= -seen.window);
    scores = scores.masked_fill(hidden, -INFINITY);
  }
  if (a.sinks.defined())
    scores = at::concat({scores, a.sinks.view({-1, 1, 1}).expand({a.heads, count, 1})}, -1);  // [H,T,P+1]
  const Tensor weights = dropped(at::softmax(scores, -1), &Noise::attention);
  return at::matmul(weights.narrow(-1, 0, positions), of_all_heads(seen.values))
      .transpose(0, 1)                   // [T,H,E]
      .reshape({count, a.heads * size})  // [T,H*E]
      .to(queries.scalar_type());
}

// The keys or values [K, P, E] of a sequence's first P positions; 0 where they are forgotten.
Tensor kept(const KvCache& cache, std::int64_t layer, int sequence, std::int64_t positions,
            bool values) {
  const CacheLayer& l = cache.layer(layer);
  const auto width = cached_width(l.size), keys = l.size * kCacheBlock;
  std::vector<Tensor> parts;
  for (std::int64_t i = 0; i * kCacheBlock < positions; ++i) {
    void* block = const_cast<void*>(cache.blocks(layer, sequence)[i]);
    if (!block) {
      parts.push_back(at::zeros({l.heads, kCacheBlock, l.size}, cache.dtype()));
      continue;
    }
    Tensor all;  // [K,numbers_of_head]
    if (is_coded(block)) {
      all = at::empty({l.heads, numbers_of_head(l.size)}, at::kFloat);
      for (std::int64_t h = 0; h < l.heads; ++h)
        widen_head({static_cast<const std::byte*>(without_mark(block)) +
                        h * coded_bytes_of_head(l.size, cache.bits()),
                    l.size, cache.bits()},
                   all[h].data_ptr<float>());
      all = all.to(cache.dtype());
    } else {
      all = at::from_blob(block, {l.heads, numbers_of_head(l.size)}, cache.dtype());
    }
    parts.push_back(values ? all.narrow(1, keys, kCacheBlock * width)
                                 .view({l.heads, kCacheBlock, width})  // [K,kCacheBlock,width]
                                 .narrow(2, 0, l.size)
                           : all.narrow(1, 0, keys)
                                 .view({l.heads, l.size, kCacheBlock})  // [K,E,kCacheBlock]
                                 .transpose(1, 2));  // [K,kCacheBlock,E]
  }
  return at::concat(parts, 1).narrow(1, 0, positions);
}

Tensor causal_with_libtorch(const Tensor& qkv, const CausalAttention& a, const Steps& steps,
                            const Tensor& bias) {
  const KvCache& cache = *steps.cache;
  const CacheLayer& layer = cache.layer(a.layer);
  const auto columns = a.heads * layer.size, width = layer.heads * layer.size;
  std::vector<Tensor> parts;
  for (const auto& step : steps.steps) {
    const Tensor rows = qkv.narrow(0, step.begin, step.count);
    // What is new is taken from qkv, so that gradients reach it.
    const auto part = [&](bool values) {
      const Tensor fresh = rows.narrow(1, columns + (values ? width : 0), width)
                               .reshape({step.count, layer.heads, layer.size})  // [T,K,E]
                               .transpose(0, 1);  // [K,T,E]
      if (step.past == 0) return fresh;
      return at::concat({kept(cache, a.layer, step.sequence, step.past, values), fresh}, 1);
    };
    parts.push_back(mixed(rows.narrow(1, 0, columns),
                          {part(false), part(true), step.past, 0, layer.window}, a, bias));
  }
  return at::concat(parts);
}

Tensor source_with_libtorch(const Tensor& queries, const CausalAttention& a, const Steps& steps) {
  const KvCache& sources = *steps.sources;
  std::vector<Tensor> parts;
  const CacheLayer& layer = sources.layer(a.layer);
  for (const auto& step : steps.steps) {
    const auto length = sources.length(step.source), width = layer.heads * layer.size;
    const auto part = [&](bool values) {  // [K,P,E]
      if (steps.seen.empty()) return kept(sources, a.layer, step.source, length, values);
      return steps.seen[a.layer]
          .narrow(0, steps.seen_rows.at(step.source), length)
          .narrow(1, values ? width : 0, width)
          .reshape({length, layer.heads, layer.size})
          .transpose(0, 1);
    };
    parts.push_back(mixed(queries.narrow(0, step.begin, step.count),
                          {part(false), part(true), 0, length, 0}, a, {}));
  }
  return at::concat(parts);
}

}  // namespace

Tensor attend_causal(const Tensor& input, const CausalAttention& a, const Steps& steps,
                     const Tensor& bias) {
  KvCache& cache = *steps.cache;
  const Tensor qkv = input.to(cache.dtype()).contiguous();
  if (qkv.is_cpu()) keep(qkv, a, steps);
  if (!kernel_computes(qkv)) return causal_with_libtorch(qkv, a, steps, bias).to(input.scalar_type());
  std::vector<Span> spans;
  for (const auto& step : steps.steps)
    spans.push_back(
        {step.begin, step.count, step.past, 0, cache.blocks(a.layer, step.sequence)});
  const CacheLayer& layer = cache.layer(a.layer);
  Tensor out = at::empty({qkv.size(0), a.heads * layer.size}, qkv.options());
  Pieces(qkv, out, a, cache, spans, bias).run();
  return out.to(input.scalar_type());
}

Tensor source_weights(const Tensor& queries, std::int64_t head, const OneSource& seen) {
  const auto size = seen.sources.layer(seen.layer).size;
  const Tensor keys = kept(seen.sources, seen.layer, seen.source, seen.sources.length(seen.source),
                           false)[head].to(at::kFloat);  // [S,E]
  const Tensor own = queries.narrow(1, head * size, size).to(at::kFloat);  // [T,E]
  return at::softmax(at::matmul(own, keys.t()) / std::sqrt(static_cast<double>(size)), -1);
}

Tensor attend_source(const Tensor& input, const CausalAttention& a, const Steps& steps) {
  const KvCache& sources = *steps.sources;
  if (steps.asked) steps.asked(a.layer, input);
  const Tensor queries = input.to(sources.dtype()).contiguous();
  if (!kernel_computes(queries) || !steps.seen.empty())
    return source_with_libtorch(queries, a, steps).to(input.scalar_type());
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
  Pieces(queries, out, a, sources, spans).run();
  return out.to(input.scalar_type());
}

}  // namespace hft
