// Figures of an evaluation drawn as SVG.
#pragma once

#include <span>
#include <string>

#include "tasks/work/eval_metrics.h"

namespace hft {

std::string confusion_svg(const LabelTable& table);
// Confidence against accuracy, with the share of predictions in each bin.
std::string calibration_svg(std::span<const metrics::CalibrationBin> bins);

}  // namespace hft
