// hft classify: text in, labels with scores out; with --candidate-labels any labels at all.
// Reference: TextClassificationPipeline, ZeroShotClassificationPipeline.
#include <algorithm>
#include <numeric>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/processors/scores.h"
#include "tasks/commands.h"
#include "tasks/run/drawing.h"
#include "tasks/run/scored_labels.h"
#include "tasks/run/text_task.h"

namespace hft {
namespace {

struct ClassifyOptions {
  TextOptions common;
  LabelOptions labels{.top_k = "1", .hypothesis = "This example is {}."};
  bool multi_label = false;
};

ScoreFunction classify_function_for(const std::string& flag, const TextContext& context) {
  if (!flag.empty()) return score_function(flag);
  const std::string kind = context.config.text("problem_type", "");
  if (kind == "regression") return ScoreFunction::kNone;
  if (kind == "multi_label_classification" || context.labels.size() == 1)
    return ScoreFunction::kSigmoid;
  return ScoreFunction::kSoftmax;
}

Prepare prepare_labels(const ClassifyOptions& o, const TextContext& context) {
  const ScoreFunction function = classify_function_for(o.labels.function, context);
  return [&context, function, k = top_k_of(o.labels.top_k)](const Input& input) {
    const std::string* pair = input.text_if(1);
    Prepared prepared;
    prepared.sequences.push_back(to_sequence(
        context, encode_within(context, input.text(), pair, Truncation::kLongestFirst, false)));
    prepared.finish = [&context, function, k](std::span<const Matrix> results) {
      return labelled(context.labels, apply(function, results[0].row(0)), k);
    };
    return prepared;
  };
}

// The row of the label that begins with "entail"; -1: the last one. label2id says it, which the
// reference builds anew where there is no id2label.
std::int64_t entailment_row(const TextContext& context) {
  const auto entails = [](const std::string& label) {
    return lowercase(label).starts_with("entail");
  };
  if (context.config.has("id2label") && context.config.has("label2id")) {
    const Fields ids = context.config.object("label2id");
    const auto rows = static_cast<std::int64_t>(context.labels.size());
    for (const auto& [label, id] : ids.json().items())
      if (entails(label)) return ids.integer(label, -rows, rows - 1);
  } else {
    for (std::size_t i = 0; i < context.labels.size(); ++i)
      if (const Json& label = context.labels[i];
          label.is_string() && entails(label.get<std::string>()))
        return static_cast<std::int64_t>(i);
  }
  note("no label of the model begins with 'entail'; taking its last label for it");
  return -1;
}

// Scores of the candidates, from the logits of one premise with each hypothesis.
std::vector<float> candidate_scores(std::span<const Matrix> results, std::int64_t entailment,
                                    bool independent) {
  std::vector<float> scores;
  const auto at = [](const Matrix& m, std::int64_t i) {
    return m.data[static_cast<std::size_t>(i < 0 ? m.cols + i : i)];
  };
  const std::int64_t contradiction = entailment == 0 ? -1 : 0;
  for (const Matrix& m : results) scores.push_back(at(m, entailment));
  if (!independent) return softmax_of(scores);
  for (std::size_t i = 0; i < scores.size(); ++i)
    scores[i] = softmax_of(std::vector<float>{at(results[i], contradiction), scores[i]})[1];
  return scores;
}

Prepare prepare_candidates(const ClassifyOptions& o, const TextContext& context) {
  const std::vector<std::string> hypotheses = hypotheses_of(o.labels.hypothesis, o.labels.candidates);
  const std::int64_t entailment = entailment_row(context);
  const bool independent = o.multi_label || o.labels.candidates.size() == 1;
  return [=, &context, candidates = o.labels.candidates](const Input& input) {
    Prepared prepared;
    for (const auto& hypothesis : hypotheses)
      prepared.sequences.push_back(to_sequence(
          context,
          encode_within(context, input.text(), &hypothesis, Truncation::kOnlyFirst, false)));
    prepared.finish = [=, text = input.text()](std::span<const Matrix> results) {
      const auto scores = candidate_scores(results, entailment, independent);
      std::vector<std::size_t> order(scores.size());
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(),
                       [&](auto a, auto b) { return scores[a] < scores[b]; });
      Json output{{"sequence", text}, {"labels", Json::array()}, {"scores", Json::array()}};
      for (auto i = order.rbegin(); i != order.rend(); ++i) {
        output["labels"].push_back(candidates[*i]);
        output["scores"].push_back(number(scores[*i]));
      }
      return output;
    };
    return prepared;
  };
}

std::string draw_classify(const Input& input, const Json& output) {
  if (output.is_array()) return draw_bars(input, output, "label");
  Json rows = Json::array();
  for (std::size_t i = 0; i < output["labels"].size(); ++i)
    rows.push_back({{"label", output["labels"][i]}, {"score", output["scores"][i]}});
  return draw_bars(input, rows, "label");
}

int run_classify(const Flags& flags, const ClassifyOptions& o) {
  top_k_of(o.labels.top_k);
  const bool zero_shot = !o.labels.candidates.empty();
  TextTask task{.head = Head::kClassify,
                .default_model = zero_shot
                                     ? "facebook/bart-large-mnli"
                                     : "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
                .verb = "classifying",
                .rendering = {.text = draw_classify}};
  task.setup = [&](const TextContext& context) {
    return zero_shot ? prepare_candidates(o, context) : prepare_labels(o, context);
  };
  return run_text_task(flags, o.common, task);
}

std::function<int()> declare_classify(Flags& flags) {
  auto o = std::make_shared<ClassifyOptions>();
  flags.footer(
      "Examples:\n"
      "  hft classify \"I love this product!\"\n"
      "  hft classify -m DIR --top-k all --json -i reviews.jsonl -o labels.jsonl\n"
      "  hft classify -m NLI_MODEL --candidate-labels sports,politics \"The match ended 2:1\"");
  add_label_options(flags, o->labels, "text", "trained on NLI");
  flags.add("--multi-label", o->multi_label,
            "Zero-shot: each label by itself, several may be true");
  add_text_options(flags, o->common, {{.name = "text"}, {.name = "text_pair", .optional = true}});
  return [o, flags] { return run_classify(flags, *o); };
}

}  // namespace

extern const Command classify_command{
    "classify", "Text", "Label texts: sentiment, topic, or labels of your own", declare_classify};

}  // namespace hft
