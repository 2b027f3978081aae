#include "core/generation/timestamp_rules.h"

#include <algorithm>
#include <cmath>

#include "core/generation/numbers.h"

namespace hft {
namespace {

void remove(std::span<float> scores, std::int64_t begin, std::int64_t end) {
  const auto size = static_cast<std::int64_t>(scores.size());
  for (auto i = std::clamp<std::int64_t>(begin, 0, size); i < std::min(end, size); ++i)
    scores[static_cast<std::size_t>(i)] = kRemoved;
}

double log_sum(std::span<const float> scores) {
  if (scores.empty()) return kRemoved;
  const float most = *std::ranges::max_element(scores);
  if (most == kRemoved) return kRemoved;
  double sum = 0;
  for (const float s : scores) sum += std::exp(static_cast<double>(s) - most);
  return most + std::log(sum);
}

}  // namespace

void TimestampRules::apply(std::span<const std::int32_t> written, std::span<float> scores) const {
  const auto size = static_cast<std::int64_t>(scores.size());
  const auto is_time = [&](std::int32_t id) { return id >= first; };
  remove(scores, first - 1, first);
  const bool last = !written.empty() && is_time(written.back());
  const bool before = written.size() < 2 || is_time(written[written.size() - 2]);
  if (last && before) remove(scores, first, size);  // a pair is whole: text
  if (last && !before) remove(scores, 0, eos);      // its second half, or the end
  const auto latest = std::find_if(written.rbegin(), written.rend(), is_time);
  if (latest != written.rend()) remove(scores, first, *latest + (last && !before ? 0 : 1));
  if (written.empty()) {
    remove(scores, 0, first);
    if (latest_start) remove(scores, first + *latest_start + 1, size);
  }
  if (first >= size) return;
  // All times together likelier than any text: a time.
  const auto text = scores.first(static_cast<std::size_t>(first));
  if (log_sum(scores.subspan(static_cast<std::size_t>(first))) > *std::ranges::max_element(text))
    remove(scores, 0, first);
}

}  // namespace hft
