#include "core/generation/stopping.h"

#include <algorithm>

#include "core/base/error.h"

namespace hft {

std::string_view finish_name(Finish finish) {
  switch (finish) {
    case Finish::kEos:
      return "eos";
    case Finish::kLength:
      return "length";
    case Finish::kStopString:
      return "stop";
    case Finish::kTime:
      return "time";
    case Finish::kInterrupted:
      return "interrupted";
    case Finish::kNone:
      break;
  }
  return "";
}

Stopping::Stopping(const GenerationConfig& config, std::int64_t max_length,
                   const Tokenizer* tokenizer)
    : config_(config), max_length_(max_length), tokenizer_(tokenizer) {
  for (const auto& text : config.stop_strings) longest_ = std::max(longest_, text.size());
  if (config.max_time) {
    const auto span = std::chrono::duration<double>(std::min(*config.max_time, 1e8));
    deadline_ = std::chrono::steady_clock::now() +
                std::chrono::duration_cast<std::chrono::steady_clock::duration>(span);
  }
}

bool Stopping::is_eos(std::int32_t id) const {
  return std::find(config_.eos_token_id.begin(), config_.eos_token_id.end(), id) !=
         config_.eos_token_id.end();
}

// Decodes enough of the end that a stop string and the token it ends in are whole.
bool Stopping::ends_with_stop_string(std::span<const std::int32_t> ids) const {
  const std::size_t window = std::min(ids.size(), longest_ + 8);
  std::vector<std::int32_t> tail(ids.end() - static_cast<std::ptrdiff_t>(window), ids.end());
  const std::string text = tokenizer_->decode(tail, false, false);
  tail.pop_back();
  const std::string earlier = tokenizer_->decode(tail, false, false);
  std::size_t same = 0;
  while (same < text.size() && same < earlier.size() && text[same] == earlier[same]) ++same;
  for (const std::string& stop : config_.stop_strings) {
    const std::size_t at = text.rfind(stop);
    if (at != std::string::npos && at + stop.size() > same) return true;
  }
  return false;
}

Finish Stopping::after(std::span<const std::int32_t> ids) const {
  if (!ids.empty() && is_eos(ids.back())) return Finish::kEos;
  if (complete_ && complete_(ids)) return Finish::kEos;
  if (tokenizer_ && longest_ > 0 && ends_with_stop_string(ids)) return Finish::kStopString;
  if (static_cast<std::int64_t>(ids.size()) >= max_length_) return Finish::kLength;
  if (deadline_ && std::chrono::steady_clock::now() > *deadline_) return Finish::kTime;
  return Finish::kNone;
}

std::string before_stop_string(std::string text, const std::vector<std::string>& stop_strings) {
  std::size_t first = text.size();
  for (const auto& stop : stop_strings) first = std::min(first, text.find(stop));
  text.resize(first);
  return text;
}

std::size_t stop_string_begun(std::string_view text, const std::vector<std::string>& stop_strings) {
  std::size_t most = 0;
  for (const std::string& stop : stop_strings)
    for (std::size_t n = std::min(text.size(), stop.size() - 1); n > most; --n)
      if (text.ends_with(std::string_view(stop).substr(0, n))) most = n;
  return most;
}

}  // namespace hft
