#include "core/quant/packed_integers.h"

#include <algorithm>
#include <atomic>
#include <numeric>

#include "core/nn/workers.h"
#include "core/quant/grouped_codes.h"
#include "core/quant/tensor_view.h"

namespace hft {
namespace {

using Words = std::span<const std::uint32_t>;

// Codes of `bits` each, one after the other from the lowest bit on, in words `stride` apart.
struct Stream {
  const std::uint32_t* words;
  std::int64_t stride;
  int bits;
  std::uint32_t operator[](std::int64_t i) const {
    const std::int64_t bit = i * bits, word = bit / 32, shift = bit % 32;
    std::uint64_t both = words[word * stride];
    if (shift + bits > 32) both |= static_cast<std::uint64_t>(words[(word + 1) * stride]) << 32;
    return static_cast<std::uint32_t>(both >> shift) & ((1u << bits) - 1);
  }
};

// Codes, zeros and, with an order, where the codes belong, laid out anew.
struct Laid {
  std::vector<std::uint8_t> codes, zeros;
  Bytes scales;
  std::vector<std::uint16_t> turned;  // scales, a row's together
};

// Two codes of up to 4 bits in a byte, or one.
class Layout {
 public:
  Layout(const CodedModule& module, int bits)
      : outputs_(module.outputs),
        two_(bits <= 4),
        row_bytes_(two_ ? (module.depth + 1) / 2 : module.depth),
        laid_(std::make_shared<Laid>()) {
    laid_->codes.resize(outputs_ * row_bytes_);
  }

  // code(o, k) at the place of each; rows are shared out over the cores.
  template <class F>
  void fill(std::int64_t depth, F&& code) {
    std::atomic<std::int64_t> next = 0;
    constexpr std::int64_t kSome = 32;
    on_each_core(outputs_ * depth < 1 << 16 ? 1 : cores(), [&](int) {
      for (std::int64_t first; (first = next.fetch_add(kSome)) < outputs_;)
        for (std::int64_t k = 0; k < depth; ++k)
          for (std::int64_t o = first; o < std::min(first + kSome, outputs_); ++o) {
            std::uint8_t& to = laid_->codes[o * row_bytes_ + (two_ ? k / 2 : k)];
            to |= code(o, k) << (two_ && k % 2 ? 4 : 0);
          }
    });
  }

  // zero(o, g) at the place of each, which `weight` then has.
  template <class F>
  void fill_zeros(std::int64_t groups, GroupedWeight& weight, F&& zero) {
    laid_->zeros.resize(outputs_ * groups);
    for (std::int64_t o = 0; o < outputs_; ++o)
      for (std::int64_t g = 0; g < groups; ++g)
        laid_->zeros[o * groups + g] = static_cast<std::uint8_t>(zero(o, g));
    weight.zeros = laid_->zeros.data();
  }

  Laid& laid() { return *laid_; }
  GroupedWeight weight(std::int64_t group) const {
    GroupedWeight to;
    to.code = two_ ? Code::kNibble : Code::kByte;
    to.codes = laid_->codes.data();
    to.row_bytes = row_bytes_;
    to.group = group;
    if (two_) to.table = plain_nibbles();
    to.owner = laid_;
    return to;
  }

 private:
  std::int64_t outputs_;
  bool two_;
  std::int64_t row_bytes_;
  std::shared_ptr<Laid> laid_;
};

// Scales [groups, outputs] of 16 bits, each output's together.
void take_turned_scales(const CodedModule& module, const StoredTensor& stored, std::int64_t groups,
                        Layout& layout, GroupedWeight& weight) {
  need_shape(module, ".scales", stored, std::array{groups, module.outputs});
  need_type(module, ".scales", stored, {Dtype::kF16, Dtype::kBF16});
  const Bytes bytes = bytes_of(stored);
  const auto scales = numbers_of<std::uint16_t>(bytes, groups * module.outputs);
  auto& turned = layout.laid().turned;
  turned.resize(scales.size());
  for (std::int64_t g = 0; g < groups; ++g)
    for (std::int64_t o = 0; o < module.outputs; ++o)
      turned[o * groups + g] = scales[g * module.outputs + o];
  weight.scales = {scale_type(stored.dtype), turned.data(), groups, 1};
  weight.rounding = rounding_of(stored.dtype);
}

Words words_of(const Bytes& bytes, const StoredTensor& tensor) {
  return numbers_of<std::uint32_t>(bytes, tensor.count());
}

// Where each code belongs when those of a group stand together; empty where they do already.
std::vector<std::int32_t> order_of(const CodedModule& module, const StoredTensor* groups_of,
                                   std::int64_t group, std::int64_t groups) {
  if (!groups_of) return {};
  need_shape(module, ".g_idx", *groups_of, std::array{module.depth});
  need_type(module, ".g_idx", *groups_of, {Dtype::kI32});
  const Bytes bytes = bytes_of(*groups_of);
  const auto of = numbers_of<std::int32_t>(bytes, module.depth);
  std::vector<std::int32_t> order(module.depth);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](std::int32_t k) { return of[k]; });
  for (std::int64_t k = 0; k < module.depth; ++k)
    if (of[order[k]] != k / group)
      wrong_codes(module, ".g_idx", "puts other than " + std::to_string(group) + " inputs into group " +
                                        std::to_string(std::clamp<std::int64_t>(k / group, 0, groups)));
  if (std::ranges::is_sorted(order)) order.clear();
  return order;
}

}  // namespace

StoredRows gptq_rows(const Quantization& how, const CodedModule& module, const FindTensor& find) {
  const int bits = how.bits;
  const std::int64_t group = how.group > 0 ? how.group : module.depth;
  const std::int64_t groups = divided_up(module.depth, group);
  const StoredTensor &stored = needed(module, find, ".qweight"), &zeros = needed(module, find, ".qzeros");
  need_type(module, ".qweight", stored, {Dtype::kI32});
  need_type(module, ".qzeros", zeros, {Dtype::kI32});
  need_shape(module, ".qweight", stored, std::array{divided_up(module.depth * bits, 32), module.outputs});
  need_shape(module, ".qzeros", zeros, std::array{groups, divided_up(module.outputs * bits, 32)});
  Layout layout(module, bits);
  GroupedWeight weight = layout.weight(group);
  take_turned_scales(module, needed(module, find, ".scales"), groups, layout, weight);
  weight.order = order_of(module, find(".g_idx"), group, groups);

  const Bytes weight_bytes = bytes_of(stored), zero_bytes = bytes_of(zeros);
  const Words words = words_of(weight_bytes, stored), zero_words = words_of(zero_bytes, zeros);
  layout.fill(module.depth, [&](std::int64_t o, std::int64_t k) {
    const std::int64_t from = weight.order.empty() ? k : weight.order[k];
    return Stream{words.data() + o, module.outputs, bits}[from];
  });
  const std::uint32_t middle = 1u << (bits - 1), mask = (1u << bits) - 1;
  const auto zero = [&](std::int64_t o, std::int64_t g) {
    return Stream{zero_words.data() + g * zeros.shape[1], 1, bits}[o];
  };
  // Files of newer tools say the first format where all zeros are the middle: those are not one less.
  bool all_middle = how.symmetric;
  for (std::int64_t g = 0; g < groups && all_middle; ++g)
    for (std::int64_t o = 0; o < module.outputs && all_middle; ++o) all_middle = zero(o, g) == middle;
  const std::uint32_t more = how.zeros_as_stored || all_middle ? 0 : 1;
  layout.fill_zeros(groups, weight,
                    [&](std::int64_t o, std::int64_t g) { return (zero(o, g) + more) & mask; });
  return rows_of(grouped_codes(std::move(weight), module.outputs, module.depth));
}

StoredRows awq_rows(const Quantization& how, const CodedModule& module, const FindTensor& find) {
  constexpr int kShift[] = {0, 16, 4, 20, 8, 24, 12, 28};  // of the i-th of eight outputs
  const std::int64_t group = how.group > 0 ? how.group : module.depth;
  const std::int64_t groups = divided_up(module.depth, group), packed = divided_up(module.outputs, 8);
  const StoredTensor &stored = needed(module, find, ".qweight"), &zeros = needed(module, find, ".qzeros");
  need_type(module, ".qweight", stored, {Dtype::kI32});
  need_type(module, ".qzeros", zeros, {Dtype::kI32});
  need_shape(module, ".qweight", stored, std::array{module.depth, packed});
  need_shape(module, ".qzeros", zeros, std::array{groups, packed});
  Layout layout(module, how.bits);
  GroupedWeight weight = layout.weight(group);
  take_turned_scales(module, needed(module, find, ".scales"), groups, layout, weight);
  const Bytes weight_bytes = bytes_of(stored), zero_bytes = bytes_of(zeros);
  const Words words = words_of(weight_bytes, stored), zero_words = words_of(zero_bytes, zeros);
  const auto code = [&](Words from, std::int64_t row, std::int64_t o) {
    return from[row * packed + o / 8] >> kShift[o % 8] & 15;
  };
  layout.fill(module.depth, [&](std::int64_t o, std::int64_t k) { return code(words, k, o); });
  layout.fill_zeros(groups, weight,
                    [&](std::int64_t o, std::int64_t g) { return code(zero_words, g, o); });
  return rows_of(grouped_codes(std::move(weight), module.outputs, module.depth));
}

StoredRows packed_rows(const CodedModule& module, const FindTensor& find) {
  const StoredTensor &stored = needed(module, find, ".weight_packed"),
                     &scales = needed(module, find, ".weight_scale");
  find(".weight_shape");  // says what the model's config does
  need_type(module, ".weight_packed", stored, {Dtype::kI32});
  need_type(module, ".weight_scale", scales, {Dtype::kF16, Dtype::kBF16, Dtype::kF32});
  int bits = 1;  // a row of so many makes the words there are
  while (bits <= 8 && divided_up(module.depth * bits, 32) != (stored.shape.size() == 2 ? stored.shape[1] : 0))
    ++bits;
  if (bits > 8 || stored.shape[0] != module.outputs)
    wrong_codes(module, ".weight_packed",
                "is " + shape_text(stored.shape) + ", wanted rows of 1 to 8 bits for a weight of " +
                    shape_text({module.outputs, module.depth}));
  const std::int64_t groups = scales.shape.size() == 2 ? scales.shape[1] : 1;
  const bool whole = scales.count() == 1;  // one for all
  if (!whole) need_shape(module, ".weight_scale", scales, std::array{module.outputs, groups});
  const StoredTensor* order = find(".weight_g_idx");
  const std::int64_t group = divided_up(module.depth, groups);
  const Bytes bytes = bytes_of(stored), scale_bytes = bytes_of(scales);
  Layout layout(module, bits);
  GroupedWeight weight = layout.weight(group);
  layout.laid().scales = scale_bytes;
  weight.scales = {scale_type(scales.dtype), scale_bytes.data, groups, whole ? module.outputs : 1};
  weight.rounding = rounding_of(scales.dtype);
  weight.zero = static_cast<float>(1 << (bits - 1));
  weight.order = order_of(module, order, group, groups);
  const Words words = words_of(bytes, stored);
  layout.fill(module.depth, [&](std::int64_t o, std::int64_t k) {
    const std::int64_t from = weight.order.empty() ? k : weight.order[k];
    return Stream{words.data() + o * stored.shape[1], 1, bits}[from];
  });
  if (const StoredTensor* zeros = find(".weight_zero_point")) {  // packed along the outputs
    const std::int64_t rows = divided_up(module.outputs * bits, 32);
    need_type(module, ".weight_zero_point", *zeros, {Dtype::kI32});
    need_shape(module, ".weight_zero_point", *zeros, std::array{rows, groups});
    const Bytes zero_bytes = bytes_of(*zeros);
    const Words zero_words = words_of(zero_bytes, *zeros);
    layout.fill_zeros(groups, weight, [&](std::int64_t o, std::int64_t g) {
      return Stream{zero_words.data() + g, groups, bits}[o];
    });
  }
  return rows_of(grouped_codes(std::move(weight), module.outputs, module.depth));
}

}  // namespace hft
