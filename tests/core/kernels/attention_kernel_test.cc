// The two kernels of attention in every row of the table against LibTorch in double.
#include "core/kernels/attention_kernel.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/cached_attention.h"
#include "core/kernels/simd.h"
#include "tests/core/kernels/rows.h"
#include "tests/core/worst.h"

namespace hft::test {
namespace {

template <class T = char>
T* data(const at::Tensor& t) {
  return static_cast<T*>(t.data_ptr());
}

// -inf where |i - j| is more than the window.
at::Tensor banded(at::Tensor scores, std::int64_t window) {
  if (window == 0) return scores;
  const at::Tensor ones = at::ones_like(scores);
  return scores.masked_fill(ones.triu(window + 1) + ones.tril(-window - 1) > 0, -INFINITY);
}

// One head of `tokens` tokens in a batch of three heads.
struct HeadTrial {
  std::int64_t tokens, size;
  at::ScalarType type;
  bool biased = false;
  std::int64_t window = 0, queries = 0;

  void check(Processor row) const {
    CAPTURE(size);
    CAPTURE(tokens);
    CAPTURE(window);
    CAPTURE(biased);
    CAPTURE(name_of(row));
    const int heads = 3, head = 1;
    const at::Tensor qkv = at::randn({tokens, 3, heads, size}).to(type);
    const at::Tensor bias = at::randn({tokens, tokens + 2});
    std::vector<float> scratch(head_scratch(tokens, size), NAN);
    at::Tensor out = at::zeros({tokens, heads, size}, type);
    const auto part = [&](int which) { return qkv.select(1, which).select(1, head); };
    const double scale = 1 / std::sqrt(static_cast<double>(size));
    attend_head({.query = data(part(0)),
                 .key = data(part(1)),
                 .value = data(part(2)),
                 .stride = 3 * heads * size,
                 .tokens = tokens,
                 .size = size,
                 .scale = static_cast<float>(scale),
                 .bias = biased ? data<float>(bias) : nullptr,
                 .bias_stride = tokens + 2,
                 .bfloat16 = type == at::kBFloat16,
                 .queries = queries,
                 .window = window},
                data(out.select(1, head)), heads * size, scratch.data(), row);
    at::Tensor scores = at::mm(part(0).to(at::kDouble), part(1).to(at::kDouble).t()) * scale;
    if (biased) scores += bias.narrow(1, 0, tokens);
    at::Tensor wanted = at::mm(at::softmax(banded(scores, window), 1), part(2).to(at::kDouble));
    if (queries > 0) wanted.narrow(0, queries, tokens - queries).zero_();
    CHECK(worst(out.select(1, head), wanted) < (type == at::kFloat ? 4e-6 : 2e-2));
    CHECK(out.select(1, 0).abs().max().item<float>() == 0);  // other heads untouched
  }
};

// A sequence of the cache and what it is to give, for G query heads that share a head of keys.
struct CachedTrial {
  std::int64_t past, count, group, size;
  at::ScalarType type;
  std::int64_t window = 0;
  bool everyone = false, biased = false;
  float softcap = 0;
  bool sinks = false;

  // keys or values [P, E] in blocks: see cached_attention.h.
  at::Tensor blocks_of(const at::Tensor& keys, const at::Tensor& values) const {
    const auto positions = keys.size(0), width = cached_width(size);
    const auto blocks = (positions + kCacheBlock - 1) / kCacheBlock;
    at::Tensor all = at::full({blocks, numbers_of_head(size)}, 7.5, type);  // not read past the end
    for (std::int64_t b = 0; b < blocks; ++b) {
      const auto here = std::min(kCacheBlock, positions - b * kCacheBlock);
      const auto rows = [&](const at::Tensor& t) { return t.narrow(0, b * kCacheBlock, here); };
      all[b].narrow(0, 0, size * kCacheBlock)
          .view({size, kCacheBlock})
          .narrow(1, 0, here)
          .copy_(rows(keys).t());
      const at::Tensor mine =
          all[b].narrow(0, size * kCacheBlock, kCacheBlock * width).view({kCacheBlock, width});
      mine.narrow(1, size, width - size).zero_();
      mine.narrow(0, 0, here).narrow(1, 0, size).copy_(rows(values));
    }
    return all;
  }

  at::Tensor wanted(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                    const at::Tensor& bias, const at::Tensor& sink) const {
    const auto positions = past + count;
    at::Tensor scores = at::matmul(queries.to(at::kDouble) * 0.3, keys.to(at::kDouble).t());
    if (softcap > 0) scores = at::tanh(scores / softcap) * softcap;  // [T,G,P]
    const at::Tensor distance = at::arange(positions).view({1, 1, positions}) -
                                at::arange(past, positions).view({count, 1, 1});
    if (biased) scores = scores + bias.index_select(0, (distance + 300).flatten()).view({count, 1, -1});
    if (!everyone) scores = scores.masked_fill(distance > 0, -INFINITY);
    if (window > 0) scores = scores.masked_fill(distance <= -window, -INFINITY);
    if (sinks)  // of every head, beside the positions
      scores = at::concat({scores, sink.to(at::kDouble).view({1, group, 1}).expand({count, group, 1})}, -1);
    return at::matmul(at::softmax(scores, -1).narrow(-1, 0, positions), values.to(at::kDouble));
  }

  void check(Processor row) const {
    CAPTURE(past);
    CAPTURE(count);
    CAPTURE(group);
    CAPTURE(size);
    CAPTURE(name_of(row));
    const auto positions = past + count, last = count * group;
    const at::Tensor queries = at::randn({count, group, size}).to(type);
    const at::Tensor keys = at::randn({positions, size}).to(type),
                     values = at::randn({positions, size}).to(type), bias = at::randn({601}),
                     sink = at::randn({group}) * 3;
    const at::Tensor blocks = blocks_of(keys, values);
    std::vector<const void*> places;
    for (std::int64_t b = 0; b < blocks.size(0); ++b) places.push_back(data(blocks[b]));
    at::Tensor out = at::empty_like(queries);
    const CachedHead in{.query = data(queries),
                        .query_stride = group * size,
                        .out = data(out),
                        .out_stride = group * size,
                        .blocks = places.data(),
                        .head_offset = 0,
                        .group = group,
                        .size = size,
                        .past = past,
                        .window = window,
                        .everyone = everyone ? positions : 0,
                        .scale = 0.3f,
                        .softcap = softcap,
                        .bias = biased ? data<float>(bias) + 300 : nullptr,
                        .bfloat16 = type == at::kBFloat16,
                        .sinks = sinks ? data<float>(sink) : nullptr};
    std::vector<float> scratch(cached_scratch(size), NAN);
    attend_cached(in, 0, last / 2, scratch.data(), row);
    attend_cached(in, last / 2, last, scratch.data(), row);
    CHECK(worst(out, wanted(queries, keys, values, bias, sink)) < (type == at::kFloat ? 6e-6 : 2e-2));
  }
};

}  // namespace

TEST_CASE("attention kernel: equals softmax(Q K^T / sqrt(E) + bias) V for every length and size") {
  each_row([](Processor row) {
    for (const auto type : {at::kFloat, at::kBFloat16})
      for (const int size : {1, 8, 15, 16, 32, 40, 64, 80})
        for (const int tokens : {1, 2, 3, 5, 6, 7, 13, 16, 17, 33, 64, 100, 600})
          for (const bool biased : {false, true})
            if (tokens <= 100 || size == 40) HeadTrial{tokens, size, type, biased}.check(row);
    HeadTrial{30, 24, at::kFloat, true, 0, 11}.check(row);
  });
}

TEST_CASE("attention kernel: a window hides what is further away, before and after") {
  each_row([](Processor row) {
    for (const auto type : {at::kFloat, at::kBFloat16})
      for (const int tokens : {1, 5, 16, 40, 97})
        for (const int window : {1, 3, 15, 16, 17, 60, 200})
          for (const bool biased : {false, true})
            HeadTrial{tokens, 24, type, biased, window}.check(row);
    HeadTrial{700, 16, at::kFloat, false, 64}.check(row);
  });
}

TEST_CASE("attention kernel: a NaN among the keys reaches every row, none is lost") {
  at::Tensor qkv = at::randn({5, 3, 16});
  qkv[2][1][3] = NAN;
  at::Tensor out = at::zeros({5, 16});
  std::vector<float> scratch(head_scratch(5, 16));
  const float* base = qkv.const_data_ptr<float>();
  attend_head({base, base + 16, base + 32, 48, 5, 16, 0.25f, nullptr, 0, nullptr, 0, false}, out.data_ptr(), 16,
              scratch.data());
  CHECK(at::isnan(out).all().item<bool>());
}

TEST_CASE("cached attention: equals attention to the positions seen, for every length and size") {
  each_row([](Processor row) {
    for (const auto type : {at::kFloat, at::kBFloat16})
      for (const int size : {1, 8, 10, 16, 40, 64, 80})
        for (const int past : {0, 1, 7, 8, 15, 31, 32, 33, 100})
          for (const int count : {1, 5, 12})
            for (const int group : {1, 3, 7})
              if (count < 12 || group == 3) CachedTrial{past, count, group, size, type}.check(row);
  });
}

TEST_CASE("cached attention: windows, capped scores, biases and sources seen by everyone") {
  each_row([](Processor row) {
    for (const auto type : {at::kFloat, at::kBFloat16})
      for (const int past : {0, 20, 70})
        for (const int count : {1, 40}) {
          for (const int window : {1, 20, 32, 64})
            CachedTrial{past, count, 2, 24, type, window}.check(row);
          CachedTrial{past, count, 2, 24, type, 0, true}.check(row);
          for (const int window : {0, 5, 32})
            CachedTrial{past, count, 3, 24, type, window, false, false, 0, true}.check(row);
          CachedTrial{past, count, 1, 24, type, 0, false, true}.check(row);
          CachedTrial{past, count, 2, 24, type, 20, false, false, 3.0f}.check(row);
        }
  });
}

}  // namespace hft::test
