// From what Whisper wrote of one window of a long sound to the next window. Reference: transformers
// 4.57.6, generation_whisper.py (_retrieve_segment, _need_fallback, _prepare_decoder_input_ids).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/generation/whisper_settings.h"

namespace hft {

// Tokens [begin, end) of a window.
struct Segment {
  std::size_t begin = 0, end = 0;
};
struct CutWindow {
  std::vector<Segment> segments;
  std::int64_t frames = 0;  // how far the next window lies after this one; always more than 0
};
// tokens: without the end; `frames` of the window are the sound's, and each step of the times is as
// long as `step` of them. Where two times follow each other a segment ends, and after the last such
// pair the next window begins.
CutWindow cut_window(std::span<const std::int32_t> tokens, std::int32_t first_timestamp,
                     std::int64_t frames, std::int64_t step = 2);

// Bytes of the tokens, over those they are compressed to.
double compression_ratio(std::span<const std::int32_t> tokens, std::int64_t vocab);

// What was heard of a window.
struct HeardWindow {
  std::span<const std::int32_t> tokens;  // the end included
  float mean_logprob = 0, no_speech = 0;
};
enum class Verdict { kTaken, kAgain, kSilence };
// kAgain: too repetitive or too unlikely. kSilence: nobody speaks.
Verdict judge(const HeardWindow& heard, const WhisperSettings& settings, std::int64_t vocab);

// The text before a window: <|startofprev|> and the last tokens of what was said, at most half of
// the model's positions; of a segment that ends with two times only one. `lead`: what stands in the
// place of <|startofprev|>, may be empty.
TokenIds earlier_text(std::span<const TokenIds> segments, const TokenIds& lead,
                      std::int32_t first_timestamp, std::int64_t positions);

}  // namespace hft
