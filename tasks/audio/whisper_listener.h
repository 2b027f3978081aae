// Whisper on its way through one sound, window by window: a state machine whose windows run beside
// those of other sounds in one Generator. Reference: transformers 4.57.6,
// WhisperGenerationMixin.generate, of one sound alone.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/generation/generator.h"
#include "core/generation/whisper_windows.h"
#include "core/models/heads/engine.h"
#include "tasks/audio/sound_frames.h"

namespace hft {

// What all sounds share.
struct WhisperSetup {
  Seq2SeqLm* model = nullptr;
  Seq2SeqLm* draft = nullptr;  // writes ahead of the model, which checks it; or none
  WhisperSettings settings;
  SpeechAsk ask;
  bool words = false;  // times of tokens are wanted
  bool condition = false;
  TokenIds prompt;  // <|startofprev|> and the initial prompt; may be empty
  std::int64_t filter_width = 7;
  double step_seconds = 0.02;  // of the times among the text
  std::vector<double> temperatures;  // of the attempts
  // Of each attempt, without and with times; `narrow`: with one beam.
  struct Attempts {
    std::vector<GenerationConfig> plain, timed;
  } wide, narrow;

  // What `config` is for each temperature.
  void set_attempts(const GenerationConfig& config);
};

// A sound, or a chunk of one.
class Listening {
 public:
  // `timed`: times are wanted, or needed; `heard` frames of it are no padding. The random numbers
  // are those of the whole sound.
  Listening(const WhisperSetup& setup, std::shared_ptr<SoundFrames> frames, std::int64_t heard,
            bool timed, std::shared_ptr<Random> random);
  ~Listening();

  // Waits for its next window to be heard.
  bool waits() const { return state_ == State::kWaiting; }
  bool done() const { return state_ == State::kDone; }
  const std::optional<Error>& error() const { return error_; }

  // The features of the next window.
  Features next();
  // It was heard: the empty sequences that see it, of the model and of the draft's (-1: there is
  // none). Everything else happens in the generator.
  void heard(int sequence, int draft, Generator& generator);
  void fail(Error error);
  // Ends with what it has.
  void stop(Generator& generator);

  // What was written since the last time, and when each token was said, where that is wanted.
  struct Written {
    TokenIds ids;
    std::vector<float> times;
  };
  Written take() { return std::exchange(written_, {}); }
  // Seconds that have been heard.
  double position() const { return static_cast<double>(seek_) * setup_.step_seconds / 2; }

 private:
  enum class State { kWaiting, kRunning, kDone };
  using Took = void (Listening::*)(Generated result, Generator& generator);

  void run(std::unique_ptr<Method> method, std::int64_t sequences, Generator& generator, Took took);
  void detect(Generator& generator);
  void detected(Generated, Generator& generator);
  void begin_window(Generator& generator);
  void look_for_silence(Generator& generator);
  void looked(Generated, Generator& generator);
  void attempt(Generator& generator);
  void attempted(Generated result, Generator& generator);
  void end_window(TokenIds tokens, const std::vector<float>& times);
  void skip_window();
  void close_window();
  TokenIds prompt_of_window() const;
  std::vector<float> times_of(const TokenIds& tokens) const;
  const GenerationConfig& config() const;
  Surroundings surroundings(std::size_t prompt) const;

  const WhisperSetup& setup_;
  std::shared_ptr<SoundFrames> frames_;
  std::int64_t heard_frames_;
  SpeechAsk ask_;
  std::shared_ptr<Random> random_;
  State state_ = State::kWaiting;
  std::optional<Error> error_;
  bool stopping_ = false;
  std::optional<std::int32_t> language_;
  std::vector<TokenIds> segments_;  // of all windows; before them, perhaps, the initial prompt
  bool cool_ = true;                // the last window was not written at a high temperature
  bool drew_ = false;  // a window was sampled: the reference has one beam from then on
  Written written_;

  // Of the window
  std::int64_t seek_ = 0, window_frames_ = 0;
  int base_ = -1, draft_ = -1;  // see the window
  TokenIds ids_;   // what the decoder starts with
  std::int64_t cached_ = 0;
  float no_speech_ = 0;
  std::size_t attempt_ = 0;
  std::int64_t number_ = 0;  // of the generator's input
};

}  // namespace hft
