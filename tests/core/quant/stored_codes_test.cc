// Weights as quantised checkpoints have them: what their codes stand for, and what is wrong with them.
#include "core/quant/stored_codes.h"

#include "core/checkpoint/dtypes.h"
#include "core/kernels/widen_codes.h"
#include "tests/core/nn/store.h"

namespace hft::test {
namespace {

using Method = Quantization::Method;

// A module's tensors, by the ends of their names.
class Module {
 public:
  Module(Method method, std::int64_t outputs, std::int64_t depth) : outputs_(outputs), depth_(depth) {
    how.method = method;
    how.name = "test";
  }
  Module& put(const std::string& end, const at::Tensor& value, std::optional<Dtype> type = {}) {
    const at::Tensor kept = value.contiguous();
    const Dtype own = kept.scalar_type() == at::kInt    ? Dtype::kI32
                      : kept.scalar_type() == at::kByte ? Dtype::kU8
                      : kept.scalar_type() == at::kChar ? Dtype::kI8
                      : kept.scalar_type() == at::kHalf ? Dtype::kF16
                                                        : Dtype::kF32;
    kept_[end] = kept;
    tensors_[end] = {type.value_or(own), kept.sizes().vec(),
                     {static_cast<const std::byte*>(kept.const_data_ptr()), kept.nbytes()}, nullptr};
    return *this;
  }
  Module& take(const std::string& end) {
    tensors_.erase(end);
    return *this;
  }
  StoredRows rows(std::int64_t slab = 0, std::int64_t slabs = 0) const {
    return stored_codes(how, {"here: q_proj", outputs_, depth_, at::kFloat, slab, slabs},
                        [&](const std::string& end) {
                          const auto found = tensors_.find(end);
                          return found == tensors_.end() ? nullptr : &found->second;
                        });
  }
  at::Tensor numbers(std::int64_t slab = 0, std::int64_t slabs = 0) const {
    return rows(slab, slabs)(0, outputs_)->dense(at::kFloat);
  }
  std::string error() const {
    const Error error = caught([&] { rows(); });
    CHECK(error.code == Errc::kBadData);
    return error.message;
  }
  Quantization how;

 private:
  std::int64_t outputs_, depth_;
  std::map<std::string, at::Tensor> kept_;
  std::map<std::string, StoredTensor> tensors_;
};

at::Tensor words(std::vector<std::int64_t> values, at::IntArrayRef shape) {
  std::vector<std::int32_t> ints(values.begin(), values.end());
  return at::tensor(ints, at::kInt).view(shape);
}

// Eight outputs of eight inputs; each input's codes are 0 to 7 in the order of the outputs.
Module gptq(std::int64_t zero_word) {
  Module m(Method::kGptq, 8, 8);
  m.how.group = 8;
  std::vector<std::int64_t> codes;
  for (std::int64_t o = 0; o < 8; ++o) codes.push_back(o * 0x11111111);
  m.put(".qweight", words(codes, {1, 8}));
  m.put(".qzeros", words({zero_word}, {1, 1}));
  m.put(".scales", at::full({1, 8}, 0.5, at::kHalf));
  return m;
}

at::Tensor outputs_less(float zero) {
  return ((at::arange(8, at::kFloat) - zero) * 0.5).unsqueeze(1).expand({8, 8});
}

}  // namespace

TEST_CASE("stored codes: gptq stores zeros less one, unless the second format or all middle ones say otherwise") {
  CHECK(at::equal(gptq(0x77777777).numbers(), outputs_less(8)));
  CHECK(at::equal(gptq(0x88888888).numbers(), outputs_less(8)));
  CHECK(at::equal(gptq(0x33333333).numbers(), outputs_less(4)));
  CHECK(at::equal(gptq(0xffffffff).numbers(), outputs_less(0)));  // one more, in four bits
  Module second = gptq(0x77777777);
  second.how.zeros_as_stored = true;
  CHECK(at::equal(second.numbers(), outputs_less(7)));
  Module asymmetric = gptq(0x88888888);
  asymmetric.how.symmetric = false;
  CHECK(at::equal(asymmetric.numbers(), outputs_less(9)));
}

TEST_CASE("stored codes: gptq's inputs belong to the groups that g_idx says") {
  Module m = gptq(0x77777777);
  m.how.group = 4;
  m.put(".qzeros", words({0x77777777, 0x77777777}, {2, 1}));
  m.put(".scales", at::stack({at::full({8}, 0.5, at::kHalf), at::full({8}, 2.0, at::kHalf)}));
  m.put(".g_idx", words({1, 0, 1, 0, 0, 0, 1, 1}, {8}));
  const at::Tensor scales = at::tensor({2.0f, 0.5f, 2.0f, 0.5f, 0.5f, 0.5f, 2.0f, 2.0f});
  CHECK(at::equal(m.numbers(), (at::arange(8, at::kFloat) - 8).unsqueeze(1) * scales));
  m.put(".g_idx", words({1, 0, 1, 0, 0, 0, 0, 1}, {8}));
  CHECK(m.error() == "here: q_proj.g_idx: puts other than 4 inputs into group 1");
}

TEST_CASE("stored codes: awq packs outputs in an order of its own") {
  Module m(Method::kAwq, 8, 2);
  m.how.group = 2;
  m.put(".qweight", words({0x76543210, 0x76543210}, {2, 1})).put(".qzeros", words({0}, {1, 1}));
  m.put(".scales", at::ones({1, 8}, at::kHalf));
  const at::Tensor wanted = at::tensor({0.0f, 4.0f, 1.0f, 5.0f, 2.0f, 6.0f, 3.0f, 7.0f});
  CHECK(at::equal(m.numbers(), wanted.unsqueeze(1).expand({8, 2})));
}

TEST_CASE("stored codes: fp8 has a scale for each block, the last of which are not whole") {
  const at::Tensor codes = at::randint(0, 127, {1000, 200}).to(at::kByte);
  const at::Tensor scales = at::rand({8, 2}) + 0.5;
  Module m(Method::kFp8, 1000, 200);
  m.how.block_rows = m.how.block_columns = 128;
  m.put(".weight", codes, Dtype::kF8E4M3).put(".weight_scale_inv", scales);
  const at::Tensor got = m.numbers();
  for (const auto& [o, k] : {std::pair<int, int>{0, 0}, {127, 127}, {128, 128}, {999, 199}, {500, 130}}) {
    const float value = float8_value(Code::kE4M3, codes[o][k].item<std::uint8_t>());
    CHECK(got[o][k].item<float>() == value * scales[o / 128][k / 128].item<float>());
  }
  m.put(".weight_scale_inv", scales.narrow(0, 0, 7));
  CHECK(m.error() == "here: q_proj.weight_scale_inv: is [7, 2], wanted [8, 2] for a weight of [1000, 200]");
  CHECK(m.take(".weight_scale_inv").error() ==
        "here: q_proj.weight_scale: is missing, and the weight's codes mean nothing without it");
}

TEST_CASE("stored codes: a scale of one byte is a power of two, and every byte of fp8 has its value") {
  Module m(Method::kFp8, 2, 128);
  m.put(".weight", at::arange(256).to(at::kByte).view({2, 128}), Dtype::kF8E4M3);
  m.put(".weight_scale_inv", at::tensor({127, 130}, at::kByte).view({2, 1}));
  const at::Tensor got = m.numbers();
  CHECK(got[0][1].item<float>() == 0x1p-9f);    // the smallest
  CHECK(got[0][8].item<float>() == 0x1p-6f);    // the smallest with a full fraction
  CHECK(got[0][56].item<float>() == 1.0f);
  CHECK(got[0][126].item<float>() == 448.0f);
  CHECK(std::isnan(got[0][127].item<float>()));
  CHECK(got[1][56].item<float>() == -8.0f);     // 2^3 of the second row
  m.put(".weight", at::arange(256).to(at::kByte).view({2, 128}), Dtype::kF8E5M2);
  m.put(".weight_scale_inv", at::ones({1}));
  const at::Tensor wide = m.numbers();
  CHECK(wide[0][1].item<float>() == 0x1p-16f);
  CHECK(wide[0][60].item<float>() == 1.0f);
  CHECK(wide[0][123].item<float>() == 57344.0f);
  CHECK(std::isinf(wide[0][124].item<float>()));
}

TEST_CASE("stored codes: mxfp4 has 32 numbers to a scale, the low nibble first, and several weights in a tensor") {
  Module m(Method::kMxfp4, 1, 32);
  at::Tensor blocks = at::zeros({2, 1, 1, 16}, at::kByte);
  for (int i = 0; i < 16; ++i) blocks[1][0][0][i] = i | (15 - i) << 4;
  m.put("_blocks", blocks).put("_scales", at::tensor({127, 129}, at::kByte).view({2, 1, 1}));
  const at::Tensor got = m.numbers(1, 2);
  const float values[] = {0, .5, 1, 1.5, 2, 3, 4, 6, -0.f, -.5, -1, -1.5, -2, -3, -4, -6};
  for (int i = 0; i < 16; ++i) {
    CHECK(got[0][2 * i].item<float>() == 4 * values[i]);
    CHECK(got[0][2 * i + 1].item<float>() == 4 * values[15 - i]);
  }
  CHECK(m.numbers(0, 2).abs().max().item<float>() == 0);
}

TEST_CASE("stored codes: what does not fit together is told") {
  CHECK(gptq(0x77777777).take(".qzeros").error() ==
        "here: q_proj.qzeros: is missing, and the weight's codes mean nothing without it");
  CHECK(gptq(0x77777777).put(".scales", at::ones({2, 8}, at::kHalf)).error() ==
        "here: q_proj.scales: is [2, 8], wanted [1, 8] for a weight of [8, 8]");
  CHECK(gptq(0x77777777).put(".qweight", at::ones({1, 8})).error() ==
        "here: q_proj.qweight: is stored as F32, wanted I32");
  Module m(Method::kFp8, 8, 8);
  m.put(".qweight", words({0}, {1, 1}));
  CHECK(m.error() == "here: q_proj.qweight: is of gptq or awq, but config.json says test");
  Module packed(Method::kCompressedTensors, 8, 8);
  packed.put(".weight_packed", words({1, 2, 3}, {1, 3})).put(".weight_scale", at::ones({8, 1}));
  CHECK(packed.error() == "here: q_proj.weight_packed: is [1, 3], wanted rows of 1 to 8 bits for a weight of [8, 8]");
  Module bytes(Method::kCompressedTensors, 8, 8);
  bytes.put(".weight", at::ones({8, 8}, at::kByte));
  CHECK(bytes.error() == "here: q_proj.weight: is stored as U8, wanted I8 or F8_E4M3 or F8_E5M2");
  Module four(Method::kBitsAndBytes, 8, 8);
  four.put(".weight", at::ones({32, 1}, at::kByte)).put(".weight.absmax", at::ones({1}));
  CHECK(four.error() == "here: q_proj.weight.quant_state.bitsandbytes__fp4: is missing, and the weight's codes mean "
                        "nothing without it");
}

TEST_CASE("stored codes: floats in a quantised checkpoint are none, and a scale of theirs is an orphan") {
  Module m(Method::kGptq, 8, 8);
  CHECK(!m.rows());
  CHECK(!m.put(".weight", at::ones({8, 8})).rows());
  auto store = store_of({{"a.weight", at::ones({8, 8})}, {"a.weight_scale", at::ones({8, 1})},
                         {"b.weight_scale", at::ones({8, 1})}});
  Quantization how;
  how.method = Method::kCompressedTensors;
  store->stored_as(how);
  CHECK(store->orphan_scale() == "");  // nothing is bound yet: a part that no model uses
  store->bind("a.weight", {8, 8});
  CHECK(store->orphan_scale() == "a.weight_scale");
}

}  // namespace hft::test
