// Detections as the one list of results that COCO's evaluation reads.
#pragma once

#include <memory>
#include <string>

#include "tasks/run/records.h"

namespace hft {

// Outputs are lists of {"category_id", "bbox", "score"}; each is given the "image_id" of its input:
// the data's id, else the number that its file is named by, else its place, from 1 on. "" = stdout.
std::unique_ptr<Sink> make_coco_sink(const std::string& file);

}  // namespace hft
