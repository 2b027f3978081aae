// The code of the product's row for AVX-512, compiled for what this processor is likelier to have: its
// vectors of 16 floats are then two of 8.
#if defined(__x86_64__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include "tests/core/kernels/rows.h"

#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,bmi2")
#include "core/kernels/product_vectors.h"

namespace hft::test {
namespace {

void compute_wide(const Product& p, std::int64_t begin, std::int64_t end,
                  const ProductScratch& scratch) {
  Tiles<Vectors<simd::Wide>>::compute(p, begin, end, scratch);
}

}  // namespace
}  // namespace hft::test
#pragma GCC pop_options

namespace hft::test {

TEST_CASE("product: the code of the AVX-512 row equals the plain loops, and rows stay exact") {
  if (!has(Processor::kAvx2)) {
    MESSAGE("not run here: this processor lacks avx2");
    return;
  }
  constexpr at::ScalarType kTypes[] = {at::kFloat, at::kBFloat16, at::kHalf};
  const auto number = [](at::ScalarType type) {
    return type == at::kFloat  ? Number::kFloat
           : type == at::kHalf ? Number::kHalf
                               : Number::kBFloat16;
  };
  std::vector<float> memory(kPanelFloats + 70 * kOutputStep);
  for (const auto x_type : {at::kFloat, at::kBFloat16})
    for (const auto w_type : kTypes)
      for (const bool transposed : {false, true})
        for (const int depth : {7, 33, 70, 300})
          for (const int outputs : {5, 64, 81})
            for (const int rows : {1, 2, 5, 6, 7, 20})
              for (const bool exact : {false, true}) {
                CAPTURE(rows);
                CAPTURE(depth);
                CAPTURE(outputs);
                CAPTURE(transposed);
                const at::Tensor x = at::randn({rows, depth}).to(x_type);
                const at::Tensor w = (at::randn({depth, outputs}) * 0.1).to(w_type);
                const at::Tensor stored = transposed ? w : w.t().contiguous();
                at::Tensor y = at::empty({rows, outputs}), alone = at::empty({rows, outputs});
                Product p{.x = x.const_data_ptr(),
                          .x_stride = depth,
                          .weight = stored.const_data_ptr(),
                          .bias = nullptr,
                          .y = y.data_ptr(),
                          .y_stride = outputs,
                          .rows = rows,
                          .depth = depth,
                          .outputs = outputs,
                          .x_type = number(x_type),
                          .weight_type = number(w_type),
                          .y_type = Number::kFloat,
                          .bias_type = Number::kFloat,
                          .activation = Activation::kGelu,
                          .weight_stride = transposed ? outputs : 0,
                          .row_exact = exact};
                at::Tensor wanted = at::empty({rows, outputs}, at::kDouble);
                compute_product_loops(p, wanted.data_ptr<double>());
                const ProductScratch scratch{memory.data(), memory.data() + kPanelFloats};
                compute_wide(p, 0, outputs, scratch);
                CHECK(worst(y, wanted) < 1e-5 * (wanted.abs().max().item<double>() + 1));
                if (!exact) continue;
                p.rows = 1;
                for (int i = 0; i < rows; ++i) {
                  p.x = x[i].const_data_ptr();
                  p.y = alone[i].data_ptr();
                  compute_wide(p, 0, outputs, scratch);
                }
                CHECK(at::equal(alone, y));
              }
}

}  // namespace hft::test
#endif
