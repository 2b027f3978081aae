#include "core/generation/watermark.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "core/generation/numbers.h"

namespace hft {
namespace {

constexpr std::int64_t kTableSize = 1'000'003;
constexpr std::size_t kCandidates = 40;  // tokens that selfhash looks at

// The first `count` of torch.randperm(size) after manual_seed(seed): a shuffle from the front.
std::vector<std::int32_t> permutation(std::uint32_t seed, std::int64_t size, std::int64_t count) {
  std::mt19937 random(seed);
  std::vector<std::int32_t> all(static_cast<std::size_t>(size));
  std::iota(all.begin(), all.end(), 0);
  for (std::int64_t i = 0; i < std::min(count, size - 1); ++i)
    std::swap(all[static_cast<std::size_t>(i)],
              all[static_cast<std::size_t>(i + random() % (size - i))]);
  all.resize(static_cast<std::size_t>(count));
  return all;
}

// The generator takes the lower 32 bits of Python's number % (2**64 - 1).
std::uint32_t seed_of(__int128 number) {
  const __int128 most = ~std::uint64_t{0};
  return static_cast<std::uint32_t>((number % most + most) % most);
}

}  // namespace

Watermark::Watermark(const WatermarkingConfig& config, std::int64_t vocab)
    : config_(config), vocab_(vocab) {
  if (config.selfhash)
    table_ = permutation(static_cast<std::uint32_t>(config.hashing_key), kTableSize, kTableSize);
}

std::vector<std::int32_t> Watermark::favoured(std::uint32_t seed) const {
  const auto count =
      static_cast<std::int64_t>(static_cast<double>(vocab_) * config_.greenlist_ratio);
  return permutation(seed, vocab_, count);
}

// Of the last context_width tokens, `next` the last of them; products wrap at 64 bits.
std::uint32_t Watermark::hash(std::span<const std::int32_t> ids, std::int32_t next) const {
  const auto entry = [&](std::int32_t id) {
    return static_cast<std::uint64_t>(table_[static_cast<std::size_t>(id % kTableSize)]) + 1;
  };
  const auto of = [&](std::int32_t id) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(config_.hashing_key) * entry(id) *
                                     entry(next));
  };
  std::int64_t least = of(next);
  for (auto id : ids.last(static_cast<std::size_t>(config_.context_width) - 1))
    least = std::min(least, of(id));
  return seed_of(least);
}

void Watermark::mark(std::span<const std::int32_t> ids, std::span<float> scores) const {
  if (static_cast<std::int64_t>(ids.size()) < config_.context_width) return;
  const auto bias = static_cast<float>(config_.bias);
  if (!config_.selfhash) {
    for (auto id : favoured(seed_of(static_cast<__int128>(config_.hashing_key) * ids.back())))
      scores[static_cast<std::size_t>(id)] += bias;
    return;
  }
  std::vector<std::int32_t> best(scores.size());
  std::iota(best.begin(), best.end(), 0);
  const auto count = std::min(kCandidates, best.size());
  std::partial_sort(
      best.begin(), best.begin() + static_cast<std::ptrdiff_t>(count), best.end(),
      [&](auto a, auto b) {
        return scores[static_cast<std::size_t>(a)] != scores[static_cast<std::size_t>(b)]
                   ? scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)]
                   : a < b;
      });
  best.resize(count);
  std::erase_if(best, [&](auto id) {
    const auto green = favoured(hash(ids, id));
    return std::find(green.begin(), green.end(), id) == green.end();
  });
  for (auto id : best) scores[static_cast<std::size_t>(id)] += bias;
}

}  // namespace hft
