#include "core/processors/resample.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#include "core/base/error.h"
#include "core/kernels/simd.h"

namespace hft {
namespace {

using media::Image;

double bilinear(double x) { return std::max(1.0 - std::abs(x), 0.0); }
double box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }
double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}
double hamming(double x) {
  x = std::abs(x);
  if (x == 0.0) return 1.0;
  if (x >= 1.0) return 0.0;
  x *= std::numbers::pi;
  return std::sin(x) / x * (0.54f + 0.46f * std::cos(x));
}
double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}
// ATen multiplies out the second part otherwise.
double torch_bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2.0) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0.0;
}
double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

struct Kernel {
  double (*weight)(double);
  double support;
};

Kernel kernel_of(Filter filter, Arithmetic arithmetic) {
  const bool torchvision = arithmetic == Arithmetic::kTorchvision;
  switch (filter) {
    case Filter::kBilinear:
      return {bilinear, 1.0};
    case Filter::kBicubic:
      return {torchvision ? torch_bicubic : bicubic, 2.0};
    case Filter::kLanczos:
      return {lanczos, 3.0};
    case Filter::kBox:
      return {box, 0.5};
    default:
      return {hamming, 1.0};
  }
}

// What each output pixel of one axis is made of: `count` inputs from `first` on, times weights of
// `precision` bits behind the point.
struct Taps {
  struct Span {
    int first, count;
    std::size_t weights;  // where they begin
  };
  std::vector<Span> spans;
  std::vector<std::int32_t> weights;
  int precision = 0;
};

std::int32_t rounded(double weight) {
  return static_cast<std::int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5);
}

// ATen keeps weights in 16 bits: as many of them behind the point as the largest allows.
int torch_precision(double largest) {
  int precision = 0;
  while (precision < 22 && static_cast<int>(0.5 + largest * (1 << (precision + 1))) < 1 << 15)
    ++precision;
  return precision;
}

Taps taps_of(int in, int out, const Kernel& kernel, Arithmetic arithmetic) {
  const double scale = static_cast<double>(static_cast<float>(in)) / out;
  const double stretch = std::max(scale, 1.0), support = kernel.support * stretch;
  Taps taps;
  std::vector<double> weights;
  double largest = 0.0;
  for (int x = 0; x < out; ++x) {
    const double center = (x + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int count = std::min(static_cast<int>(center + support + 0.5), in) - first;
    taps.spans.push_back({first, count, weights.size()});
    double sum = 0.0;
    const double inverse = 1.0 / stretch;
    for (int i = 0; i < count; ++i) {
      weights.push_back(kernel.weight((i + first - center + 0.5) * inverse));
      sum += weights.back();
    }
    for (std::size_t i = taps.spans.back().weights; i < weights.size(); ++i) {
      if (sum != 0.0) weights[i] /= sum;
      largest = std::max(largest, weights[i]);
    }
  }
  taps.precision = arithmetic == Arithmetic::kPillow ? 22 : torch_precision(largest);
  taps.weights.reserve(weights.size());
  for (const double weight : weights)
    taps.weights.push_back(rounded(weight * (1 << taps.precision)));
  return taps;
}

// Each output pixel is the input pixel itself.
Taps identity(int size) {
  Taps taps;
  taps.spans.reserve(static_cast<std::size_t>(size));
  for (int x = 0; x < size; ++x) taps.spans.push_back({x, 1, 0});
  taps.weights = {1};
  return taps;
}

constexpr int kRows = 8;                 // of the input, resized together
constexpr int kPixel = 4;                // bytes of a pixel between the passes, the last unused
constexpr int kColumn = kRows * kPixel;  // bytes of a column of the band
constexpr int kColumns = 1024;           // of the band held at a time, as a rule

typedef std::uint8_t Bytes32 __attribute__((vector_size(32)));
typedef std::int32_t Sums __attribute__((vector_size(32)));  // eight

// Bytes times weights, summed over `count` places that lie `stride` apart.
struct Product {
  const std::uint8_t* bytes;
  std::ptrdiff_t stride;
  const std::int32_t* weights;
  int count;
};

[[gnu::always_inline]] inline Sums eight(const std::uint8_t* bytes) {
  typedef std::uint8_t Eight __attribute__((vector_size(8)));
  Eight x;
  std::memcpy(&x, bytes, sizeof x);
  return __builtin_convertvector(x, Sums);
}

[[gnu::always_inline]] inline void put_clipped(const Sums& sums, int precision, std::uint8_t* to) {
  typedef std::uint8_t Eight __attribute__((vector_size(8)));
  Sums x = sums >> precision;
  x = x < 0 ? Sums{} : x;
  x = x > 255 ? Sums{} + 255 : x;
  const Eight bytes = __builtin_convertvector(x, Eight);
  std::memcpy(to, &bytes, sizeof bytes);
}

[[gnu::always_inline]] inline std::int32_t half_of(int precision) {
  return precision > 0 ? 1 << (precision - 1) : 0;
}

// Columns of eight rows [column][row][4] to one output column of the same form.
struct Across {
  [[gnu::always_inline]] static inline void run(const std::uint8_t* columns, const Taps* taps,
                                                int first_column, int begin, int end,
                                                std::uint8_t* out) {
    for (int x = begin; x < end; ++x) {
      const Taps::Span span = taps->spans[static_cast<std::size_t>(x)];
      const std::uint8_t* from =
          columns + static_cast<std::ptrdiff_t>(span.first - first_column) * kColumn;
      const std::int32_t* weight = taps->weights.data() + span.weights;
      const Sums half = Sums{} + half_of(taps->precision);
      Sums a = half, b = half, c = half, d = half;
      for (int i = 0; i < span.count; ++i, from += kColumn) {
        const Sums w = Sums{} + weight[i];
        a += eight(from) * w;
        b += eight(from + 8) * w;
        c += eight(from + 16) * w;
        d += eight(from + 24) * w;
      }
      std::uint8_t* to = out + static_cast<std::ptrdiff_t>(x - begin) * kColumn;
      put_clipped(a, taps->precision, to);
      put_clipped(b, taps->precision, to + 8);
      put_clipped(c, taps->precision, to + 16);
      put_clipped(d, taps->precision, to + 24);
    }
  }
};

// sums[i] += Σ bytes × weights, for `size` bytes side by side, a multiple of eight.
struct Down {
  [[gnu::always_inline]] static inline void run(const Product* product, std::int32_t* sums,
                                                std::ptrdiff_t size) {
    for (std::ptrdiff_t i = 0; i < size; i += 8) {
      Sums sum;
      std::memcpy(&sum, sums + i, sizeof sum);
      const std::uint8_t* from = product->bytes + i;
      for (int k = 0; k < product->count; ++k, from += product->stride)
        sum += eight(from) * product->weights[k];
      std::memcpy(sums + i, &sum, sizeof sum);
    }
  }
};

struct Finish {
  [[gnu::always_inline]] static inline void run(const std::int32_t* sums, int precision,
                                                std::uint8_t* out, std::ptrdiff_t size) {
    for (std::ptrdiff_t i = 0; i < size; i += 8) {
      Sums sum;
      std::memcpy(&sum, sums + i, sizeof sum);
      put_clipped(sum, precision, out + i);
    }
  }
};

// The first pass, a band of eight rows at a time, and the second, which adds a band to every output
// row it belongs to: no picture of the size between is kept.
class Resizer {
 public:
  Resizer(const Image& in, Image& out, Taps across, Taps down, Processor row)
      : in_(in),
        out_(out),
        across_(std::move(across)),
        down_(std::move(down)),
        row_(row),
        stride_((static_cast<std::size_t>(out.width) * kPixel + 7) / 8 * 8),
        band_(stride_ * kRows),
        bytes_(stride_) {}

  void run() {
    const std::size_t height = down_.spans.size();
    for (int y = down_.spans.front().first; done_ < height; y += kRows) {
      fill_band(y);
      add_band(y, std::min(y + kRows, in_.height));
    }
  }

 private:
  void fill_band(int y) {
    const bool same = out_.width == in_.width;
    for (int begin = 0; begin < out_.width;) {
      int end = begin + 1;
      const int first = across_.spans[static_cast<std::size_t>(begin)].first;
      while (end < out_.width && last_of(end) - first <= kColumns) ++end;
      gather(y, first, last_of(end - 1));
      const std::uint8_t* result = columns_.data();
      if (!same) {
        results_.resize(static_cast<std::size_t>(end - begin) * kColumn);
        simd::run_on<Across>(row_, static_cast<const std::uint8_t*>(columns_.data()),
                             static_cast<const Taps*>(&across_), first, begin, end,
                             results_.data());
        result = results_.data();
      }
      for (int x = begin; x < end; ++x, result += kColumn)
        for (std::size_t r = 0; r < kRows; ++r)
          std::memcpy(band_.data() + r * stride_ + static_cast<std::size_t>(x) * kPixel,
                      result + r * kPixel, kPixel);
      begin = end;
    }
  }
  int last_of(int x) const {
    const auto& span = across_.spans[static_cast<std::size_t>(x)];
    return span.first + span.count;
  }

  // Columns [begin, end) of eight rows from y on as [column][row][4]; rows past the end repeat the
  // last one.
  void gather(int y, int begin, int end) {
    columns_.resize(static_cast<std::size_t>(end - begin) * kColumn);
    const std::size_t bytes = in_.rgb.size();
    for (int r = 0; r < kRows; ++r) {
      const int source = std::min(y + r, in_.height - 1);
      std::size_t at = 3 * (static_cast<std::size_t>(source) * static_cast<std::size_t>(in_.width) +
                            static_cast<std::size_t>(begin));
      std::uint8_t* to = columns_.data() + r * kPixel;
      int x = begin;
      for (; x < end && at + kPixel <= bytes; ++x, at += 3, to += kColumn)
        std::memcpy(to, in_.rgb.data() + at, kPixel);
      for (; x < end; ++x, at += 3, to += kColumn) std::memcpy(to, in_.rgb.data() + at, 3);
    }
  }

  void add_band(int begin, int end) {
    for (std::size_t y = done_; y < down_.spans.size(); ++y) {
      const auto& span = down_.spans[y];
      if (span.first >= end) break;
      if (y - done_ >= open_.size()) open_.emplace_back(stride_, half_of(down_.precision));
      const int from = std::max(span.first, begin), to = std::min(span.first + span.count, end);
      const Product product{band_.data() + static_cast<std::size_t>(from - begin) * stride_,
                            static_cast<std::ptrdiff_t>(stride_),
                            down_.weights.data() + span.weights + (from - span.first), to - from};
      if (to > from)
        simd::run_on<Down>(row_, &product, open_[y - done_].data(),
                           static_cast<std::ptrdiff_t>(stride_));
    }
    while (done_ < down_.spans.size() && down_.spans[done_].first + down_.spans[done_].count <= end)
      finish();
  }

  void finish() {
    simd::run_on<Finish>(row_, static_cast<const std::int32_t*>(open_.front().data()),
                         down_.precision, bytes_.data(), static_cast<std::ptrdiff_t>(stride_));
    const std::size_t width = static_cast<std::size_t>(out_.width);
    std::uint8_t* to = out_.rgb.data() + done_ * width * 3;
    for (std::size_t x = 0; x < width; ++x) std::memcpy(to + 3 * x, bytes_.data() + kPixel * x, 3);
    std::ranges::fill(open_.front(), half_of(down_.precision));
    std::ranges::rotate(open_, open_.begin() + 1);
    ++done_;
  }

  const Image& in_;
  Image& out_;
  Taps across_, down_;
  Processor row_;
  std::size_t stride_;
  std::vector<std::uint8_t> band_, bytes_, columns_, results_;
  std::vector<std::vector<std::int32_t>> open_;  // sums of the output rows from done_ on
  std::size_t done_ = 0;
};

// Pillow 13 begins with the rows where that saves clearly more of them than of columns; releases
// before it never did.
bool down_first(const Image& in, int width, int height) {
  return in.width != width && height < in.height && in.height - height > 2 * (in.width - width);
}

// Which input pixel each output pixel is: Pillow adds up steps, torchvision (nearest-exact) rounds
// each place by itself. Out of the image where the steps' rounding says so.
std::vector<int> nearest_places(int in, int out, Arithmetic arithmetic) {
  std::vector<int> places(static_cast<std::size_t>(out));
  const double step = static_cast<double>(static_cast<float>(in)) / out;
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  double at = step * 0.5;
  for (int x = 0; x < out; ++x, at += step)
    places[static_cast<std::size_t>(x)] =
        arithmetic == Arithmetic::kPillow
            ? static_cast<int>(at)
            : std::min(static_cast<int>(std::floor((static_cast<float>(x) + 0.5f) * scale)),
                       in - 1);
  return places;
}

void pick_nearest(const Image& in, Image& out, Arithmetic arithmetic) {
  const auto xs = nearest_places(in.width, out.width, arithmetic);
  const auto ys = nearest_places(in.height, out.height, arithmetic);
  std::uint8_t* to = out.rgb.data();
  for (const int y : ys)
    for (const int x : xs) {
      if (x < in.width && y < in.height)
        std::memcpy(to, in.rgb.data() + 3 * (static_cast<std::ptrdiff_t>(y) * in.width + x), 3);
      to += 3;
    }
}

}  // namespace

Image resized(const Image& in, int width, int height, Filter filter, Arithmetic arithmetic,
              Processor row) {
  if (in.width == width && in.height == height) return in;
  Image out{width, height, {}};
  out.rgb.resize(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  if (filter == Filter::kNearest) {
    pick_nearest(in, out, arithmetic);
    return out;
  }
  if (arithmetic == Arithmetic::kTorchvision && filter != Filter::kBilinear &&
      filter != Filter::kBicubic)
    fail(Errc::kUnsupported,
         "resample: torchvision resizes tensors with nearest, bilinear and "
         "bicubic only; the file asks for filter ",
         static_cast<int>(filter));
  if (arithmetic == Arithmetic::kPillow && down_first(in, width, height))
    return resized(resized(in, in.width, height, filter, arithmetic, row), width, height, filter,
                   arithmetic, row);
  const Kernel kernel = kernel_of(filter, arithmetic);
  const auto taps = [&](int from, int to) {
    return from == to ? identity(from) : taps_of(from, to, kernel, arithmetic);
  };
  Resizer(in, out, taps(in.width, width), taps(in.height, height), row).run();
  return out;
}

}  // namespace hft
