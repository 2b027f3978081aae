// chrF and chrF++ (Popović 2015, 2017) as sacreBLEU 2.6 computes them: F2 over runs of 1 to 6
// characters, and of 1 to 2 words.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hft::metrics {

inline constexpr std::size_t kChrfCharacters = 6, kChrfWords = 2;

struct ChrfCounts {
  struct Order {
    std::int64_t text = 0, reference = 0, matches = 0;
  };
  std::array<Order, kChrfCharacters + kChrfWords> orders;
  ChrfCounts& operator+=(const ChrfCounts& other);
};
// Against the best of the references. `words`: chrF++.
ChrfCounts chrf_counts(std::string_view text, std::span<const std::string> references, bool words);
// 0 to 100.
double chrf(const ChrfCounts& counts);

}  // namespace hft::metrics
