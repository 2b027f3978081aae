// What `hft transcribe` asks of a model with everything around it, whichever way it hears.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tasks/run/sound_options.h"
#include "tasks/audio/transcript.h"
#include "tasks/run/generation_options.h"
#include "tasks/run/model_options.h"
#include "tasks/run/runner.h"

namespace hft {

struct TranscribeOptions {
  ModelOptions model;
  InputOptions input;
  OutputOptions output;
  GenerationOptions generation;
  std::string language, task, initial_prompt;
  std::optional<bool> condition_on_prev_tokens;
  // When a window is written once more, at the next of these temperatures, or passed over.
  std::vector<double> temperatures;
  std::optional<double> compression_ratio_threshold, logprob_threshold, no_speech_threshold;
  std::string timestamps;  // "true", "word", "char"; "" and "false": none
  std::optional<double> chunk_length_s;
  std::vector<double> stride_length_s;  // one for both sides, or left and right; empty: a sixth
  SoundOptions sound;

  bool timed() const { return !timestamps.empty() && timestamps != "false"; }
};

// Takes the transcripts of a run, in input order. Its jobs give them with write(input, transcript).
class Transcripts : public Sink {
 public:
  using Sink::write;
  // A chunk of the next input to be written that will not change any more. Shown at once where
  // somebody waits for it; what was shown is not written again.
  virtual void show(const TimedText&) {}
  virtual void write(const Input& input, const Transcript& transcript) = 0;
};

class Transcriber {
 public:
  virtual ~Transcriber() = default;
  // Throws this input's error. From any thread. Its write() gives `out` the transcript.
  virtual std::unique_ptr<Job> prepare(const Input& input, Transcripts& out) = 0;
  virtual Worker& worker() = 0;
};

}  // namespace hft
