// Blocks of a cache in codes, as the quantised caches of the reference keep what is not recent
// (arXiv:2402.02750, with a scale for each token, head and group of kCodeGroup numbers). Numbers are
//   8 bits: scale * code, code from -127 to 127;  4 bits: least + scale * code, code from 0 to 15.
// A block holds, for each head of E numbers in G groups (V: E rounded up to 16),
//   bfloat16 scales of the keys [G, kCacheBlock] and of the values [kCacheBlock, G]; of 4 bits as many
//   least numbers after each; codes of the keys [E, kCacheBlock], then of the values [kCacheBlock, V].
// Of 4 bits a byte holds position p in its low half and position p + kCacheBlock / 2 in its high half.
// Of sixteen bytes that lie together the n-th is where code_place(n) says, so that shifts of four words
// widen them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/kernels/cached_attention.h"
#include "core/kernels/simd.h"

namespace hft {

inline constexpr std::int64_t kCodeGroup = 64;
constexpr std::int64_t code_groups(std::int64_t size) { return (size + kCodeGroup - 1) / kCodeGroup; }

constexpr std::int64_t code_place(std::int64_t n) { return n / 16 * 16 + n % 4 * 4 + n % 16 / 4; }

constexpr std::int64_t coded_bytes_of_head(std::int64_t size, int bits) {
  const std::int64_t scales = 2 * code_groups(size) * kCacheBlock * (bits == 4 ? 2 : 1);
  const std::int64_t bytes = 2 * scales + numbers_of_head(size) * bits / 8;
  return (bytes + 15) / 16 * 16;
}

// Where the parts of a head lie.
template <class Byte>
struct CodedHead {
  Byte* begin;
  std::int64_t size;
  int bits;

  std::int64_t scale_count() const { return code_groups(size) * kCacheBlock; }
  auto* key_scales() const { return halves(0); }
  auto* key_least() const { return halves(1); }  // of 4 bits
  auto* value_scales() const { return halves(bits == 4 ? 2 : 1); }
  auto* value_least() const { return halves(3); }
  Byte* keys() const { return begin + 2 * scale_count() * (bits == 4 ? 4 : 2); }
  Byte* values() const { return keys() + size * kCacheBlock * bits / 8; }

 private:
  using Half = std::conditional_t<std::is_const_v<Byte>, const std::uint16_t, std::uint16_t>;
  Half* halves(int i) const { return reinterpret_cast<Half*>(begin) + i * scale_count(); }
};

// From the numbers of a head in a block of the cache, float or bfloat16, and back to floats.
void encode_head(const float* numbers, const CodedHead<std::byte>& to);
void encode_head(const std::uint16_t* numbers, const CodedHead<std::byte>& to);
void widen_head(const CodedHead<const std::byte>& from, float* numbers);

namespace codes {

// The four words that hold the n-th code of a row, in every four lanes; and how far each is shifted so
// that the codes from the n-th on have their byte at the top.
template <class V>
struct CodeWords {
  using Words = typename simd::With<V>::Words;
  using Ints = typename simd::With<V>::Ints;
  Words words;
  Words shifts;

  [[gnu::always_inline]] CodeWords(const std::byte* row, std::int64_t n) {
    typedef std::uint32_t Quad __attribute__((vector_size(16)));
    Quad q;
    std::memcpy(&q, row + n / 16 * 16, sizeof q);
    if constexpr (simd::width<V> == 4) {
      words = q;
      shifts = Words{24, 24, 24, 24};
    } else if constexpr (simd::width<V> == 8) {
      words = __builtin_shufflevector(q, q, 0, 1, 2, 3, 0, 1, 2, 3);
      shifts = Words{24, 24, 24, 24, 16, 16, 16, 16};
    } else {
      words = __builtin_shufflevector(q, q, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
      shifts = Words{24, 24, 24, 24, 16, 16, 16, 16, 8, 8, 8, 8, 0, 0, 0, 0};
    }
    shifts -= static_cast<std::uint32_t>(n % 16 * 2);
  }
};

// Codes from the n-th of a row on, as many as V has floats: of 8 bits, of the low and of the high halves
// of 4 bits.
template <class V>
[[gnu::always_inline]] inline V bytes_at(const std::byte* row, std::int64_t n) {
  const CodeWords<V> at(row, n);
  const auto top = (typename simd::With<V>::Ints)(at.words << at.shifts);
  return __builtin_convertvector(top >> 24, V);
}
template <class V>
[[gnu::always_inline]] inline void halves_at(const std::byte* row, std::int64_t n, V& low, V& high) {
  using Ints = typename simd::With<V>::Ints;
  const CodeWords<V> at(row, n);
  const auto top = at.words << at.shifts;
  low = __builtin_convertvector((Ints)(top << 4 >> 28), V);
  high = __builtin_convertvector((Ints)(top >> 28), V);
}

template <class V>
[[gnu::always_inline]] inline void widen_keys8(const CodedHead<const std::byte>& from, float* to) {
  constexpr int kWidth = simd::width<V>;
  for (std::int64_t e = 0; e < from.size; ++e)
    for (int p = 0; p < kCacheBlock; p += kWidth) {
      V scale;
      simd::load(from.key_scales() + e / kCodeGroup * kCacheBlock + p, scale);
      simd::store(bytes_at<V>(from.keys() + e * kCacheBlock, p) * scale, to + e * kCacheBlock + p);
    }
}
template <class V>
[[gnu::always_inline]] inline void widen_keys4(const CodedHead<const std::byte>& from, float* to) {
  constexpr int kHalf = kCacheBlock / 2;
  for (std::int64_t e = 0; e < from.size; ++e)
    for (int p = 0; p < kHalf; p += simd::width<V>) {
      const auto group = e / kCodeGroup * kCacheBlock + p;
      V low, high, scale, least;
      halves_at(from.keys() + e * kHalf, p, low, high);
      simd::load(from.key_scales() + group, scale);
      simd::load(from.key_least() + group, least);
      simd::store(low * scale + least, to + e * kCacheBlock + p);
      simd::load(from.key_scales() + group + kHalf, scale);
      simd::load(from.key_least() + group + kHalf, least);
      simd::store(high * scale + least, to + e * kCacheBlock + kHalf + p);
    }
}
template <class V>
[[gnu::always_inline]] inline void widen_values8(const CodedHead<const std::byte>& from, float* to) {
  const auto width = cached_width(from.size), groups = code_groups(from.size);
  for (std::int64_t p = 0; p < kCacheBlock; ++p)
    for (std::int64_t e = 0; e < width; e += simd::width<V>) {
      const float scale = simd::widen(from.value_scales()[p * groups + e / kCodeGroup]);
      simd::store(bytes_at<V>(from.values() + p * width, e) * scale, to + p * width + e);
    }
}
template <class V>
[[gnu::always_inline]] inline void widen_values4(const CodedHead<const std::byte>& from, float* to) {
  constexpr int kHalf = kCacheBlock / 2;
  const auto width = cached_width(from.size), groups = code_groups(from.size);
  for (std::int64_t p = 0; p < kHalf; ++p)
    for (std::int64_t e = 0; e < width; e += simd::width<V>) {
      const auto at = p * groups + e / kCodeGroup, later = at + kHalf * groups;
      V low, high;
      halves_at(from.values() + p * width, e, low, high);
      simd::store(low * simd::widen(from.value_scales()[at]) + simd::widen(from.value_least()[at]),
                  to + p * width + e);
      simd::store(
          high * simd::widen(from.value_scales()[later]) + simd::widen(from.value_least()[later]),
          to + (p + kHalf) * width + e);
    }
}

// All of a head, as a block of floats has it.
template <class V>
[[gnu::always_inline]] inline void widen(const CodedHead<const std::byte>& from, float* to) {
  float* values = to + from.size * kCacheBlock;
  if (from.bits == 4) {
    widen_keys4<V>(from, to);
    widen_values4<V>(from, values);
  } else {
    widen_keys8<V>(from, to);
    widen_values8<V>(from, values);
  }
}

}  // namespace codes
}  // namespace hft
