#include "core/generation/filters.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/generation/numbers.h"

namespace hft {
namespace {

// The tokens still there, in the order of their ids, with their probabilities.
struct Live {
  std::vector<std::int32_t> ids;
  std::vector<float> scores, probabilities;
};

Live live_of(std::span<const float> scores) {
  Live live;
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (scores[i] != kRemoved) {
      live.ids.push_back(static_cast<std::int32_t>(i));
      live.scores.push_back(scores[i]);
    }
  live.probabilities.resize(live.ids.size());
  softmax(live.scores, live.probabilities);
  return live;
}

// Removes what is less likely than `limit`, but not the `least` likeliest.
void cut_below(std::span<float> scores, const Live& live, float limit, std::size_t least) {
  if (live.ids.empty()) return;
  const float kept = kth_largest(scores, std::min(least, scores.size()));
  for (std::size_t i = 0; i < live.ids.size(); ++i)
    if (live.probabilities[i] < limit && live.scores[i] < kept) scores[live.ids[i]] = kRemoved;
}

// A run this long is no accident of rounding: a prompt lookup tries scores that are all the same.
constexpr std::ptrdiff_t kManyEqual = 64;

// Removes what is below `edge`, and `count` of those equal to it: the first in the order in which
// torch sorts, which is that of std::sort and leaves equals out of order.
void remove_unsorted(std::span<float> scores, float edge, std::size_t count) {
  std::vector<std::uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return scores[a] < scores[b]; });
  for (const std::uint32_t i : order) {
    if (scores[i] == edge && count-- == 0) return;
    scores[i] = kRemoved;
  }
}

}  // namespace

void keep_top_k(std::span<float> scores, std::size_t k) {
  const float limit = kth_largest(scores, std::min(k, scores.size()));
  for (float& s : scores)
    if (s < limit) s = kRemoved;
}

// The reference sorts all tokens, the least likely first, and removes those whose running sum stays
// within 1 - p. Only the likeliest need their place: the sum of the others is the same in any
// order.
void keep_top_p(std::span<float> scores, double p, std::size_t least) {
  const Live live = live_of(scores);
  const std::size_t n = live.ids.size();
  const auto limit = static_cast<float>(1 - p);
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  auto likelier = [&](std::uint32_t a, std::uint32_t b) {
    return live.scores[a] > live.scores[b] || (live.scores[a] == live.scores[b] && a > b);
  };
  const double total = std::accumulate(live.probabilities.begin(), live.probabilities.end(), 0.0);
  std::size_t top = std::min<std::size_t>(n, 64);
  double below = 0;  // of all but the `top` likeliest
  for (;; top = std::min(n, 4 * top)) {
    if (top < n)
      std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(),
                       likelier);
    below = total;
    for (std::size_t i = 0; i < top; ++i) below -= live.probabilities[order[i]];
    if (top == n || static_cast<float>(below) <= limit) break;
  }
  if (top == n) below = 0;
  std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), likelier);
  std::size_t kept = top;
  while (kept > least) {
    below += live.probabilities[order[kept - 1]];
    if (static_cast<float>(below) > limit) break;
    --kept;
  }
  if (kept == n) return;
  const auto score = [&](std::size_t i) { return live.scores[order[i]]; };
  const float edge = score(kept);
  if (kept > 0 && score(kept - 1) == edge) {
    const auto equal = std::count(live.scores.begin(), live.scores.end(), edge);
    std::size_t above = 0;
    while (score(above) != edge) ++above;
    if (equal > kManyEqual)
      return remove_unsorted(scores, edge, static_cast<std::size_t>(equal) - (kept - above));
  }
  for (std::size_t i = kept; i < n; ++i) scores[live.ids[order[i]]] = kRemoved;
}

void keep_min_p(std::span<float> scores, double p, std::size_t least) {
  const Live live = live_of(scores);
  if (live.ids.empty()) return;
  const float best = *std::max_element(live.probabilities.begin(), live.probabilities.end());
  const std::vector<Ranked> kept = largest(scores, std::min(least, scores.size()));
  const float limit = static_cast<float>(p) * best;
  for (std::size_t i = 0; i < live.ids.size(); ++i) {
    auto is_kept = [&](const Ranked& r) { return r.index == live.ids[i]; };
    if (live.probabilities[i] < limit && std::none_of(kept.begin(), kept.end(), is_kept))
      scores[live.ids[i]] = kRemoved;
  }
}

void keep_typical(std::span<float> scores, double mass, std::size_t least) {
  const Live live = live_of(scores);
  const std::size_t n = live.ids.size();
  std::vector<float> logs = live.scores;
  log_softmax(logs);
  double entropy = 0;
  for (float l : logs) entropy -= static_cast<double>(l * std::exp(l));
  std::vector<float> surprise(n);  // how far from the expected information
  for (std::size_t i = 0; i < n; ++i)
    surprise[i] = std::abs(-logs[i] - static_cast<float>(entropy));
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return surprise[a] < surprise[b]; });
  double sum = 0;
  std::size_t last = 0;
  for (; last < n; ++last) {
    sum += live.probabilities[order[last]];
    if (!(static_cast<float>(sum) < static_cast<float>(mass))) break;
  }
  if (last == n) return;
  const float limit = surprise[order[last]];
  for (std::size_t i = least; i < n; ++i)
    if (surprise[order[i]] > limit) scores[live.ids[order[i]]] = kRemoved;
}

void cut_epsilon(std::span<float> scores, double epsilon, std::size_t least) {
  cut_below(scores, live_of(scores), static_cast<float>(epsilon), least);
}

void cut_eta(std::span<float> scores, double epsilon, std::size_t least) {
  const Live live = live_of(scores);
  std::vector<float> logs = live.scores;
  log_softmax(logs);
  double entropy = 0;
  for (std::size_t i = 0; i < logs.size(); ++i)
    entropy -= static_cast<double>(logs[i] * live.probabilities[i]);
  const auto e = static_cast<float>(epsilon);
  cut_below(scores, live, std::min(e, std::sqrt(e) * std::exp(-static_cast<float>(entropy))),
            least);
}

}  // namespace hft
