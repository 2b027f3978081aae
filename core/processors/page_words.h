// The words of a page and where each stands, as models of documents read them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"

namespace hft {

struct PageWords {
  std::vector<std::string> words;
  std::vector<std::array<std::int32_t, 4>> boxes;  // left, top, right, bottom: 0 … kPageSide
};
inline constexpr std::int32_t kPageSide = 1000;

// [[word, [left, top, right, bottom]], …] as the pipeline takes it. Throws kBadData naming the word
// whose box is not within 0 … kPageSide, or ends before it begins.
PageWords words_of_boxes(const Json& list);

// Of the table that the tesseract program prints (TSV) for a picture of that size: the rows of
// words, without blank ones.
PageWords words_of_table(std::string_view table, int width, int height);

}  // namespace hft
