// Ways to store a weight: what each computes, beside its numbers.
#include "core/quant/stored_matrix.h"

#include "core/nn/linear.h"
#include "tests/core/nn/store.h"
#include "tests/core/nn/twins.h"

namespace hft::test {
namespace {

std::shared_ptr<WeightStore> quantised(const std::map<std::string, at::Tensor>& tensors) {
  auto store = store_of(tensors);
  store->quantize_with(Quantize::kDynamic);
  return store;
}

}  // namespace

TEST_CASE("stored matrix: 8 bits keep slices and transposed rows of any type in order") {
  const at::Tensor a = at::randn({40, 100}), b = at::randn({100, 33}).to(at::kBFloat16);
  const auto matrices = stored_matrices({a, b.t()}, Quantize::kDynamic);
  REQUIRE(matrices.size() == 1);
  const at::Tensor whole = at::concat({a, b.t().to(at::kFloat)});
  CHECK(matrices[0]->outputs == 73);
  CHECK(worst(matrices[0]->dense(at::kFloat), whole) < whole.abs().max().item<double>() / 250);
  CHECK((matrices[0]->dense(at::kBFloat16).scalar_type() == at::kBFloat16));
}

TEST_CASE("stored matrix: what is small stays as it is") {
  const at::Tensor few = at::randn({2, 100}), shallow = at::randn({100, 8});
  CHECK(at::equal(stored_matrices({few}, Quantize::kDynamic)[0]->dense(at::kFloat), few));
  CHECK(at::equal(stored_matrices({shallow}, Quantize::kDynamic)[0]->dense(at::kFloat), shallow));
}

TEST_CASE("linear: quantised products are near the others, and the twin computes the same") {
  const at::Tensor q = at::randn({48, 64}), k = at::randn({48, 64}), bias = at::randn({48});
  const std::map<std::string, at::Tensor> tensors{
      {"q.weight", q}, {"q.bias", bias}, {"k.weight", k}, {"k.bias", bias}};
  const at::Tensor x = at::randn({9, 64}), residual = at::randn({9, 96});
  const auto made = [&](const std::shared_ptr<WeightStore>& store) {
    return Linear(Weights(store), {{"q", 48}, {"k", 48}}, 64);
  };
  const Linear exact = made(store_of(tensors)), rounded = made(quantised(tensors));
  const at::Tensor wanted = exact(x), got = rounded(x);
  CHECK(worst(got, wanted) > 0);
  CHECK(worst(got, wanted) < wanted.abs().max().item<double>() * 0.02);
  CHECK(worst(rounded.plus(x, residual.clone()), got + residual) < 1e-5);
  const Linear gate = Linear::gated(Weights(quantised(tensors)), {{{"q", 48}, {"k", 48}}}, 64,
                                    Activation::kSilu);
  const at::Tensor product = gate(x);
  const double large = product.abs().max().item<double>();
  CHECK(worst(product, at::silu(at::linear(x, q)) * at::linear(x, k)) < large * 0.02);
  CHECK(worst(with_twins(true, [&] { return rounded(x); }), got) < 1e-3);
  CHECK(worst(with_twins(true, [&] { return gate(x); }), product) < large * 1e-4);
}

TEST_CASE("linear: a weight that may be an embedding's too is never quantised") {
  const at::Tensor table = at::randn({100, 64}), x = at::randn({3, 64});
  const Linear head(Weights(quantised({{"weight", table}})), {100, 64}, at::Tensor());
  CHECK(worst(head(x), at::linear(x, table)) < 1e-4);
}

}  // namespace hft::test
