// The kernels that compute each row by itself, in every row of the table, against LibTorch in double.
#include <cmath>

#include "core/kernels/activation_kernel.h"
#include "core/kernels/norm_kernel.h"
#include "core/kernels/rms_kernel.h"
#include "core/kernels/rotate_kernel.h"
#include "core/kernels/simd.h"
#include "tests/core/kernels/rows.h"
#include "tests/core/worst.h"

namespace hft::test {
namespace {

struct Exponential {
  [[gnu::always_inline]] static inline void run(const float* from, float* to) {
    simd::Floats x;
    simd::load(from, x);
    simd::store(simd::exp_of_negative(x), to);
  }
};

constexpr int kWidths[] = {1, 2, 7, 15, 16, 17, 24, 31, 33, 64, 384, 896};

at::Tensor wide(const at::Tensor& t) { return t.to(at::kDouble); }

}  // namespace

TEST_CASE("activation kernel: a value does not depend on where it stands") {
  each_row([](Processor row) {
    const at::Tensor values = at::randn({50}) * 3;
    for (int i = 0; i <= static_cast<int>(Activation::kLaplace); ++i) {
      at::Tensor all = values.clone(), one = values.clone();
      activate_values(all.data_ptr<float>(), 50, static_cast<Activation>(i), row);
      for (int k = 0; k < 50; ++k)
        activate_values(one.data_ptr<float>() + k, 1, static_cast<Activation>(i), row);
      CAPTURE(i);
      CHECK(at::equal(all, one));
    }
  });
}

TEST_CASE("norm kernel: equals layer_norm, of a sum too, for every width and type") {
  each_row([](Processor row) {
    for (const auto type : {at::kFloat, at::kBFloat16})
      for (const int size : kWidths)
        for (const bool summed : {false, true}) {
          CAPTURE(size);
          CAPTURE(name_of(row));
          const at::Tensor x = at::randn({5, size}).to(type),
                           residual = at::randn({5, size + 3}).to(type);
          const at::Tensor weight = at::randn({size}).to(type), bias = at::randn({size}).to(type);
          const at::Tensor sum = summed ? wide(x) + wide(residual.narrow(1, 0, size)) : wide(x);
          const at::Tensor wanted = at::layer_norm(sum, {size}, wide(weight), wide(bias), 1e-5);
          at::Tensor out = at::full({5, size + 1}, 9, type);
          normalise({.x = x.data_ptr(),
                     .x_stride = size,
                     .y = out.data_ptr(),
                     .y_stride = size + 1,
                     .residual = summed ? residual.data_ptr() : nullptr,
                     .residual_stride = size + 3,
                     .weight = weight.data_ptr(),
                     .bias = bias.data_ptr(),
                     .rows = 5,
                     .size = size,
                     .eps = 1e-5,
                     .bfloat16 = type == at::kBFloat16},
                    row);
          CHECK(worst(out.narrow(1, 0, size), wanted) < (type == at::kFloat ? 5e-6 : 4e-2));
          CHECK((out.select(1, size) == 9).all().item<bool>());
        }
  });
}

TEST_CASE("rms kernel: equals x / sqrt(mean(x^2) + eps) * weight, in place too") {
  each_row([](Processor row) {
    for (const auto type : {at::kFloat, at::kBFloat16})
      for (const int size : kWidths)
        for (const bool in_place : {false, true}) {
          CAPTURE(size);
          CAPTURE(name_of(row));
          const at::Tensor x = at::randn({5, size + 2}).to(type), weight = at::randn({size});
          const at::Tensor rows = wide(x.narrow(1, 0, size));
          const at::Tensor wanted = rows * at::rsqrt(rows.square().mean(1, true) + 1e-6) * wide(weight);
          at::Tensor out = in_place ? x : at::full({5, size + 2}, 9, type);
          const at::Tensor beyond = out.narrow(1, size, 2).clone();
          rms_normalise({.x = x.data_ptr(),
                         .x_stride = size + 2,
                         .y = out.data_ptr(),
                         .y_stride = size + 2,
                         .weight = weight.data_ptr<float>(),
                         .rows = 5,
                         .size = size,
                         .eps = 1e-6,
                         .bfloat16 = type == at::kBFloat16},
                        row);
          CHECK(worst(out.narrow(1, 0, size), wanted) < (type == at::kFloat ? 5e-6 : 4e-2));
          CHECK(at::equal(out.narrow(1, size, 2), beyond));
        }
  });
}

TEST_CASE("rotate kernel: pairs turn by their angles, the rest of each head stays") {
  each_row([](Processor row) {
    for (const auto type : {at::kFloat, at::kBFloat16})
      for (const int turning : {2, 6, 16, 32, 34, 64, 80}) {
        CAPTURE(turning);
        CAPTURE(name_of(row));
        const std::int64_t heads = 3, size = 80, stride = heads * size + 5, half = turning / 2;
        const at::Tensor before = at::randn({4, stride}).to(type), turns = at::randn({4, half});
        const at::Tensor angles = at::concat({turns.cos(), turns.sin()}, 1);
        at::Tensor rows = before.clone(), wanted = wide(before);
        rotate_rows({rows.data_ptr(), stride, angles.data_ptr<float>(), heads, size, turning,
                     type == at::kBFloat16},
                    1, 4, row);
        for (int h = 0; h < heads; ++h) {
          const auto part = [&](const at::Tensor& t, std::int64_t at) {
            return wide(t.narrow(0, 1, 3).narrow(1, h * size + at, half));
          };
          const at::Tensor cosine = wide(turns.narrow(0, 1, 3)).cos(),
                           sine = wide(turns.narrow(0, 1, 3)).sin();
          const at::Tensor low = part(before, 0), high = part(before, half);
          wanted.narrow(0, 1, 3).narrow(1, h * size, half).copy_(low * cosine - high * sine);
          wanted.narrow(0, 1, 3).narrow(1, h * size + half, half).copy_(high * cosine + low * sine);
        }
        CHECK(worst(rows, wanted) < (type == at::kFloat ? 1e-6 : 4e-2));
        CHECK(at::equal(rows[0], before[0]));
      }
  });
}

TEST_CASE("simd: exp of numbers below zero is exact to two units in the last place") {
  for (int i = 0; i < 8700; i += simd::kWidth) {
    float from[simd::kWidth], to[simd::kWidth];
    for (int k = 0; k < simd::kWidth; ++k) from[k] = -0.01f * static_cast<float>(i + k);
    simd::run_best<Exponential>(static_cast<const float*>(from), static_cast<float*>(to));
    for (int k = 0; k < simd::kWidth; ++k) {
      const double wanted = from[k] < -87.3f ? 0 : std::exp(double(from[k]));
      CHECK(std::abs(to[k] - wanted) <= 2.5e-7 * wanted);
    }
  }
  float special[simd::kWidth] = {NAN, -INFINITY, -0.0f, -1e30f}, to[simd::kWidth];
  simd::run_best<Exponential>(static_cast<const float*>(special), static_cast<float*>(to));
  CHECK(std::isnan(to[0]));
  CHECK(to[1] == 0);
  CHECK(to[2] == 1);
  CHECK(to[3] == 0);
}

TEST_CASE("simd: floats become bfloat16 as LibTorch rounds them") {
  at::Tensor values = at::randn({64}) * at::pow(10, at::randint(-30, 30, {64}));
  values[3] = NAN;
  values[4] = INFINITY;
  values[5] = 3.4e38f;
  const at::Tensor wanted = values.to(at::kBFloat16);
  std::uint16_t halves[64];
  for (int i = 0; i < 32; i += simd::kWidth) {
    simd::Floats part;
    simd::load(values.const_data_ptr<float>() + i, part);
    simd::store(part, halves + i);
  }
  for (int i = 32; i < 64; ++i) simd::narrow(values[i].item<float>(), halves + i);
  const auto* bits = static_cast<const std::uint16_t*>(wanted.const_data_ptr());
  for (int i = 0; i < 64; ++i)
    if (i == 3)
      CHECK(std::isnan(simd::widen(halves[i])));
    else
      CHECK(halves[i] == bits[i]);
}

}  // namespace hft::test
