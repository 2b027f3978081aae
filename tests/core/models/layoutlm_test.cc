// What an encoder of pages promises beside what others do, on a tiny random checkpoint.
#include "core/nn/twins.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

struct Tiny {
  TempFolder folder;
  Tiny() {
    Json config = tiny_config("layoutlm");
    config["max_2d_position_embeddings"] = 101;
    write_model(folder.path, config, tiny_tensors(config, Head::kAnswer));
  }
};

TokenBatch boxed(TokenBatch batch) {
  for (std::size_t i = 0; i < batch.ids.size(); ++i) {
    const auto at = static_cast<std::int32_t>(i * 7 % 60);
    for (const std::int32_t side : {at, at + 3, at + 31, at + 40}) batch.boxes.push_back(side);
  }
  return batch;
}

}  // namespace

TEST_CASE("layoutlm: a batch gives what its pages give one by one, and boxes matter") {
  const Tiny tiny;
  const auto model = load(tiny.folder.path, Head::kAnswer);
  CHECK(model->warnings() == std::vector<std::string>{});
  CHECK(model->reads_boxes());
  const TokenBatch batch = boxed(tiny_batch());
  const Matrix together = model->forward(batch);
  CHECK(together.cols == 2);
  std::vector<float> single;
  for (std::int64_t b = 0; b < batch.size(); ++b) {
    TokenBatch one = only(batch, b);
    one.boxes.assign(batch.boxes.begin() + 4 * batch.starts[b],
                     batch.boxes.begin() + 4 * batch.starts[b + 1]);
    const Matrix values = model->forward(one);
    single.insert(single.end(), values.data.begin(), values.data.end());
  }
  CHECK(distance(together.data, single) <= (twins_forced() ? 3e-5 : 0));
  CHECK(distance(together.data, model->forward(tiny_batch()).data) > 1e-2);
}

TEST_CASE("layoutlm: boxes outside the tables or turned around are refused") {
  const Tiny tiny;
  const auto model = load(tiny.folder.path, Head::kAnswer);
  TokenBatch batch = boxed(tiny_batch());
  batch.boxes[6] = 101;
  CHECK(error_of([&] { model->forward(batch); }) ==
        "side of a box 101 is outside [0, 101) of the model");
  batch.boxes[6] = 0;
  CHECK(error_of([&] { model->forward(batch); }) == "a box ends before it begins");
  batch.boxes.pop_back();
  CHECK(error_of([&] { model->forward(batch); }).starts_with("a batch has "));
}

}  // namespace hft::test
