// hft detect: pictures in, the things in them out, each with its box. Reference:
// ObjectDetectionPipeline.
#include <cmath>

#include "core/processors/boxes.h"
#include "media/draw.h"
#include "media/image_write.h"
#include "tasks/commands.h"
#include "tasks/image/detect_coco.h"
#include "tasks/image/image_task.h"
#include "tasks/run/drawing.h"
#include "tasks/run/output_file.h"
#include "tasks/run/saved_files.h"

namespace hft {
namespace {

struct DetectOptions {
  ImageOptions common;
  double threshold = 0.5;
  bool exact = false;
  std::string save_images;
};

// Towards zero, as the reference's int(): a box may begin left of the picture.
std::int64_t whole(float x) { return static_cast<std::int64_t>(std::trunc(x)); }

Json record_of(const Detection& d, const std::vector<Json>& labels, bool exact) {
  const auto place = [&](float x) { return exact ? number(x) : Json(whole(x)); };
  return {{"score", number(d.score)},
          {"label", labels.at(d.label)},
          {"box",
           {{"xmin", place(d.xmin)},
            {"ymin", place(d.ymin)},
            {"xmax", place(d.xmax)},
            {"ymax", place(d.ymax)}}}};
}

// The label's number is COCO's own in models that were trained on it.
Json coco_of(const Detection& d) {
  return {{"category_id", d.label},
          {"bbox",
           {number(d.xmin), number(d.ymin), number(d.xmax - d.xmin), number(d.ymax - d.ymin)}},
          {"score", number(d.score)}};
}

void draw_on(const Picture& picture, const std::vector<Detection>& found,
             const std::vector<Json>& labels, const SavedFiles& files) {
  std::vector<media::DrawnBox> boxes;
  for (const Detection& d : found)
    boxes.push_back({d.xmin, d.ymin, d.xmax, d.ymax, label_text(labels.at(d.label)), d.score});
  files.save(picture.name + ".png",
             media::png_of(media::with_boxes(*picture.image, std::move(boxes))));
}

Answer boxes_of(const DetectOptions& o, const ImageContext& context, const SavedFiles& files) {
  const bool coco = o.common.output.format == "coco";
  const int most = context.processor.settings().best_boxes;
  return [&context, &files, coco, most, exact = o.exact, threshold = o.threshold](
             const Seen& seen, const Picture& picture) {
    const SeenBoxes boxes{seen.logits.data, seen.boxes.data, seen.boxes.rows,
                          static_cast<double>(picture.width), static_cast<double>(picture.height)};
    const auto found = most == 0 ? detections(boxes, threshold)
                                 : top_detections(boxes, most > 0 ? most : boxes.queries, threshold);
    if (files.wanted()) draw_on(picture, found, context.labels, files);
    Json list = Json::array();
    for (const Detection& d : found)
      list.push_back(coco ? coco_of(d) : record_of(d, context.labels, exact));
    return list;
  };
}

std::string draw_detect(const Input& input, const Json& output) {
  std::string text = draw_bars(input, output, "label");
  for (const Json& row : output) {
    const Json& box = row["box"];
    text += "    " + to_line(box["xmin"]) + "," + to_line(box["ymin"]) + " – " +
            to_line(box["xmax"]) + "," + to_line(box["ymax"]) + "\n";
  }
  return text;
}

int run_detect(const Flags& flags, const DetectOptions& o) {
  const SavedFiles files("--save-images", o.save_images,
                         o.common.output.force || o.common.output.resume);
  ImageTask task{.head = ImageHead::kDetect,
                 .default_model = "facebook/detr-resnet-50",
                 .verb = "detecting",
                 .rendering = {.text = draw_detect},
                 .draws = files.wanted()};
  task.setup = [&](const ImageContext& context, ImageModel&) {
    return boxes_of(o, context, files);
  };
  ImageOptions common = o.common;
  if (common.output.format == "coco") {
    if (common.output.json || common.output.resume)
      fail(Errc::kUsage, "--format coco is one list of results: leave out --json and --resume");
    check_output_file(common.output.file, common.output.force);
    task.sink = [file = common.output.file](std::unique_ptr<RecordWriter>) {
      return make_coco_sink(file);
    };
    common.output = {};
  }
  return run_image_task(flags, common, task);
}

std::function<int()> declare_detect(Flags& flags) {
  auto o = std::make_shared<DetectOptions>();
  flags.footer(
      "Examples:\n"
      "  hft detect street.jpg\n"
      "  hft detect -m DIR --threshold 0.9 --json photos/ -o boxes.jsonl\n"
      "  hft detect -m DIR --save-images drawn/ photos/\n"
      "  hft detect --threshold 0 --format coco val2017/ -o results.json");
  flags.add_number(
           "--threshold", [o](double value) { o->threshold = value; },
           "Show what scores above this")
      .metavar("X")
      .show_default("0.5");
  flags.add("--exact-boxes", o->exact,
            "Keep the fractions of pixels, as evaluation wants them; the pipeline cuts them off");
  flags
      .add("--save-images", o->save_images,
           "Write each picture into DIR with its boxes drawn, as PNG")
      .metavar("DIR");
  add_image_options(flags, o->common, {"coco"});
  return [o, flags] { return run_detect(flags, *o); };
}

}  // namespace

extern const Command detect_command{"detect", "Image", "Find things in pictures, with their boxes",
                                    declare_detect};

}  // namespace hft
