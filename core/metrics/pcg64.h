// NumPy's default generator: PCG64 (O'Neill 2014), seeded by a SeedSequence of one number. The same
// seed gives the resamples that SciPy takes.
#pragma once

#include <cstdint>
#include <optional>

namespace hft::metrics {

class Pcg64 {
 public:
  explicit Pcg64(std::uint32_t seed);
  std::uint64_t next();
  std::uint32_t next32();  // the halves of next(), the lower one first
  double next_double();    // in [0, 1)
  // In [0, bound), as Generator.integers() draws it; bound is at most 2^32 - 1.
  std::uint32_t below(std::uint32_t bound);

 private:
  __extension__ using Wide = unsigned __int128;
  Wide state_ = 0, increment_ = 0;
  std::optional<std::uint32_t> upper_;
};

}  // namespace hft::metrics
