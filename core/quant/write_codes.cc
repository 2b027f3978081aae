#include "core/quant/write_codes.h"

#include "core/base/json.h"

namespace hft {
namespace {

// A tensor in memory that `owner` keeps.
template <class T>
StoredTensor tensor_in(Dtype type, std::vector<std::int64_t> shape, std::span<const T> numbers,
                       std::shared_ptr<const void> owner) {
  return {type, std::move(shape), std::as_bytes(numbers),
          std::shared_ptr<const MappedFile>(std::move(owner), nullptr)};
}
template <class T>
StoredTensor kept(Dtype type, std::vector<T> numbers) {
  const auto owner = std::make_shared<const std::vector<T>>(std::move(numbers));
  return tensor_in<T>(type, {std::ssize(*owner)}, *owner, owner);
}

const char* name_of(Number type) {
  return type == Number::kHalf ? "float16" : type == Number::kBFloat16 ? "bfloat16" : "float32";
}

}  // namespace

StoredTensors tensors_of(const std::string& name, const MadeFourBit& made, std::int64_t outputs,
                         std::int64_t depth) {
  const FourBitWeight& w = made.weight;
  const std::string type = w.type == FourBit::kNf4 ? "nf4" : "fp4";
  const auto table = table_of(w.type);
  StoredTensors all;
  all[name] = tensor_in(Dtype::kU8, {std::ssize(w.codes), 1}, w.codes, w.owner);
  all[name + ".quant_map"] = kept(Dtype::kF32, std::vector<float>(table.begin(), table.end()));
  Json state{{"quant_type", type},
             {"blocksize", w.block},
             {"dtype", name_of(w.rounding)},
             {"shape", {outputs, depth}}};
  if (made.nested) {
    all[name + ".absmax"] = kept(Dtype::kU8, made.nested->codes);
    all[name + ".nested_absmax"] = kept(Dtype::kF32, made.nested->sizes);
    all[name + ".nested_quant_map"] = kept(Dtype::kF32, dynamic_map());
    state["nested_blocksize"] = kNestedBlock;
    state["nested_dtype"] = "float32";
    state["nested_offset"] = number(made.nested->offset);
  } else {
    all[name + ".absmax"] = tensor_in(Dtype::kF32, {std::ssize(w.sizes)}, w.sizes, w.owner);
  }
  const std::string text = state.dump();
  all[name + ".quant_state.bitsandbytes__" + type] =
      kept(Dtype::kU8, std::vector<std::uint8_t>(text.begin(), text.end()));
  return all;
}

StoredTensors tensors_of(const std::string& name, const LlmInt8& made) {
  const std::string module = name.substr(0, name.rfind('.'));
  StoredTensors all;
  all[name] = tensor_in(Dtype::kI8, {made.outputs, made.depth},
                        std::span(made.codes, made.outputs * made.depth), made.owner);
  all[module + ".SCB"] =
      tensor_in(Dtype::kF32, {made.outputs}, std::span(made.sizes, made.outputs), made.owner);
  all[module + ".weight_format"] = kept(Dtype::kU8, std::vector<std::uint8_t>{0});  // a row after the other
  all[module + ".weight_format"].shape.clear();
  return all;
}

}  // namespace hft
