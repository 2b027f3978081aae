#include "core/generation/whisper_windows.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"

namespace hft {

CutWindow cut_window(std::span<const std::int32_t> tokens, std::int32_t first_timestamp,
                     std::int64_t frames, std::int64_t step) {
  const auto is_time = [&](std::size_t i) { return tokens[i] >= first_timestamp; };
  const std::size_t size = tokens.size();
  std::vector<std::size_t> ends;
  for (std::size_t i = 1; i < size; ++i)
    if (is_time(i - 1) && is_time(i)) ends.push_back(i);
  if (ends.empty()) return {{{0, size}}, frames};
  // One time at the end: nothing is said after it.
  const bool single = !is_time(size - 2) && is_time(size - 1);
  CutWindow cut{{}, frames};
  if (single) {
    ends.push_back(size);
  } else {
    cut.frames = (tokens[ends.back() - 1] - first_timestamp) * step;
    ++ends.back();  // the second time tells that the window ended with two
    if (cut.frames <= 0) cut.frames = frames;
  }
  std::size_t begin = 0;
  for (const std::size_t end : ends) cut.segments.push_back({std::exchange(begin, end), end});
  return cut;
}

double compression_ratio(std::span<const std::int32_t> tokens, std::int64_t vocab) {
  const int width = static_cast<int>(std::log2(static_cast<double>(vocab)) / 8) + 1;
  std::vector<Bytef> bytes;
  for (const std::int32_t id : tokens)
    for (int i = 0; i < width; ++i)
      bytes.push_back(static_cast<Bytef>(static_cast<std::uint32_t>(id) >> 8 * i));
  uLongf size = compressBound(bytes.size());
  std::vector<Bytef> packed(size);
  if (compress(packed.data(), &size, bytes.data(), bytes.size()) != Z_OK)
    fail(Errc::kFailure, "zlib cannot compress ", bytes.size(), " bytes");
  return static_cast<double>(bytes.size()) / static_cast<double>(size);
}

Verdict judge(const HeardWindow& heard, const WhisperSettings& s, std::int64_t vocab) {
  const bool unlikely = s.logprob_threshold && heard.mean_logprob < *s.logprob_threshold;
  if (s.no_speech_threshold && unlikely && heard.no_speech > *s.no_speech_threshold)
    return Verdict::kSilence;
  const bool repetitive = s.compression_ratio_threshold &&
                          compression_ratio(heard.tokens, vocab) > *s.compression_ratio_threshold;
  return unlikely || repetitive ? Verdict::kAgain : Verdict::kTaken;
}

TokenIds earlier_text(std::span<const TokenIds> segments, const TokenIds& lead,
                      std::int32_t first_timestamp, std::int64_t positions) {
  TokenIds said;
  for (const TokenIds& segment : segments) {
    const bool two = segment.size() > 2 && segment[segment.size() - 2] >= first_timestamp;
    said.insert(said.end(), segment.begin(), segment.end() - (two ? 1 : 0));
  }
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(positions / 2 - 1, 0));
  TokenIds out = lead;
  out.insert(out.end(), said.end() - static_cast<std::ptrdiff_t>(std::min(most, said.size())),
             said.end());
  return out;
}

}  // namespace hft
