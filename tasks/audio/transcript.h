// What was said in a sound, and when: as the reference's speech recognition pipeline returns it,
// and as subtitle files have it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/processors/timed_text.h"

namespace hft {

struct Transcript {
  std::string text;
  std::optional<std::vector<TimedText>> chunks;  // none: no times were asked for
  bool times_first = false;  // in a chunk's JSON: Whisper's segments have them so
  double seconds = 0;        // of the sound; 0: not known
};

// {"text"}, or {"text","chunks":[{"text","timestamp":[start,end]}]}; a time that is not known is
// null.
Json json_of(const Transcript& transcript);

// A form of chunks for people and players, written one after another as they come.
class TimedForm {
 public:
  // "text": the texts alone, on one line; "lines": a line each with its times; "srt", "vtt", "tsv"
  // (milliseconds), "lrc".
  explicit TimedForm(const std::string& form);
  std::string begin() const;
  // A chunk whose end is not known waits for the next, which tells it.
  std::string add(const TimedText& chunk);
  // The sound has ended, after so many seconds where that is known.
  std::string end(double seconds);

 private:
  std::string written(const TimedText& chunk, double end);
  enum class Form { kText, kLines, kSrt, kVtt, kTsv, kLrc } form_;
  std::optional<TimedText> waiting_;
  int count_ = 0;
};

// The whole transcript in such a form; without chunks it is one, as long as the sound.
std::string written(const Transcript& transcript, const std::string& form);

}  // namespace hft
