// Blocks of a cache in codes.
#include "core/kernels/cached_codes.h"

#include <cmath>
#include <random>

#include "tests/core/kernels/rows.h"

namespace hft::test {
namespace {

std::vector<float> block_of(std::int64_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> draw;
  std::vector<float> numbers(numbers_of_head(size));
  for (float& x : numbers) x = draw(random) + 0.3f;
  const auto width = cached_width(size);
  for (std::int64_t p = 0; p < kCacheBlock; ++p)  // what pads the values is 0
    for (auto e = size; e < width; ++e) numbers[size * kCacheBlock + p * width + e] = 0;
  return numbers;
}

std::vector<std::byte> codes_of(const std::vector<float>& numbers, std::int64_t size, int bits) {
  std::vector<std::byte> codes(coded_bytes_of_head(size, bits));
  encode_head(numbers.data(), {codes.data(), size, bits});
  return codes;
}

}  // namespace

TEST_CASE("cached codes: every number comes back within half a step of its token's group") {
  for (const int bits : {4, 8})
    for (const std::int64_t size : {1, 8, 40, 64, 80, 128}) {
      CAPTURE(bits);
      CAPTURE(size);
      const std::vector<float> numbers = block_of(size, 7);
      std::vector<float> back(numbers.size());
      const auto codes = codes_of(numbers, size, bits);
      widen_head({codes.data(), size, bits}, back.data());
      const auto check = [&](auto&& place) {
        for (std::int64_t p = 0; p < kCacheBlock; ++p)
          for (std::int64_t g = 0; g < code_groups(size); ++g) {
            const auto end = std::min(size, (g + 1) * kCodeGroup);
            float low = INFINITY, high = -INFINITY, most = 0;
            for (auto e = g * kCodeGroup; e < end; ++e) {
              low = std::min(low, numbers[place(e, p)]);
              high = std::max(high, numbers[place(e, p)]);
              most = std::max(most, std::abs(numbers[place(e, p)] - back[place(e, p)]));
            }
            const float step = bits == 8 ? std::max(-low, high) / 127 : (high - low) / 15 + 2e-3f;
            CHECK(most <= 0.51f * step + 1e-6f);
          }
      };
      check([&](auto e, auto p) { return e * kCacheBlock + p; });
      check([&](auto e, auto p) { return size * kCacheBlock + p * cached_width(size) + e; });
    }
}

TEST_CASE("cached codes: attention reads a block in codes as the numbers they stand for") {
  each_row([](Processor row) {
    for (const int bits : {4, 8})
      for (const std::int64_t size : {24, 64, 80})
        for (const std::int64_t rows : {1, 3, 8}) {
          CAPTURE(bits);
          CAPTURE(size);
          const std::vector<float> numbers = block_of(size, 3), recent = block_of(size, 4);
          auto codes = codes_of(numbers, size, bits);
          std::vector<float> widened(numbers.size());
          widen_head({codes.data(), size, bits}, widened.data());
          const std::vector<float> queries = block_of(size, 5);
          const auto attended = [&](const void* first) {
            const void* blocks[] = {first, recent.data()};
            std::vector<float> out(rows * size), scratch(cached_scratch(size));
            const CachedHead in{.query = queries.data(), .query_stride = rows * size,
                                .out = out.data(), .out_stride = rows * size, .blocks = blocks,
                                .head_offset = 0, .group = rows, .size = size,
                                .past = kCacheBlock + 8, .window = 0, .everyone = 0,
                                .scale = 0.2f, .softcap = 0, .bias = nullptr, .bfloat16 = false,
                                .bits = bits};
            attend_cached(in, 0, rows, scratch.data(), row);
            return out;
          };
          const auto wanted = attended(widened.data());
          const auto found = attended(with_mark(codes.data()));
          for (std::size_t i = 0; i < wanted.size(); ++i)
            CHECK(std::abs(found[i] - wanted[i]) < 1e-5f);
        }
  });
}

}  // namespace hft::test
