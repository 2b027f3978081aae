#include "core/base/digest.h"

#include <cstdio>
#include <cstring>

namespace hft {
namespace {

// Digits of pi (OEIS A062964), odd.
constexpr std::array<std::uint64_t, 8> kSecret{
    0x243f6a8885a308d3, 0x13198a2e03707345, 0xa4093822299f31d1, 0x082efa98ec4e6c89,
    0x452821e638d01377, 0xbe5466cf34e90c6d, 0xc0ac29b7c97c50dd, 0x3f84d5b5b5470917};

// Both halves of the product, folded: each bit of either number reaches all of the result.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t word(const char* at) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Four lanes, so that the processor multiplies several numbers at once.
class Lanes {
 public:
  explicit Lanes(std::size_t shift) : shift_(shift) {
    for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i] = kSecret[(i + shift + 4) % 8];
  }
  void take(const char* block) {  // 64 bytes
    for (std::size_t i = 0; i < lanes_.size(); ++i)
      lanes_[i] = mix(word(block + 16 * i) ^ kSecret[(2 * i + shift_) % 8],
                      word(block + 16 * i + 8) ^ lanes_[i]) +
                  kSecret[(2 * i + 1 + shift_) % 8];
  }
  std::uint64_t end(std::uint64_t size) const {
    std::uint64_t all = size ^ kSecret[shift_];
    for (const std::uint64_t lane : lanes_) all = mix(all ^ kSecret[7 - shift_], lane ^ all) + lane;
    return mix(all ^ kSecret[2], size + kSecret[5 - shift_]);
  }

 private:
  std::size_t shift_;
  std::array<std::uint64_t, 4> lanes_{};
};

}  // namespace

std::string Digest::text() const {
  char digits[33];
  std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  return digits;
}

Digest digest_of(std::string_view bytes) {
  Lanes first(0), second(3);
  std::size_t at = 0;
  for (; at + 64 <= bytes.size(); at += 64) {
    first.take(bytes.data() + at);
    second.take(bytes.data() + at);
  }
  char rest[64] = {};
  std::memcpy(rest, bytes.data() + at, bytes.size() - at);
  first.take(rest);
  second.take(rest);
  return {first.end(bytes.size()), second.end(bytes.size())};
}

}  // namespace hft
