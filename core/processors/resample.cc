#include "core/processors/resample.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <numbers>
#include <optional>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

// Inputs that an output pixel is made of.
struct Span {
  int first, count;
  int first_pair() const { return first / 2; }
  int end_pair() const { return (first + count + 1) / 2; }
};

// One axis: the weights of an output pixel's inputs, whole numbers with `precision` bits behind the
// point. They are made as they are asked for: of a huge picture, all of them would fill the memory.
class Axis {
 public:
  // covered: how much of `in` the output is made of, from its beginning.
  Axis(int in, int out, float covered, const Kernel& kernel, Arithmetic arithmetic)
      : in_(in),
        out_(out),
        scale_(static_cast<double>(covered) / out),
        stretch_(std::max(scale_, 1.0)),
        kernel_(kernel),
        precision_(arithmetic == Arithmetic::kPillow ? 22 : torch_precision()) {}

  int size() const { return out_; }
  int precision() const { return precision_; }
  Span span(int x) const {
    const double center = (x + 0.5) * scale_, support = kernel_.support * stretch_;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    return {first, std::min(static_cast<int>(center + support + 0.5), in_) - first};
  }
  std::vector<std::int32_t> weights(int x) const {
    std::vector<std::int32_t> out;
    const auto exact = exact_weights(x);
    out.reserve(exact.size());
    for (const double weight : exact) {
      const double scaled = weight * (1 << precision_);
      out.push_back(static_cast<std::int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
    }
    return out;
  }

 private:
  std::vector<double> exact_weights(int x) const {
    const Span span = this->span(x);
    const double center = (x + 0.5) * scale_, inverse = 1.0 / stretch_;
    std::vector<double> weights(static_cast<std::size_t>(span.count));
    double sum = 0.0;
    for (int i = 0; i < span.count; ++i) {
      const double weight = kernel_.weight((i + span.first - center + 0.5) * inverse);
      weights[static_cast<std::size_t>(i)] = weight;
      sum += weight;
    }
    if (sum != 0.0)
      for (double& weight : weights) weight /= sum;
    return weights;
  }
  // ATen keeps weights in 16 bits: as many of them behind the point as the largest allows.
  int torch_precision() const {
    double largest = 0.0;
    for (int x = 0; x < out_; ++x)
      for (const double weight : exact_weights(x)) largest = std::max(largest, weight);
    int precision = 0;
    while (precision < 22 && static_cast<int>(0.5 + largest * (1 << (precision + 1))) < 1 << 15)
      ++precision;
    return precision;
  }

  int in_, out_;
  double scale_, stretch_;
  Kernel kernel_;
  int precision_;
};

// The weights of inputs 2 i and 2 i + 1, side by side in 16 bits each: high × 2¹⁵ + low.
struct Pair {
  std::int32_t high, low;

  static Pair of(std::int32_t first, std::int32_t second) {
    const auto both = [](std::int32_t a, std::int32_t b) {
      return static_cast<std::int32_t>(static_cast<std::uint32_t>(b) << 16 | (a & 0xffff));
    };
    return {both(first >> 15, second >> 15), both(first & 0x7fff, second & 0x7fff)};
  }
  std::int32_t first() const {
    return static_cast<std::int16_t>(high & 0xffff) * (1 << 15) + (low & 0xffff);
  }
  std::int32_t second() const { return (high >> 16) * (1 << 15) + (low >> 16); }
};

// Output columns [begin, end), and the pairs of input columns they are made of.
struct Block {
  struct Column {
    int first_pair, count;
    std::size_t weights;  // where its pairs begin
  };
  int begin = 0, end = 0, first_pair = 0, end_pair = 0;
  std::vector<Column> columns;
  std::vector<Pair> weights;
};

constexpr int kRows = 8;  // of the input, resized together
constexpr int kLanes = 3 * kRows;
constexpr int kPairBytes = 64;  // two columns of eight rows, channel by channel: 48 and some room
constexpr int kPairs = 128;     // held at a time, as a rule

typedef std::uint8_t Eight __attribute__((vector_size(8)));
typedef std::uint8_t Sixteen __attribute__((vector_size(16)));
typedef std::int32_t Sums __attribute__((vector_size(32)));  // eight

[[gnu::always_inline]] inline Sums eight(const std::uint8_t* bytes) {
  Eight x;
  std::memcpy(&x, bytes, sizeof x);
  return __builtin_convertvector(x, Sums);
}

[[gnu::always_inline]] inline void put_clipped(const Sums& sums, int precision, std::uint8_t* to) {
  Sums x = sums >> precision;
  x = x < 0 ? Sums{} : x;
  x = x > 255 ? Sums{} + 255 : x;
  const Eight bytes = __builtin_convertvector(x, Eight);
  std::memcpy(to, &bytes, sizeof bytes);
}

std::int32_t half_of(int precision) { return precision > 0 ? 1 << (precision - 1) : 0; }

// Pairs [begin, end) of a row's columns, each to its place of six bytes; two more after it are
// written too. Past the end of the row the last column is repeated.
struct Gather {
  [[gnu::always_inline]] static inline void run(const std::uint8_t* row, std::size_t bytes,
                                                int begin, int end, std::uint8_t* to) {
    int pair = begin;
    for (; pair + 1 < end && 6 * static_cast<std::size_t>(pair) + 16 <= bytes;
         pair += 2, to += 2 * kPairBytes) {
      Sixteen x;
      std::memcpy(&x, row + 6 * static_cast<std::size_t>(pair), sizeof x);
      const Sixteen both =
          __builtin_shufflevector(x, x, 0, 3, 1, 4, 2, 5, 0, 0, 6, 9, 7, 10, 8, 11, 0, 0);
      std::memcpy(to, &both, 8);
      std::memcpy(to + kPairBytes, reinterpret_cast<const std::uint8_t*>(&both) + 8, 8);
    }
    for (; pair < end; ++pair, to += kPairBytes)
      for (std::size_t c = 0; c < 3; ++c) {
        const std::size_t at = 6 * static_cast<std::size_t>(pair) + c;
        to[2 * c] = row[at];
        to[2 * c + 1] = row[at + 3 < bytes ? at + 3 : at];
      }
  }
};

// A block's columns of eight rows, from pairs of input columns [pair][row, channel][2]. A row of
// `out` needs room for a byte more than its pixels.
struct AcrossWork {
  const Block& block;
  const std::uint8_t* pairs;
  int precision;
  std::uint8_t* out;
  std::size_t stride;

  const std::uint8_t* pairs_of(const Block::Column& column) const {
    return pairs + static_cast<std::ptrdiff_t>(column.first_pair - block.first_pair) * kPairBytes;
  }
};

void put_column(const AcrossWork& w, std::size_t index, const std::uint8_t* column) {
  std::uint8_t* to = w.out + 3 * (static_cast<std::size_t>(w.block.begin) + index);
  for (int r = 0; r < kRows; ++r, to += w.stride) std::memcpy(to, column + 3 * r, 4);
}

void across_plain(const AcrossWork& w) {
  for (std::size_t x = 0; x < w.block.columns.size(); ++x) {
    const Block::Column& column = w.block.columns[x];
    const Pair* weight = w.block.weights.data() + column.weights;
    const std::uint8_t* from = w.pairs_of(column);
    Sums sums[3];
    for (Sums& sum : sums) sum = Sums{} + half_of(w.precision);
    for (int n = column.count; n > 0; --n, ++weight, from += kPairBytes)
      for (int i = 0; i < 3; ++i) {
        Sixteen both;
        std::memcpy(&both, from + 16 * i, sizeof both);
        const Eight a = __builtin_shufflevector(both, both, 0, 2, 4, 6, 8, 10, 12, 14);
        const Eight b = __builtin_shufflevector(both, both, 1, 3, 5, 7, 9, 11, 13, 15);
        sums[i] += __builtin_convertvector(a, Sums) * weight->first() +
                   __builtin_convertvector(b, Sums) * weight->second();
      }
    std::uint8_t bytes[kLanes + 1];
    for (int i = 0; i < 3; ++i) put_clipped(sums[i], w.precision, bytes + 8 * i);
    put_column(w, x, bytes);
  }
}

#if defined(__x86_64__)
// The products of 16 bits that this processor adds in pairs, of the halves of the weights.
[[gnu::target("avx2")]] void across_avx2(const AcrossWork& w) {
  const __m256i half = _mm256_set1_epi32(half_of(w.precision));
  const __m128i shift = _mm_cvtsi32_si128(w.precision);
  for (std::size_t x = 0; x < w.block.columns.size(); ++x) {
    const Block::Column& column = w.block.columns[x];
    const Pair* weight = w.block.weights.data() + column.weights;
    const std::uint8_t* from = w.pairs_of(column);
    __m256i high[3] = {}, low[3] = {half, half, half};
    for (int n = column.count; n > 0; --n, ++weight, from += kPairBytes) {
      const __m256i upper = _mm256_set1_epi32(weight->high), lower = _mm256_set1_epi32(weight->low);
      for (int i = 0; i < 3; ++i) {
        const __m256i bytes =
            _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from) + i));
        high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(bytes, upper));
        low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(bytes, lower));
      }
    }
    for (int i = 0; i < 3; ++i)
      low[i] = _mm256_sra_epi32(_mm256_add_epi32(_mm256_slli_epi32(high[i], 15), low[i]), shift);
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low[0], low[1]), 0xd8);
    const __m256i last = _mm256_permute4x64_epi64(_mm256_packs_epi32(low[2], low[2]), 0xd8);
    alignas(32) std::uint8_t bytes[32];
    _mm256_store_si256(reinterpret_cast<__m256i*>(bytes),
                       _mm256_permute4x64_epi64(_mm256_packus_epi16(words, last), 0xd8));
    put_column(w, x, bytes);
  }
}
#endif

void across(const AcrossWork& w, [[maybe_unused]] Processor row) {
#if defined(__x86_64__)
  if (row >= Processor::kAvx2) return across_avx2(w);
#endif
  across_plain(w);
}

// `count` rows that lie `stride` apart, times weights.
struct Product {
  const std::uint8_t* bytes;
  std::ptrdiff_t stride;
  const std::int32_t* weights;
  int count;
};

// sums[i] += Σ bytes × weights, for `size` bytes side by side.
struct Down {
  [[gnu::always_inline]] static inline void run(const Product* product, std::int32_t* sums,
                                                std::ptrdiff_t size) {
    std::ptrdiff_t i = 0;
    for (; i + 8 <= size; i += 8) {
      Sums sum;
      std::memcpy(&sum, sums + i, sizeof sum);
      const std::uint8_t* from = product->bytes + i;
      for (int k = 0; k < product->count; ++k, from += product->stride)
        sum += eight(from) * product->weights[k];
      std::memcpy(sums + i, &sum, sizeof sum);
    }
    for (; i < size; ++i)
      for (int k = 0; k < product->count; ++k)
        sums[i] += product->bytes[i + k * product->stride] * product->weights[k];
  }
};

struct Finish {
  [[gnu::always_inline]] static inline void run(const std::int32_t* sums, int precision,
                                                std::uint8_t* out, std::ptrdiff_t size) {
    std::ptrdiff_t i = 0;
    for (; i + 8 <= size; i += 8) {
      Sums sum;
      std::memcpy(&sum, sums + i, sizeof sum);
      put_clipped(sum, precision, out + i);
    }
    for (; i < size; ++i)
      out[i] = static_cast<std::uint8_t>(std::clamp(sums[i] >> precision, 0, 255));
  }
};

// The first pass, across, makes a band of eight rows at a time; the second, down, adds a band to
// every output row it belongs to: no picture of the size between is kept. Either may be left out.
class Resizer {
 public:
  Resizer(const Image& in, Image& out, const Kernel& kernel, Arithmetic arithmetic, Processor row)
      : Resizer(in, out, {static_cast<float>(in.width), static_cast<float>(in.height)}, kernel,
                arithmetic, row) {}
  struct Covered {
    float width, height;
  };
  Resizer(const Image& in, Image& out, Covered covered, const Kernel& kernel, Arithmetic arithmetic,
          Processor row)
      : in_(in),
        out_(out),
        row_(row),
        out_bytes_(3 * static_cast<std::size_t>(out.width)),
        in_bytes_(3 * static_cast<std::size_t>(in.width)),
        stride_(out_bytes_ + 8) {
    if (in.width != out.width) {
      across_.emplace(in.width, out.width, covered.width, kernel, arithmetic);
      band_.resize(stride_ * kRows);
      constexpr int kKept = 1 << 22;  // columns whose weights are kept from band to band
      for (int x = 0; in.width <= kKept && x < out.width; x = blocks_.back().end)
        blocks_.push_back(block_from(x));
    }
    if (in.height != out.height)
      down_.emplace(in.height, out.height, covered.height, kernel, arithmetic);
  }

  void run() {
    for (int y = down_ ? down_->span(0).first : 0; done_ < out_.height; y += kRows) {
      const std::uint8_t* band = in_.rgb.data() + static_cast<std::size_t>(y) * in_bytes_;
      std::size_t stride = in_bytes_;
      if (across_) {
        fill_band(y);
        band = band_.data();
        stride = stride_;
      }
      const int end = std::min(y + kRows, in_.height);
      if (down_)
        add_band(band, stride, y, end);
      else
        for (int r = 0; r < end - y; ++r)
          std::memcpy(next_row(), band + static_cast<std::size_t>(r) * stride, out_bytes_);
    }
  }

 private:
  std::uint8_t* next_row() {
    return out_.rgb.data() + static_cast<std::size_t>(done_++) * out_bytes_;
  }

  // As many columns from x on as are made of kPairs pairs, one at least.
  Block block_from(int x) const {
    Block block{.begin = x, .first_pair = across_->span(x).first_pair()};
    for (; x < out_.width; ++x) {
      const Span span = across_->span(x);
      if (x > block.begin && span.end_pair() - block.first_pair > kPairs) break;
      block.end_pair = span.end_pair();
      block.columns.push_back(
          {span.first_pair(), span.end_pair() - span.first_pair(), block.weights.size()});
      const auto weights = across_->weights(x);
      const auto weight = [&](int at) {
        return at >= 0 && at < span.count ? weights[static_cast<std::size_t>(at)] : 0;
      };
      for (int pair = span.first_pair(); pair < span.end_pair(); ++pair)
        block.weights.push_back(
            Pair::of(weight(2 * pair - span.first), weight(2 * pair + 1 - span.first)));
    }
    block.end = x;
    return block;
  }

  void fill_band(int y) {
    for (const Block& block : blocks_) fill(block, y);
    for (int x = 0; blocks_.empty() && x < out_.width;) {
      const Block block = block_from(x);
      fill(block, y);
      x = block.end;
    }
  }

  // Rows past the end of the picture repeat its last one.
  void fill(const Block& block, int y) {
    pairs_.resize(static_cast<std::size_t>(block.end_pair - block.first_pair) * kPairBytes);
    for (int r = 0; r < kRows; ++r) {
      const auto row = static_cast<std::size_t>(std::min(y + r, in_.height - 1));
      simd::run_on<Gather>(row_, in_.rgb.data() + row * in_bytes_, in_bytes_, block.first_pair,
                           block.end_pair, pairs_.data() + 6 * r);
    }
    across({block, pairs_.data(), across_->precision(), band_.data(), stride_}, row_);
  }

  // Rows [begin, end) of the input, after the first pass.
  void add_band(const std::uint8_t* band, std::size_t stride, int begin, int end) {
    const int precision = down_->precision();
    for (std::size_t i = 0; done_ + static_cast<int>(i) < out_.height; ++i) {
      const int y = done_ + static_cast<int>(i);
      const Span span = down_->span(y);
      if (span.first >= end) break;
      if (i == open_.size())
        open_.push_back(
            {down_->weights(y), std::vector<std::int32_t>(out_bytes_, half_of(precision))});
      const int from = std::max(span.first, begin), to = std::min(span.first + span.count, end);
      const Product product{band + static_cast<std::size_t>(from - begin) * stride,
                            static_cast<std::ptrdiff_t>(stride),
                            open_[i].weights.data() + (from - span.first), to - from};
      if (to > from)
        simd::run_on<Down>(row_, &product, open_[i].sums.data(),
                           static_cast<std::ptrdiff_t>(out_bytes_));
    }
    while (done_ < out_.height && ends_by(end)) {
      simd::run_on<Finish>(row_, static_cast<const std::int32_t*>(open_.front().sums.data()),
                           precision, next_row(), static_cast<std::ptrdiff_t>(out_bytes_));
      open_.pop_front();
    }
  }
  bool ends_by(int end) const {
    const Span span = down_->span(done_);
    return span.first + span.count <= end;
  }

  struct OpenRow {
    std::vector<std::int32_t> weights, sums;
  };
  const Image& in_;
  Image& out_;
  Processor row_;
  std::size_t out_bytes_, in_bytes_, stride_;  // of rows; the last of the band's
  std::optional<Axis> across_, down_;          // none: that pass is left out
  std::vector<Block> blocks_;                  // all of them, or none
  std::vector<std::uint8_t> band_, pairs_;
  std::deque<OpenRow> open_;  // from done_ on
  int done_ = 0;
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

namespace {

Image blank(int width, int height) {
  Image image{width, height, {}};
  image.rgb.resize(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  return image;
}

// Every block of so many pixels as their mean (Reduce.c); those at the right and lower edges may
// have fewer.
Image reduced(const Image& in, int across, int down) {
  Image out = blank((in.width + across - 1) / across, (in.height + down - 1) / down);
  std::uint8_t* to = out.rgb.data();
  for (int y = 0; y < in.height; y += down)
    for (int x = 0; x < in.width; x += across) {
      const int columns = std::min(across, in.width - x), rows = std::min(down, in.height - y);
      const auto count = static_cast<std::uint32_t>(columns * rows);
      const auto share = static_cast<std::uint32_t>(4294967296.0 / (256.0 * count));
      for (int c = 0; c < 3; ++c) {
        std::uint32_t sum = count / 2;
        for (int row = y; row < y + rows; ++row)
          for (int column = x; column < x + columns; ++column)
            sum += in.rgb[3 * (static_cast<std::size_t>(row) * static_cast<std::size_t>(in.width) +
                               static_cast<std::size_t>(column)) +
                          static_cast<std::size_t>(c)];
        *to++ = static_cast<std::uint8_t>(sum * share >> 24);
      }
    }
  return out;
}

}  // namespace

Image thumbnail(const Image& in, int width, int height, Processor row) {
  const auto factor = [](int from, int to) {
    return std::max(static_cast<int>(from / (2.0 * to)), 1);
  };
  const int across = factor(in.width, width), down = factor(in.height, height);
  if (across * down == 1)
    return resized(in, width, height, Filter::kBicubic, Arithmetic::kPillow, row);
  const Image from = reduced(in, across, down);
  const Resizer::Covered covered{static_cast<float>(static_cast<double>(in.width) / across),
                                 static_cast<float>(static_cast<double>(in.height) / down)};
  const Kernel kernel = kernel_of(Filter::kBicubic, Arithmetic::kPillow);
  Image out = blank(width, height);
  if (!down_first(from, width, height)) {
    Resizer(from, out, covered, kernel, Arithmetic::kPillow, row).run();
    return out;
  }
  Image between = blank(from.width, height);
  Resizer(from, between, covered, kernel, Arithmetic::kPillow, row).run();
  Resizer(between, out, covered, kernel, Arithmetic::kPillow, row).run();
  return out;
}

Image resized(const Image& in, int width, int height, Filter filter, Arithmetic arithmetic,
              Processor row) {
  if (in.width == width && in.height == height) return in;
  Image out = blank(width, height);
  if (filter == Filter::kNearest) {
    pick_nearest(in, out, arithmetic);
    return out;
  }
  if (arithmetic == Arithmetic::kPillow && down_first(in, width, height))
    return resized(resized(in, in.width, height, filter, arithmetic, row), width, height, filter,
                   arithmetic, row);
  Resizer(in, out, kernel_of(filter, arithmetic), arithmetic, row).run();
  return out;
}

}  // namespace hft
