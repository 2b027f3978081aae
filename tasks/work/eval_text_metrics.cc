#include "tasks/work/eval_text_metrics.h"

#include <map>
#include <memory>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/metrics/answers.h"
#include "core/metrics/bleu.h"
#include "core/metrics/chrf.h"
#include "core/metrics/entities.h"
#include "core/metrics/error_rate.h"
#include "core/metrics/language.h"
#include "core/metrics/rouge.h"
#include "core/metrics/ter.h"

namespace hft {
namespace {

using TextMetricChosen = std::span<const std::int64_t>;

// Counts of each example that are summed before `figure` is made of them.
template <class Counts>
Metric summed_metric(const std::string& name, std::vector<Counts> counts,
                     std::function<double(const Counts&)> figure,
                     std::function<double(const Counts&)> single) {
  auto kept = std::make_shared<const std::vector<Counts>>(std::move(counts));
  return {name,
          [kept, figure](TextMetricChosen chosen) {
            Counts sum;
            for (const auto i : chosen) sum += (*kept)[static_cast<std::size_t>(i)];
            return figure(sum);
          },
          [kept, single](std::size_t i) { return single((*kept)[i]); }};
}
template <class Counts>
Metric summed_metric(const std::string& name, std::vector<Counts> counts,
                     std::function<double(const Counts&)> figure) {
  return summed_metric<Counts>(name, std::move(counts), figure, figure);
}

template <class F>
auto of_each(const Examples& examples, F&& f) {
  std::vector<decltype(f(examples.all[0]))> values;
  for (const Example& e : examples.all) values.push_back(f(e));
  return values;
}

metrics::BleuTokenizer bleu_tokenizer(const std::string& name) {
  static const std::map<std::string, metrics::BleuTokenizer> kTokenizers{
      {"13a", metrics::BleuTokenizer::k13a},
      {"none", metrics::BleuTokenizer::kNone},
      {"char", metrics::BleuTokenizer::kChar},
      {"intl", metrics::BleuTokenizer::kIntl},
      {"zh", metrics::BleuTokenizer::kZh}};
  return kTokenizers.at(name);
}

Metric bleu_metric(const Examples& examples, const std::string& tokenizer) {
  metrics::BleuOptions options{.tokenizer = bleu_tokenizer(tokenizer)};
  metrics::BleuOptions sentence = options;
  sentence.effective_order = true;
  return summed_metric<metrics::BleuCounts>(
      "bleu",
      of_each(examples,
              [&](const Example& e) {
                return metrics::bleu_counts(e.prediction, e.references, options);
              }),
      [options](const auto& c) { return metrics::bleu(c, options); },
      [sentence](const auto& c) { return metrics::bleu(c, sentence); });
}

void add_rouge(const Examples& examples, bool stemmer, std::vector<Metric>& list) {
  static const std::pair<const char*, metrics::RougeScore metrics::RougeScores::*> kFigures[] = {
      {"rouge1", &metrics::RougeScores::rouge1},
      {"rouge2", &metrics::RougeScores::rouge2},
      {"rougeL", &metrics::RougeScores::rougeL},
      {"rougeLsum", &metrics::RougeScores::rougeLsum}};
  const auto scores = of_each(examples, [&](const Example& e) {
    return metrics::best_rouge(e.prediction, e.references, stemmer);
  });
  for (const auto& [name, figure] : kFigures) {
    std::vector<double> values;
    for (const metrics::RougeScores& s : scores) values.push_back((s.*figure).f1);
    list.push_back(mean_metric(name, std::move(values)));
  }
}

// `tokens`: of words or of characters.
Metric error_metric(const Examples& examples, const std::string& name,
                    metrics::ErrorCounts (*counts)(std::string_view, std::string_view)) {
  Metric metric = summed_metric<metrics::ErrorCounts>(
      name, of_each(examples, [&](const Example& e) { return counts(e.prediction, e.references[0]); }),
      metrics::error_rate);
  metric.lower_is_better = true;
  return metric;
}

void add_answers(const Examples& examples, metrics::SquadVersion version,
                 std::vector<Metric>& list) {
  const auto scores = of_each(examples, [&](const Example& e) {
    return metrics::answer_scores(e.prediction, e.references, version);
  });
  std::vector<double> exact, f1;
  for (const metrics::AnswerScores& s : scores) exact.push_back(s.exact), f1.push_back(s.f1);
  list.push_back(mean_metric("exact_match", exact, true));
  list.push_back(mean_metric("f1", f1));
}

std::vector<Metric> metrics_of_texts(const EvalTask& task, const Examples& examples,
                                     const MetricOptions& o) {
  std::vector<Metric> list;
  if (task.kind == AnswerKind::kAnswers) {
    // A question without an answer makes the data of SQuAD's second version.
    bool impossible = false;
    for (const Example& e : examples.all) impossible |= e.references.empty();
    add_answers(examples, impossible ? metrics::SquadVersion::kTwo : metrics::SquadVersion::kOne,
                list);
    return list;
  }
  for (const Example& e : examples.all)
    if (e.references.empty()) fail(Errc::kBadData, "an example has no reference");
  list.push_back(mean_metric("exact_match", of_each(examples, [](const Example& e) -> double {
                               return std::ranges::find(e.references, e.prediction) !=
                                      e.references.end();
                             }),
                             true));
  list.push_back(mean_metric("anls", of_each(examples, [](const Example& e) {
                               return metrics::levenshtein_similarity(e.prediction, e.references);
                             })));
  add_rouge(examples, o.stemmer, list);
  list.push_back(bleu_metric(examples, o.tokenizer));
  for (const bool words : {false, true})
    list.push_back(summed_metric<metrics::ChrfCounts>(
        words ? "chrf++" : "chrf", of_each(examples,
                                           [&](const Example& e) {
                                             return metrics::chrf_counts(e.prediction,
                                                                         e.references, words);
                                           }),
        metrics::chrf));
  list.push_back(summed_metric<metrics::TerCounts>(
      "ter",
      of_each(examples,
              [](const Example& e) { return metrics::ter_counts(e.prediction, e.references); }),
      metrics::ter));
  list.back().lower_is_better = true;
  list.push_back(error_metric(examples, "wer", metrics::word_errors));
  list.push_back(error_metric(examples, "cer", metrics::character_errors));
  return list;
}

std::vector<Metric> metrics_of_tags(const Examples& examples) {
  struct Kept {
    std::vector<metrics::Tags> tags, right;
    std::vector<std::vector<metrics::TaggedSpan>> spans, right_spans;
  };
  auto kept = std::make_shared<Kept>();
  for (const Example& e : examples.all) {
    kept->tags.push_back(e.tags);
    kept->right.push_back(e.right_tags);
    kept->spans.push_back(metrics::entities_of(e.tags));
    kept->right_spans.push_back(metrics::entities_of(e.right_tags));
  }
  const auto scores = [kept](TextMetricChosen chosen) {
    std::vector<std::vector<metrics::TaggedSpan>> wanted, got;
    for (const auto i : chosen) {
      wanted.push_back(kept->right_spans[static_cast<std::size_t>(i)]);
      got.push_back(kept->spans[static_cast<std::size_t>(i)]);
    }
    return metrics::span_scores(wanted, got).scores;
  };
  const auto right = [kept](std::size_t i) -> double {
    return kept->spans[i] == kept->right_spans[i];
  };
  std::vector<Metric> list;
  list.push_back(
      {"precision", [=](TextMetricChosen c) { return scores(c).micro.precision; }, right});
  list.push_back({"recall", [=](TextMetricChosen c) { return scores(c).micro.recall; }, right});
  list.push_back({"f1", [=](TextMetricChosen c) { return scores(c).micro.f1; }, right});
  list.push_back({"f1_macro", [=](TextMetricChosen c) { return scores(c).macro.f1; }, right});
  list.push_back({"f1_weighted", [=](TextMetricChosen c) { return scores(c).weighted.f1; }, right});
  list.push_back({"accuracy",
                  [kept](TextMetricChosen chosen) {
                    double same = 0, all = 0;
                    for (const auto i : chosen) {
                      const auto k = static_cast<std::size_t>(i);
                      for (std::size_t t = 0; t < kept->tags[k].size(); ++t)
                        same += kept->tags[k][t] == kept->right[k][t], all += 1;
                    }
                    return all == 0 ? 0 : same / all;
                  },
                  right});
  return list;
}

std::vector<Metric> metrics_of_choices(const Examples& examples) {
  const auto right_by = [&](auto&& chosen) {
    return of_each(examples, [&](const Example& e) -> double {
      std::vector<double> likely;
      std::vector<std::string> choices;
      for (const auto& [choice, score] : e.scores) {
        choices.push_back(choice);
        likely.push_back(score);
      }
      return static_cast<double>(chosen(likely, choices)) == *e.right_number;
    });
  };
  return {mean_metric("acc", right_by([](const auto& likely, const auto&) {
            return metrics::best_choice(likely);
          }), true),
          mean_metric("acc_norm", right_by([](const auto& likely, const auto& choices) {
            return metrics::best_choice_by_length(likely, choices);
          }), true)};
}

// Summed over the texts before a figure is made of it: log-likelihood, and what it is shared by.
struct Likelihoods {
  double sum = 0, count = 0;
  Likelihoods& operator+=(const Likelihoods& other) {
    sum += other.sum;
    count += other.count;
    return *this;
  }
};

std::vector<Metric> metrics_of_likelihood(const Examples& examples) {
  const auto metric = [&](const std::string& name, double Example::*count,
                          double (*figure)(double, double)) {
    Metric one = summed_metric<Likelihoods>(
        name, of_each(examples, [&](const Example& e) { return Likelihoods{*e.number, e.*count}; }),
        [figure](const Likelihoods& l) { return figure(l.sum, l.count); });
    one.lower_is_better = true;
    return one;
  };
  return {metric("perplexity", &Example::tokens, metrics::perplexity),
          metric("word_perplexity", &Example::words, metrics::perplexity),
          metric("byte_perplexity", &Example::bytes, metrics::perplexity),
          metric("bits_per_byte", &Example::bytes, metrics::bits_per_byte)};
}

}  // namespace

Metric mean_metric(const std::string& name, std::vector<double> values, bool proportion) {
  auto kept = std::make_shared<const std::vector<double>>(std::move(values));
  return {name,
          [kept](std::span<const std::int64_t> chosen) {
            double sum = 0;
            for (const auto i : chosen) sum += (*kept)[static_cast<std::size_t>(i)];
            return sum / static_cast<double>(chosen.size());
          },
          [kept](std::size_t i) { return (*kept)[i]; }, proportion, true};
}

std::vector<Metric> text_metrics(const EvalTask& task, const Examples& examples,
                                 const MetricOptions& options) {
  switch (task.kind) {
    case AnswerKind::kTags: return metrics_of_tags(examples);
    case AnswerKind::kChoices: return metrics_of_choices(examples);
    case AnswerKind::kLikelihood: return metrics_of_likelihood(examples);
    default: return metrics_of_texts(task, examples, options);
  }
}

}  // namespace hft
