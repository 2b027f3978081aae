// Masks as COCO's run lengths: down the columns, zeros first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hft {

// mask [height, width], not 0: inside.
std::vector<std::uint32_t> run_lengths(const std::vector<std::uint8_t>& mask, std::int64_t height,
                                       std::int64_t width);
// As pycocotools packs them into text.
std::string packed_runs(const std::vector<std::uint32_t>& runs);

}  // namespace hft
