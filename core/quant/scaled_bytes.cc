#include "core/quant/scaled_bytes.h"

#include <array>

#include "core/quant/grouped_codes.h"
#include "core/quant/tensor_view.h"

namespace hft {
namespace {

Number rounding_of(at::ScalarType type) {
  return type == at::kHalf ? Number::kHalf : type == at::kBFloat16 ? Number::kBFloat16 : Number::kFloat;
}

struct Owners {
  Bytes codes, scales, zeros;
};

// Scales of the whole weight, of every row, of groups of a row's inputs, or of blocks.
GroupScales scales_of(const Quantization& how, const CodedModule& module, const std::string& end,
                      const StoredTensor& stored, const Bytes& bytes) {
  GroupScales to;
  const bool exponents = stored.dtype == Dtype::kU8 || stored.dtype == kF8E8M0;
  if (!exponents) need_type(module, end, stored, {Dtype::kU8, Dtype::kF32, Dtype::kBF16, Dtype::kF16});
  to.type = exponents ? GroupScales::Type::kExponent : scale_type(stored.dtype);
  to.data = bytes.data;
  const auto& shape = stored.shape;
  if (stored.count() == 1) {
    to.rows = module.outputs;
    return to;
  }
  const bool square = shape.size() == 2 && shape[0] > 0;
  if (how.block_rows > 0)
    need_shape(module, end, stored,
               std::array{divided_up(module.outputs, how.block_rows),
                          divided_up(module.depth, how.block_columns)});
  else if (!(shape.size() == 1 && shape[0] == module.outputs) &&
           !(square && module.outputs % shape[0] == 0 && shape[1] > 0 && module.depth % shape[1] == 0))
    wrong_codes(module, end,
                "is " + shape_text(shape) + ", wanted one for the weight, one for each of " +
                    std::to_string(module.outputs) + " outputs, or whole blocks of " +
                    shape_text({module.outputs, module.depth}));
  to.groups = square ? shape[1] : 1;
  to.rows = how.block_rows > 0 ? how.block_rows : square ? module.outputs / shape[0] : 1;
  return to;
}

}  // namespace

StoredRows scaled_rows(const Quantization& how, const CodedModule& module, const StoredTensor& weight,
                       const FindTensor& find) {
  need_shape(module, ".weight", weight, std::array{module.outputs, module.depth});
  const bool whole = weight.dtype == Dtype::kI8;
  std::string end = ".weight_scale_inv";
  const StoredTensor* scales = find(end);
  if (!scales) scales = &needed(module, find, end = ".weight_scale");
  find(".input_scale");  // of products in 8 bits, which are not made here
  const auto owners = std::make_shared<Owners>(Owners{bytes_of(weight), bytes_of(*scales), {}});
  GroupedWeight to;
  to.code = whole                             ? Code::kSignedByte
            : weight.dtype == Dtype::kF8E5M2 ? Code::kE5M2
                                              : Code::kE4M3;
  to.codes = reinterpret_cast<const std::uint8_t*>(owners->codes.data);
  to.row_bytes = module.depth;
  to.scales = scales_of(how, module, end, *scales, owners->scales);
  to.group = how.block_columns > 0 ? how.block_columns : module.depth / to.scales.groups;
  if (to.scales.groups == 1) to.group = module.depth;
  to.owner = owners;
  to.rounding = rounding_of(module.dtype);
  if (whole || how.method == Quantization::Method::kCompressedTensors)
    to.rounding = rounding_of(scales->dtype);
  if (const StoredTensor* zeros = whole ? find(".weight_zero_point") : nullptr) {
    need_type(module, ".weight_zero_point", *zeros, {Dtype::kI8});
    need_shape(module, ".weight_zero_point", *zeros, scales->shape);
    owners->zeros = bytes_of(*zeros);
    // The codes and the zeros as bytes from 0 on, of which the difference is the same.
    const auto* codes = reinterpret_cast<const std::uint8_t*>(weight.bytes.data());
    const auto shifted = std::make_shared<std::vector<std::uint8_t>>(codes, codes + weight.bytes.size());
    for (std::uint8_t& code : *shifted) code ^= 0x80;
    const auto zero_codes = std::make_shared<std::vector<std::uint8_t>>(module.outputs * to.scales.groups);
    const auto each = numbers_of<std::uint8_t>(owners->zeros, zeros->count());
    for (std::int64_t o = 0; o < module.outputs; ++o)
      for (std::int64_t g = 0; g < to.scales.groups; ++g)
        (*zero_codes)[o * to.scales.groups + g] = each[o / to.scales.rows * to.scales.groups + g] ^ 0x80;
    to.code = Code::kByte;
    to.codes = shifted->data();
    to.zeros = zero_codes->data();
    struct Kept {
      std::shared_ptr<const Owners> owners;
      std::shared_ptr<const void> codes, zeros;
    };
    to.owner = std::make_shared<Kept>(Kept{owners, shifted, zero_codes});
  }
  return rows_of(grouped_codes(std::move(to), module.outputs, module.depth));
}

StoredRows mxfp4_rows(const CodedModule& module, const FindTensor& find) {
  constexpr std::int64_t kBlock = 32;
  const StoredTensor &blocks = needed(module, find, "_blocks"), &scales = needed(module, find, "_scales");
  const std::int64_t groups = divided_up(module.depth, kBlock);
  need_type(module, "_blocks", blocks, {Dtype::kU8});
  need_type(module, "_scales", scales, {Dtype::kU8});
  need_shape(module, "_blocks", blocks,
             std::array{module.slabs, module.outputs, groups, kBlock / 2});
  need_shape(module, "_scales", scales, std::array{module.slabs, module.outputs, groups});
  const std::int64_t of_slab = module.outputs * groups;
  GroupedWeight to;
  to.code = Code::kNibble;
  to.table = e2m1_nibbles();
  to.codes = reinterpret_cast<const std::uint8_t*>(blocks.bytes.data()) + module.slab * of_slab * kBlock / 2;
  to.row_bytes = groups * kBlock / 2;
  to.group = kBlock;
  to.scales = {GroupScales::Type::kExponent, scales.bytes.data() + module.slab * of_slab, groups, 1};
  to.rounding = rounding_of(module.dtype);
  struct Files {
    std::shared_ptr<const MappedFile> blocks, scales;
  };
  to.owner = std::make_shared<Files>(Files{blocks.file, scales.file});
  return rows_of(grouped_codes(std::move(to), module.outputs, module.depth));
}

}  // namespace hft
