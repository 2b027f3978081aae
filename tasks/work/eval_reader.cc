// Files of records and of what is right, read into examples.
#include <algorithm>
#include <map>

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "tasks/run/rows.h"
#include "tasks/work/eval_boxes.h"
#include "tasks/work/eval_examples.h"

namespace hft {
namespace {

InputOptions record_rows(const std::vector<std::string>& files) {
  InputOptions rows;
  rows.files = files;
  rows.columns = {{.name = "prediction", .source = "prediction", .optional = true}};
  return rows;
}

// Rows of what is right, known by their ids, else by their inputs.
class TruthRows {
 public:
  TruthRows(const EvalTask& task, const std::vector<std::string>& files) {
    if (files.empty()) return;
    const InputOptions options = record_rows(files);
    InputReader reader(options);
    while (auto row = reader.next()) {
      if (!row->row.is_object()) continue;
      const Json shown = input_of(task, row->row);
      const std::string key = key_of(row->id, shown);
      rows_.push_back({row->id, shown, std::move(row->row)});
      by_key_.emplace(key, rows_.size() - 1);
    }
  }

  struct Row {
    Json id, input, row;
    bool taken = false;
  };

  // Adds the columns that `row` lacks.
  void complete(const Json& id, Json& row) {
    auto found = by_key_.find(key_of(id, row.value("input", Json())));
    if (found == by_key_.end()) found = by_key_.find(key_of({}, row.value("input", Json())));
    if (found == by_key_.end()) return;
    Row& truth = rows_[found->second];
    truth.taken = true;
    for (const auto& [name, value] : truth.row.items())
      if (!row.contains(name)) row[name] = value;
  }
  std::vector<Row>& rows() { return rows_; }

 private:
  // As the record of the task's command shows it.
  static Json input_of(const EvalTask& task, const Json& row) {
    const Json input = row.value(usual_column(task.input), Json());
    const Json pair = task.kind == AnswerKind::kLabels ? row.value("text_pair", Json()) : Json();
    return pair.is_null() ? input : Json{{"text_pair", pair}, {"text", input}};
  }
  static std::string key_of(const Json& id, const Json& input) {
    return id.is_null() ? "input " + exact_line(input) : "id " + text_of_value(id);
  }
  std::vector<Row> rows_;
  std::map<std::string, std::size_t> by_key_;
};

class Reader {
 public:
  Reader(const EvalTask& task, const ExampleOptions& options)
      : task_(task), o_(options), truth_(task, options.truth_files) {}

  Examples read(const std::string& file) {
    const InputOptions options = record_rows({file});
    InputReader rows(options);
    while (auto input = rows.next()) {
      if (!input->row.is_object()) {
        if (input->error) throw *input->error;
        fail(Errc::kUsage, input->place,
             ": is a text, wanted a row with an output and a reference");
      }
      with_context(input->place, [&] { sort(*input); });
    }
    take_the_rest();
    check_labels();
    return std::move(examples_);
  }

 private:
  // A record, or a part of other layouts: COCO's results (a row for each box or mask), {query: {document:
  // score}} of a whole run.
  void sort(Input& input) {
    Json& row = input.row;
    const bool plain = row.contains("output") || row.contains("prediction") ||
                       !o_.prediction_column.empty() || row.contains("error");
    const char* of_coco = task_.kind == AnswerKind::kBoxes     ? "bbox"
                          : task_.kind == AnswerKind::kRegions ? "segmentation"
                                                               : nullptr;
    if (!plain && of_coco && row.contains("image_id") && row.contains(of_coco)) {
      results_[text_of_value(row["image_id"])].push_back(std::move(row));
    } else if (!plain && task_.kind == AnswerKind::kRanking &&
               std::ranges::all_of(row, [](const Json& one) { return one.is_object(); })) {
      for (const auto& [id, scores] : row.items()) {
        Json one{{"id", id}, {"output", scores}};
        truth_.complete(id, one);
        take(id, one);
      }
    } else {
      if (input.id.is_null() && row.contains("image_id")) input.id = row["image_id"];
      truth_.complete(input.id, row);
      take(input.id, row);
    }
  }

  // What is right of inputs without an answer of their own.
  void take_the_rest() {
    const bool may_be_empty = task_.kind == AnswerKind::kBoxes ||
                              task_.kind == AnswerKind::kRanking || !results_.empty();
    if (!results_.empty() && o_.truth_files.empty())
      fail(Errc::kUsage, "-i: names what is right of COCO's results, its JSON of annotations");
    for (TruthRows::Row& truth : truth_.rows()) {
      if (truth.taken) continue;
      const auto found = results_.find(truth.id.is_null() ? "" : text_of_value(truth.id));
      if (found == results_.end() && !may_be_empty) {
        ++examples_.failed;
        continue;
      }
      Json row = std::move(truth.row);
      row["input"] = truth.input;
      row["output"] = found == results_.end() ? Json::array() : std::move(found->second);
      if (found != results_.end()) results_.erase(found);
      take(truth.id, row);
    }
    if (!results_.empty())
      note("results of " + counted(static_cast<std::int64_t>(results_.size()), "picture") +
           " that the data does not have are left out");
  }

  void take(const Json& id, const Json& row) {
    if (row.contains("error")) {
      ++examples_.failed;
      return;
    }
    choose_columns(row);
    const std::string& reference = examples_.reference_column;
    for (const std::string& column : {prediction_, reference})
      if (!column.empty() && !row.contains(column))
        fail(Errc::kBadData, "has no column '", column, "'");
    Example e{id, row.value("input", Json()), row[prediction_],
              reference.empty() ? Json() : row[reference]};
    take_answer(task_, row, o_, examples_.classes, e);
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
    if (task_.kind == AnswerKind::kBoxes) check_box_labels(examples_);
    if (task_.kind != AnswerKind::kLabels || examples_.all.empty()) return;
    const auto all_of = [&](auto&& test) { return std::ranges::all_of(examples_.all, test); };
    // A label whose number has a name is no number any more.
    if (all_of([](const Example& e) {
          return number_in(Json(e.references[0])) && !e.number && !number_in(Json(e.prediction));
        }))
      fail_hint(Errc::kUsage, "--labels NAME,NAME… gives the names in the order of the numbers",
                "the column '", examples_.reference_column,
                "' holds numbers, the predictions names");
  }

  const EvalTask& task_;
  const ExampleOptions& o_;
  TruthRows truth_;
  std::string prediction_;
  std::map<std::string, Json> results_;  // COCO's, by picture
  Examples examples_;
};

}  // namespace

Examples read_examples(const std::string& file, const EvalTask& task,
                       const ExampleOptions& options) {
  return Reader(task, options).read(file);
}

}  // namespace hft
