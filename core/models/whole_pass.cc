#include "core/models/whole_pass.h"

namespace hft {
namespace {

at::ScalarType cache_type(at::ScalarType dtype) {
  return dtype == at::kBFloat16 ? at::kBFloat16 : at::kFloat;
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
  KvCache cache(net.cache, cache_type(dtype));
  Steps steps;
  add_steps(steps, cache, tokens, {});
  return net.hidden(steps);
}

Tensor whole_pass(const Seq2SeqNet& net, const Tensor& encoded, const Sequences& sources,
                  const Tokens& tokens, at::ScalarType dtype) {
  KvCache seen(net.sources, cache_type(dtype)), cache(net.decoder.cache, cache_type(dtype));
  Steps steps;
  steps.sources = &seen;
  add_steps(steps, cache, tokens, keep_sources(net, encoded, sources, seen));
  if (encoded.requires_grad()) {
    for (std::size_t i = 0; i < net.sources.size(); ++i)
      steps.seen.push_back(net.seen(encoded, static_cast<std::int64_t>(i)));
    for (std::int64_t b = 0; b < sources.count(); ++b)
      steps.seen_rows[steps.steps[b].source] = sources.starts[b];
  }
  return net.decoder.hidden(steps);
}

}  // namespace hft
