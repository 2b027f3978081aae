// Attention of new tokens to the cached keys and values of one sequence, online softmax block by
// block (arXiv:2205.14135), in float32 whatever the cache's type.
#pragma once

#include <cstdint>

#include "core/base/processor.h"

namespace hft {

// Positions of one block of the cache. A block holds, for each head of E numbers,
//   keys transposed [E, kCacheBlock], then values [kCacheBlock, V]; V is E rounded up to 16.
inline constexpr std::int64_t kCacheBlock = 32;
constexpr std::int64_t cached_width(std::int64_t size) { return (size + 15) / 16 * 16; }
constexpr std::int64_t numbers_of_head(std::int64_t size) {  // in one block
  return kCacheBlock * (size + cached_width(size));
}

// A block may be in codes (cached_codes.h): such a one has the lowest bit of its address set.
inline bool is_coded(const void* block) { return reinterpret_cast<std::uintptr_t>(block) & 1; }
inline void* with_mark(void* block) {
  return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(block) | 1);
}
template <class P>
P* without_mark(P* block) {
  return reinterpret_cast<P*>(reinterpret_cast<std::uintptr_t>(block) & ~std::uintptr_t{1});
}

// The query heads that share one key/value head, for T new tokens of one sequence. Row r of the
// work is query head r % group of token r / group.
struct CachedHead {
  const void* query;  // [T, group, E], tokens query_stride elements apart
  std::int64_t query_stride;
  void* out;  // [T, group, E], tokens out_stride elements apart
  std::int64_t out_stride;
  const void* const* blocks;  // of the sequence, from position 0; null where forgotten
  std::int64_t head_offset;   // where this head begins in each block, in elements
  std::int64_t group, size;   // query heads, E
  std::int64_t past;          // positions before the first new token; the new ones are cached too
  std::int64_t window;        // a token sees this many positions up to its own; 0: all
  std::int64_t everyone;      // every token sees exactly this many positions; 0: those up to its own
  float scale;                // of the scores
  float softcap;              // cap tanh(score / cap) in place of the scaled score; 0: none
  // Added to the scaled score of position p by the token at position q: bias[p - q]. Null: none.
  // Read for p - q up to kCacheBlock - 1.
  const float* bias;
  bool bfloat16;              // queries, cache and output, else float32
  int bits = 0;                   // of blocks in codes; 0: there are none
  std::int64_t coded_offset = 0;  // where this head begins in them, in bytes
  // [group] the score of a place whose value is 0, which each query head sees too; null: none.
  const float* sinks = nullptr;
  // Each row has the same bits whatever rows are computed with it; slower where they are few.
  bool row_exact = false;
};

// Rows [first, last) of the work; needs scratch of cached_scratch floats.
void attend_cached(const CachedHead& in, std::int64_t first, std::int64_t last, float* scratch,
                   Processor row = processor());
std::int64_t cached_scratch(std::int64_t size);

// The rows that are computed together; work is best cut at multiples of it.
inline constexpr std::int64_t kCachedRows = 8;

}  // namespace hft
