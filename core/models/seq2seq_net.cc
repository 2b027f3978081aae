#include "core/models/seq2seq_net.h"

#include <algorithm>

namespace hft {

Tensor within_half(Tensor x) {
  constexpr double kMost = 65504 - 1000;
  return x.scalar_type() == at::kHalf ? x.clamp_(-kMost, kMost) : x;
}

Weights shared_table(const Weights& w, const std::vector<std::string_view>& names) {
  const auto found =
      std::ranges::find_if(names, [&](auto name) { return (w / name).has("weight"); });
  const std::string_view chosen = found == names.end() ? names[0] : *found;
  for (auto name : names)
    if (name != chosen) (w / name).ignore();
  return w / chosen;
}

Linear seq2seq_head(const Fields& config, const Weights& w, std::array<std::int64_t, 2> shape,
                    const Weights& table, bool tied_by_default) {
  Tensor bias;
  if (w.has("final_logits_bias")) bias = w.buffer("final_logits_bias", {1, shape[0]}).to(w.store().dtype()).view({-1});
  const Weights head = w / "lm_head";
  const bool tied = is_tied(config, head, table.get("weight", shape), tied_by_default);
  if (tied) {
    head.ignore();
    w.store().tie(head.path() + ".weight", table.path() + ".weight");
  }
  return Linear(tied ? table : head, shape, std::move(bias));
}

std::vector<int> keep_sources(const Seq2SeqNet& net, const Tensor& encoded, const Sequences& seqs,
                              KvCache& sources) {
  std::vector<int> kept;
  for (std::int64_t b = 0; b < seqs.count(); ++b) {
    kept.push_back(sources.open());
    sources.extend(kept[b], seqs.length(b));
  }
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(net.sources.size()); ++i) {
    const Tensor seen = net.seen(encoded, i).to(sources.dtype()).contiguous();  // [N,2*H*E]
    const auto* keys = static_cast<const char*>(seen.const_data_ptr());
    const auto row = seen.size(1) * seen.element_size();
    for (std::int64_t b = 0; b < seqs.count(); ++b) {
      const auto* first = keys + seqs.starts[b] * row;
      sources.write(i, kept[b], 0, {first, first + row / 2, seqs.length(b), seen.size(1)});
    }
  }
  for (std::int64_t b = 0; b < seqs.count(); ++b) sources.advance(kept[b], seqs.length(b));
  return kept;
}

}  // namespace hft
