#include "tests/core/metrics/cases.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <numeric>

#include "core/metrics/answers.h"
#include "core/metrics/bleu.h"
#include "core/metrics/chrf.h"
#include "core/metrics/classification.h"
#include "core/metrics/detection.h"
#include "core/metrics/entities.h"
#include "core/metrics/error_rate.h"
#include "core/metrics/language.h"
#include "core/metrics/ranks.h"
#include "core/metrics/retrieval.h"
#include "core/metrics/rouge.h"
#include "core/metrics/segmentation.h"
#include "core/metrics/significance.h"
#include "core/metrics/stemmer.h"
#include "core/metrics/ter.h"
#include "core/processors/polygons.h"
#include "core/processors/run_lengths.h"

namespace hft::test {
namespace {

using namespace metrics;
using Numbers = std::vector<double>;
using Ids = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

Json value(double x) { return std::isnan(x) ? Json() : Json(x); }
Json three(const Scores& s) { return {s.precision, s.recall, s.f1}; }
Json three(const RougeScore& s) { return {s.precision, s.recall, s.f1}; }
Json three(const PanopticScores& s) { return {s.quality, s.segmentation, s.recognition}; }
Json two(const Interval& i) { return {i.low, i.high}; }
std::vector<bool> flags(const Json& list) { return list.get<std::vector<bool>>(); }
Box box(const Json& b) { return {b[0], b[1], b[2], b[3]}; }

Json of_labels(const Json& in) {
  const Ids truth = in["truth"], predicted = in["predicted"];
  const auto classes = 1 + std::max(std::ranges::max(truth), std::ranges::max(predicted));
  const Confusion c = confusion(truth, predicted, classes);
  const ClassScores s = class_scores(counts_of(c));
  Json columns = Json::array({Json::array(), Json::array(), Json::array(), Json::array()});
  for (const Scores& one : s.classes) {
    columns[0].push_back(one.precision);
    columns[1].push_back(one.recall);
    columns[2].push_back(one.f1);
    columns[3].push_back(static_cast<double>(one.support));
  }
  return {{"accuracy", accuracy(c)}, {"matthews", matthews(c)},       {"classes", columns},
          {"micro", three(s.micro)}, {"macro", three(s.macro)}, {"weighted", three(s.weighted)}};
}

Json of_probabilities(const Json& in) {
  Numbers all;
  for (const Json& row : in["probabilities"])
    for (const double p : row) all.push_back(p);
  return value(log_loss(in["truth"].get<Ids>(), all));
}

Json of_confidences(const Json& in) {
  return calibration_error(calibration(flags(in["right"]), in["confidences"].get<Numbers>()));
}

Json of_numbers(const Json& in) {
  const Numbers x = in["x"], y = in["y"];
  return {{"pearson", value(pearson(x, y))},
          {"spearman", value(spearman(x, y))},
          {"mse", mean_squared_error(x, y)},
          {"mae", mean_absolute_error(x, y)}};
}

Json of_tags(const Json& in) {
  const EntityScores s = entity_scores(in["truth"].get<std::vector<Tags>>(),
                                       in["predicted"].get<std::vector<Tags>>());
  return {{"accuracy", s.accuracy},
          {"micro", three(s.scores.micro)},
          {"macro", three(s.scores.macro)},
          {"weighted", three(s.scores.weighted)}};
}

Json of_answers(const Json& in) {
  const AnswerScores s =
      answer_scores(in["answer"].get<std::string>(), in["golds"].get<Texts>(),
                    in["version"] == 1 ? SquadVersion::kOne : SquadVersion::kTwo);
  return {{"exact", s.exact}, {"f1", s.f1}};
}

Json of_summaries(const Json& in) {
  const RougeScores s =
      best_rouge(in["text"].get<std::string>(), in["references"].get<Texts>(), in["stemmer"]);
  return {{"rouge1", three(s.rouge1)},
          {"rouge2", three(s.rouge2)},
          {"rougeL", three(s.rougeL)},
          {"rougeLsum", three(s.rougeLsum)}};
}

template <class Counts, class F>
Counts summed(const Json& pairs, F&& of) {
  Counts all;
  for (const Json& pair : pairs)
    all += of(pair["text"].get<std::string>(), pair["references"].get<Texts>());
  return all;
}

Json of_translations(const Json& in) {
  static const std::map<std::string, BleuTokenizer> kTokenizers{{"13a", BleuTokenizer::k13a},
                                                                {"none", BleuTokenizer::kNone},
                                                                {"char", BleuTokenizer::kChar},
                                                                {"intl", BleuTokenizer::kIntl},
                                                                {"zh", BleuTokenizer::kZh}};
  BleuOptions options{.tokenizer = kTokenizers.at(in["tokenizer"]), .lowercase = in["lowercase"]};
  const Json& pairs = in["pairs"];
  const auto count = [&](const std::string& text, const Texts& references) {
    return bleu_counts(text, references, options);
  };
  Json out{{"bleu", bleu(summed<BleuCounts>(pairs, count), options)}};
  const std::string first = pairs[0]["text"];
  options.effective_order = true;
  out["sentence"] = bleu(count(first, pairs[0]["references"].get<Texts>()), options);
  out["tokens"] = bleu_tokens(right_trimmed(first), options.tokenizer);
  out["chrf"] = chrf(summed<ChrfCounts>(
      pairs, [](auto&& text, auto&& refs) { return chrf_counts(text, refs, false); }));
  out["chrf++"] = chrf(summed<ChrfCounts>(
      pairs, [](auto&& text, auto&& refs) { return chrf_counts(text, refs, true); }));
  out["ter"] = ter(
      summed<TerCounts>(pairs, [](auto&& text, auto&& refs) { return ter_counts(text, refs); }));
  return out;
}

Json of_original_bleu(const Json& in) {
  const BleuOptions options{.smoothed = false, .closest_length = false};
  return bleu(summed<BleuCounts>(
                  in["pairs"],
                  [&](auto&& text, auto&& refs) { return bleu_counts(text, refs, options); }),
              options);
}

Json of_transcripts(const Json& in) {
  return {{"wer", error_rate(summed<ErrorCounts>(in["pairs"],
                                                 [](auto&& text, auto&& refs) {
                                                   return word_errors(text, refs[0]);
                                                 }))},
          {"cer", error_rate(summed<ErrorCounts>(in["pairs"], [](auto&& text, auto&& refs) {
             return character_errors(text, refs[0]);
           }))}};
}

Json of_likelihoods(const Json& in) {
  const Numbers values = in["values"], likely = in["likelihoods"];
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return {{"perplexity", perplexity(sum, static_cast<double>(values.size()))},
          {"bits_per_byte", bits_per_byte(sum, in["bytes"])},
          {"acc", best_choice(likely)},
          {"acc_norm", best_choice_by_length(likely, in["choices"].get<Texts>())}};
}

Json list_of(const CocoFigures& f) {
  return {f.ap,  f.ap50, f.ap75,  f.ap_small, f.ap_medium, f.ap_large,
          f.ar1, f.ar10, f.ar100, f.ar_small, f.ar_medium, f.ar_large};
}

Json of_boxes(const Json& in) {
  std::vector<TrueBox> truth;
  std::vector<DetectedBox> detected;
  for (const Json& t : in["truth"])
    truth.push_back({t["image"], t["category"], box(t["box"]), t["area"], t["crowd"]});
  for (const Json& d : in["detected"])
    detected.push_back({d["image"], d["category"], box(d["box"]), d["score"]});
  return list_of(coco_figures(truth, detected));
}

// Polygons as COCO's annotations have them, or run lengths.
std::vector<std::uint32_t> mask_of(const Json& shape, const Json& size) {
  return shape.is_array() ? runs_of_polygons(shape, size[0], size[1])
                          : unpacked_runs(shape["counts"].get<std::string>());
}

Json of_masks(const Json& in) {
  std::vector<TrueBox> truth;
  std::vector<DetectedBox> detected;
  std::deque<std::vector<std::uint32_t>> masks;
  for (const Json& t : in["truth"]) {
    masks.push_back(mask_of(t["segmentation"], in["size"]));
    truth.push_back({t["image"], t["category"], {}, t["area"], t["crowd"], masks.back()});
  }
  for (const Json& d : in["detected"]) {
    masks.push_back(mask_of(d["segmentation"], in["size"]));
    detected.push_back({d["image"], d["category"], {}, d["score"], masks.back()});
  }
  return list_of(coco_figures(truth, detected));
}

Json of_regions(const Json& in) {
  RegionCounts counts(in["classes"].get<std::size_t>());
  for (const Json& p : in["pictures"])
    counts.add(p["predicted"].get<Ids>(), p["truth"].get<Ids>(), 255);
  const RegionScores s = region_scores(counts);
  return {{"mean_iou", value(s.mean_iou)},
          {"mean_accuracy", value(s.mean_accuracy)},
          {"overall_accuracy", value(s.overall_accuracy)}};
}

Json of_panoptic(const Json& in) {
  std::vector<PanopticCounts> counts(3);
  for (const Json& p : in["pictures"]) {
    std::vector<Segment> truth, predicted;
    for (const Json& s : p["true_segments"]) truth.push_back({s["id"], s["category"], s["crowd"]});
    for (const Json& s : p["segments"]) predicted.push_back({s["id"], s["category"]});
    const Ids true_ids = p["truth"], ids = p["predicted"];
    add_panoptic({ids, predicted}, {true_ids, truth}, counts);
  }
  return three(panoptic_scores(counts));
}

Json of_rankings(const Json& in) {
  std::vector<RankedDocument> documents;
  Numbers judged, ranked;
  for (const auto& [id, score] : in["scores"].items())
    documents.push_back({id, score, in["relevant"].value(id, 0.0)});
  for (const Json& relevance : in["relevant"]) judged.push_back(relevance);
  rank(documents);
  for (const RankedDocument& d : documents) ranked.push_back(d.relevance);
  const std::size_t k = in["k"];
  return {ndcg(ranked, judged, k), reciprocal_rank(ranked, k), recall(ranked, judged, k),
          ndcg(ranked, judged), reciprocal_rank(ranked)};
}

Json of_samples(const Json& in) {
  const Numbers values = in["values"];
  const double level = in["level"];
  const std::int64_t b = in["b"], c = in["c"], n = in["n"], k = in["k"];
  const auto mean = [&](std::span<const std::int64_t> chosen) {
    double sum = 0;
    for (const auto i : chosen) sum += values[static_cast<std::size_t>(i)];
    return sum / static_cast<double>(chosen.size());
  };
  return {{"exact", mcnemar_exact(b, c)},
          {"chi_squared", mcnemar_chi_squared(b, c)},
          {"wilson", two(wilson_interval(k, n, level))},
          {"normal", two(normal_interval(k, n, level))},
          {"bootstrap", two(bootstrap_interval(static_cast<std::int64_t>(values.size()), mean,
                                               {500, in["seed"].get<std::uint32_t>(), level}))},
          {"permutation", permutation_test(values, {5000})},
          {"detectable", detectable_effect(n, 1 - level)}};
}

}  // namespace

Json metric_of(const std::string& name, const Json& input) {
  static const std::map<std::string, std::function<Json(const Json&)>> kMetrics{
      {"classification", of_labels},
      {"log_loss", of_probabilities},
      {"auroc",
       [](const Json& in) {
         return value(auroc(flags(in["positive"]), in["scores"].get<Numbers>()));
       }},
      {"calibration", of_confidences},
      {"correlation", of_numbers},
      {"seqeval", of_tags},
      {"squad", of_answers},
      {"rouge", of_summaries},
      {"stems",
       [](const Json& in) {
         Json out = Json::array();
         for (const std::string word : in["words"]) out.push_back(stem(word));
         return out;
       }},
      {"sacrebleu", of_translations},
      {"original_bleu", of_original_bleu},
      {"error_rates", of_transcripts},
      {"language", of_likelihoods},
      {"coco", of_boxes},
      {"coco_masks", of_masks},
      {"mean_iou", of_regions},
      {"panoptic", of_panoptic},
      {"retrieval", of_rankings},
      {"significance", of_samples},
  };
  return kMetrics.at(name)(input);
}

}  // namespace hft::test
