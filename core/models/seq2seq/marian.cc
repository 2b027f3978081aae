// Marian (OPUS-MT, arXiv:1804.00344): BART's layers with sinusoidal positions and no norm of the
// embeddings; each side may have a vocabulary of its own. Pegasus (arXiv:1912.08777): the same
// positions, norms before each part. Checked against the configs of Helsinki-NLP/opus-mt-en-fr and
// google/pegasus-xsum. Golden: tests/golden/marian-*, tests/golden/pegasus-*.
#include "core/models/architecture.h"
#include "core/models/seq2seq/bart.h"

namespace hft {
namespace {

Seq2SeqNet build_marian(const Fields& config, const Weights& w) {
  return build_bart_family(config, w, {.positions = sinusoidal_positions});
}

Seq2SeqNet build_pegasus(const Fields& config, const Weights& w) {
  return build_bart_family(config, w, {.norm_first = true, .positions = sinusoidal_positions});
}

}  // namespace

extern const Architecture marian{
    .types = {"marian"},
    .base = "model",
    .seq2seq = build_marian,
};

extern const Architecture pegasus{
    .types = {"pegasus"},
    .base = "model",
    .seq2seq = build_pegasus,
};

}  // namespace hft
