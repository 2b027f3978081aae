// How near products come to what this processor can do, on one thread: many rows beside oneDNN's
// product of packed weights, one row beside reading memory. Both sides take turns; the best of each.
//
// usage: bench_product      (run by scripts/bench product); a line of JSON for each shape
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <chrono>
#include <cstdio>
#include <functional>

#include "core/kernels/int8_product.h"

namespace hft {
namespace {

struct Shape {
  std::int64_t rows, depth, outputs;
  at::ScalarType type;
  bool transposed = false;
};

double seconds_of(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The least seconds of each, taking turns.
std::pair<double, double> both(const std::function<void()>& ours, const std::function<void()>& theirs,
                               int turns) {
  std::pair<double, double> least{1e9, 1e9};
  for (int i = 0; i < turns; ++i) {
    least.first = std::min(least.first, seconds_of(ours));
    least.second = std::min(least.second, seconds_of(theirs));
  }
  return least;
}

Number number_of(at::ScalarType type) {
  return type == at::kFloat ? Number::kFloat : type == at::kHalf ? Number::kHalf : Number::kBFloat16;
}

Product product_of(const Shape& s, const at::Tensor& x, const at::Tensor& w, const at::Tensor& y) {
  return {.x = x.const_data_ptr(),
          .x_stride = s.depth,
          .weight = w.const_data_ptr(),
          .bias = nullptr,
          .y = y.data_ptr(),
          .y_stride = s.outputs,
          .rows = s.rows,
          .depth = s.depth,
          .outputs = s.outputs,
          .x_type = number_of(x.scalar_type()),
          .weight_type = number_of(s.type),
          .y_type = Number::kFloat,
          .bias_type = Number::kFloat,
          .weight_stride = s.transposed ? s.outputs : 0};
}

// The numbers of w [O, K] in 8 bits.
Int8Weights rounded(const at::Tensor& w) {
  Int8Weights all(w.size(0), w.size(1));
  for (std::int64_t o = 0; o < all.outputs; ++o)
    all.set(o, w.const_data_ptr<float>() + o * all.depth);
  return all;
}

at::Tensor random(at::IntArrayRef sizes, at::ScalarType type) { return at::randn(sizes).to(type); }

void say(const Shape& s, double ours, double limit, const char* unit, const char* beside) {
  std::printf("{\"rows\": %ld, \"depth\": %ld, \"outputs\": %ld, \"weights\": \"%s%s\", \"hft\": %.1f, "
              "\"limit\": %.1f, \"unit\": \"%s\", \"beside\": \"%s\"}\n",
              static_cast<long>(s.rows), static_cast<long>(s.depth), static_cast<long>(s.outputs),
              c10::toString(s.type), s.transposed ? ", by inputs" : "", ours, limit, unit, beside);
  std::fflush(stdout);
}

// Gflop/s beside oneDNN's float32 product of packed weights.
void many_rows(const Shape& s) {
  const bool int8 = s.type == at::kChar;
  const at::Tensor x = random({s.rows, s.depth}, s.type == at::kBFloat16 ? s.type : at::kFloat);
  const at::Tensor w = random({s.outputs, s.depth}, int8 ? at::kFloat : s.type);
  const at::Tensor y = at::empty({s.rows, s.outputs});
  const auto op = [](const char* name) {
    return c10::Dispatcher::singleton().findSchemaOrThrow(name, "");
  };
  std::vector<c10::IValue> stack{w.to(at::kFloat), s.rows};
  op("mkldnn::_reorder_linear_weight").callBoxed(stack);
  const at::Tensor packed = stack[0].toTensor(), wide = x.to(at::kFloat);
  const auto linear = op("mkldnn::_linear_pointwise");
  const Product p = product_of(s, x, w, y);
  const Int8Weights weights = int8 ? rounded(w) : Int8Weights();
  const auto [ours, theirs] = both(
      [&] {
        if (!int8) return compute_product(p, 0, s.outputs);
        const Int16Rows rows = quantise_rows(p);
        compute_int8_product(p, {&rows, &weights, nullptr}, 0, s.outputs);
      },
      [&] {
        std::vector<c10::IValue> args{wide, packed, c10::IValue(), "none",
                                      c10::List<std::optional<at::Scalar>>(), ""};
        linear.callBoxed(args);
      },
      15);
  const double flops = 2e-9 * static_cast<double>(s.rows * s.depth * s.outputs);
  say(s, flops / ours, flops / theirs, "Gflop/s", "packed float32 of oneDNN");
}

// GB/s of weights that lie in memory beside a sum of them.
void few_rows(const Shape& s) {
  const auto size = s.depth * s.outputs * static_cast<std::int64_t>(at::elementSize(s.type));
  const auto count = (128 << 20) / size + 1;
  const at::Tensor x = random({s.rows, s.depth}, s.type == at::kHalf ? at::kFloat : s.type);
  const at::Tensor w = random({count * s.outputs, s.depth}, s.type);
  const at::Tensor y = at::empty({s.rows, s.outputs});
  const at::Tensor numbers = at::ones({static_cast<std::int64_t>(w.nbytes() / 4)});
  const auto [ours, theirs] = both(
      [&] {
        Product p = product_of(s, x, w, y);
        for (std::int64_t i = 0; i < count; ++i) {
          p.weight = static_cast<const char*>(w.const_data_ptr()) + i * size;
          compute_product(p, 0, s.outputs);
        }
      },
      [&] { numbers.sum(); }, 5);
  const double bytes = 1e-9 * static_cast<double>(w.nbytes());
  say(s, bytes / ours, bytes / theirs, "GB/s", "reading memory");
}

}  // namespace
}  // namespace hft

int main() {
  using hft::Shape;
  at::set_num_threads(1);
  const c10::InferenceMode guard;
  for (const auto type : {at::kFloat, at::kBFloat16, at::kChar}) {
    for (const std::int64_t rows : {64, 512, 1024})
      for (const Shape& s : {Shape{rows, 768, 768, type}, {rows, 768, 3072, type}, {rows, 3072, 768, type}})
        hft::many_rows(s);
    hft::many_rows({512, 896, 4864, type});
  }
  for (const std::int64_t rows : {1, 4, 16})
    for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf})
      hft::few_rows({rows, 896, 4864, type});
  hft::few_rows({1, 768, 3072, at::kFloat, true});
}
