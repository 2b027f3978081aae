#include "tasks/work/eval_boxes.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {
namespace {

double box_number(const Json& value, const char* name) {
  const auto number = number_in(value);
  if (!number) fail(Errc::kBadData, "has a box whose ", name, " is ", type_of(value));
  return *number;
}

metrics::Box box_of(const Json& one) {
  if (const auto corners = one.find("box"); corners != one.end() && corners->is_object()) {
    const auto at = [&](const char* name) {
      return box_number(corners->value(name, Json()), name);
    };
    const double x = at("xmin"), y = at("ymin");
    return {x, y, at("xmax") - x, at("ymax") - y};
  }
  const Json& sides = one.value("bbox", Json());
  if (!sides.is_array() || sides.size() != 4)
    fail(Errc::kBadData,
         "has no box, wanted \"bbox\": [x, y, width, height] or \"box\": {\"xmin\", …}");
  return {box_number(sides[0], "x"), box_number(sides[1], "y"), box_number(sides[2], "width"),
          box_number(sides[3], "height")};
}

// {"bbox": [a, b], "category": [c, d]} is [{"bbox": a, "category": c}, …].
Json rows_of_columns(const Json& columns) {
  const Json boxes = columns.value("bbox", columns.value("box", Json::array()));
  Json rows = Json::array();
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    Json& row = rows.emplace_back(Json::object());
    for (const auto& [name, values] : columns.items()) {
      if (!values.is_array() || values.size() != boxes.size())
        fail(Errc::kBadData, "has ", boxes.size(), " boxes but in '", name, "' another number");
      row[name] = values[i];
    }
  }
  return rows;
}

std::vector<LabelledBox> boxes_in(const Json& value, const ExampleOptions& o, bool scored) {
  const Json list = value.is_object() ? rows_of_columns(value) : value;
  if (!list.is_array()) fail(Errc::kBadData, "is ", type_of(value), ", wanted a list of boxes");
  std::vector<LabelledBox> boxes;
  for (const Json& one : list) {
    if (!one.is_object()) fail(Errc::kBadData, "has ", type_of(one), " in place of a box");
    LabelledBox box{.box = box_of(one)};
    for (const char* name : {"label", "category", "category_id"})
      if (box.label.empty() && one.contains(name)) box.label = label_name(one[name], o);
    if (box.label.empty()) fail(Errc::kBadData, "has a box without a label");
    if (scored) box.score = box_number(one.value("score", Json()), "score");
    box.area =
        one.contains("area") ? box_number(one["area"], "area") : box.box.width * box.box.height;
    const Json crowd = one.value("iscrowd", Json(false));
    box.crowd = crowd.is_boolean() ? crowd.get<bool>() : box_number(crowd, "iscrowd") != 0;
    boxes.push_back(std::move(box));
  }
  return boxes;
}

std::string names_of(const std::vector<LabelledBox>& boxes) {
  std::vector<std::string> names;
  for (const LabelledBox& box : boxes) names.push_back(box.label);
  return joined(names, " ");
}

// The boxes of examples, as numbers of pictures and categories.
struct NumberedBoxes {
  std::vector<metrics::TrueBox> truth;
  std::vector<metrics::DetectedBox> detected;
};

void add_numbered(const Example& e, std::int64_t image,
                  const std::map<std::string, std::int64_t>& labels, NumberedBoxes& to) {
  for (const LabelledBox& b : e.right_boxes)
    to.truth.push_back({image, labels.at(b.label), b.box, b.area, b.crowd, b.mask});
  for (const LabelledBox& b : e.boxes)
    to.detected.push_back({image, labels.at(b.label), b.box, b.score, b.mask});
}

// What is settled once for all figures: which boxes were found, in all pictures and in each alone.
struct SettledBoxes {
  std::vector<metrics::CocoMatches> whole, alone;
};

}  // namespace

void take_boxes(const ExampleOptions& o, Example& e) {
  e.boxes = boxes_in(e.output, o, true);
  e.right_boxes = boxes_in(e.reference, o, false);
  e.prediction = names_of(e.boxes);
  e.references = {names_of(e.right_boxes)};
}

void check_box_labels(const Examples& examples) {
  std::set<std::string> found, wanted;
  for (const Example& e : examples.all) {
    for (const LabelledBox& box : e.boxes) found.insert(box.label);
    for (const LabelledBox& box : e.right_boxes) wanted.insert(box.label);
  }
  if (found.empty() || wanted.empty() ||
      std::ranges::any_of(found, [&](const std::string& label) { return wanted.contains(label); }))
    return;
  fail_hint(Errc::kUsage, "--labels NAME,NAME… gives the names in the order of the numbers",
            "no label of the data, such as '", *wanted.begin(),
            "', is one of the predictions, such as '", *found.begin(), "'");
}

std::vector<Metric> metrics_of_boxes(const Examples& examples) {
  using enum metrics::CocoFigure::Size;
  static const std::pair<const char*, metrics::CocoFigure> kFigures[] = {
      {"map", {}},
      {"map_50", {.threshold = 0}},
      {"map_75", {.threshold = 5}},
      {"map_small", {.size = kSmall}},
      {"map_medium", {.size = kMedium}},
      {"map_large", {.size = kLarge}},
      {"mar_1", {.limit = 1, .recall = true}},
      {"mar_10", {.limit = 10, .recall = true}},
      {"mar_100", {.recall = true}},
      {"mar_small", {.size = kSmall, .recall = true}},
      {"mar_medium", {.size = kMedium, .recall = true}},
      {"mar_large", {.size = kLarge, .recall = true}}};
  std::map<std::string, std::int64_t> labels;
  for (const Example& e : examples.all)
    for (const auto* boxes : {&e.boxes, &e.right_boxes})
      for (const LabelledBox& box : *boxes)
        labels.emplace(box.label, static_cast<std::int64_t>(labels.size()));
  auto settled = std::make_shared<SettledBoxes>();
  NumberedBoxes whole;
  for (std::size_t i = 0; i < examples.all.size(); ++i) {
    NumberedBoxes alone;
    add_numbered(examples.all[i], static_cast<std::int64_t>(i), labels, whole);
    add_numbered(examples.all[i], 0, labels, alone);
    settled->alone.emplace_back(alone.truth, alone.detected);
  }
  settled->whole.emplace_back(whole.truth, whole.detected);
  std::vector<Metric> list;
  for (const auto& [name, figure] : kFigures)
    list.push_back(
        {.name = name,
         .over =
             [settled, figure, size = examples.all.size()](auto chosen) {
               std::vector<std::int64_t> times(size);
               for (const auto i : chosen) ++times[static_cast<std::size_t>(i)];
               return settled->whole[0].figure(figure, times);
             },
         .each = [settled, figure](std::size_t i) { return settled->alone[i].figure(figure); }});
  return list;
}

}  // namespace hft
