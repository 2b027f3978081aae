// Reference: sentence-transformers 6, util/similarity.py.
#include "core/processors/similarity.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>

#include "core/base/error.h"

namespace hft {
namespace {

using Vector = std::span<const float>;

double dot(Vector a, Vector b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

float cosine(Vector a, Vector b) {
  constexpr double kLeast = 1e-12;  // of a norm, as torch's normalize has it
  const double norms =
      std::max(std::sqrt(dot(a, a)), kLeast) * std::max(std::sqrt(dot(b, b)), kLeast);
  return static_cast<float>(dot(a, b) / norms);
}

float manhattan(Vector a, Vector b) {
  return static_cast<float>(
      -std::inner_product(a.begin(), a.end(), b.begin(), 0.0, std::plus<>(),
                          [](double x, double y) { return std::abs(x - y); }));
}

float euclidean(Vector a, Vector b) {
  return static_cast<float>(
      -std::sqrt(std::inner_product(a.begin(), a.end(), b.begin(), 0.0, std::plus<>(),
                                    [](double x, double y) { return (x - y) * (x - y); })));
}

constexpr std::pair<std::string_view, Similarity> kSimilarities[] = {
    {"cosine", cosine},
    {"dot", [](Vector a, Vector b) { return static_cast<float>(dot(a, b)); }},
    {"euclidean", euclidean},
    {"manhattan", manhattan},
};

}  // namespace

Similarity similarity_named(std::string_view name, std::string_view where) {
  std::string known;
  for (const auto& [word, similarity] : kSimilarities) {
    if (word == name) return similarity;
    known += (known.empty() ? "" : ", ") + std::string(word);
  }
  fail(Errc::kUnsupported, where, ": similarity_fn_name '", name,
       "' is not supported, wanted one of ", known);
}

}  // namespace hft
