// hft segment: pictures in, their regions out, each with its mask. Reference:
// ImageSegmentationPipeline.
#include <numeric>

#include "core/base/log.h"
#include "core/processors/masks.h"
#include "core/processors/run_lengths.h"
#include "media/draw.h"
#include "media/image_write.h"
#include "tasks/commands.h"
#include "tasks/image/image_task.h"
#include "tasks/run/drawing.h"
#include "tasks/run/saved_files.h"

namespace hft {
namespace {

struct SegmentOptions {
  ImageOptions common;
  std::string subtask;
  Thresholds thresholds;
  std::string save_images, save_masks;
};

// What post_process_* of the model's processor do: Mask2Former brings its masks to 384 x 384, and
// both of its family have masks of instances.
MaskRules rules_of(const Fields& config) {
  const auto type = config.text("model_type");
  return {.side = type == "mask2former" ? 384 : 0,
          .instances = type == "mask2former" || type == "maskformer"};
}

Segmentation segments_of(const SegmentOptions& o, const MaskRules& rules, const Seen& seen,
                         const Picture& picture) {
  const MaskLogits logits{.classes = seen.logits.data,
                          .masks = seen.masks.data,
                          .queries = seen.logits.rows,
                          .height = seen.mask_height,
                          .width = seen.mask_width};
  if (seen.logits.rows == 0 || o.subtask == "semantic")
    return semantic(logits, rules, picture.height, picture.width);
  return (o.subtask == "instance" ? instances : panoptic)(logits, rules, o.thresholds,
                                                          picture.height, picture.width);
}

Json records_of(const Segmentation& found, const std::vector<Json>& labels) {
  Json list = Json::array();
  for (const Segment& segment : found.segments) {
    const auto mask = found.mask(segment);
    list.push_back({{"score", segment.score ? Json(*segment.score) : Json()},
                    {"label", labels.at(segment.label)},
                    {"mask",
                     {{"size", {found.height, found.width}},
                      {"counts", packed_runs(run_lengths(mask, found.height, found.width))}}},
                    {"area", std::accumulate(mask.begin(), mask.end(), std::int64_t{0})}});
  }
  return list;
}

// What is saved beside the records.
struct Files {
  SavedFiles images, masks;
  bool wanted() const { return images.wanted() || masks.wanted(); }

  void save(const Segmentation& found, const Picture& picture,
            const std::vector<Json>& labels) const {
    if (masks.wanted()) save_masks(found, picture.name, labels);
    if (!images.wanted()) return;
    std::vector<media::DrawnMask> drawn;
    for (const Segment& segment : found.segments)
      drawn.push_back({label_text(labels.at(segment.label)), found.mask(segment),
                       segment.score.value_or(-1)});
    images.save(picture.name + ".png", media::png_of(media::with_masks(*picture.image, drawn)));
  }

 private:
  // A picture each, white inside; and the labels of all pixels, from 1 on, 0 where there is none.
  void save_masks(const Segmentation& found, const std::string& name,
                  const std::vector<Json>& labels) const {
    const auto png = [&](const std::vector<std::uint16_t>& greys) {
      return media::grey_png_of(greys, static_cast<int>(found.width), static_cast<int>(found.height));
    };
    std::vector<std::uint16_t> map(found.ids.size());
    for (std::size_t i = 0; i < found.segments.size(); ++i) {
      const Segment& segment = found.segments[i];
      const auto mask = found.mask(segment);
      std::vector<std::uint16_t> white(mask.size());
      for (std::size_t at = 0; at < mask.size(); ++at) {
        if (!mask[at]) continue;
        white[at] = 255;
        map[at] = static_cast<std::uint16_t>(segment.label + 1);
      }
      char number[16];
      std::snprintf(number, sizeof number, "-%02zu-", i + 1);
      masks.save(name + number + in_file_name(label_text(labels.at(segment.label))) + ".png", png(white));
    }
    masks.save(name + "-labels.png", png(map));
  }
};

Answer regions_of(const SegmentOptions& o, const ImageContext& context, const Files& files) {
  return [&o, &context, &files, rules = rules_of(context.config)](const Seen& seen, const Picture& picture) {
    if (seen.logits.rows == 0 && !o.subtask.empty() && o.subtask != "semantic")
      fail_hint(Errc::kUnsupported, "--subtask semantic", context.config.where(), ": --subtask ",
                o.subtask, ": the model gives each pixel a label and knows no ", o.subtask,
                " segments");
    const Segmentation found = segments_of(o, rules, seen, picture);
    if (files.wanted()) files.save(found, picture, context.labels);
    return records_of(found, context.labels);
  };
}

std::string draw_segment(const Input& input, const Json& output) {
  std::string text = heading(input);
  for (const Json& row : output) {
    const auto height = row["mask"]["size"][0].get<double>(), width = row["mask"]["size"][1].get<double>();
    char line[64];
    std::snprintf(line, sizeof line, "  %5.1f %%", 100 * row["area"].get<double>() / (height * width));
    text += line;
    if (row["score"].is_number()) {
      std::snprintf(line, sizeof line, "  %.4f", row["score"].get<double>());
      text += line;
    }
    text += "  " + label_text(row["label"]) + "\n";
  }
  return text;
}

int run_segment(const Flags& flags, const SegmentOptions& o) {
  const bool into_full = o.common.output.force || o.common.output.resume;
  const Files files{{"--save-images", o.save_images, into_full},
                    {"--save-masks", o.save_masks, into_full}};
  ImageTask task{.head = ImageHead::kSegment,
                 .default_model = "facebook/detr-resnet-50-panoptic",
                 .verb = "segmenting",
                 .rendering = {.text = draw_segment},
                 .draws = files.images.wanted()};
  task.setup = [&](const ImageContext& context, ImageModel&) {
    return regions_of(o, context, files);
  };
  return run_image_task(flags, o.common, task);
}

std::function<int()> declare_segment(Flags& flags) {
  auto o = std::make_shared<SegmentOptions>();
  flags.footer(
      "Examples:\n"
      "  hft segment street.jpg\n"
      "  hft segment -m DIR --subtask semantic --json photos/ -o regions.jsonl\n"
      "  hft segment -m DIR --save-images drawn/ --save-masks masks/ photos/");
  flags
      .add("--subtask", o->subtask,
           "What regions are: things and background together, things alone, or labels; default: "
           "the first of them that the model can")
      .one_of({"panoptic", "instance", "semantic"});
  const auto threshold = [&](const std::string& name, double& to, const std::string& about,
                             const std::string& value) {
    flags.add_number(name, [o, &to](double given) { to = given; }, about)
        .metavar("X")
        .show_default(value);
  };
  threshold("--threshold", o->thresholds.score, "Keep regions that score above this", "0.9");
  threshold("--mask-threshold", o->thresholds.mask, "A pixel is of a region from this on", "0.5");
  threshold("--overlap-mask-area-threshold", o->thresholds.overlap,
            "Drop a region of which others leave no more than this share", "0.5");
  flags
      .add("--save-images", o->save_images,
           "Write each picture into DIR with its regions laid over it and a legend, as PNG")
      .metavar("DIR");
  flags
      .add("--save-masks", o->save_masks,
           "Write a PNG of each region into DIR, white inside, and one of the labels' numbers, from "
           "1 on")
      .metavar("DIR");
  add_image_options(flags, o->common);
  return [o, flags] { return run_segment(flags, *o); };
}

}  // namespace

extern const Command segment_command{"segment", "Image", "Part pictures into labelled regions",
                                     declare_segment};

}  // namespace hft
