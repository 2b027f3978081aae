#include "core/metrics/pcg64.h"

#include <array>
#include <bit>

namespace hft::metrics {
namespace {

// SeedSequence's hashing of entropy into a pool of four words, and of the pool into a state.
class SeedSequence {
 public:
  explicit SeedSequence(std::uint32_t seed) {
    std::uint32_t constant = 0x43b0d7e5;
    const auto hash = [&](std::uint32_t value) {
      value ^= constant;
      constant *= 0x931e8875;
      value *= constant;
      return value ^ value >> 16;
    };
    for (std::size_t i = 0; i < pool_.size(); ++i) pool_[i] = hash(i == 0 ? seed : 0);
    for (std::size_t from = 0; from < pool_.size(); ++from)
      for (std::size_t to = 0; to < pool_.size(); ++to)
        if (from != to) pool_[to] = mix(pool_[to], hash(pool_[from]));
  }
  std::array<std::uint64_t, 4> state() const {
    std::uint32_t constant = 0x8b51f9dd;
    std::array<std::uint32_t, 8> words{};
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::uint32_t value = pool_[i % pool_.size()] ^ constant;
      constant *= 0x58f38ded;
      value *= constant;
      words[i] = value ^ value >> 16;
    }
    std::array<std::uint64_t, 4> wide{};
    for (std::size_t i = 0; i < wide.size(); ++i)
      wide[i] = words[2 * i] | static_cast<std::uint64_t>(words[2 * i + 1]) << 32;
    return wide;
  }

 private:
  static std::uint32_t mix(std::uint32_t x, std::uint32_t y) {
    const std::uint32_t value = x * 0xca01f9dd - y * 0x4973f715;
    return value ^ value >> 16;
  }
  std::array<std::uint32_t, 4> pool_{};
};

}  // namespace

Pcg64::Pcg64(std::uint32_t seed) {
  const auto words = SeedSequence(seed).state();
  const Wide start = static_cast<Wide>(words[0]) << 64 | words[1];
  increment_ = (static_cast<Wide>(words[2]) << 64 | words[3]) << 1 | 1;
  next();
  state_ += start;
  next();
}

std::uint64_t Pcg64::next() {
  constexpr Wide kMultiplier =
      static_cast<Wide>(0x2360ed051fc65da4ULL) << 64 | 0x4385df649fccf645ULL;
  state_ = state_ * kMultiplier + increment_;
  const auto mixed = static_cast<std::uint64_t>(state_ >> 64) ^ static_cast<std::uint64_t>(state_);
  return std::rotr(mixed, static_cast<int>(state_ >> 122));
}

std::uint32_t Pcg64::next32() {
  if (upper_) {
    const std::uint32_t value = *upper_;
    upper_.reset();
    return value;
  }
  const std::uint64_t both = next();
  upper_ = static_cast<std::uint32_t>(both >> 32);
  return static_cast<std::uint32_t>(both);
}

double Pcg64::next_double() { return static_cast<double>(next() >> 11) * 0x1p-53; }

// Lemire's multiplication, which rejects what would make some numbers likelier.
std::uint32_t Pcg64::below(std::uint32_t bound) {
  if (bound <= 1) return 0;
  std::uint64_t product = static_cast<std::uint64_t>(next32()) * bound;
  auto low = static_cast<std::uint32_t>(product);
  if (low < bound) {
    const std::uint32_t least = (0U - bound) % bound;
    while (low < least) {
      product = static_cast<std::uint64_t>(next32()) * bound;
      low = static_cast<std::uint32_t>(product);
    }
  }
  return static_cast<std::uint32_t>(product >> 32);
}

}  // namespace hft::metrics
