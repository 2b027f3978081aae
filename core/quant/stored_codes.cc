#include "core/quant/stored_codes.h"

#include <algorithm>
#include <array>

#include "core/base/json.h"
#include "core/quant/four_bit.h"
#include "core/quant/int8_matrix.h"
#include "core/quant/packed_integers.h"
#include "core/quant/scaled_bytes.h"
#include "core/quant/tensor_view.h"

namespace hft {
namespace {

using Method = Quantization::Method;

constexpr std::string_view kEnds[] = {
    ".qweight",           ".qzeros",          ".scales",           ".g_idx",
    ".weight_packed",     ".weight_scale",    ".weight_scale_inv", ".weight_zero_point",
    ".weight_g_idx",      ".weight_shape",    ".input_scale",      ".absmax",
    ".nested_absmax",     ".quant_map",       ".nested_quant_map", ".quant_state.bitsandbytes__nf4",
    ".quant_state.bitsandbytes__fp4",         ".SCB",              "_blocks",
    "_scales"};

Number rounding_named(const CodedModule& module, const std::string& type) {
  if (type == "float16") return Number::kHalf;
  if (type == "bfloat16") return Number::kBFloat16;
  if (type == "float32") return Number::kFloat;
  wrong_codes(module, ".weight.quant_state", "'dtype' is '" + type + "', wanted float32, bfloat16 or float16");
}

std::span<const float> map_of(const CodedModule& module, const FindTensor& find, const std::string& end,
                              std::int64_t count, Bytes& bytes) {
  const StoredTensor& stored = needed(module, find, end);
  need_type(module, end, stored, {Dtype::kF32});
  need_shape(module, end, stored, std::array{count});
  bytes = bytes_of(stored);
  return numbers_of<float>(bytes, count);
}

// The largest of each run, from 8 bits where they are quantised once more.
std::vector<float> sizes_of(const CodedModule& module, const FindTensor& find, const Fields& state,
                            std::int64_t runs) {
  const StoredTensor& stored = needed(module, find, ".weight.absmax");
  need_shape(module, ".weight.absmax", stored, std::array{runs});
  const Bytes bytes = bytes_of(stored);
  if (stored.dtype == Dtype::kF32) {
    const auto sizes = numbers_of<float>(bytes, runs);
    return {sizes.begin(), sizes.end()};
  }
  need_type(module, ".weight.absmax", stored, {Dtype::kU8, Dtype::kF32});
  const std::int64_t block = state.integer("nested_blocksize", 1, 1 << 20);
  Bytes nested_bytes, map_bytes;
  const auto nested = map_of(module, find, ".weight.nested_absmax", (runs + block - 1) / block, nested_bytes);
  const auto map = map_of(module, find, ".weight.nested_quant_map", 256, map_bytes);
  return unnested(numbers_of<std::uint8_t>(bytes, runs), nested, map, block,
                  static_cast<float>(state.real("nested_offset", -1e30, 1e30)));
}

StoredRows four_bit_rows(const CodedModule& module, const StoredTensor& weight, const FindTensor& find) {
  struct Owner {
    Bytes codes;
    std::vector<float> sizes;
  };
  FourBitWeight to;
  std::string end = ".weight.quant_state.bitsandbytes__nf4";
  const StoredTensor* packed = find(end);
  if (!packed) {
    packed = &needed(module, find, end = ".weight.quant_state.bitsandbytes__fp4");
    to.type = FourBit::kFp4;
  }
  const Fields state(parse_json({reinterpret_cast<const char*>(packed->bytes.data()), packed->bytes.size()},
                                module.where + end),
                     module.where + end);
  const std::int64_t n = module.outputs * module.depth;
  if (const Json* shape = state.find("shape"); !shape || *shape != Json{module.outputs, module.depth})
    wrong_codes(module, end,
                "'shape' is " + (shape ? shape->dump() : "missing") + ", but config.json implies " +
                    shape_text({module.outputs, module.depth}));
  to.block = state.integer("blocksize", 2, 1 << 20);
  to.rounding = rounding_named(module, state.text("dtype"));
  // The bytes may have another type's name, as one storage of one type is wanted by some trainers.
  if (static_cast<std::int64_t>(weight.bytes.size()) != (n + 1) / 2)
    wrong_codes(module, ".weight",
                "has " + std::to_string(weight.bytes.size()) + " bytes, wanted " +
                    std::to_string((n + 1) / 2) + " for 4 bits of " +
                    shape_text({module.outputs, module.depth}));
  const auto owner = std::make_shared<Owner>();
  owner->codes = {weight.bytes.data(), weight.file};
  owner->sizes = sizes_of(module, find, state, (n + to.block - 1) / to.block);
  find(".weight.quant_map");  // the table of its type
  to.codes = numbers_of<std::uint8_t>(owner->codes, (n + 1) / 2);
  to.sizes = owner->sizes;
  to.owner = owner;
  return rows_of(four_bit_codes(to, module.outputs, module.depth));
}

StoredRows llm_int8_stored(const Quantization& how, const CodedModule& module, const StoredTensor& weight,
                           const StoredTensor& sizes, const FindTensor& find) {
  struct Owner {
    Bytes codes, sizes;
  };
  need_shape(module, ".weight", weight, std::array{module.outputs, module.depth});
  need_type(module, ".SCB", sizes, {Dtype::kF32});
  if (sizes.count() != module.outputs) need_shape(module, ".SCB", sizes, std::array{module.outputs});
  find(".weight_format");
  const auto owner = std::make_shared<Owner>(Owner{bytes_of(weight), bytes_of(sizes)});
  return llm_int8_rows({module.outputs, module.depth,
                        reinterpret_cast<const std::int8_t*>(owner->codes.data),
                        reinterpret_cast<const float*>(owner->sizes.data),
                        owner->codes.owner == weight.file, owner},
                       static_cast<float>(how.threshold));
}

bool is_float(Dtype dtype) {
  return dtype == Dtype::kF64 || dtype == Dtype::kF32 || dtype == Dtype::kF16 || dtype == Dtype::kBF16;
}

}  // namespace

bool belongs_to_codes(std::string_view name) {
  return std::ranges::any_of(kEnds, [&](std::string_view end) { return name.ends_with(end); });
}

StoredRows stored_codes(const Quantization& how, const CodedModule& module, const FindTensor& find) {
  if (module.slabs > 0) return find("_blocks") ? mxfp4_rows(module, find) : StoredRows();
  if (find(".qweight")) {
    if (how.method == Method::kGptq) return gptq_rows(how, module, find);
    if (how.method == Method::kAwq) return awq_rows(how, module, find);
    wrong_codes(module, ".qweight", "is of gptq or awq, but config.json says " + how.name);
  }
  if (find(".weight_packed")) return packed_rows(module, find);
  const StoredTensor* weight = find(".weight");
  if (!weight) return {};
  if (find(".weight.absmax")) return four_bit_rows(module, *weight, find);
  if (is_float(weight->dtype)) return {};
  if (const StoredTensor* sizes = weight->dtype == Dtype::kI8 ? find(".SCB") : nullptr)
    return llm_int8_stored(how, module, *weight, *sizes, find);
  need_type(module, ".weight", *weight, {Dtype::kI8, Dtype::kF8E4M3, Dtype::kF8E5M2});
  return scaled_rows(how, module, *weight, find);
}

}  // namespace hft
