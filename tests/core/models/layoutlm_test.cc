// What an encoder of pages promises beside what others do, on a tiny random checkpoint.
#include <algorithm>
#include <cmath>

#include "core/nn/twins.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

struct Tiny {
  TempFolder folder;
  explicit Tiny(const std::string& model_type = "layoutlm") {
    Json config = tiny_config(model_type);
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

// Pictures for the first two of the batch's pages.
struct Looks {
  std::vector<float> a, b;
  TokenBatch batch = boxed(tiny_batch());
  Looks() : a(3 * 16 * 16, 0.5F), b(3 * 16 * 16) {
    for (std::size_t i = 0; i < b.size(); ++i) b[i] = std::sin(static_cast<float>(i));
    batch.pages.resize(static_cast<std::size_t>(batch.size()));
    batch.pages[0] = {3, 16, 16, a.data()};
    batch.pages[1] = {3, 16, 16, b.data()};
  }
};

TEST_CASE("layoutlmv3: pages with and without pictures together are what they are one by one") {
  const Tiny tiny("layoutlmv3");
  const auto model = load(tiny.folder.path, Head::kAnswer);
  CHECK(model->warnings() == std::vector<std::string>{});
  CHECK(model->sees_pages());
  const Looks looks;
  const TokenBatch& batch = looks.batch;
  const Matrix together = model->forward(batch);
  CHECK(together.rows == static_cast<std::int64_t>(batch.ids.size()));
  std::vector<float> single;
  for (std::int64_t b = 0; b < batch.size(); ++b) {
    TokenBatch one = only(batch, b);
    one.boxes.assign(batch.boxes.begin() + 4 * batch.starts[b],
                     batch.boxes.begin() + 4 * batch.starts[b + 1]);
    one.pages = {batch.pages[static_cast<std::size_t>(b)]};
    const Matrix values = model->forward(one);
    single.insert(single.end(), values.data.begin(), values.data.end());
  }
  CHECK(distance(together.data, single) <= (twins_forced() ? 3e-5 : 0));
  TokenBatch unseen = batch;
  unseen.pages.clear();
  const auto without = model->forward(unseen).data;
  const auto first = static_cast<std::size_t>(2 * batch.starts[2]);  // numbers of the pages with pictures
  const std::vector<float> seen(together.data.begin(), together.data.begin() + first),
      blind(without.begin(), without.begin() + first);
  CHECK(distance(seen, blind) > 1e-2);
  const std::vector<float> rest(together.data.begin() + first, together.data.end()),
      same(without.begin() + first, without.end());
  CHECK(distance(rest, same) <= (twins_forced() ? 3e-5 : 0));
}

TEST_CASE("layoutlmv3: pictures of another size, and fewer than there are pages") {
  const Tiny tiny("layoutlmv3");
  const auto model = load(tiny.folder.path, Head::kAnswer);
  Looks looks;
  looks.batch.pages[1].height = 8;
  CHECK(error_of([&] { model->forward(looks.batch); }) ==
        "a page has 8 x 16 pixels of 3 channels, but the model sees 16 x 16 of 3");
  looks.batch.pages.pop_back();
  CHECK(error_of([&] { model->forward(looks.batch); }) == "a batch has 3 pages, wanted 4");
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
