// Reference: cocodataset.org, "Data format".
#include "tasks/work/eval_coco.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/processors/polygons.h"
#include "core/processors/run_lengths.h"
#include "tasks/run/output_file.h"
#include "tasks/work/eval_examples.h"

namespace hft {
namespace {

std::int64_t coco_number(const Json& object, const char* name, const std::string& where) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_integer())
    fail(Errc::kBadData, where, " without an integer '", name, "'");
  return found->get<std::int64_t>();
}

class CocoRows {
 public:
  CocoRows(const Json& whole, fs::path file, const EvalSources& sources, bool masks)
      : whole_(whole), file_(std::move(file)), images_(sources.image_folder), masks_(masks) {
    for (const Json& one : whole["categories"])
      names_[coco_number(one, "id", file_.string() + ": a category")] = one.value("name", "");
  }

  // Every picture, those without annotations among them: what is found there is wrong.
  void write(const fs::path& to, const InputOptions& options) {
    std::map<std::int64_t, Json> by_image;
    for (const Json& one : whole_["annotations"])
      by_image[coco_number(one, "image_id", file_.string() + ": an annotation")].push_back(one);
    OutputFile out(to);
    std::int64_t count = 0;
    for (const Json& image : whole_["images"]) {
      if (options.limit >= 0 && count++ >= options.limit) break;
      const std::int64_t id = coco_number(image, "id", file_.string() + ": a picture");
      const auto found = by_image.find(id);
      Json row = row_of(image, found == by_image.end() ? Json::array() : found->second);
      row["id"] = id;
      out.write(exact_line(row) + "\n");
    }
    out.close();
  }
  std::map<std::int64_t, std::string> names() const { return names_; }

 private:
  std::string path_of(const std::string& name) const {
    if (!images_.empty()) return (fs::path(images_) / name).string();
    return (file_.parent_path() / name).string();
  }

  Json row_of(const Json& image, Json annotations) const {
    Json row{{"image", path_of(image.value("file_name", ""))}};
    if (!annotations.empty() && annotations[0].contains("segments_info")) {
      fs::path folder = file_;  // COCO names the folder of PNGs as the JSON
      row["annotation"] =
          (folder.replace_extension() / annotations[0].value("file_name", "")).string();
      row["segments_info"] = annotations[0]["segments_info"];
      return named(std::move(row), "segments_info");
    }
    if (masks_) {
      row["segments"] = Json::array();
      for (Json& one : annotations) row["segments"].push_back(segment_of(std::move(one), image));
      return named(std::move(row), "segments");
    }
    Json objects = Json::array();
    for (const Json& one : annotations) {
      Json object = Json::object();
      for (const char* name : {"category_id", "bbox", "area", "iscrowd"})
        if (one.contains(name)) object[name] = one[name];
      objects.push_back(std::move(object));
    }
    row["objects"] = std::move(objects);
    return named(std::move(row), "objects");
  }

  // Its polygons as a mask, where it has some.
  Json segment_of(Json annotation, const Json& image) const {
    const std::string where = file_.string() + ": an annotation";
    Json shape = annotation.value("segmentation", Json());
    if (shape.is_array()) {
      const std::int64_t height = coco_number(image, "height", file_.string() + ": a picture"),
                         width = coco_number(image, "width", file_.string() + ": a picture");
      if (height < 1 || width < 1 || height > limits::kImagePixels / width)
        fail(Errc::kBadData, file_.string(), ": a picture of ", height, " x ", width, " pixels");
      shape = with_context(where, [&]() -> Json {
        return {{"size", {height, width}},
                {"counts", packed_runs(runs_of_polygons(polygons_in(shape), height, width))}};
      });
    } else if (!shape.is_object()) {
      fail(Errc::kBadData, where, " without a 'segmentation'");
    }
    annotation.erase("segmentation");
    annotation["mask"] = std::move(shape);
    return annotation;
  }
  static std::vector<std::vector<double>> polygons_in(const Json& list) {
    std::vector<std::vector<double>> polygons;
    for (const Json& one : list) {
      auto& polygon = polygons.emplace_back();
      for (const Json& at : one) {
        const auto number = number_in(at);
        if (!number) fail(Errc::kBadData, "has a polygon with ", type_of(at));
        polygon.push_back(*number);
      }
    }
    return polygons;
  }

  // Names in place of numbers, where they are known.
  Json named(Json row, const char* list) const {
    for (Json& one : row[list]) {
      const auto name =
          names_.find(coco_number(one, "category_id", file_.string() + ": an annotation"));
      if (name != names_.end()) one["label"] = name->second;
    }
    return row;
  }

  const Json& whole_;
  fs::path file_;
  std::string images_;
  bool masks_;
  std::map<std::int64_t, std::string> names_;
};

}  // namespace

std::optional<fs::path> coco_rows(const EvalTask& task, const EvalSources& sources,
                                  const fs::path& folder,
                                  std::map<std::int64_t, std::string>& categories) {
  const bool may_be = task.kind == AnswerKind::kBoxes || task.kind == AnswerKind::kRegions;
  if (!may_be || sources.rows.files.size() != 1) return std::nullopt;
  const fs::path file = sources.rows.files[0];
  if (lowercase(file.extension().string()) != ".json" || !fs::is_regular_file(file))
    return std::nullopt;
  const Json whole = read_exact_json(file);
  for (const char* part : {"images", "annotations", "categories"})
    if (!whole.is_object() || !whole.contains(part) || !whole[part].is_array()) return std::nullopt;
  CocoRows rows(whole, file, sources, task.kind == AnswerKind::kRegions);
  const fs::path to = folder / "coco.jsonl";
  rows.write(to, sources.rows);
  categories = rows.names();
  return to;
}

}  // namespace hft
