#include "core/models/reading.h"

#include "core/models/decoder_text.h"
#include "core/models/seq2seq_text.h"

namespace hft {
namespace {

// Its language head is not missed.
TextNet decoder_reader(const Architecture& architecture, const Fields& config, const Weights& w,
                       Head head) {
  w.store().need_only({std::string(architecture.base), "score"});
  return text_net_of(architecture.decoder(config, w), config, w, head);
}

// Token classification and embeddings need its encoder alone, and no head reads what is scaled for
// the logits.
TextNet seq2seq_reader(const Architecture& architecture, const Fields& config, const Weights& w,
                       Head head) {
  const std::string base(architecture.base);
  if (architecture.reads_through_cache(head))
    w.store().need_only({base, "classification_head", "qa_outputs"});
  else
    w.store().need_only({base + ".shared", base + ".encoder", "classifier"});
  Json unscaled = config.json();
  unscaled["scale_decoder_outputs"] = false;
  const Fields fields(std::move(unscaled), config.where());
  return text_net_of(architecture.seq2seq(fields, w), fields, w, head,
                     architecture.starts_with_last);
}

}  // namespace

TextNet build_reader(const Architecture& architecture, const Fields& config, const Weights& w,
                     Head head) {
  if (architecture.encoder) return architecture.encoder(config, w, head);
  return architecture.decoder ? decoder_reader(architecture, config, w, head)
                              : seq2seq_reader(architecture, config, w, head);
}

}  // namespace hft
