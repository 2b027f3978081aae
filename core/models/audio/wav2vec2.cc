// wav2vec 2.0, also with MMS's adapters (arXiv:2305.13516). Checked against the configs of
// facebook/wav2vec2-base-960h, facebook/wav2vec2-large-960h-lv60-self, superb/wav2vec2-base-superb-ks
// and facebook/mms-1b-all.
#include "core/models/audio/wav2vec2.h"

#include "core/models/architecture.h"

namespace hft {
namespace {

SoundNet build_wav2vec2(const Fields& config, const Weights& w, SoundHead head) {
  return speech_net(config, w, SpeechEncoder(SpeechConfig(config), w / "wav2vec2"), head);
}

}  // namespace

extern const Architecture wav2vec2{
    .types = {"wav2vec2"},
    .base = "wav2vec2",
    .sound = build_wav2vec2,
    .sound_heads = kSpeechHeads,
    .newer_names = kNewerSpeechNames,
};

}  // namespace hft
