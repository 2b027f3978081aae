// What every architecture of the registry keeps, with every head.
#include "core/nn/twins.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

// The kernels keep every bit whatever is computed together; their twins do not.
double company_tolerance() { return twins_forced() ? 3e-5 : 0; }
constexpr double kFloat16Tolerance = 0.04;
constexpr double kBfloat16Tolerance = 0.15;  // two layers of wide weights, 8 bits of mantissa

// Calls f(model_type, head, folder) with a freshly written tiny model.
template <class F>
void each_model(F&& f) {
  for (const auto& row : supported_models()) {
    if (std::ranges::count(row.tasks, "fill-mask") == 0) continue;
    for (Head head : kHeads) {
      TempFolder folder;
      const Json config = tiny_config(row.model_type);
      write_model(folder.path, config, tiny_tensors(config, head));
      CAPTURE(row.model_type);
      CAPTURE(static_cast<int>(head));
      f(config, head, folder.path);
    }
  }
}

}  // namespace

TEST_CASE("contract: a batch gives what its sequences give one by one, and every tensor is used") {
  each_model([](const Json&, Head head, const fs::path& folder) {
    auto model = load(folder, head);
    CHECK(model->warnings() == std::vector<std::string>{});
    const TokenBatch batch = tiny_batch();
    const Matrix together = model->forward(batch);
    std::vector<float> single;
    for (std::int64_t b = 0; b < batch.size(); ++b) {
      const Matrix one = model->forward(only(batch, b));
      single.insert(single.end(), one.data.begin(), one.data.end());
    }
    CHECK(distance(together.data, single) <= company_tolerance());
  });
}

TEST_CASE("contract: many rows before leave the answers as they were") {
  each_model([](const Json&, Head head, const fs::path& folder) {
    auto model = load(folder, head);
    const Matrix before = model->forward(tiny_batch());
    for (int i = 0; i < 40; ++i) model->forward(tiny_batch());
    CHECK(distance(model->forward(tiny_batch()).data, before.data) <= company_tolerance());
  });
}

TEST_CASE("contract: bfloat16 and float16 stay near float32, whatever type the file has") {
  each_model([](const Json& config, Head head, const fs::path& folder) {
    const Matrix exact = load(folder, head)->forward(tiny_batch());
    CHECK(distance(load(folder, head, "bfloat16")->forward(tiny_batch()).data, exact.data) <
          kBfloat16Tolerance);
    CHECK(distance(load(folder, head, "float16")->forward(tiny_batch()).data, exact.data) <
          kFloat16Tolerance);
    Tensors halved = tiny_tensors(config, head);
    for (auto& [name, tensor] : halved) tensor = tensor.to(at::kHalf);
    write_model(folder, config, halved);
    CHECK(distance(load(folder, head, "float32")->forward(tiny_batch()).data, exact.data) <
          kFloat16Tolerance);
  });
}

TEST_CASE("contract: the encoder's prefix may be missing or added") {
  each_model([](const Json& config, Head head, const fs::path& folder) {
    const Matrix exact = load(folder, head)->forward(tiny_batch());
    Tensors renamed;
    for (auto& [name, tensor] : tiny_tensors(config, head)) {
      const auto dot = name.find('.');
      const bool encoder =
          name.find("embeddings.") == dot + 1 || name.find("encoder.") == dot + 1 ||
          name.find("transformer.") == dot + 1 || name.find("embeddings_project.") == dot + 1;
      renamed[encoder ? name.substr(dot + 1) : name] = tensor;
    }
    REQUIRE(!renamed.empty());
    write_model(folder, config, renamed);
    auto model = load(folder, head);
    CHECK(model->warnings() == std::vector<std::string>{});
    CHECK(model->forward(tiny_batch()).data == exact.data);
  });
}

TEST_CASE("contract: a tensor of another shape is refused, naming both shapes") {
  each_model([](const Json& config, Head head, const fs::path& folder) {
    for (const auto& [name, tensor] : tiny_tensors(config, head)) {
      Tensors wrong = tiny_tensors(config, head);
      auto shape = tensor.sizes().vec();
      shape[0] += 1;
      wrong[name] = at::zeros(shape);
      write_model(folder, config, wrong);
      const Error error = caught([&] { load(folder, head); });
      CHECK(error.code == Errc::kBadData);
      CHECK(error.message == folder.string() + ": tensor '" + name + "' is " + shape_text(shape) +
                                 " in the checkpoint, but config.json implies " +
                                 shape_text(tensor.sizes()));
    }
  });
}

TEST_CASE("contract: tokens past the positions, the vocabulary or the types are refused") {
  each_model([](const Json&, Head head, const fs::path& folder) {
    auto model = load(folder, head);
    TokenBatch batch = tiny_batch();
    batch.ids[3] = 50;
    CHECK(error_of([&] { model->forward(batch); }) ==
          "token id 50 is outside [0, 50) of the model");
    batch.ids[3] = -1;
    CHECK(error_of([&] { model->forward(batch); }) ==
          "token id -1 is outside [0, 50) of the model");
    TokenBatch longest;
    longest.ids.assign(model->max_positions(), 9);
    longest.starts.push_back(static_cast<std::int32_t>(longest.ids.size()));
    CHECK(model->forward(longest).rows >= 1);
    longest.ids.push_back(9);
    longest.starts.back() += 1;
    const Error error = caught([&] { model->forward(longest); });
    CHECK(error.code == Errc::kUsage);
    CHECK(error.message == "an input has " + std::to_string(longest.ids.size()) +
                               " tokens, but the model takes at most " +
                               std::to_string(model->max_positions()));
  });
}

TEST_CASE("contract: a NaN is reported with the layer where it first shows") {
  each_model([](const Json& config, Head head, const fs::path& folder) {
    Tensors tensors = tiny_tensors(config, head);
    std::string layer;
    for (auto& [name, tensor] : tensors)
      if (name.ends_with("layer.1.output.dense.weight") ||
          name.ends_with("layer.1.ffn.lin2.weight")) {
        tensor[0][0] = std::nan("");
        layer = name.substr(0, name.find("layer.1") + 7);
      }
    write_model(folder, config, tensors);
    auto model = load(folder, head);
    const Error error = caught([&] { model->forward(tiny_batch()); });
    CHECK(error.code == Errc::kNotFinite);
    CHECK(error.message == "NaN first shows in the output of '" + layer + "'");
  });
}

}  // namespace hft::test
