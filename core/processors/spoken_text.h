// What a model wrote of a sound, its tokens and times, to text and chunks with times. Reference:
// transformers 4.57.6, tokenization_whisper.py (_decode_asr, _find_longest_common_sequence).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/processors/timed_text.h"
#include "core/tokenizers/tokenizer.h"

namespace hft {

// A token of text, and where it is known when it was said.
struct SpokenToken {
  std::int32_t id = 0;
  double start = 0, end = 0;
};

// Texts that overlap, each the end of the one before: joined where they agree best; of what both
// have, the first half is the left's. `timed`: where they agree, times must not go back.
std::vector<SpokenToken> joined_at_overlaps(std::span<const std::vector<SpokenToken>> texts,
                                            bool timed);

class SpokenText {
 public:
  enum class Times { kNone, kSegments, kWords };
  // `precision`: seconds of a step of the times.
  SpokenText(const Tokenizer& tokenizer, Times times, double precision);

  // A piece of the sound in seconds, and how much of it, at both ends, is its neighbours' too.
  struct Stride {
    double length = 0, left = 0, right = 0;
  };
  // What was written of the next piece, all of it.
  void add(std::span<const std::int32_t> ids, std::span<const float> token_times,
           const Stride& stride);
  // The same of a sound that is one piece: what comes next, as often as there is more of it.
  void add(std::span<const std::int32_t> ids, std::span<const float> token_times);
  // The sound has ended.
  void finish();

  // Chunks that will not change any more; all of them in the end.
  const std::vector<TimedText>& chunks() const { return chunks_; }
  std::string text() const { return text_; }  // of those chunks

 private:
  void begin();
  std::size_t prompt_of(std::span<const std::int32_t> ids) const;
  void push(std::int32_t id, float time);
  void special(std::int32_t id);
  void time(std::int32_t id);
  double shifted(std::int32_t id);
  void end_piece();
  void close_chunk();

  const Tokenizer& tokenizer_;
  Times times_;
  double precision_;
  std::int32_t first_time_;
  std::vector<TimedText> chunks_;
  std::string text_, language_;  // the language's name, once a token told it
  std::optional<double> start_, end_;  // of the chunk that is being written
  std::vector<std::vector<SpokenToken>> earlier_;  // of the pieces before, of this chunk
  double offset_ = 0;
  bool skip_ = false;
  // Of the piece
  std::vector<std::int32_t> ids_;
  std::vector<SpokenToken> current_;
  float before_ = 0;  // when the token before was said
  double latest_ = 0, windows_ = 0, last_but_one_ = 0, earliest_token_ = 0;
  std::optional<std::int32_t> last_token_;  // from this time on they are the next piece's
};

}  // namespace hft
