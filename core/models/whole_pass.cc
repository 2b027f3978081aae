#include "core/models/whole_pass.h"

#include "core/nn/learning.h"

namespace hft {
namespace {

at::ScalarType cache_type(at::ScalarType dtype) {
  return dtype == at::kBFloat16 ? at::kBFloat16 : at::kFloat;
}

// Layers that are computed again for their gradients look at it once more.
std::shared_ptr<KvCache> cache_of(const std::vector<CacheLayer>& layers, at::ScalarType dtype) {
  auto cache = std::make_shared<KvCache>(layers, cache_type(dtype));
  if (Learning* now = learning()) now->kept.push_back(cache);
  return cache;
}

// Sequence b goes with kept[b] of the sources, where there are any.
void add_steps(Steps& steps, KvCache& cache, const Tokens& tokens, const std::vector<int>& kept) {
  steps.cache = &cache;
  steps.ids = tokens.ids;
  steps.positions = tokens.seqs.positions();
  steps.rows = tokens.rows;
  steps.watch = tokens.watch;
  for (std::int64_t b = 0; b < tokens.seqs.count(); ++b) {
    const auto length = tokens.seqs.length(b);
    steps.steps.push_back({cache.open(), tokens.seqs.starts[b], length, 0, length,
                           kept.empty() ? 0 : kept[b]});
    cache.extend(steps.steps.back().sequence, length);
  }
}

}  // namespace

Tensor whole_pass(const DecoderNet& net, const Tokens& tokens, at::ScalarType dtype) {
  const auto cache = cache_of(net.cache, dtype);
  Steps steps;
  add_steps(steps, *cache, tokens, {});
  return net.hidden(steps);
}

Tensor whole_pass(const Seq2SeqNet& net, const Tensor& encoded, const Sequences& sources,
                  const Tokens& tokens, at::ScalarType dtype) {
  const auto seen = cache_of(net.sources, dtype), cache = cache_of(net.decoder.cache, dtype);
  Steps steps;
  steps.sources = seen.get();
  add_steps(steps, *cache, tokens, keep_sources(net, encoded, sources, *seen));
  if (encoded.requires_grad()) {
    for (std::size_t i = 0; i < net.sources.size(); ++i)
      steps.seen.push_back(net.seen(encoded, static_cast<std::int64_t>(i)));
    for (std::int64_t b = 0; b < sources.count(); ++b)
      steps.seen_rows[steps.steps[b].source] = sources.starts[b];
  }
  return net.decoder.hidden(steps);
}

}  // namespace hft
