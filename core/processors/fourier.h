// The power of the frequencies of real samples, for frames of any length.
#pragma once

#include <complex>
#include <memory>
#include <span>
#include <vector>

namespace hft {

// For one thread at a time.
class Fourier {
 public:
  explicit Fourier(int size);
  ~Fourier();
  // |X_k|² for k = 0 … size / 2; `frame` has `size` samples.
  void power(std::span<const double> frame, std::span<double> out);

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

}  // namespace hft
