#include "core/processors/fourier.h"

#include <kissfft/kissfft.hh>

namespace hft {

// An even number of real samples goes as half as many complex ones.
struct Fourier::Plan {
  explicit Plan(int n)
      : even(n % 2 == 0),
        fft(static_cast<std::size_t>(even ? n / 2 : n), false),
        in(even ? 0 : static_cast<std::size_t>(n)),
        out(static_cast<std::size_t>(n)) {}
  bool even;
  kissfft<double> fft;
  std::vector<std::complex<double>> in, out;
};

Fourier::Fourier(int size) : plan_(std::make_unique<Plan>(size)) {}
Fourier::~Fourier() = default;

void Fourier::power(std::span<const double> frame, std::span<double> out) {
  Plan& p = *plan_;
  if (!p.even) {
    std::copy(frame.begin(), frame.end(), p.in.begin());
    p.fft.transform(p.in.data(), p.out.data());
    for (std::size_t k = 0; k < out.size(); ++k) out[k] = std::norm(p.out[k]);
    return;
  }
  p.fft.transform_real(frame.data(), p.out.data());
  const std::size_t half = frame.size() / 2;
  for (std::size_t k = 1; k < half; ++k) out[k] = std::norm(p.out[k]);
  out[0] = p.out[0].real() * p.out[0].real();  // the first holds the last in its other part
  out[half] = p.out[0].imag() * p.out[0].imag();
}

}  // namespace hft
