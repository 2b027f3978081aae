// Where transcripts go: records as of every task, one text or subtitle file, or a file beside each
// input's name in a folder.
#pragma once

#include <memory>

#include "tasks/audio/transcriber.h"

namespace hft {

// Throws kUsage for options that contradict each other, and as RecordWriter and OutputFile. `whole`:
// inputs, 0 when that is not known.
std::unique_ptr<Transcripts> make_transcripts(const TranscribeOptions& options, Fingerprint fingerprint,
                                              std::int64_t inputs);
// A run that is stopped may write what an unfinished input has so far.
bool writes_parts(const TranscribeOptions& options);

}  // namespace hft
