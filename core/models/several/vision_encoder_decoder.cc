// An encoder of pictures and a decoder that looks at what it saw, put together of two
// architectures: ViT-GPT2, TrOCR (arXiv:2109.10282), Donut (arXiv:2111.15664). Checked against the
// configs of nlpconnect/vit-gpt2-image-captioning, microsoft/trocr-base-printed,
// trocr-small-handwritten and naver-clova-ix/donut-base-finetuned-docvqa. Golden:
// tests/golden/vit-gpt2*, tests/golden/trocr*, tests/golden/donut*.
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/lookup.h"

namespace hft {
namespace {

// The half of `config` that `builder` builds. Throws kUnsupported for an architecture that is none.
template <class Builder>
Builder half(const Fields& config, Builder Architecture::*builder, std::string_view part) {
  const std::string type = config.text("model_type");
  const Architecture* found = architecture_named(type);
  if (!found || !(found->*builder))
    fail_hint(Errc::kUnsupported, "hft models", config.where(), ": model_type '", type,
              "' is not supported as the ", part, " of a model that writes about pictures");
  return found->*builder;
}

Seq2SeqNet build_encoder_decoder(const Fields& config, const Weights& w) {
  const Fields seeing = config.object("encoder"), writing = config.object("decoder");
  const auto seen = writing.integer("cross_attention_hidden_size", 0, limits::kHidden, 0);
  const PictureEncoder encoder =
      half(seeing, &Architecture::picture_encoder, "encoder")(seeing, w / "encoder");
  PictureDecoder decoder =
      half(writing, &Architecture::picture_decoder, "decoder")(writing, w / "decoder", seen);
  Seq2SeqNet net;
  net.see = encoder.see;
  if (seen == 0 && encoder.size != decoder.net.size)
    net.see = [see = encoder.see,
               enc_to_dec_proj = Linear(w / "enc_to_dec_proj", {decoder.net.size, encoder.size})](
                  const Pictures& pictures) -> PictureStates {
      PictureStates states = see(pictures);
      return {enc_to_dec_proj(states.x), std::move(states.seqs)};
    };
  net.seen = std::move(decoder.seen);
  net.sources = decoder.net.cache;
  net.source_vocab = decoder.net.vocab;
  net.source_positions = encoder.states;
  net.decoder = std::move(decoder.net);
  return net;
}

}  // namespace

extern const Architecture vision_encoder_decoder{
    .types = {"vision-encoder-decoder"},
    .base = "vision_encoder_decoder",
    .seq2seq = build_encoder_decoder,
    .sees = true,
};

}  // namespace hft
