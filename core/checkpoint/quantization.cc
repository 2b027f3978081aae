#include "core/checkpoint/quantization.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/limits.h"

namespace hft {
namespace {

using Method = Quantization::Method;

constexpr std::pair<std::string_view, Method> kMethods[] = {
    {"bitsandbytes", Method::kBitsAndBytes}, {"gptq", Method::kGptq},
    {"awq", Method::kAwq},                   {"fp8", Method::kFp8},
    {"mxfp4", Method::kMxfp4},               {"compressed-tensors", Method::kCompressedTensors}};

[[noreturn]] void refuse(const Quantization& of, const std::string& what) {
  fail(Errc::kUnsupported, of.where, ": the checkpoint is quantised (", of.name, what,
       "), wanted one of bitsandbytes, gptq, awq, fp8, mxfp4, compressed-tensors, or floats");
}

void read_groups(const Fields& q, Quantization& to) {
  const auto bits = q.integer("bits", 1, 32, 4);
  const bool known = to.method == Method::kAwq ? bits == 4 : bits == 2 || bits == 3 || bits == 4 || bits == 8;
  if (!known) refuse(to, ", " + std::to_string(bits) + " bits");
  to.bits = static_cast<int>(bits);
  const auto group = q.integer("group_size", -1, limits::kHidden, 128);
  to.group = std::max<std::int64_t>(0, group);
}

// Formats of compressed-tensors whose numbers are a code times a scale.
constexpr std::string_view kQuantisedFormats[] = {"pack-quantized", "int-quantized", "float-quantized",
                                         "naive-quantized"};

}  // namespace

std::optional<Quantization> quantization_of(const Fields& config) {
  if (!config.has("quantization_config")) return std::nullopt;
  const Fields q = config.object("quantization_config");
  Quantization to;
  to.where = config.where();
  to.name = q.text("quant_method", "");
  if (to.name.empty())
    to.name = q.boolean("load_in_4bit", false) || q.boolean("load_in_8bit", false)
                  ? "bitsandbytes"
                  : "an unnamed method";
  const auto* known = std::ranges::find(kMethods, std::string_view(to.name),
                                        &std::pair<std::string_view, Method>::first);
  if (known == std::end(kMethods)) refuse(to, "");
  to.method = known->second;
  if (to.method == Method::kGptq || to.method == Method::kAwq) read_groups(q, to);
  if (to.method == Method::kGptq) {
    to.zeros_as_stored = q.text("checkpoint_format", "gptq") == "gptq_v2";
    to.symmetric = q.boolean("sym", true);
  }
  if (to.method == Method::kAwq)
    if (const auto version = q.text("version", "gemm"); version != "gemm" && version != "GEMM")
      refuse(to, ", version " + version);
  if (to.method == Method::kFp8)
    if (const Json* size = q.find("weight_block_size"); size && size->is_array() && size->size() == 2) {
      const auto side = [&](int i) {
        if (!(*size)[i].is_number_integer() || (*size)[i] < 1 || (*size)[i] > limits::kHidden)
          fail(Errc::kBadData, to.where, ": 'weight_block_size' is ", size->dump(),
               ", wanted two sizes");
        return (*size)[i].get<std::int64_t>();
      };
      to.block_rows = side(0);
      to.block_columns = side(1);
    }
  if (to.method == Method::kCompressedTensors)
    if (const auto format = q.text("format", "naive-quantized");
        std::ranges::count(kQuantisedFormats, std::string_view(format)) == 0)
      refuse(to, ", format " + format);
  if (to.method == Method::kBitsAndBytes) to.threshold = q.real("llm_int8_threshold", 0, 1e9, 6);
  return to;
}

}  // namespace hft
