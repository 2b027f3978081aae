// Labels of a task: whatever the data calls them, numbers from 0 for the model.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "tasks/train/kinds.h"

namespace hft {
namespace {

constexpr std::int64_t kMostLabels = 1'000'000;

std::string spelled(const Json& cell) {
  return cell.is_string() ? cell.get<std::string>() : exact_line(cell);
}

template <class Number>
std::optional<Number> parsed(const std::string& text) {
  Number value{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size())
    return std::nullopt;
  return value;
}

bool is_index(const std::string& text) {
  const auto n = parsed<std::int64_t>(text);
  return n && *n >= 0 && *n < kMostLabels;
}

// What the labels of all rows have in common, in one look at each.
class Census {
 public:
  explicit Census(const TrainRows& rows) {
    rows([this](TrainRow&& row) { see(row.label); });
  }

  bool lists = true, flags = true;      // all are lists; of 0 and 1, equally long
  bool numbers = true, whole = true;    // each label by itself, of lists their members
  std::set<std::string> names;          // of them
  std::int64_t length = -1;             // of the first; 1 where it is no list

 private:
  void see(const Json& label) {
    const std::int64_t size = label.is_array() ? std::ssize(label) : 1;
    if (length < 0) length = size;
    lists &= label.is_array();
    flags &= label.is_array() && size == length && size > 1 &&
             std::ranges::all_of(
                 label, [](const Json& x) { return x.is_number() && (x == 0 || x == 1); });
    if (!label.is_array()) return see_one(label);
    for (const Json& one : label) see_one(one);
  }
  void see_one(const Json& label) {
    const std::string text = spelled(label);
    numbers = numbers && parsed<double>(text);
    whole = whole && parsed<std::int64_t>(text);
    names.insert(text);
  }
};

Objective objective_of(const TrainTask& task, const Census& seen, const std::string& problem) {
  if (task.objective != Objective::kClasses) return task.objective;
  if (problem == "regression") return Objective::kRegression;
  if (problem == "multi_label_classification") return Objective::kMultiLabel;
  if (problem == "single_label_classification") return Objective::kClasses;
  if (seen.lists) return Objective::kMultiLabel;
  return seen.numbers && !seen.whole ? Objective::kRegression : Objective::kClasses;
}

std::vector<std::string> names_in(const Fields& config) {
  std::vector<std::string> names;
  for (const Json& label : labels_of(config)) names.push_back(spelled(label));
  return names;
}

std::vector<std::string> numbered(std::int64_t count) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < count; ++i) names.push_back("LABEL_" + std::to_string(i));
  return names;
}

// Those of config where they cover the data's.
std::vector<std::string> class_names(const std::set<std::string>& found, const Fields& config) {
  const auto known = names_in(config);
  const auto is_known = [&](const std::string& name) {
    return std::ranges::find(known, name) != known.end();
  };
  if (std::ranges::all_of(found, is_known)) return known;
  if (!std::ranges::all_of(found, is_index)) return {found.begin(), found.end()};
  std::int64_t most = 1;
  for (const auto& name : found) most = std::max(most, *parsed<std::int64_t>(name));
  return most < static_cast<std::int64_t>(known.size()) ? known : numbered(most + 1);
}

}  // namespace

Labels labels_of_rows(const TrainTask& task, const TrainRows& rows, const Fields& config,
                      const std::string& problem) {
  const bool labelled = task.objective == Objective::kClasses ||
                        task.objective == Objective::kMultiLabel ||
                        task.objective == Objective::kTokens;
  if (!labelled) return {.objective = task.objective};
  const Census seen(rows);
  Labels labels{.objective = objective_of(task, seen, problem)};
  labels.flags = labels.objective == Objective::kMultiLabel &&
                 (task.objective == Objective::kMultiLabel || seen.flags);
  if (labels.objective == Objective::kRegression || labels.flags) {
    labels.names = names_in(config);
    if (std::ssize(labels.names) != seen.length) labels.names = numbered(seen.length);
  } else {
    labels.names = class_names(seen.names, config);
  }
  return labels;
}

void Labels::give(const TrainRow& row, TrainExample& to) const {
  if (objective == Objective::kClasses)
    to.classes = classes(row);
  else
    to.targets = targets(row);
}

std::int32_t Labels::id(const Json& cell, const TrainRow& row) const {
  const std::string text = spelled(cell);
  const auto found = std::ranges::find(names, text);
  if (found != names.end()) return static_cast<std::int32_t>(found - names.begin());
  if (is_index(text) && *parsed<std::int64_t>(text) < std::ssize(names))
    return *parsed<std::int32_t>(text);
  const std::span shown(names.data(), std::min<std::size_t>(names.size(), 20));
  fail(Errc::kBadData, row.place, ": the label '", text, "' is not one of ", joined(shown, ", "),
       names.size() > shown.size() ? ", …" : "");
}

std::vector<std::int32_t> Labels::classes(const TrainRow& row) const {
  if (row.label.is_array() != (objective == Objective::kTokens))
    fail(Errc::kBadData, row.place, ": the label is ", type_of(row.label), ", wanted one class");
  std::vector<std::int32_t> ids;
  if (!row.label.is_array()) return {id(row.label, row)};
  for (const Json& one : row.label) ids.push_back(id(one, row));
  return ids;
}

std::vector<float> Labels::targets(const TrainRow& row) const {
  const Json list = row.label.is_array() ? row.label : Json::array({row.label});
  std::vector<float> values(names.size(), 0);
  if (objective == Objective::kMultiLabel && !flags) {
    for (const Json& one : list) values[id(one, row)] = 1;
    return values;
  }
  if (list.size() != names.size())
    fail(Errc::kBadData, row.place, ": has ", counted(std::ssize(list), "number"),
         " as labels, wanted ", names.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto number = parsed<double>(spelled(list[i]));
    if (!number || !std::isfinite(*number))
      fail(Errc::kBadData, row.place, ": the label '", spelled(list[i]), "' is no number");
    values[i] = static_cast<float>(*number);
  }
  return values;
}

void describe(Json& config, const TrainTask& task, const Labels& labels) {
  if (config.contains("architectures") && config["architectures"].is_array() &&
      !config["architectures"].empty() && !task.class_name.empty()) {
    std::string name = spelled(config["architectures"][0]);
    const bool hears = name.ends_with("ForAudioClassification");  // of spectrograms
    const std::string ending = hears ? "ForAudioClassification" : task.class_name;
    for (const char* ending : {"For", "LMHead", "Model"})
      if (const auto at = name.find(ending); at != std::string::npos) name.resize(at);
    config["architectures"] = Json::array({name + ending});
  }
  config.erase("torch_dtype");
  config["dtype"] = "float32";
  if (labels.names.empty()) return;
  Json ids = Json::object(), names = Json::object();
  for (std::size_t i = 0; i < labels.names.size(); ++i) {
    names[std::to_string(i)] = labels.names[i];
    ids[labels.names[i]] = i;
  }
  config.erase("num_labels");
  config["id2label"] = names;
  config["label2id"] = ids;
  if (labels.objective == Objective::kTokens || task.objective == Objective::kMultiLabel) return;
  config["problem_type"] = labels.objective == Objective::kRegression ? "regression"
                           : labels.objective == Objective::kMultiLabel
                               ? "multi_label_classification"
                               : "single_label_classification";
}

}  // namespace hft
