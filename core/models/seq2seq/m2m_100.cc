// M2M-100 (arXiv:2010.11125) and NLLB (arXiv:2207.04672): BART's layers with norms before each part
// and sinusoidal positions for texts of any length. Checked against the configs of
// facebook/m2m100_418M and nllb-200-distilled-600M. Golden: tests/golden/m2m-*.
// Shapes: N tokens of all sequences together, D hidden.
#include <cmath>

#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/seq2seq/bart.h"

namespace hft {
namespace {

// Rows of the table: padding has its own id, other tokens those after it, counted without the padding
// before them in what is read of their text at once.
Tensor rows_of(const Tensor& ids, const Tensor& positions, const std::vector<std::int64_t>& starts,
               std::int64_t pad) {
  Tensor rows = at::empty_like(positions);
  const auto* id = ids.const_data_ptr<std::int64_t>();
  const auto* at = positions.const_data_ptr<std::int64_t>();
  auto* row = rows.data_ptr<std::int64_t>();
  for (std::size_t b = 0; b + 1 < starts.size(); ++b) {
    std::int64_t padded = 0;
    for (std::int64_t n = starts[b]; n < starts[b + 1]; ++n) {
      padded += id[n] == pad;
      row[n] = id[n] == pad ? pad : pad + 1 + at[n] - padded;
    }
  }
  return rows;
}

// Sines first, cosines after them; the row of padding is 0. In float32, as the checkpoints were
// trained with.
Tensor vectors_of(const Tensor& rows, std::int64_t size, std::int64_t pad) {
  const auto half = size / 2;
  const auto step = -std::log(10000.0) / static_cast<double>(half - 1);
  const Tensor waves = at::exp(at::arange(half, at::kLong).to(at::kFloat) * step);
  const Tensor angles = rows.to(at::kFloat).unsqueeze(1) * waves.unsqueeze(0);  // [N,D/2]
  Tensor vectors = at::concat({at::sin(angles), at::cos(angles)}, 1);
  if (size % 2 != 0) vectors = at::concat({vectors, at::zeros({rows.size(0), 1})}, 1);
  return vectors.masked_fill_((rows == pad).unsqueeze(1), 0);  // [N,D]
}

}  // namespace

PositionVectors counted_positions(const Fields& config, const Weights& w) {
  (w / "embed_positions").ignore();  // old checkpoints have the table
  const auto size = config.integer("d_model", 4, limits::kHidden);
  const auto pad = config.integer("pad_token_id", 0, limits::kVocab, 1);
  return [size, pad, dtype = w.store().dtype()](const Tensor& ids, const Tensor& at,
                                                   const std::vector<std::int64_t>& starts) {
    return vectors_of(rows_of(ids, at, starts, pad), size, pad).to(dtype);
  };
}

namespace {

Seq2SeqNet build_m2m_100(const Fields& config, const Weights& w) {
  return build_bart_family(config, w,
                           {.norm_first = true,
                            .scale_embedding = true,
                            .activation = "relu",
                            .endless = true,
                            .positions = counted_positions});
}

}  // namespace

extern const Architecture m2m_100{
    .types = {"m2m_100"},
    .base = "model",
    .seq2seq = build_m2m_100,
};

}  // namespace hft
