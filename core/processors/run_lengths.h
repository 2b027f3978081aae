// Masks as COCO's run lengths: down the columns, zeros first.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hft {

// mask [height, width], not 0: inside.
std::vector<std::uint32_t> run_lengths(const std::vector<std::uint8_t>& mask, std::int64_t height,
                                       std::int64_t width);
// The same of a mask that has its columns one after the other.
std::vector<std::uint32_t> run_lengths_of_columns(std::span<const std::uint8_t> mask);
// As pycocotools packs them into text.
std::string packed_runs(const std::vector<std::uint32_t>& runs);
// The way back; kBadData for text that is not packed so, and for runs that do not add up to the
// pixels of the mask.
std::vector<std::uint32_t> unpacked_runs(std::string_view text);
std::vector<std::uint8_t> mask_of_runs(std::span<const std::uint32_t> runs, std::int64_t height,
                                       std::int64_t width);

}  // namespace hft
