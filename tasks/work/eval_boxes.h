// Boxes against boxes, masks against masks: COCO's average precision and recall, named as
// torchmetrics names them.
#pragma once

#include "tasks/work/eval_metrics.h"

namespace hft {

// Fills the boxes of `example` from its output and reference: lists of {"label" or "category" or
// "category_id", "box" (corners) or "bbox" (x, y, width, height), "score", "area", "iscrowd"}, or
// one object with a list for each of these names. kBadData for what is neither.
void take_boxes(const ExampleOptions& options, Example& example);

// kUsage where no label that was found is one that was to be found.
void check_box_labels(const Examples& examples);

std::vector<Metric> metrics_of_boxes(const Examples& examples);

}  // namespace hft
