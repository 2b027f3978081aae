#include <cmath>

#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

struct Sentences {
  TempFolder folder;
  Json config = tiny_config("bert");
  Sentences() {
    write_model(folder.path, config, tiny_tensors(config, Head::kEmbed));
    fs::create_directories(folder / "1_Pooling");
  }
  void modules(const std::vector<std::string>& kinds) {
    Json list = Json::array();
    for (std::size_t i = 0; i < kinds.size(); ++i)
      list.push_back({{"idx", i},
                      {"name", std::to_string(i)},
                      {"path", i == 0 ? "" : std::to_string(i) + "_" + kinds[i]},
                      {"type", "sentence_transformers.models." + kinds[i]}});
    spit(folder / "modules.json", list.dump());
  }
  void pooling(const Json& config) { spit(folder / "1_Pooling/config.json", config.dump()); }
  Matrix run(const std::string& pooling = "auto", int normalize = -1) {
    return load_model<TextModel>({.folder = folder.path,
                            .head = Head::kEmbed,
                            .device = "cpu",
                            .pooling = pooling,
                            .normalize = normalize})
        ->forward(tiny_batch());
  }
  Matrix hidden() { return load(folder.path, Head::kFeatures)->forward(tiny_batch()); }
};

// Rows [7, 8) and [8, 20) of the tiny batch are its second and third sequence.
std::vector<float> pooled(const Matrix& hidden, int begin, int end, const std::string& kind) {
  std::vector<float> out(hidden.cols);
  for (int d = 0; d < hidden.cols; ++d) {
    double sum = 0, weights = 0, largest = -1e30;
    for (int i = begin; i < end; ++i) {
      const double weight = kind == "weightedmean" ? i - begin + 1 : 1, x = hidden.row(i)[d];
      sum += weight * x, weights += weight, largest = std::max(largest, x);
    }
    out[d] = static_cast<float>(kind == "cls"             ? hidden.row(begin)[d]
                                : kind == "last"          ? hidden.row(end - 1)[d]
                                : kind == "max"           ? largest
                                : kind == "mean_sqrt_len" ? sum / std::sqrt(end - begin)
                                                          : sum / weights);
  }
  return out;
}

}  // namespace

TEST_CASE("embed: each pooling is what its name says, and mean is the default") {
  Sentences s;
  const Matrix hidden = s.hidden();
  for (const char* kind : {"cls", "max", "mean", "mean_sqrt_len", "weightedmean", "last"}) {
    CAPTURE(kind);
    const Matrix got = s.run(kind);
    REQUIRE(got.rows == 4);
    for (auto [row, begin, end] : {std::tuple{0, 0, 7}, {1, 7, 8}, {2, 8, 20}, {3, 20, 23}})
      CHECK(distance({got.row(row).begin(), got.row(row).end()}, pooled(hidden, begin, end, kind)) <
            1e-5);
  }
  CHECK(s.run().data == s.run("mean").data);
  CHECK(
      error_of([&] { s.run("median"); }) ==
      "--pooling: pooling 'median' is not supported, wanted one of cls, max, mean, mean_sqrt_len, "
      "mean_sqrt_len_tokens, weightedmean, last, lasttoken");
}

TEST_CASE("embed: modules.json with old and new pooling keys, several kinds side by side") {
  Sentences s;
  const auto cls = s.run("cls"), max = s.run("max"), mean = s.run("mean");
  s.modules({"Transformer", "Pooling"});
  s.pooling({{"word_embedding_dimension", 24},
             {"pooling_mode_cls_token", true},
             {"pooling_mode_mean_tokens", false}});
  CHECK(s.run().data == cls.data);
  s.pooling({{"embedding_dimension", 24}, {"pooling_mode", "max"}});
  CHECK(s.run().data == max.data);
  s.pooling({{"pooling_mode_mean_tokens", true}, {"pooling_mode_max_tokens", true}});
  const Matrix both = s.run();
  REQUIRE(both.cols == 48);
  CHECK(distance({both.row(2).begin(), both.row(2).begin() + 24},
                 {max.row(2).begin(), max.row(2).end()}) < 1e-6);
  CHECK(distance({both.row(2).begin() + 24, both.row(2).end()},
                 {mean.row(2).begin(), mean.row(2).end()}) < 1e-6);
  s.pooling({{"pooling_mode", "attention"}});
  CHECK(caught([&] { s.run(); }).code == Errc::kUnsupported);
}

TEST_CASE("embed: Normalize gives unit length, and the request overrides it") {
  Sentences s;
  const auto raw = s.run();
  s.modules({"Transformer", "Pooling", "Normalize"});
  s.pooling({{"pooling_mode_mean_tokens", true}});
  const auto unit = s.run();
  double square = 0;
  for (float x : unit.row(0)) square += double(x) * x;
  CHECK(square == doctest::Approx(1.0).epsilon(1e-6));
  CHECK(s.run("auto", 0).data == raw.data);
  CHECK(s.run("auto", 1).data == unit.data);
}

TEST_CASE("embed: a Dense module multiplies, adds and applies its activation") {
  Sentences s;
  const auto mean = s.run();
  s.modules({"Transformer", "Pooling", "Dense"});
  s.pooling({{"pooling_mode_mean_tokens", true}});
  fs::create_directories(s.folder / "2_Dense");
  Json dense = {{"in_features", 24},
                {"out_features", 3},
                {"bias", true},
                {"activation_function", "torch.nn.modules.activation.Tanh"}};
  const at::Tensor weight = at::randn({3, 24}) * 0.1, bias = at::randn({3});
  write_model(s.folder / "2_Dense", dense, {{"linear.weight", weight}, {"linear.bias", bias}});
  const at::Tensor x = at::tensor(mean.data).view({4, 24});
  const at::Tensor wanted = at::tanh(at::linear(x, weight, bias)).contiguous();
  const auto* data = wanted.const_data_ptr<float>();
  CHECK(distance(s.run().data, {data, data + 12}) < 1e-5);

  dense["in_features"] = 25;
  spit(s.folder / "2_Dense/config.json", dense.dump());
  CHECK(error_of([&] {
          s.run();
        }).ends_with(": 'in_features' is 25, but the module before gives 24"));
}

TEST_CASE("embed: a module's path stays below the model folder") {
  Sentences s;
  for (const char* path : {"../outside", "/etc", "a/../../b"}) {
    spit(s.folder / "modules.json",
         Json::array({{{"idx", 0}, {"path", path}, {"type", "x.Pooling"}}}).dump());
    CHECK(error_of([&] { s.run(); }) == (s.folder / "modules.json").string() + ": path '" + path +
                                            "' leads out of the model folder");
  }
  spit(s.folder / "modules.json", R"([{"path": "", "type": "a.b.WordWeights"}])");
  CHECK(caught([&] { s.run(); }).code == Errc::kUnsupported);
}

TEST_CASE("embed: all-MiniLM-L6-v2 gives the reference's vectors") {
  if (!fs::exists(model("all-MiniLM-L6-v2") / "model.safetensors")) return;
  TokenBatch batch;
  batch.ids = {101, 7592, 2088, 102, 101, 2129, 2024, 2017, 1029, 102};
  batch.starts = {0, 4, 10};
  auto run = [&](const std::string& pooling, int normalize) {
    auto m = load_model<TextModel>({.folder = model("all-MiniLM-L6-v2"),
                              .head = Head::kEmbed,
                              .device = "cpu",
                              .pooling = pooling,
                              .normalize = normalize});
    CHECK(m->warnings().empty());
    return m->forward(batch);
  };
  const Matrix raw = run("mean", 0), unit = run("auto", -1);
  REQUIRE(raw.cols == 384);
  auto first = [](const Matrix& m, int row) {
    return std::vector<float>(m.row(row).begin(), m.row(row).begin() + 4);
  };
  CHECK(distance(first(raw, 0), {-0.19744575f, 0.17766523f, 0.0385702f, 0.14952219f}) < 1e-6);
  CHECK(distance(first(raw, 1), {0.03742552f, 0.05831863f, 0.46735141f, 0.46380711f}) < 1e-5);
  CHECK(distance(first(unit, 0), {-0.03447721f, 0.03102321f, 0.00673498f, 0.02610898f}) < 1e-6);
  double cosine = 0;
  for (int d = 0; d < 384; ++d) cosine += double(unit.row(0)[d]) * unit.row(1)[d];
  CHECK(cosine == doctest::Approx(0.30484816).epsilon(1e-6));
}

}  // namespace hft::test
