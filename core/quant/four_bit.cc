#include "core/quant/four_bit.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>

#include "core/base/error.h"
#include "core/kernels/nibble_product.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

constexpr float kNf4[] = {-1.0f,
                          -0.6961928009986877f,
                          -0.5250730514526367f,
                          -0.39491748809814453f,
                          -0.28444138169288635f,
                          -0.18477343022823334f,
                          -0.09105003625154495f,
                          0.0f,
                          0.07958029955625534f,
                          0.16093020141124725f,
                          0.24611230194568634f,
                          0.33791524171829224f,
                          0.44070982933044434f,
                          0.5626170039176941f,
                          0.7229568362236023f,
                          1.0f};
constexpr float kFp4[] = {0.0f / 12,   0.0625f / 12,  8.0f / 12,  12.0f / 12,
                          4.0f / 12,   6.0f / 12,     2.0f / 12,  3.0f / 12,
                          -0.0f / 12,  -0.0625f / 12, -8.0f / 12, -12.0f / 12,
                          -4.0f / 12,  -6.0f / 12,    -2.0f / 12, -3.0f / 12};

// Codes by ascending value, and the values halfway between one and the next.
struct Bins {
  std::array<std::uint8_t, 16> codes;
  std::array<float, 15> bounds;
  explicit Bins(std::span<const float> table) {
    for (std::uint8_t i = 0; i < 16; ++i) codes[i] = i;
    std::ranges::stable_sort(codes, {}, [&](std::uint8_t code) { return table[code]; });
    for (int i = 0; i < 15; ++i) bounds[i] = (table[codes[i]] + table[codes[i + 1]]) / 2;
  }
  std::uint8_t of(float x) const {
    return codes[std::ranges::lower_bound(bounds, x) - bounds.begin()];
  }
};
const Bins& bins_of(FourBit type) {
  static const Bins nf4(kNf4), fp4(kFp4);
  return type == FourBit::kNf4 ? nf4 : fp4;
}

class FourBitCodes : public Codes {
 public:
  FourBitCodes(const FourBitWeight& weight, std::int64_t outputs, std::int64_t depth)
      : Codes(outputs, depth), weight_(weight) {}

  void widen(std::int64_t first, std::int64_t count, float* to) const override {
    if (depth % weight_.block != 0 && outputs > 1) return widen_across(first, count, to);
    const std::int64_t sizes = (depth + weight_.block - 1) / weight_.block;
    for (std::int64_t o = first; o < first + count; ++o, to += depth)
      widen_codes({Code::kHighNibble, weight_.codes.data() + o * depth / 2, depth, weight_.block,
                   weight_.sizes.data() + o * sizes, nullptr, table_of(weight_.type).data(),
                   weight_.rounding},
                  to);
  }

  StoredMatrix::Part product(const Product& p, std::int64_t first, const Gated& gated) const override {
    const auto* other = dynamic_cast<const FourBitCodes*>(gated.codes);
    if (gated.codes && (!other || other->weight_.type != weight_.type)) return {};
    if (p.row_exact || weight_.block != kNibbleBlock || !serves_nibbles(p.rows, p.depth)) return {};
    const auto input = std::make_shared<const NibbleInput>(nibble_input(p, table_of(weight_.type).data()));
    const NibbleRows weights = rows_from(first), also = other ? other->rows_from(gated.first) : NibbleRows{};
    return [p, input, weights, also](std::int64_t begin, std::int64_t end) {
      compute_nibbles(p, *input, weights, also, begin, end);
    };
  }

 private:
  NibbleRows rows_from(std::int64_t output) const {
    return {weight_.codes.data() + output * depth / 2, weight_.sizes.data() + output * depth / kNibbleBlock};
  }

  // Where runs and bytes cross the ends of rows.
  void widen_across(std::int64_t first, std::int64_t count, float* to) const {
    const auto table = table_of(weight_.type);
    for (std::int64_t i = first * depth; i < (first + count) * depth; ++i, ++to) {
      const int both = weight_.codes[i / 2];
      const float number = table[i % 2 ? both & 15 : both >> 4] * weight_.sizes[i / weight_.block];
      *to = number;
      if (weight_.rounding == Number::kHalf) *to = nearest_half(number);
      if (weight_.rounding == Number::kBFloat16) *to = static_cast<float>(at::BFloat16(number));
    }
  }

  FourBitWeight weight_;
};

}  // namespace

std::span<const float> table_of(FourBit type) {
  return type == FourBit::kNf4 ? std::span<const float>(kNf4) : kFp4;
}

bool quantise_four_bit(const float* numbers, std::int64_t n, std::int64_t block, FourBit type,
                       std::uint8_t* to_codes, float* to_sizes) {
  const Bins& bins = bins_of(type);
  float unknown = 0;
  for (std::int64_t begin = 0; begin < n; begin += block) {
    const std::int64_t end = std::min(begin + block, n);
    float size = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      size = std::max(size, std::abs(numbers[i]));
      unknown += numbers[i] * 0.0f;
    }
    to_sizes[begin / block] = size;
    const float bounded = std::max(size, 1e-38f), inverse = 1.0f / bounded;
    const bool whole = end - begin == block;  // the others are divided
    if (!whole) to_sizes[begin / block] = bounded;
    for (std::int64_t i = begin; i < end; ++i) {
      const float x = whole ? numbers[i] * inverse : numbers[i] / bounded;
      const std::uint8_t code = bins.of(std::clamp(x, -1.0f, 1.0f));
      std::uint8_t& both = to_codes[i / 2];
      both = i % 2 ? both | code : code << 4;
    }
  }
  if (n % 2) to_codes[n / 2] |= bins.of(0);  // what the last byte lacks
  return unknown == 0;
}

std::shared_ptr<const Codes> four_bit_codes(const FourBitWeight& weight, std::int64_t outputs,
                                            std::int64_t depth) {
  return std::make_shared<FourBitCodes>(weight, outputs, depth);
}

const std::vector<float>& dynamic_map() {
  static const std::vector<float> map = [] {
    std::vector<float> values{0.0f, 1.0f};
    for (int i = 0; i < 7; ++i) {
      const Tensor bounds = at::linspace(0.1, 1, (1 << i) + 1, at::kFloat);
      const Tensor means = (bounds.narrow(0, 0, 1 << i) + bounds.narrow(0, 1, 1 << i)) / 2.0;
      for (const double sign : {1.0, -1.0}) {
        const Tensor part = means * (sign * std::pow(10, i - 6));
        values.insert(values.end(), part.const_data_ptr<float>(),
                      part.const_data_ptr<float>() + part.numel());
      }
    }
    std::ranges::sort(values);
    return values;
  }();
  return map;
}

namespace {

// As bitsandbytes finds it on the CPU: the code nearest to the nearest of 65,536 even steps, so that
// numbers close to a midpoint may have its other neighbour.
std::uint8_t nearest_in_map(float x) {
  const auto& map = dynamic_map();
  const auto step = static_cast<std::int32_t>((x + 1.0f) * 32767.5f + 0.5f);
  const float even = static_cast<float>(step) / 32767.5f - 1.0f;
  const auto above = std::min<std::int64_t>(std::ranges::lower_bound(map, even) - map.begin(), 255);
  const bool below = above > 0 && even - map[above - 1] <= map[above] - even;
  return static_cast<std::uint8_t>(above - below);
}

}  // namespace

NestedSizes nested(std::span<const float> sizes) {
  NestedSizes to;
  const auto n = static_cast<std::int64_t>(sizes.size());
  const Tensor all = at::from_blob(const_cast<float*>(sizes.data()), {n}, at::kFloat);
  to.offset = all.mean().item<float>();
  to.codes.resize(n);
  for (std::int64_t begin = 0; begin < n; begin += kNestedBlock) {
    const std::int64_t end = std::min(begin + kNestedBlock, n);
    float size = 0;
    for (std::int64_t i = begin; i < end; ++i) size = std::max(size, std::abs(sizes[i] - to.offset));
    to.sizes.push_back(size);
    if (size == 0) continue;
    const float inverse = 1.0f / size;
    for (std::int64_t i = begin; i < end; ++i)
      to.codes[i] = nearest_in_map(std::clamp((sizes[i] - to.offset) * inverse, -1.0f, 1.0f));
  }
  return to;
}

std::vector<float> unnested(std::span<const std::uint8_t> codes, std::span<const float> sizes,
                            std::span<const float> map, std::int64_t block, float offset) {
  std::vector<float> to(codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const float size = map[codes[i]] * sizes[i / block];
    to[i] = size + offset;
  }
  return to;
}

MadeFourBit four_bit(const Tensor& weight, FourBit type, bool nest, const std::string& what) {
  constexpr std::int64_t kBlock = 64, kPart = 1024 * kBlock;
  struct Owner {
    std::vector<std::uint8_t> codes;
    std::vector<float> sizes;
  };
  const std::int64_t n = weight.numel();
  const auto owner = std::make_shared<Owner>();
  owner->codes.resize((n + 1) / 2);
  owner->sizes.resize((n + kBlock - 1) / kBlock);
  const Tensor flat = weight.contiguous().view({n});
  std::atomic<std::int64_t> next = 0;
  std::atomic<bool> known = true;
  on_each_core(n < kPart ? 1 : cores(), [&](int) {
    for (std::int64_t i; (i = next.fetch_add(kPart)) < n;) {
      const Tensor part = flat.narrow(0, i, std::min(kPart, n - i)).to(at::kFloat);
      if (!quantise_four_bit(part.const_data_ptr<float>(), part.numel(), kBlock, type,
                             owner->codes.data() + i / 2, owner->sizes.data() + i / kBlock))
        known = false;
    }
  });
  if (!known)
    fail(Errc::kBadData, what, ": a weight is NaN or infinite, wanted numbers that 4 bits can hold");
  MadeFourBit made;
  if (nest) {
    made.nested = nested(owner->sizes);
    owner->sizes = unnested(made.nested->codes, made.nested->sizes, dynamic_map(), kNestedBlock,
                            made.nested->offset);
  }
  made.weight = {type, kBlock, owner->codes, owner->sizes, number_of(weight), owner};
  return made;
}

}  // namespace hft
