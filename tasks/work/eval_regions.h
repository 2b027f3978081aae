// Pictures parted by labels: mean intersection over union as evaluate has it, panoptic quality as
// panopticapi; masks of objects with scores: average precision as pycocotools.
#pragma once

#include "tasks/work/eval_metrics.h"

namespace hft {

// Fills pixels and segments of `example`. Either side is a list of {"label" or "category_id",
// "mask": {"size", "counts"}}, a PNG of numbers (a label each; with the row's "segments_info" those
// of segments), or rows of numbers. Labels become numbers of `classes`, which grows.
void take_regions(const Json& row, const ExampleOptions& options, std::vector<std::string>& classes,
                  Example& example);

std::vector<Metric> metrics_of_regions(const Examples& examples);
// What is right is segments, not labels alone.
bool has_segments(const Examples& examples);

}  // namespace hft
