// What becomes of a segmenter's and a detector's numbers, where the reference has edges of its own.
#include <cmath>

#include "core/processors/boxes.h"
#include "core/processors/masks.h"
#include "core/processors/run_lengths.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

std::vector<std::int64_t> labels_of(const Segmentation& found) {
  std::vector<std::int64_t> labels;
  for (const Segment& segment : found.segments) labels.push_back(segment.label);
  return labels;
}

// Two labels and nothing; three queries on a picture of 2 x 4.
struct Three {
  std::vector<float> classes{9, 0, 0, 0, 9, 0, 0, 0, 9};
  std::vector<float> masks{9, 9, -9, -9, 9, 9, -9, -9,   //
                           -9, 9, 9, 9, -9, 9, 9, 9,     //
                           9, 9, 9, 9, 9, 9, 9, 9};
  MaskLogits logits() const {
    return {.classes = classes, .masks = masks, .queries = 3, .height = 2, .width = 4};
  }
};

}  // namespace

TEST_CASE("masks: run lengths go down the columns, zeros first") {
  CHECK(run_lengths({0, 1, 0, 0, 0, 0}, 2, 3) == std::vector<std::uint32_t>{2, 1, 3});
  CHECK(run_lengths({1, 1, 0, 0}, 2, 2) == std::vector<std::uint32_t>{0, 1, 1, 1, 1});
  CHECK(run_lengths({0, 0}, 1, 2) == std::vector<std::uint32_t>{2});
  CHECK(packed_runs({2, 1, 3}) == "213");
  CHECK(packed_runs({0, 100, 7, 100, 2000}) == "0T370Yn1");
}

TEST_CASE("masks: panoptic segments have ids from 1, and none for a query that saw nothing") {
  const Segmentation found = panoptic(Three().logits(), {}, {}, 2, 4);
  CHECK(labels_of(found) == std::vector<std::int64_t>{0, 1});
  CHECK(found.segments[0].id == 1);
  CHECK(found.segments[1].id == 2);
  CHECK(found.mask(found.segments[0]) == std::vector<std::uint8_t>{1, 1, 0, 0, 1, 1, 0, 0});
  CHECK(*found.segments[0].score == doctest::Approx(0.999753).epsilon(1e-9));
}

TEST_CASE("masks: what others leave of a segment counts by its share of the whole") {
  Three t;
  CHECK(labels_of(panoptic(t.logits(), {}, {.overlap = 0.7}, 2, 4)) ==
        std::vector<std::int64_t>{0});  // the other keeps 4 of its 6 cells
}

TEST_CASE("masks: instances have masks of their own, ids from 0, the later one on top") {
  Three t;
  const Segmentation found = instances(t.logits(), {.instances = true}, {.score = 0.9}, 2, 4);
  CHECK(labels_of(found) == std::vector<std::int64_t>{0, 1});
  CHECK(found.segments[0].id == 0);
  CHECK(found.mask(found.segments[0]) == std::vector<std::uint8_t>{1, 0, 0, 0, 1, 0, 0, 0});
  CHECK(found.mask(found.segments[1]) == std::vector<std::uint8_t>{0, 1, 1, 1, 0, 1, 1, 1});
}

TEST_CASE("masks: a score at the threshold is kept among instances, not among panoptic segments") {
  Three t;
  t.masks.assign(24, 40);  // sure everywhere
  t.classes = {0, 0, -100, -100, -100, 0, -100, -100, 0};  // a half and a half
  CHECK(panoptic(t.logits(), {}, {.score = 0.5}, 2, 4).segments.empty());
  CHECK(panoptic(t.logits(), {}, {.score = 0.49}, 2, 4).segments.size() == 1);
  const double half = *instances(t.logits(), {.instances = true}, {.score = 0.4}, 2, 4).segments[0].score;
  CHECK(half == doctest::Approx(0.5).epsilon(1e-6));
}

TEST_CASE("masks: labels of every pixel, of queries and of maps, at the picture's size") {
  const std::vector<float> maps{9, 0, 0, 9};  // two labels on 1 x 2
  const Segmentation found =
      semantic({.masks = maps, .height = 1, .width = 2}, {}, 2, 4);
  CHECK(found.ids == std::vector<std::int32_t>{0, 0, 1, 1, 0, 0, 1, 1});
  CHECK(!found.segments[0].score);
  CHECK(labels_of(semantic(Three().logits(), {}, 2, 4)) == std::vector<std::int64_t>{0, 1});
}

TEST_CASE("boxes: above the threshold, in query order, not clipped to the picture") {
  const std::vector<float> logits{0, 3, 0, 5, 0, 0, 0, 0, 9};
  const std::vector<float> boxes{.1f, .5f, .4f, .5f, .5f, .5f, 1, 1, .5f, .5f, 1, 1};
  const auto found = detections({logits, boxes, 3, 100, 40}, 0.5);
  REQUIRE(found.size() == 2);
  CHECK(found[0].label == 1);
  CHECK(found[1].label == 0);
  CHECK(found[0].xmin == doctest::Approx(-10));
  CHECK(found[0].ymax == doctest::Approx(30));
  CHECK(detections({logits, boxes, 3, 100, 40}, 0).size() == 3);
}

TEST_CASE("boxes: labels scored each by itself, the best of all queries first") {
  const std::vector<float> logits{-1, 2, 3, -4};  // two queries, two labels
  const std::vector<float> boxes{.1f, .5f, .4f, .5f, .5f, .5f, 1, 1};
  const SeenBoxes seen{logits, boxes, 2, 100, 40};
  const auto found = top_detections(seen, 3, 0.5);
  REQUIRE(found.size() == 2);
  CHECK(found[0].label == 0);
  CHECK(found[0].xmax == doctest::Approx(100));
  CHECK(found[0].score == doctest::Approx(1 / (1 + std::exp(-3.0))));
  CHECK(found[1].label == 1);
  CHECK(found[1].xmin == doctest::Approx(-10));
  CHECK(top_detections(seen, 3, 0).size() == 3);
  CHECK(top_detections(seen, 1, 0).size() == 1);
  CHECK(top_detections(seen, 9, 0).size() == 4);
}
