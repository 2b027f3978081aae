#include "core/quant/grouped_codes.h"

#include <cmath>

namespace hft {
namespace {

constexpr float kPlain[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
constexpr float kE2M1[] = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                           -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};

template <class T>
void copy_as_floats(const void* from, std::int64_t begin, std::int64_t n, float* to) {
  const T* at = static_cast<const T*>(from) + begin;
  for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<float>(at[i]);
}

class GroupedCodes : public Codes {
 public:
  GroupedCodes(GroupedWeight weight, std::int64_t outputs, std::int64_t depth)
      : Codes(outputs, depth), w_(std::move(weight)) {}

  void widen(std::int64_t first, std::int64_t count, float* to) const override {
    const std::int64_t groups = w_.scales.groups;
    thread_local std::vector<float> scales, zeros, row;
    scales.resize(groups);
    zeros.assign(groups, w_.zero);
    if (!w_.order.empty()) row.resize(depth);
    for (std::int64_t o = first; o < first + count; ++o, to += depth) {
      w_.scales.read(o, scales.data());
      if (w_.zeros) copy_as_floats<std::uint8_t>(w_.zeros, o * groups, groups, zeros.data());
      const bool shifted = w_.zeros || w_.zero != 0;
      widen_codes({w_.code, w_.codes + o * w_.row_bytes, depth, w_.group, scales.data(),
                   shifted ? zeros.data() : nullptr, w_.table.data(), w_.rounding},
                  w_.order.empty() ? to : row.data());
      for (std::size_t k = 0; k < w_.order.size(); ++k) to[w_.order[k]] = row[k];
    }
  }

 private:
  GroupedWeight w_;
};

}  // namespace

void GroupScales::read(std::int64_t o, float* to) const {
  const std::int64_t begin = o / rows * groups;
  switch (type) {
    case Type::kFloat:
      return copy_as_floats<float>(data, begin, groups, to);
    case Type::kHalf:
      return copy_as_floats<at::Half>(data, begin, groups, to);
    case Type::kBFloat16:
      return copy_as_floats<at::BFloat16>(data, begin, groups, to);
    case Type::kExponent:
      for (std::int64_t i = 0; i < groups; ++i)
        to[i] = std::ldexp(1.0f, static_cast<const std::uint8_t*>(data)[begin + i] - 127);
  }
}

GroupScales::Type scale_type(Dtype dtype) {
  return dtype == Dtype::kF32    ? GroupScales::Type::kFloat
         : dtype == Dtype::kBF16 ? GroupScales::Type::kBFloat16
                                 : GroupScales::Type::kHalf;
}

Number rounding_of(Dtype dtype) {
  return dtype == Dtype::kF32 ? Number::kFloat : dtype == Dtype::kBF16 ? Number::kBFloat16 : Number::kHalf;
}

std::shared_ptr<const Codes> grouped_codes(GroupedWeight weight, std::int64_t outputs,
                                           std::int64_t depth) {
  return std::make_shared<GroupedCodes>(std::move(weight), outputs, depth);
}

std::span<const float> plain_nibbles() { return kPlain; }
std::span<const float> e2m1_nibbles() { return kE2M1; }

}  // namespace hft
