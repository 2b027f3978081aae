// Figures of an evaluation as diagrams.
#pragma once

#include <span>

#include "media/diagram.h"
#include "tasks/work/eval_metrics.h"

namespace hft {

media::Diagram confusion_diagram(const LabelTable& table);
// Confidence against accuracy, with the share of predictions in each bin.
media::Diagram calibration_diagram(std::span<const metrics::CalibrationBin> bins);

}  // namespace hft
