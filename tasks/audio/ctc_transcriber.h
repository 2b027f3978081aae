// hft transcribe with a model that labels every moment of a sound: wav2vec 2.0, HuBERT, WavLM.
#pragma once

#include <filesystem>
#include <memory>

#include "core/base/json.h"
#include "tasks/audio/transcriber.h"

namespace hft {

// Throws kUsage for options that only Whisper has, and what loading throws. `options` outlive it.
std::unique_ptr<Transcriber> make_ctc_transcriber(const TranscribeOptions& options,
                                                  const std::filesystem::path& folder,
                                                  const Fields& config);

}  // namespace hft
