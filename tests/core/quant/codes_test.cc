// Codes of 4 and 8 bits, beside what bitsandbytes makes of the same weights (scripts/golden/codes.py).
#include "core/checkpoint/safetensors.h"
#include "core/quant/four_bit.h"
#include "core/quant/int8_matrix.h"
#include "tests/core/nn/store.h"

namespace hft::test {
namespace {

class Reference {
 public:
  Reference() : file_(open_safetensors(fs::path(HFT_SOURCE_DIR) / "tests/golden/codes.safetensors")) {}
  at::Tensor operator[](const std::string& name) const {
    const StoredTensor& stored = file_.tensors.at(name);
    const auto type = stored.dtype == Dtype::kU8   ? at::kByte
                      : stored.dtype == Dtype::kI8 ? at::kChar
                                                   : *floating_type(stored.dtype);
    at::Tensor copy = at::empty(stored.shape, type);
    std::memcpy(copy.data_ptr(), stored.bytes.data(), stored.bytes.size());
    return copy;
  }
  int cases() const {
    int n = 0;
    while (file_.tensors.contains(std::to_string(n) + ".weight")) ++n;
    return n;
  }

 private:
  SafetensorsFile file_;
};

StoredRows in_four_bits(const at::Tensor& weight, FourBit type, bool nest) {
  return rows_of(four_bit_codes(four_bit(weight, type, nest, "w").weight, weight.size(0), weight.size(1)));
}

at::Tensor widened(const StoredRows& rows, const at::Tensor& like) {
  return rows(0, like.size(0))->dense(like.scalar_type());
}

template <class T>
bool same(const std::vector<T>& got, const at::Tensor& wanted) {
  return static_cast<std::int64_t>(got.size()) == wanted.numel() &&
         std::memcmp(got.data(), wanted.const_data_ptr(), got.size() * sizeof(T)) == 0;
}

}  // namespace

TEST_CASE("codes: 4 bits, their sizes and what they stand for are bitsandbytes' to the bit") {
  const Reference reference;
  REQUIRE(reference.cases() == 20);
  for (int i = 0; i < reference.cases(); ++i)
    for (const auto& [name, type] : {std::pair{"nf4", FourBit::kNf4}, {"fp4", FourBit::kFp4}}) {
      CAPTURE(i);
      CAPTURE(name);
      const std::string at = std::to_string(i) + ".";
      const at::Tensor weight = reference[at + "weight"], wide = weight.to(at::kFloat);
      const std::string kind = at + name;
      std::vector<std::uint8_t> codes((wide.numel() + 1) / 2);
      std::vector<float> sizes((wide.numel() + 63) / 64);
      CHECK(quantise_four_bit(wide.const_data_ptr<float>(), wide.numel(), 64, type, codes.data(), sizes.data()));
      CHECK(same(codes, reference[kind + ".codes"]));
      CHECK(same(sizes, reference[kind + ".sizes"]));
      const NestedSizes eight = nested(sizes);
      CHECK(same(eight.codes, reference[kind + ".nested.codes"]));
      CHECK(same(eight.sizes, reference[kind + ".nested.sizes"]));
      for (const bool nest : {false, true}) {
        const auto rows = in_four_bits(weight, type, nest);
        CHECK(at::equal(widened(rows, weight), reference[kind + (nest ? ".nested" : "") + ".numbers"]));
      }
    }
  CHECK(same(dynamic_map(), reference["map"]));
}

TEST_CASE("codes: 8 bits of LLM.int8() are bitsandbytes' to the bit") {
  const Reference reference;
  for (int i = 0; i < reference.cases(); ++i) {
    CAPTURE(i);
    const std::string at = std::to_string(i) + ".";
    const at::Tensor weight = reference[at + "weight"];
    const LlmInt8 made = llm_int8(weight, "w");
    const at::Tensor codes = reference[at + "int8.codes"], sizes = reference[at + "int8.sizes"];
    CHECK(std::memcmp(made.codes, codes.const_data_ptr(), codes.numel()) == 0);
    CHECK(std::memcmp(made.sizes, sizes.const_data_ptr(), sizes.numel() * 4) == 0);
    const at::Tensor numbers = reference[at + "int8.numbers"];
    CHECK(at::equal(widened(llm_int8_rows(made, 6), numbers), numbers));
  }
}

TEST_CASE("codes: what no code can stand for is refused") {
  at::Tensor weight = at::randn({3, 70});
  for (const float bad : {INFINITY, -INFINITY, NAN}) {
    weight[1][3] = bad;
    CHECK(error_of([&] { four_bit(weight, FourBit::kNf4, false, "model.q_proj"); }) ==
          "model.q_proj: a weight is NaN or infinite, wanted numbers that 4 bits can hold");
    CHECK(error_of([&] { llm_int8(weight, "model.q_proj"); }) ==
          "model.q_proj: a weight is NaN or beyond 65504, wanted numbers that LLM.int8() can hold");
  }
}

TEST_CASE("codes: a product is that of the widened weight, of few and of many rows, in every type") {
  for (const auto& [outputs, depth] : {std::pair<std::int64_t, std::int64_t>{48, 64}, {33, 100}, {130, 96}}) {
    const at::Tensor weight = at::randn({outputs, depth}).to(at::kHalf);
    const auto rows = in_four_bits(weight, FourBit::kNf4, false);
    for (const std::int64_t count : {1, 3, 20})
      for (const auto type : {at::kFloat, at::kBFloat16}) {
        CAPTURE(outputs);
        CAPTURE(depth);
        CAPTURE(count);
        const at::Tensor x = at::randn({count, depth}).to(type);
        const auto part = rows(5, outputs - 9);
        const at::Tensor wanted = at::linear(x.to(at::kFloat), part->dense(type).to(at::kFloat));
        at::Tensor y = at::empty({count, outputs - 9}, at::kFloat);
        Product p{.x = x.const_data_ptr(), .x_stride = depth, .weight = nullptr, .bias = nullptr, .y = y.data_ptr(),
                  .y_stride = outputs - 9, .rows = count, .depth = depth, .outputs = outputs - 9,
                  .x_type = number_of(x), .weight_type = Number::kFloat, .y_type = Number::kFloat,
                  .bias_type = Number::kFloat};
        const auto compute = part->product(p, nullptr);
        compute(0, 17);
        compute(17, outputs - 9);
        // Few rows of whole blocks are multiplied by the codes: no rounding to halves, a table of 16 bits.
        const bool direct = count <= 4 && depth == 64;
        const double tolerance = !direct ? 1e-5 : type == at::kFloat ? 1e-3 : 5e-3;
        CHECK(worst(y, wanted) < tolerance * wanted.abs().max().item<double>());
      }
  }
}

TEST_CASE("codes: numbers beyond the threshold of LLM.int8() keep their bits, whatever rows are beside them") {
  const at::Tensor weight = at::randn({40, 128}), few = at::randn({5, 128});
  few[2][7] = 60.0f, few[2][100] = -6.0f, few[4][0] = 6.0f;
  const auto rows = llm_int8_rows(llm_int8(weight, "w"), 6);
  const auto matrix = rows(0, 40);
  const auto product = [&](const at::Tensor& x) {
    at::Tensor y = at::empty({x.size(0), 40}, at::kFloat);
    Product p{.x = x.const_data_ptr(), .x_stride = 128, .weight = nullptr, .bias = nullptr, .y = y.data_ptr(),
              .y_stride = 40, .rows = x.size(0), .depth = 128, .outputs = 40, .x_type = Number::kFloat,
              .weight_type = Number::kFloat, .y_type = Number::kFloat, .bias_type = Number::kFloat};
    matrix->product(p, nullptr)(0, 40);
    return y;
  };
  const at::Tensor y = product(few), wide = matrix->dense(at::kFloat);
  CHECK(worst(y, at::linear(few, wide)) < 0.4);
  for (std::int64_t row = 0; row < 5; ++row) CHECK(at::equal(product(few.narrow(0, row, 1)), y.narrow(0, row, 1)));
  // One step of 8 bits would be half of what 60 takes alone.
  const at::Tensor large = at::zeros({1, 128});
  large[0][3] = 60.0f, large[0][4] = 0.3f;
  CHECK(worst(product(large), at::linear(large, wide)) < 0.01);
}

}  // namespace hft::test
