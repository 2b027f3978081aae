#include <ATen/Parallel.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "core/nn/activation.h"
#include "core/nn/attention.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "core/nn/relative_bias.h"
#include "core/nn/workers.h"
#include "tests/core/nn/store.h"

namespace hft::test {

TEST_CASE("weights: a path of scopes names the tensor, whose bytes are not copied") {
  const at::Tensor t = at::randn({2, 3});
  const Weights w(store_of({{"encoder.layer.3.query.weight", t}}));
  const Tensor bound = (w / "encoder" / "layer" / 3 / "query").get("weight", {2, 3});
  CHECK(at::equal(bound, t));
  CHECK(bound.const_data_ptr() == t.const_data_ptr());
  CHECK(w.store().unexpected().empty());
}

TEST_CASE("weights: a missing tensor is noted, integers are no weights") {
  const Weights w(store_of({{"ids", at::arange(4)}}));
  CHECK(!w.get("x", {2, 2}).defined());
  REQUIRE(w.store().missing().size() == 1);
  CHECK(w.store().missing()[0].name == "x");
  CHECK(error_of([&] { w.get("ids", {4}); }) ==
        "here: tensor 'ids' is stored as I64, wanted F64, F32, F16 or BF16");
  CHECK(error_of([&] {
          w.get("ids", {2, 2});
        }) == "here: tensor 'ids' is [4] in the checkpoint, but config.json implies [2, 2]");
}

TEST_CASE("weights: made-up heads are normal from a fixed seed, biases 0 and norms 1") {
  const Weights w(store_of({}));
  w.get("head.weight", {100, 50});
  w.get("head.bias", {100});
  w.get("norm.weight", {100});
  w.store().fill_missing(0.02);
  const Tensor weight = w.get("head.weight", {100, 50});
  CHECK(weight.std().item<double>() == doctest::Approx(0.02).epsilon(0.05));
  auto generator = at::detail::createCPUGenerator(42);
  CHECK(at::equal(weight, at::empty({100, 50}).normal_(0, 0.02, generator)));
  CHECK(w.get("head.bias", {100}).abs().max().item<float>() == 0);
  CHECK(w.get("norm.weight", {100}).min().item<float>() == 1);
  CHECK(w.store().missing().empty());
}

TEST_CASE("linear: few rows, many rows and narrow types give the product") {
  const at::Tensor weight = at::randn({48, 32}) * 0.2, bias = at::randn({48});
  for (const auto stored : {at::kFloat, at::kHalf, at::kBFloat16})
    for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf})
      for (const int rows : {1, 7, 600}) {
        CAPTURE(rows);
        const Weights w(store_of({{"weight", weight.to(stored)}, {"bias", bias.to(stored)}}, type));
        const Linear linear(w, {48, 32});
        const at::Tensor x = at::randn({rows, 32}).to(type);
        const at::Tensor wanted = at::linear(x.to(at::kDouble), weight.to(stored).to(at::kDouble),
                                             bias.to(stored).to(at::kDouble));
        const double tolerance = type == at::kFloat ? 1e-5 : type == at::kHalf ? 0.02 : 0.1;
        for (int again = 0; again < 2; ++again) {
          CHECK((linear(x).scalar_type() == type));
          CHECK(worst(linear(x), wanted) < tolerance);
          for (const auto act : {Activation::kGelu, Activation::kGeluTanh, Activation::kRelu,
                                 Activation::kSilu, Activation::kTanh, Activation::kGeluQuick})
            CHECK(worst(linear(x, act), activate(wanted.clone(), act)) < tolerance);
        }
      }
}

TEST_CASE("linear: three products of one input stand side by side") {
  std::map<std::string, at::Tensor> tensors;
  for (const char* part : {"q", "k", "v"}) {
    tensors[std::string(part) + ".weight"] = at::randn({16, 24});
    tensors[std::string(part) + ".bias"] = at::randn({16});
  }
  for (const int rows : {3, 700}) {
    const Weights w(store_of(tensors));
    const Linear fused(w, {{"q", 16}, {"k", 16}, {"v", 16}}, 24);
    const at::Tensor x = at::randn({rows, 24}), y = fused(x);
    REQUIRE(y.sizes().vec() == std::vector<std::int64_t>{rows, 48});
    const char* parts[] = {"q", "k", "v"};
    for (int i = 0; i < 3; ++i)
      CHECK(worst(y.narrow(1, 16 * i, 16), at::linear(x, tensors[std::string(parts[i]) + ".weight"],
                                                      tensors[std::string(parts[i]) + ".bias"])) <
            1e-5);
  }
}

TEST_CASE("linear: however a checkpoint has the rows, and whatever the type of each part") {
  const at::Tensor gate = at::randn({20, 24}) * 0.3, up = at::randn({20, 24}) * 0.3;
  const at::Tensor gate_bias = at::randn({20}), up_bias = at::randn({20});
  const Weights w(store_of({{"gate.weight", gate.to(at::kHalf)},
                            {"up.weight", up},
                            {"gate.bias", gate_bias},
                            {"up.bias", up_bias},
                            {"both.weight", at::concat({gate, up})},
                            {"both.bias", at::concat({gate_bias, up_bias})},
                            {"conv.weight", gate.t()},
                            {"conv.bias", gate_bias}}));
  const auto half = [](const at::Tensor& t) { return t.to(at::kHalf).to(at::kFloat); };
  for (const int rows : {1, 5, 40}) {
    CAPTURE(rows);
    const at::Tensor x = at::randn({rows, 24});
    const auto silu = [&](const at::Tensor& weight) { return at::silu(at::linear(x, weight)); };
    const auto gated = [&](Linear::Part a, Linear::Part b, bool bias = false) {
      return Linear::gated(w, {std::move(a), std::move(b)}, 24, Activation::kSilu, bias)(x);
    };
    CHECK(worst(gated({"gate", 20}, {"up", 20}), silu(half(gate)) * at::linear(x, up)) < 1e-5);
    CHECK(worst(gated({"up", 20}, {"gate", 20}), silu(up) * at::linear(x, half(gate))) < 1e-5);
    CHECK(worst(gated({"gate", 20}, {"up", 20}, true),
                at::silu(at::linear(x, half(gate), gate_bias)) * at::linear(x, up, up_bias)) < 1e-5);
    CHECK(worst(gated({"both", 20, {.begin = 0, .of = 40}}, {"both", 20, {.begin = 20, .of = 40}}),
                silu(gate) * at::linear(x, up)) < 1e-5);
    CHECK(worst(Linear(w, {{"conv", 20, {.transposed = true}}}, 24)(x),
                at::linear(x, gate, gate_bias)) < 1e-5);
    // [2 heads, 4 kinds, 5] as [4 kinds, 2 heads, 5]
    const auto grouped = [](const at::Tensor& t) {
      return t.view({2, 4, 5, -1}).transpose(0, 1).reshape(t.sizes());
    };
    CHECK(worst(Linear(w, {{"both", 40, {.groups = 2, .kinds = 4}}}, 24)(x),
                at::linear(x, grouped(at::concat({gate, up})),
                           grouped(at::concat({gate_bias, up_bias})))) < 1e-5);
    CHECK(worst(Linear(w, {{"gate", 20}, {"up", 20}}, 24)(x),
                at::linear(x, at::concat({half(gate), up}), at::concat({gate_bias, up_bias}))) < 1e-5);
  }
}

TEST_CASE("norm: each row is normalised by itself, in a view of one token as in one of many") {
  const Weights w(store_of({{"weight", at::randn({6})}, {"bias", at::randn({6})}}));
  const LayerNorm norm(w, 6, 1e-5);
  for (const int tokens : {1, 2, 5})
    for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf}) {
      CAPTURE(tokens);
      const at::Tensor qkv = at::randn({tokens, 3 * 4 * 6}).to(type);
      const at::Tensor heads = qkv.view({tokens, -1, 6}).narrow(1, 4, 4);  // [N,H,E], strided
      const auto wide = [](const at::Tensor& t) { return t.to(at::kDouble); };
      const at::Tensor wanted =
          at::layer_norm(wide(heads), {6}, wide(norm.weight), wide(norm.bias), 1e-5);
      CHECK(worst(norm(heads), wanted) < (type == at::kFloat ? 1e-5 : 2e-2));
      const at::Tensor columns = qkv.narrow(1, 6, 6), added = at::randn({tokens, 6}).to(type);
      CHECK(worst(norm(columns.clone(), added),
                  at::layer_norm(wide(columns) + wide(added), {6}, wide(norm.weight),
                                 wide(norm.bias), 1e-5)) < (type == at::kFloat ? 1e-5 : 4e-2));
    }
}

TEST_CASE("activation: every name is the function transformers means by it") {
  const at::Tensor x = at::linspace(-6, 6, 1001, at::kDouble);
  const at::Tensor phi = 0.5 * (1 + at::erf(x / std::sqrt(2.0)));
  const at::Tensor tanh_gelu =
      0.5 * x * (1 + at::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  const std::map<std::string, at::Tensor> wanted{
      {"gelu", x * phi},
      {"gelu_python", x * phi},
      {"gelu_10", at::clamp(x * phi, -10, 10)},
      {"gelu_new", tanh_gelu},
      {"gelu_fast", tanh_gelu},
      {"gelu_accurate", tanh_gelu},
      {"gelu_pytorch_tanh", tanh_gelu},
      {"quick_gelu", x / (1 + at::exp(-1.702 * x))},
      {"relu", at::clamp_min(x, 0)},
      {"relu2", at::clamp_min(x, 0) * at::clamp_min(x, 0)},
      {"relu6", at::clamp(x, 0, 6)},
      {"leaky_relu", at::where(x > 0, x, 0.01 * x)},
      {"silu", x / (1 + at::exp(-x))},
      {"swish", x / (1 + at::exp(-x))},
      {"mish", x * at::tanh(at::log1p(at::exp(x)))},
      {"tanh", at::tanh(x)},
      {"sigmoid", 1 / (1 + at::exp(-x))},
      {"linear", x},
      {"laplace", 0.5 * (1 + at::erf((x - 0.707107) / (0.282095 * std::sqrt(2.0))))}};
  for (const auto& [name, values] : wanted) {
    CAPTURE(name);
    CHECK(worst(activate(x.clone(), activation_named(name, "config.json")), values) < 1e-12);
  }
  const Error error = caught([] { activation_named("xielu", "config.json"); });
  CHECK(error.code == Errc::kUnsupported);
  CHECK(error.message.starts_with(
      "config.json: activation 'xielu' is not supported, wanted one of gelu, "));
}

TEST_CASE("attention: no token sees another sequence, and long ones take the same path as short") {
  Sequences seqs;
  seqs.starts = {0, 3, 4, 1200};
  const at::Tensor qkv = at::randn({1200, 3 * 2 * 8});
  const Tensor together = attend(qkv, 2, seqs);
  for (int b = 0; b < 3; ++b) {
    Sequences one;
    one.starts = {0, seqs.length(b)};
    const Tensor alone = attend(qkv.narrow(0, seqs.starts[b], seqs.length(b)).contiguous(), 2, one);
    CHECK(at::equal(together.narrow(0, seqs.starts[b], seqs.length(b)), alone));
  }
}

TEST_CASE("attention: relative biases are those of the distance, in short texts and long ones") {
  constexpr std::int64_t kHeads = 2, kSize = 4;
  for (std::int64_t tokens : {1, 7, 90, 1100}) {
    CAPTURE(tokens);
    const Tensor qkv = at::randn({tokens, 3 * kHeads * kSize}), bias = at::randn({kHeads, 2 * 1200 - 1});
    Sequences seqs;
    seqs.starts = {0, tokens};
    const Tensor split = qkv.view({tokens, 3, kHeads, kSize}).permute({1, 2, 0, 3});  // [3,H,T,E]
    const Tensor at = at::arange(tokens);
    const Tensor distance = at.unsqueeze(0) - at.unsqueeze(1) + 1199;
    const Tensor wide = bias.index_select(1, distance.flatten()).view({kHeads, tokens, tokens});
    const Tensor scores = at::matmul(split[0], split[1].transpose(1, 2)) * 0.7 + wide;
    const Tensor wanted = at::matmul(at::softmax(scores, -1), split[2]).transpose(0, 1);
    CHECK(worst(attend(qkv, kHeads, seqs, {.bias = bias, .scale = 0.7}), wanted.reshape({tokens, -1})) < 1e-5);
  }
}

TEST_CASE("attention: sequences of one source see all of it, and no other") {
  constexpr std::int64_t kHeads = 2, kSize = 6;
  KvCache cache({{kHeads, kSize, 0}}, at::kFloat);
  std::vector<Tensor> kept;  // [S, 2*H*E] of each source
  for (std::int64_t length : {3, 40, 65}) {
    kept.push_back(at::randn({length, 2 * kHeads * kSize}));
    const int source = cache.open();
    cache.extend(source, length);
    const auto* keys = kept.back().const_data_ptr<float>();
    cache.write(0, source, 0, {keys, keys + kHeads * kSize, length, 2 * kHeads * kSize});
    cache.advance(source, length);
  }
  Steps steps;
  steps.sources = &cache;
  const std::vector<int> sources{1, 1, 1, 0, 2, 2, 1};  // of rows, some sequences with two tokens
  for (std::int64_t row = 0; row < 7; ++row)
    steps.steps.push_back({.begin = row, .count = 1, .source = sources[row]});
  const Tensor queries = at::randn({7, kHeads * kSize});
  const Tensor found = attend_source(queries, {0, kHeads, 0.4}, steps);
  for (std::int64_t row = 0; row < 7; ++row) {
    const Tensor both = kept[sources[row]].view({-1, 2, kHeads, kSize}).permute({1, 2, 0, 3});
    const Tensor query = queries[row].view({kHeads, 1, kSize});
    const Tensor weights = at::softmax(at::matmul(query, both[0].transpose(1, 2)) * 0.4, -1);
    CHECK(worst(found[row], at::matmul(weights, both[1]).flatten()) < 1e-5);
  }
}

TEST_CASE("relative bias: near distances have their own numbers, far ones share them") {
  const Tensor weight = at::arange(16, at::kFloat).view({8, 2});  // bucket b: 2 b and 2 b + 1
  const Weights w(store_of({{"weight", weight}}));
  const auto row = [&](bool both_ways) {
    const Tensor all = RelativeBias(w, 2, {8, 20, both_ways})(30)[0].contiguous() / 2;
    const auto* data = all.const_data_ptr<float>();
    return std::vector<float>(data + 29 - 8, data + 29 + 9);  // distances -8 to 8
  };
  CHECK(row(false) == std::vector<float>{5, 5, 5, 4, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  CHECK(row(true) == std::vector<float>{3, 3, 2, 2, 2, 2, 2, 1, 0, 5, 6, 6, 6, 6, 6, 7, 7});
}

TEST_CASE("workers: every core runs, an error of one ends the call") {
  Pool pool(3);
  const OnPool on(&pool);
  std::atomic<int> runs = 0;
  on_each_core(3, [&](int) { ++runs; });
  CHECK(runs == 3);
  const int before = at::get_num_threads();
  CHECK(error_of([&] { on_each_core(2, [](int) { fail(Errc::kBadData, "no"); }); }) == "no");
  CHECK(at::get_num_threads() == before);
}

TEST_CASE("workers: a pool is lent to one thread and scope, and LibTorch keeps to one") {
  const int before = at::get_num_threads();
  CHECK(cores() == 1);
  {
    Pool three(3);
    const OnPool on(&three);
    CHECK(cores() == 3);
    CHECK(at::get_num_threads() == 1);
    std::thread([&] { CHECK(cores() == 1); }).join();
    std::atomic<int> inside = 0;
    on_each_core(3, [&](int member) { inside += member > 0 ? cores() : 1; });
    CHECK(inside == 3);
    const OnPool alone(nullptr);
    CHECK(cores() == 1);
  }
  CHECK(cores() == 1);
  CHECK(at::get_num_threads() == before);
}

TEST_CASE("workers: a pool serves one caller, others work alone meanwhile; two pools at once") {
  Pool shared(2), other(2);
  std::atomic<int> done = 0;
  const auto caller = [&](Pool& pool) {
    const OnPool on(&pool);
    for (int round = 0; round < 500; ++round) on_each_core(2, [&](int) { ++done; });
  };
  std::thread first([&] { caller(shared); }), second([&] { caller(shared); });
  caller(other);
  first.join();
  second.join();
  CHECK(done == 3 * 2 * 500);
}

}  // namespace hft::test
