#include "tasks/work/eval_examples.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "core/base/exact_json.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/tokenizers/regex.h"
#include "tasks/run/rows.h"

namespace hft {
namespace {

std::string text_of_value(const Json& value) {
  return value.is_string() ? value.get<std::string>() : exact_line(value);
}

std::optional<double> number_of(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const std::string text = value.get<std::string>();
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && read.ptr == text.data() + text.size() && read.ec == std::errc()
             ? std::optional(number)
             : std::nullopt;
}

// A name as it is; a whole number, where the names are known, by its place among them.
std::string label_name(const Json& value, const std::vector<std::string>& names) {
  const std::string text = text_of_value(value);
  if (std::ranges::find(names, text) != names.end()) return text;
  const auto number = number_of(value);
  const bool whole = number && *number >= 0 && *number == static_cast<double>(static_cast<std::int64_t>(*number));
  if (whole && *number < static_cast<double>(names.size()))
    return names[static_cast<std::size_t>(*number)];
  return text;
}

// [{"label", "score"}], {"labels", "scores"}, or the label itself.
void take_label(const Json& output, const ExampleOptions& o, Example& example) {
  const Json& list = output.is_object() && output.contains("label") ? Json::array({output}) : output;
  if (list.is_object() && list.contains("labels")) {
    for (std::size_t i = 0; i < list["labels"].size(); ++i)
      example.scores.emplace_back(text_of_value(list["labels"][i]), list["scores"][i]);
  } else if (list.is_array()) {
    for (const Json& one : list) {
      if (!one.is_object() || !one.contains("label"))
        fail(Errc::kBadData, "holds no label, wanted [{\"label\", \"score\"}] or a label");
      example.scores.emplace_back(label_name(one["label"], o.labels), one.value("score", 0.0));
    }
  } else {
    example.prediction = label_name(output, o.labels);
    example.number = number_of(output);
    return;
  }
  if (example.scores.empty()) fail(Errc::kBadData, "holds no label");
  // The first of the greatest scores: the order of the labels is the task's.
  example.prediction =
      std::ranges::max_element(example.scores, {}, &std::pair<std::string, double>::second)->first;
  if (example.scores.size() == 1) example.number = example.scores[0].second;
}

std::vector<std::string> strings_of(const Json& list, const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const Json& one : list) all.push_back(label_name(one, names));
  return all;
}

// What is right is the number of a choice, or the choice itself.
void take_choice(Example& e) {
  if (!e.output.is_array() || e.output.empty()) fail(Errc::kBadData, "holds no choices");
  for (const Json& one : e.output)
    e.scores.emplace_back(one.at("choice").get<std::string>(), one.at("loglikelihood").get<double>());
  std::size_t right = e.scores.size();
  if (const auto number = number_of(e.reference); number && *number >= 0)
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
  example.right_tags = strings_of(example.reference, o.labels);
  example.tags = words && (is_span(example.output) || example.output.empty())
                     ? tags_of_words(example.output, row["tokens"])
                     : strings_of(example.output, o.labels);
  if (example.tags.size() != example.right_tags.size())
    fail(Errc::kBadData, "has ", example.tags.size(), " tags, wanted ", example.right_tags.size());
}

// The text an output holds, whatever its task calls it.
std::string text_of(const Json& output) {
  if (output.is_string()) return output;
  const Json& one = output.is_array() && !output.empty() ? output[0] : output;
  for (const char* name :
       {"answer", "generated_text", "summary_text", "translation_text", "text"})
    if (one.is_object() && one.contains(name) && one[name].is_string()) return one[name];
  fail(Errc::kBadData, "holds no text: ", to_line(output).substr(0, 80));
}

// One text, a list of them, SQuAD's {"text": [...]}, or a list of {"text"} or {"answer"}.
std::vector<std::string> texts_of(const Json& value) {
  if (value.is_object() && value.contains("text")) return texts_of(value["text"]);
  if (!value.is_array()) return {value.is_object() ? text_of(value) : text_of_value(value)};
  std::vector<std::string> all;
  for (const Json& one : value)
    all.push_back(one.is_object() ? text_of(one) : text_of_value(one));
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

class Reader {
 public:
  Reader(const EvalTask& task, const ExampleOptions& options) : task_(task), o_(options) {
    if (!o_.extract.empty()) pattern_.emplace(o_.extract);
  }
  Examples read(const std::string& file) {
    InputOptions data;
    data.files = {file};
    data.columns = {{.name = "prediction", .optional = true}};
    data.columns[0].source = "prediction";
    InputReader rows(data);
    while (auto input = rows.next()) {
      if (!input->row.is_object()) {
        if (input->error) throw *input->error;
        fail(Errc::kUsage, input->place, ": is a text, wanted a row with an output and a reference");
      }
      with_context(input->place, [&] { take(*input); });
    }
    check_labels();
    return std::move(examples_);
  }

 private:
  void take(const Input& input) {
    const Json& row = input.row;
    if (row.contains("error")) {
      ++examples_.failed;
      return;
    }
    choose_columns(row);
    const std::string& reference = examples_.reference_column;
    for (const std::string& column : {prediction_, reference})
      if (!column.empty() && !row.contains(column))
        fail(Errc::kBadData, "has no column '", column, "'");
    Example e{input.id, row.value("input", Json()), row[prediction_],
              reference.empty() ? Json() : row[reference]};
    switch (task_.kind) {
      case AnswerKind::kLabels:
        take_label(e.output, o_, e);
        e.references = {label_name(e.reference, o_.labels)};
        e.right_number = number_of(e.reference);
        break;
      case AnswerKind::kTags: take_tags(row, o_, e); break;
      case AnswerKind::kChoices: take_choice(e); break;
      case AnswerKind::kLikelihood: take_likelihood(e); break;
      case AnswerKind::kAnswers:
      case AnswerKind::kTexts:
        e.prediction = text_of(e.output);
        if (pattern_) e.prediction = extracted(e.prediction, *pattern_);
        e.references = texts_of(e.reference);
        break;
    }
    examples_.all.push_back(std::move(e));
  }

  void choose_columns(const Json& row) {
    if (prediction_.empty()) {
      prediction_ = o_.prediction_column;
      for (const char* name : {"output", "prediction"})
        if (prediction_.empty() && row.contains(name)) prediction_ = name;
    }
    std::string& reference = examples_.reference_column;
    if (reference.empty())
      reference = o_.reference_column.empty() ? reference_column(task_, row) : o_.reference_column;
    const bool compared = !task_.references.empty();
    if (!prediction_.empty() && row.contains(prediction_) &&
        (!compared || (!reference.empty() && row.contains(reference))))
      return;
    if (!examples_.all.empty()) return;
    std::vector<std::string> names;
    for (const auto& [name, value] : row.items()) names.push_back(name);
    const bool lacks = prediction_.empty() || !row.contains(prediction_);
    fail(Errc::kUsage, lacks ? "--prediction-column" : "--reference-column", ": no column ",
         lacks ? prediction_.empty() ? "'output' or 'prediction'" : "'" + prediction_ + "'"
         : reference.empty() ? "'" + joined(task_.references, "' or '") + "'"
                             : "'" + reference + "'",
         " in the data; it has: ", joined(names, ", "));
  }

  // Numbers against names are all wrong, and nothing else would say so.
  void check_labels() const {
    if (task_.kind != AnswerKind::kLabels || examples_.all.empty()) return;
    const auto all_of = [&](auto&& test) { return std::ranges::all_of(examples_.all, test); };
    if (all_of([](const Example& e) { return e.right_number && !e.number && e.references[0] != e.prediction &&
                                             !number_of(Json(e.prediction)); }))
      fail_hint(Errc::kUsage, "--labels NAME,NAME… gives the names in the order of the numbers",
                "the column '", examples_.reference_column, "' holds numbers, the predictions names");
  }

  const EvalTask& task_;
  const ExampleOptions& o_;
  std::optional<Regex> pattern_;
  std::string prediction_;
  Examples examples_;
};

}  // namespace

std::string reference_column(const EvalTask& task, const Json& row) {
  for (const std::string& name : task.references)
    for (const std::string& written : {name, "data_" + name})
      if (row.contains(written)) return written;
  return "";
}

Examples read_examples(const std::string& file, const EvalTask& task, const ExampleOptions& options) {
  return Reader(task, options).read(file);
}

}  // namespace hft
