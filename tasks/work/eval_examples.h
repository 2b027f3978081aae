// Records of a task, or predictions from elsewhere, beside what is right.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/metrics/detection.h"
#include "core/metrics/segmentation.h"
#include "tasks/work/eval_tasks.h"

namespace hft {

struct LabelledBox {
  std::string label;
  metrics::Box box;
  double score = 0, area = 0;
  bool crowd = false;
  std::vector<std::uint32_t> mask = {};  // of metrics::MaskRuns
};

// Of one class in a picture.
struct ClassPixels {
  std::int64_t both = 0, predicted = 0, actual = 0;
};

struct Example {
  Json id, input, output, reference;
  // One of these two, as the answers of the task are.
  std::string prediction;
  std::vector<std::string> references;
  std::vector<std::string> tags, right_tags;
  // Of labels: every label with its score (of choices: log-likelihood); a number in place of one.
  std::vector<std::pair<std::string, double>> scores;
  std::optional<double> number, right_number;
  double tokens = 0, bytes = 0, words = 0;  // of a text whose likelihood `number` is
  std::vector<LabelledBox> boxes, right_boxes;
  std::map<std::int64_t, ClassPixels> pixels;  // by the numbers of Examples::classes
  std::map<std::int64_t, metrics::PanopticCounts> segments;
  bool parted = false;  // what is right is segments, not labels alone
  bool masked = false;  // both sides are masks of objects, in `boxes`
  std::vector<double> ranked, judged;  // relevances, as ranked and of all that is known
};

struct ExampleOptions {
  std::string prediction_column;    // "": output, prediction
  std::string reference_column;     // "": what the task calls it
  std::vector<std::string> labels;  // the names of labels that are numbers
  std::string extract;              // a pattern: the part of a text that counts
  std::map<std::int64_t, std::string> categories;  // names that COCO's data gives to numbers
  std::int64_t ignored = 255;       // a pixel of this label counts for nothing
  bool reduce_labels = false;       // 0 is no label, and the others are one less
  // Rows that hold what is right, where the predictions do not: joined by id, else by input.
  std::vector<std::string> truth_files;
};

struct Examples {
  std::vector<Example> all;
  std::int64_t failed = 0;  // records of an error, which are not among them
  std::string reference_column;
  std::vector<std::string> classes;  // of regions
};

// Of a file of records. kUsage where a column is not there or labels cannot be compared; kBadData
// for a row that holds no answer.
Examples read_examples(const std::string& file, const EvalTask& task, const ExampleOptions& options);

// The prediction and what is right of a row, compared as the task's answers are.
void take_answer(const EvalTask& task, const Json& row, const ExampleOptions& options,
                 std::vector<std::string>& classes, Example& example);

// A cell as a name; as a number, where it is one or reads as one.
std::string text_of_value(const Json& value);
std::optional<double> number_in(const Json& value);
// A name as it is; a whole number, where the names are known, by its place among them.
std::string label_name(const Json& value, const ExampleOptions& options);

// The first of the task's columns that the row has; "" for none.
std::string reference_column(const EvalTask& task, const Json& row);

}  // namespace hft
