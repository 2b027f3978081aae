#include "tasks/run/scored_labels.h"

#include <cstdlib>

#include "core/base/error.h"
#include "core/processors/scores.h"
#include "core/templates/template.h"
#include "tasks/run/list_option.h"

namespace hft {

void add_label_options(Flags& flags, LabelOptions& o, const std::string& thing,
                       const std::string& model) {
  flags.add("--top-k", o.top_k, "Labels per " + thing + ", best first, or all")
      .metavar("N|all")
      .show_default();
  Flag function = flags.add("--function-to-apply", o.function,
                            o.function.empty()
                                ? "Logits to scores; default: by the model's problem_type"
                                : "Logits to scores");
  function.one_of(kScoreFunctions);
  if (!o.function.empty()) function.show_default();
  add_list_option(flags, "--candidate-labels", o.candidates,
                  "Zero-shot: labels of your own, with a model " + model +
                      "; a label that holds a comma: the flag once for each label, or a JSON list",
                  ListForm::kLabels);
  flags.add("--hypothesis-template", o.hypothesis, "Zero-shot: sentence that holds the label")
      .metavar("TEXT {}")
      .show_default();
}

std::int64_t top_k_of(const std::string& text) {
  if (text == "all") return -1;
  char* end = nullptr;
  const long k = std::strtol(text.c_str(), &end, 10);
  if (*end || k < 1)
    fail(Errc::kUsage, "--top-k: '", text, "' is neither all nor a number above 0");
  return k;
}

Json labelled(const std::vector<Json>& labels, const std::vector<float>& scores, std::int64_t k) {
  Json list = Json::array();
  for (std::int64_t i : best(scores, k))
    list.push_back({{"label", labels.at(i)}, {"score", number(scores[i])}});
  return list;
}

Json scored(const std::vector<Json>& labels, const std::vector<float>& scores, std::int64_t k) {
  Json list = Json::array();
  for (std::int64_t i : best(scores, k))
    list.push_back({{"score", number(scores[i])}, {"label", labels.at(i)}});
  return list;
}

std::vector<std::string> hypotheses_of(const std::string& text,
                                       const std::vector<std::string>& labels) {
  std::vector<std::string> hypotheses;
  try {
    for (const auto& label : labels) hypotheses.push_back(format_text(text, label));
  } catch (const Error& e) {
    fail(Errc::kUsage, "--hypothesis-template: '", text, "': ", e.message);
  }
  if (hypotheses[0] == text)
    fail(Errc::kUsage, "--hypothesis-template: '", text, "' has no {} for the label");
  return hypotheses;
}

}  // namespace hft
