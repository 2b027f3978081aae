// Whisper with everything around it: features, tokenizer, settings.
#pragma once

#include "core/checkpoint/config.h"
#include "tasks/audio/transcriber.h"

namespace hft {

// Reads the folder's files, says what flags have no effect, refuses what cannot be, then loads the
// model.
std::unique_ptr<Transcriber> make_whisper_transcriber(const TranscribeOptions& options,
                                                      const std::filesystem::path& folder,
                                                      const Fields& config);

}  // namespace hft
