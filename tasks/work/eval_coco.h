// COCO's JSON of annotations as rows of pictures, with what is right of each.
#pragma once

#include <filesystem>
#include <map>
#include <optional>

#include "tasks/work/eval_data.h"

namespace hft {

// The file of rows, where the data is such JSON: of boxes {"id", "image", "objects"}, of masks
// {"id", "image", "segments"}, of panoptic segments {"id", "image", "annotation" (the PNG),
// "segments_info"}. `categories`: its names.
std::optional<std::filesystem::path> coco_rows(const EvalTask& task, const EvalSources& sources,
                                               const std::filesystem::path& folder,
                                               std::map<std::int64_t, std::string>& categories);

}  // namespace hft
