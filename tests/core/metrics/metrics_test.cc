// Metrics against what the Python packages answer (tests/golden/metrics), and the edges of each.
#include <cmath>

#include "core/base/text.h"
#include "core/metrics/answers.h"
#include "core/metrics/bleu.h"
#include "core/metrics/classification.h"
#include "core/metrics/detection.h"
#include "core/metrics/entities.h"
#include "core/metrics/error_rate.h"
#include "core/metrics/language.h"
#include "core/metrics/retrieval.h"
#include "core/metrics/rouge.h"
#include "core/metrics/significance.h"
#include "tests/core/metrics/cases.h"
#include "tests/support/test.h"

using namespace hft;
using namespace hft::metrics;
using Texts = std::vector<std::string>;

TEST_CASE("metrics: equal to the Python packages") {
  int cases = 0;
  for (const auto& file : test::fs::directory_iterator(test::golden("metrics"))) {
    for (const std::string& line : split(test::slurp(file.path()), '\n')) {
      if (line.empty()) continue;
      const Json row = parse_json(line, file.path().string());
      INFO(line);
      CHECK(test::difference(test::metric_of(row["metric"], row["input"]), row["wanted"], 1e-9,
                             1e-12) == "");
      ++cases;
    }
  }
  CHECK(cases >= 190);
}

TEST_CASE("metrics: macro F1 averages the labels of truth and predictions") {
  const auto f1 = [](std::int64_t classes) {
    return class_scores(
               counts_of(confusion(std::vector<std::int64_t>{0, 1, 1},
                                   std::vector<std::int64_t>{0, 1, 2}, classes)))
        .macro.f1;
  };
  CHECK(f1(3) == doctest::Approx(0.55555555555));
}

TEST_CASE("metrics: Matthews of a constant side is 0, AUROC of one class NaN") {
  CHECK(matthews(confusion(std::vector<std::int64_t>{0, 0}, std::vector<std::int64_t>{0, 1}, 2)) ==
        0);
  CHECK(std::isnan(auroc({true, true}, std::vector<double>{0.1, 0.2})));
}

TEST_CASE("metrics: log loss clips at the eps of the probabilities' type") {
  const std::vector<std::int64_t> truth{0, 1};
  const std::vector<double> p{1, 0, 1, 0};
  CHECK(log_loss(truth, p) == doctest::Approx(18.021826694).epsilon(1e-9));
  CHECK(log_loss(truth, p, 1.1920928955078125e-07) == doctest::Approx(7.97).epsilon(1e-3));
}

TEST_CASE("metrics: entities are read leniently, a label without prefix loses its first letter") {
  CHECK(entity_scores({{"B-PER", "B-PER"}}, {{"I-PER", "B-PER"}}).scores.micro.f1 == 1);
  CHECK(entities_of({"I-PER", "I-PER"}) == entities_of({"B-PER", "I-PER"}));
  CHECK(entities_of({"O", "PER"})[0].type == "ER");
}

TEST_CASE("metrics: two equal lines of two words are 0 as a corpus, 100 as sentences") {
  const Texts same{"the cat"};
  BleuOptions options;
  CHECK(bleu(bleu_counts("the cat", same, options), options) == 0);
  options.effective_order = true;
  CHECK(bleu(bleu_counts("the cat", same, options), options) == doctest::Approx(100));
}

TEST_CASE("metrics: swapped lines are half of ROUGE-L and all of ROUGE-Lsum; Cyrillic is nothing") {
  const RougeScores swapped = rouge("a b\nc d", "c d\na b");
  CHECK(swapped.rougeL.f1 == 0.5);
  CHECK(swapped.rougeLsum.f1 == 1);
  CHECK(rouge("Привет мир", "Привет мир").rouge1.f1 == 0);
}

TEST_CASE("metrics: only spaces part words, characters count spaces, nothing costs its length") {
  CHECK(error_rate(word_errors("a\tb", "a b")) == 1);
  CHECK(error_rate(word_errors("a b", "a\tb")) == 2);
  CHECK(error_rate(word_errors("a  b", "a b")) == 0);
  CHECK(error_rate(character_errors("a b", "a  b")) == 0.25);
  CHECK(error_rate(word_errors("", "")) == 0);
  CHECK(error_rate(word_errors("one two", "")) == 2);
}

TEST_CASE("metrics: SQuAD deletes ASCII punctuation alone; two empty answers are equal") {
  CHECK(normalized_answer("The U.S.-based’s") == "usbased’s");
  CHECK(answer_scores("", Texts{""}, SquadVersion::kTwo).f1 == 1);
  CHECK(answer_scores("", Texts{}, SquadVersion::kTwo).exact == 1);
}

TEST_CASE("metrics: a perfect box scores 1 whatever its number, low scores count too") {
  const std::vector<TrueBox> truth{{0, 0, {0, 0, 10, 10}, 100}};
  const CocoFigures f = coco_figures(truth, std::vector<DetectedBox>{{0, 0, {0, 0, 10, 10}, 0.01}});
  CHECK(f.ap == doctest::Approx(1));
  CHECK(f.ap_large == -1);
}

TEST_CASE("metrics: acc_norm divides by characters") {
  const std::vector<double> likely{-3, -4};
  CHECK(best_choice_by_length(likely, Texts{"éé", "abc"}) == 1);
  CHECK(best_choice(likely) == 0);
}

TEST_CASE("metrics: equal scores rank the greater id first") {
  std::vector<RankedDocument> documents{{"a", 1, 1}, {"b", 1, 0}};
  rank(documents);
  CHECK(documents[0].id == "b");
}

TEST_CASE("metrics: intervals and tests at their edges") {
  CHECK(wilson_interval(0, 10).low == 0);
  CHECK(wilson_interval(10, 10).high == 1);
  CHECK(mcnemar_exact(0, 0) == 1);
  CHECK(mcnemar_chi_squared(0, 0) == 1);
  CHECK(permutation_test(std::vector<double>{0, 0, 0}) == 1);
}
