#include "core/metrics/retrieval.h"

#include <algorithm>
#include <cmath>

namespace hft::metrics {
namespace {

std::span<const double> first(std::span<const double> all, std::size_t k) {
  return k == 0 || k > all.size() ? all : all.first(k);
}

double discounted_gain(std::span<const double> relevances) {
  double sum = 0;
  for (std::size_t i = 0; i < relevances.size(); ++i)
    sum += relevances[i] / std::log2(static_cast<double>(i) + 2);
  return sum;
}

double relevant(std::span<const double> relevances) {
  return static_cast<double>(std::ranges::count_if(relevances, [](double r) { return r > 0; }));
}

}  // namespace

void rank(std::vector<RankedDocument>& documents) {
  std::ranges::sort(documents, [](const RankedDocument& a, const RankedDocument& b) {
    return a.score != b.score ? a.score > b.score : a.id > b.id;
  });
}

double ndcg(std::span<const double> ranked, std::span<const double> judged, std::size_t k) {
  std::vector<double> ideal(judged.begin(), judged.end());
  std::ranges::sort(ideal, std::greater());
  const double most = discounted_gain(first(ideal, k));
  return most == 0 ? 0 : discounted_gain(first(ranked, k)) / most;
}

double reciprocal_rank(std::span<const double> ranked, std::size_t k) {
  const auto places = first(ranked, k);
  const auto at = std::ranges::find_if(places, [](double r) { return r > 0; });
  return at == places.end() ? 0 : 1 / static_cast<double>(at - places.begin() + 1);
}

double recall(std::span<const double> ranked, std::span<const double> judged, std::size_t k) {
  const double all = relevant(judged);
  return all == 0 ? 0 : relevant(first(ranked, k)) / all;
}

}  // namespace hft::metrics
