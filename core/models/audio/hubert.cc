// HuBERT (arXiv:2106.07447): wav2vec 2.0 taught otherwise. Checked against the configs of
// facebook/hubert-large-ls960-ft, superb/hubert-base-superb-er and utter-project/mHuBERT-147.
#include "core/models/architecture.h"
#include "core/models/audio/wav2vec2.h"

namespace hft {
namespace {

SoundNet build_hubert(const Fields& config, const Weights& w, SoundHead head) {
  return speech_net(config, w, SpeechEncoder(SpeechConfig(config), w / "hubert"), head);
}

}  // namespace

extern const Architecture hubert{
    .types = {"hubert"},
    .base = "hubert",
    .sound = build_hubert,
    .sound_heads = kSpeechHeads,
    .newer_names = kNewerSpeechNames,
};

}  // namespace hft
