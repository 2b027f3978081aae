// How many inputs are computed together where memory says so: found by trying.
#pragma once

#include <algorithm>
#include <cstdint>

namespace hft {

class MemoryLimit {
 public:
  // Of a batch that there was no memory for: from now on half as many, which is said. False for one
  // alone.
  bool halve(std::int64_t batch);
  // Whether there may be one more, or are too many already.
  bool allows_more(std::int64_t batch) const { return most_ == 0 || batch < most_; }
  bool exceeded(std::int64_t batch) const { return most_ > 0 && batch > most_; }

 private:
  std::int64_t most_ = 0;  // 0: no limit was met
};

}  // namespace hft
