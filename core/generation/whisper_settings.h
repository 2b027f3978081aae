// What Whisper's generation_config.json says beside the fields of every model, and what a decoder
// starts with because of it. Reference: transformers 4.57.6, generation_whisper.py.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/generation/generation_config.h"

namespace hft {

struct WhisperSettings {
  std::int32_t start = 0;  // <|startoftranscript|>
  std::optional<std::int32_t> no_timestamps, previous;  // <|notimestamps|>, <|startofprev|>
  std::vector<std::pair<std::string, std::int32_t>> languages;  // "<|en|>"; empty: none are known
  std::vector<std::pair<std::string, std::int32_t>> tasks;      // "transcribe", "translate"
  bool english_only = false;  // says so itself
  std::vector<std::optional<std::int32_t>> forced;  // after the start; null: the language
  std::string language, task;                       // where nobody asks for others
  bool return_timestamps = false, condition_on_prev_tokens = false;
  std::optional<std::int64_t> max_initial_timestamp_index;
  std::vector<std::pair<std::int64_t, std::int64_t>> alignment_heads;  // {layer, head}
  std::optional<double> compression_ratio_threshold, logprob_threshold, no_speech_threshold;

  // Of a model folder with this config.json; `generation` gives the tokens every model has. Throws
  // kBadData naming the field.
  static WhisperSettings read(const std::filesystem::path& folder, const Fields& config,
                              const GenerationConfig& generation);

  // The token of the beginning; above every id where there are no times.
  std::int32_t first_timestamp() const;
};

// What is asked of one sound. Empty: what the settings say.
struct SpeechAsk {
  std::string language, task;
  bool timestamps = false;
};

// Throws kUsage for a language or task that the model does not know, and for either where it knows
// English alone.
void check_ask(const WhisperSettings& settings, const SpeechAsk& ask);
// The language must be heard first.
bool detects_language(const WhisperSettings& settings, const SpeechAsk& ask);
// What the decoder starts with; `detected`: the token of the language, where it was.
TokenIds start_tokens(const WhisperSettings& settings, const SpeechAsk& ask,
                      std::optional<std::int32_t> detected);

}  // namespace hft
