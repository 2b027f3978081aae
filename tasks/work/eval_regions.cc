#include "tasks/work/eval_regions.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/processors/run_lengths.h"
#include "media/number_map.h"
#include "tasks/run/values.h"
#include "tasks/work/eval_boxes.h"

namespace hft {
namespace {

// Pixels parted into segments, each of a class.
struct PartedPicture {
  std::int64_t height = 0, width = 0;
  std::vector<std::int64_t> ids;  // of segments; 0: none
  std::vector<metrics::Segment> segments;

  // The class of each pixel; -1: none, or a crowd.
  std::vector<std::int64_t> classes() const {
    std::map<std::int64_t, std::int64_t> of;
    for (const metrics::Segment& one : segments) of[one.id] = one.crowd ? -1 : one.category;
    std::vector<std::int64_t> all;
    all.reserve(ids.size());
    for (const std::int64_t id : ids) {
      const auto found = of.find(id);
      all.push_back(found == of.end() ? -1 : found->second);
    }
    return all;
  }
};

std::int64_t class_number(const std::string& name, std::vector<std::string>& classes) {
  const auto found = std::ranges::find(classes, name);
  if (found == classes.end()) classes.push_back(name);
  return std::ranges::find(classes, name) - classes.begin();
}

struct Mask {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint32_t> runs;
};

// COCO's run lengths, packed or not, by the name that the pipeline or COCO's results have for them.
Mask mask_in(const Json& segment) {
  const Json* mask = nullptr;
  for (const char* name : {"mask", "segmentation"})
    if (const auto found = segment.find(name); !mask && found != segment.end()) mask = &*found;
  if (!mask || !mask->is_object() || !mask->contains("size") || !mask->contains("counts"))
    fail(Errc::kBadData, "has a segment without a mask, wanted {\"size\", \"counts\"}");
  const std::int64_t height = (*mask)["size"].at(0), width = (*mask)["size"].at(1);
  if (height < 1 || width < 1 || height > limits::kImagePixels / width)
    fail(Errc::kBadData, "has a mask of ", height, " x ", width, " pixels");
  const Json& counts = (*mask)["counts"];
  return {height, width,
          counts.is_string() ? unpacked_runs(counts.get<std::string>())
                             : counts.get<std::vector<std::uint32_t>>()};
}

bool is_crowd(const Json& segment) {
  const Json crowd = segment.value("iscrowd", Json(0));
  return crowd.is_boolean() ? crowd.get<bool>() : number_in(crowd).value_or(0) != 0;
}

std::string label_in(const Json& segment, const ExampleOptions& o) {
  for (const char* name : {"label", "category", "category_id"})
    if (segment.contains(name)) return label_name(segment[name], o);
  fail(Errc::kBadData, "has a segment without a label");
}

// One side of an example.
class RegionReader {
 public:
  RegionReader(const ExampleOptions& o, std::vector<std::string>& classes, bool truth)
      : o_(o), classes_(classes), truth_(truth) {}

  PartedPicture read(const Json& value, const Json& segments) {
    if (value.is_array() && !value.empty() && value[0].is_object()) return of_masks(value);
    media::NumberMap map = value.is_array() ? of_rows(value) : of_file(value);
    PartedPicture picture{map.height, map.width, std::move(map.numbers), {}};
    if (segments.is_array())
      take_segments(segments, picture);
    else
      take_labels(picture);
    return picture;
  }

 private:
  PartedPicture of_masks(const Json& list) {
    PartedPicture picture;
    for (const Json& one : list) {
      const Mask mask = mask_in(one);
      if (picture.ids.empty()) {
        picture.height = mask.height;
        picture.width = mask.width;
        picture.ids.resize(static_cast<std::size_t>(mask.height * mask.width));
      }
      if (mask.height != picture.height || mask.width != picture.width)
        fail(Errc::kBadData, "has masks of different sizes");
      const auto inside = mask_of_runs(mask.runs, mask.height, mask.width);
      const auto id = static_cast<std::int64_t>(picture.segments.size() + 1);
      for (std::size_t i = 0; i < inside.size(); ++i)
        if (inside[i] && picture.ids[i] == 0) picture.ids[i] = id;
      picture.segments.push_back({id, class_number(label_in(one, o_), classes_), is_crowd(one)});
    }
    return picture;
  }

  static media::NumberMap of_rows(const Json& rows) {
    media::NumberMap map;
    map.height = static_cast<int>(rows.size());
    for (const Json& row : rows) {
      if (!row.is_array() || (map.width != 0 && map.width != static_cast<int>(row.size())))
        fail(Errc::kBadData, "has rows of different lengths");
      map.width = static_cast<int>(row.size());
      for (const Json& label : row) map.numbers.push_back(label.get<std::int64_t>());
    }
    return map;
  }

  static media::NumberMap of_file(const Json& value) {
    const Media media = std::get<Media>(value_of(Kind::kImage, value));
    return media::read_number_map(media::bytes_of(bytes_of(media, limits::kImageBytes)),
                                  escape_controls(shorten(media.source, 200)));
  }

  // The numbers are ids of what `list` describes.
  void take_segments(const Json& list, PartedPicture& picture) {
    for (const Json& one : list) {
      const auto id = number_in(one.value("id", Json()));
      if (!id) fail(Errc::kBadData, "has a segment without an id");
      picture.segments.push_back(
          {static_cast<std::int64_t>(*id), class_number(label_in(one, o_), classes_), is_crowd(one)});
    }
  }

  // The numbers are labels, and each label's pixels a segment.
  void take_labels(PartedPicture& picture) {
    std::map<std::int64_t, std::int64_t> segment_of;
    for (std::int64_t& id : picture.ids) {
      std::int64_t number = id;
      if (truth_ && o_.reduce_labels) number = number == 0 || number == 255 ? 255 : number - 1;
      if (number < 0 || (truth_ && number == o_.ignored)) {
        id = 0;
        continue;
      }
      const auto [found, is_new] =
          segment_of.emplace(number, static_cast<std::int64_t>(segment_of.size() + 1));
      id = found->second;
      if (is_new)
        picture.segments.push_back({id, class_number(label_name(Json(number), o_), classes_)});
    }
  }

  const ExampleOptions& o_;
  std::vector<std::string>& classes_;
  bool truth_;
};

bool is_of_objects(const Json& list) {
  return list.is_array() &&
         std::ranges::all_of(list, [](const Json& one) { return one.is_object(); });
}

// Masks of objects, each by itself: they may cover each other.
std::vector<LabelledBox> objects_in(const Json& list, const ExampleOptions& o) {
  std::vector<LabelledBox> objects;
  for (const Json& one : list) {
    LabelledBox object{.label = label_in(one, o),
                       .score = number_in(one.value("score", Json())).value_or(0),
                       .crowd = is_crowd(one),
                       .mask = mask_in(one).runs};
    object.area = number_in(one.value("area", Json())).value_or(metrics::area_of(object.mask));
    objects.push_back(std::move(object));
  }
  return objects;
}

void take_objects(const ExampleOptions& o, Example& e) {
  e.masked = is_of_objects(e.output) && is_of_objects(e.reference) &&
             std::ranges::all_of(e.output, [](const Json& one) {
               return number_in(one.value("score", Json())).has_value();
             });
  if (!e.masked) return;
  e.boxes = objects_in(e.output, o);
  e.right_boxes = objects_in(e.reference, o);
}

// A side without segments is as large as the other.
void resize_empty(PartedPicture& picture, const PartedPicture& other) {
  if (!picture.ids.empty()) return;
  picture.ids.resize(other.ids.size());
  picture.height = other.height;
  picture.width = other.width;
}

std::string labels_in(const PartedPicture& picture, const std::vector<std::string>& classes) {
  std::vector<std::string> names;
  for (const metrics::Segment& one : picture.segments)
    names.push_back(classes[static_cast<std::size_t>(one.category)]);
  return joined(names, " ");
}

template <class Chosen>
metrics::RegionScores regions_of(const std::vector<Example>& all, std::size_t classes,
                                 const Chosen& chosen) {
  metrics::RegionCounts counts(classes);
  for (const auto i : chosen)
    for (const auto& [number, pixels] : all[static_cast<std::size_t>(i)].pixels) {
      const auto c = static_cast<std::size_t>(number);
      counts.both[c] += pixels.both;
      counts.predicted[c] += pixels.predicted;
      counts.actual[c] += pixels.actual;
    }
  return metrics::region_scores(counts);
}

template <class Chosen>
metrics::PanopticScores panoptic_of(const std::vector<Example>& all, std::size_t classes,
                                    const Chosen& chosen) {
  std::vector<metrics::PanopticCounts> counts(classes);
  for (const auto i : chosen)
    for (const auto& [number, one] : all[static_cast<std::size_t>(i)].segments) {
      metrics::PanopticCounts& to = counts[static_cast<std::size_t>(number)];
      to.iou += one.iou;
      to.matched += one.matched;
      to.extra += one.extra;
      to.missed += one.missed;
    }
  return metrics::panoptic_scores(counts);
}

}  // namespace

void take_regions(const Json& row, const ExampleOptions& o, std::vector<std::string>& classes,
                  Example& e) {
  const Json segments = row.value("segments_info", Json());
  take_objects(o, e);
  PartedPicture truth = RegionReader(o, classes, true).read(e.reference, segments);
  PartedPicture got = RegionReader(o, classes, false).read(e.output, {});
  resize_empty(got, truth);
  resize_empty(truth, got);
  if (got.height != truth.height || got.width != truth.width)
    fail(Errc::kBadData, "has a prediction of ", got.height, " x ", got.width,
         " pixels, of what is right ", truth.height, " x ", truth.width);
  metrics::RegionCounts counts(classes.size());
  counts.add(got.classes(), truth.classes());
  std::vector<metrics::PanopticCounts> parts(classes.size());
  metrics::add_panoptic({got.ids, got.segments}, {truth.ids, truth.segments}, parts);
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const auto number = static_cast<std::int64_t>(c);
    if (counts.predicted[c] > 0 || counts.actual[c] > 0)
      e.pixels[number] = {counts.both[c], counts.predicted[c], counts.actual[c]};
    if (parts[c].matched + parts[c].extra + parts[c].missed > 0) e.segments[number] = parts[c];
  }
  e.parted = segments.is_array() || is_of_objects(e.reference);
  e.prediction = labels_in(got, classes);
  e.references = {labels_in(truth, classes)};
}

bool has_segments(const Examples& examples) {
  return std::ranges::all_of(examples.all, &Example::parted);
}

std::vector<Metric> metrics_of_regions(const Examples& examples) {
  const std::vector<Example>& all = examples.all;
  const std::size_t classes = examples.classes.size();
  std::vector<Metric> list;
  const auto add = [&](const char* name, auto of, auto figure) {
    list.push_back({.name = name,
                    .over = [=, &all](auto chosen) { return of(all, classes, chosen).*figure; },
                    .each =
                        [=, &all](std::size_t i) {
                          return of(all, classes, std::vector<std::size_t>{i}).*figure;
                        }});
  };
  const auto pixels = [](const auto&... a) { return regions_of(a...); };
  add("mean_iou", pixels, &metrics::RegionScores::mean_iou);
  add("mean_accuracy", pixels, &metrics::RegionScores::mean_accuracy);
  add("overall_accuracy", pixels, &metrics::RegionScores::overall_accuracy);
  if (!has_segments(examples)) return list;
  const auto segments = [](const auto&... a) { return panoptic_of(a...); };
  add("pq", segments, &metrics::PanopticScores::quality);
  add("sq", segments, &metrics::PanopticScores::segmentation);
  add("rq", segments, &metrics::PanopticScores::recognition);
  if (!std::ranges::all_of(all, &Example::masked)) return list;
  for (Metric& metric : metrics_of_boxes(examples)) list.push_back(std::move(metric));
  return list;
}

}  // namespace hft
