#include "tasks/work/eval_examples.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/tokenizers/regex.h"
#include "tasks/work/eval_boxes.h"
#include "tasks/work/eval_rankings.h"
#include "tasks/work/eval_regions.h"

namespace hft {
namespace {

// [{"label", "score"}], {"labels", "scores"}, or the label itself.
void take_label(const Json& output, const ExampleOptions& o, Example& example) {
  const Json& list =
      output.is_object() && output.contains("label") ? Json::array({output}) : output;
  if (list.is_object() && list.contains("labels")) {
    for (std::size_t i = 0; i < list["labels"].size(); ++i)
      example.scores.emplace_back(text_of_value(list["labels"][i]), list["scores"][i]);
  } else if (list.is_array()) {
    for (const Json& one : list) {
      if (!one.is_object() || !one.contains("label"))
        fail(Errc::kBadData, "holds no label, wanted [{\"label\", \"score\"}] or a label");
      example.scores.emplace_back(label_name(one["label"], o), one.value("score", 0.0));
    }
  } else {
    example.prediction = label_name(output, o);
    example.number = number_in(output);
    return;
  }
  if (example.scores.empty()) fail(Errc::kBadData, "holds no label");
  // The first of the greatest scores: the order of the labels is the task's.
  example.prediction =
      std::ranges::max_element(example.scores, {}, &std::pair<std::string, double>::second)->first;
  if (example.scores.size() == 1) example.number = example.scores[0].second;
}

std::vector<std::string> strings_of(const Json& list, const ExampleOptions& o) {
  std::vector<std::string> all;
  for (const Json& one : list) all.push_back(label_name(one, o));
  return all;
}

// What is right is the number of a choice, or the choice itself.
void take_choice(Example& e) {
  if (!e.output.is_array() || e.output.empty()) fail(Errc::kBadData, "holds no choices");
  for (const Json& one : e.output)
    e.scores.emplace_back(one.at("choice").get<std::string>(),
                          one.at("loglikelihood").get<double>());
  std::size_t right = e.scores.size();
  if (const auto number = number_in(e.reference); number && *number >= 0)
    right = static_cast<std::size_t>(*number);
  for (std::size_t i = 0; e.reference.is_string() && i < e.scores.size(); ++i)
    if (e.scores[i].first == e.reference.get<std::string>()) right = i;
  if (right >= e.scores.size())
    fail(Errc::kBadData, "the right choice is ", to_line(e.reference), ", wanted one of ",
         e.scores.size());
  e.right_number = static_cast<double>(right);
  e.references = {e.scores[right].first};
  e.prediction =
      std::ranges::max_element(e.scores, {}, &std::pair<std::string, double>::second)->first;
}

void take_likelihood(Example& e) {
  if (!e.output.is_object() || !e.output.contains("loglikelihood"))
    fail(Errc::kBadData, "holds no log-likelihood");
  e.number = e.output["loglikelihood"].get<double>();
  e.tokens = e.output.at("tokens");
  e.bytes = e.output.at("bytes");
  e.words = e.output.at("words");
}

// A tag for every word: the one of the token that begins it, or the first behind its beginning.
std::vector<std::string> tags_of_words(const Json& entities, const Json& words) {
  std::vector<std::string> tags;
  std::int64_t start = 0;
  std::size_t at = 0;
  for (const Json& word : words) {
    const std::string text = word;
    while (at < entities.size() && entities[at]["start"].get<std::int64_t>() < start) ++at;
    const auto end = start + static_cast<std::int64_t>(code_point_starts(text).size()) - 1;
    const bool found = at < entities.size() && entities[at]["start"].get<std::int64_t>() < end;
    tags.push_back(found ? text_of_value(entities[at]["entity"]) : "O");
    start = end + 1;  // words are a space apart
  }
  return tags;
}

// Spans of a text as tags of its characters' boundaries: equal spans give equal entities.
std::vector<std::string> tags_of_spans(const Json& spans) {
  std::vector<std::string> tags;
  for (const Json& span : spans) {
    const auto start = span.at("start").get<std::size_t>(), end = span.at("end").get<std::size_t>();
    const char* name = span.contains("entity_group") ? "entity_group"
                       : span.contains("entity")     ? "entity"
                                                     : "label";
    if (end > static_cast<std::size_t>(limits::kLineBytes) || start > end)
      fail(Errc::kBadData, "has a span from ", start, " to ", end);
    if (tags.size() < end) tags.resize(end, "O");
    for (std::size_t i = start; i < end; ++i)
      tags[i] = (i == start ? "B-" : "I-") + text_of_value(span.at(name));
  }
  return tags;
}

void take_tags(const Json& row, const ExampleOptions& o, Example& example) {
  const auto is_span = [](const Json& list) { return !list.empty() && list[0].is_object(); };
  const bool words = row.contains("tokens") && row["tokens"].is_array();
  if (is_span(example.reference) || (is_span(example.output) && !words)) {
    example.tags = tags_of_spans(example.output);
    example.right_tags = tags_of_spans(example.reference);
    const std::size_t size = std::max(example.tags.size(), example.right_tags.size());
    example.tags.resize(size, "O");
    example.right_tags.resize(size, "O");
    return;
  }
  example.right_tags = strings_of(example.reference, o);
  example.tags = words && (is_span(example.output) || example.output.empty())
                     ? tags_of_words(example.output, row["tokens"])
                     : strings_of(example.output, o);
  if (example.tags.size() != example.right_tags.size())
    fail(Errc::kBadData, "has ", example.tags.size(), " tags, wanted ", example.right_tags.size());
}

// The text an output holds, whatever its task calls it.
std::string text_of(const Json& output) {
  if (output.is_string()) return output;
  const Json& one = output.is_array() && !output.empty() ? output[0] : output;
  for (const char* name : {"answer", "generated_text", "summary_text", "translation_text", "text"})
    if (one.is_object() && one.contains(name) && one[name].is_string()) return one[name];
  fail(Errc::kBadData, "holds no text: ", to_line(output).substr(0, 80));
}

// One text, a list of them, SQuAD's {"text": [...]}, or a list of {"text"} or {"answer"}.
std::vector<std::string> texts_of(const Json& value) {
  if (value.is_object() && value.contains("text")) return texts_of(value["text"]);
  if (!value.is_array()) return {value.is_object() ? text_of(value) : text_of_value(value)};
  std::vector<std::string> all;
  for (const Json& one : value) all.push_back(one.is_object() ? text_of(one) : text_of_value(one));
  return all;
}

// The first group's text at the first match, else the whole match; nothing without one.
std::string extracted(const std::string& text, const Regex& pattern) {
  std::optional<std::string> found;
  pattern.for_matches(text, [&](std::size_t begin, std::size_t end) {
    if (!found) found = text.substr(begin, end - begin);
  });
  return found.value_or("");
}

}  // namespace

std::string text_of_value(const Json& value) {
  return value.is_string() ? value.get<std::string>() : exact_line(value);
}

std::optional<double> number_in(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string() && !is_number(value)) return std::nullopt;
  const std::string text = text_of_value(value);
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && read.ptr == text.data() + text.size() && read.ec == std::errc()
             ? std::optional(number)
             : std::nullopt;
}

std::string label_name(const Json& value, const ExampleOptions& o) {
  const std::string text = text_of_value(value);
  if (std::ranges::find(o.labels, text) != o.labels.end()) return text;
  const auto number = number_in(value);
  if (!number || *number < 0 || *number != std::floor(*number) || *number > 1e15) return text;
  const auto place = static_cast<std::int64_t>(*number);
  if (const auto known = o.categories.find(place); known != o.categories.end())
    return known->second;
  return place < static_cast<std::int64_t>(o.labels.size())
             ? o.labels[static_cast<std::size_t>(place)]
             : text;
}

void take_answer(const EvalTask& task, const Json& row, const ExampleOptions& o,
                 std::vector<std::string>& classes, Example& e) {
  switch (task.kind) {
    case AnswerKind::kLabels:
      take_label(e.output, o, e);
      e.references = {label_name(e.reference, o)};
      e.right_number = number_in(e.reference);
      break;
    case AnswerKind::kTags:
      take_tags(row, o, e);
      break;
    case AnswerKind::kChoices:
      take_choice(e);
      break;
    case AnswerKind::kLikelihood:
      take_likelihood(e);
      break;
    case AnswerKind::kBoxes:
      take_boxes(o, e);
      break;
    case AnswerKind::kRegions:
      take_regions(row, o, classes, e);
      break;
    case AnswerKind::kRanking:
      take_ranking(row, e);
      break;
    case AnswerKind::kAnswers:
    case AnswerKind::kTexts:
      e.prediction = text_of(e.output);
      if (!o.extract.empty()) e.prediction = extracted(e.prediction, Regex(o.extract));
      e.references = texts_of(e.reference);
      break;
  }
}

std::string reference_column(const EvalTask& task, const Json& row) {
  for (const std::string& name : task.references)
    for (const std::string& written : {name, "data_" + name})
      if (row.contains(written)) return written;
  return "";
}

}  // namespace hft
