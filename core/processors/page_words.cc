// Reference: apply_tesseract and normalize_box of the document-question-answering pipeline of
// transformers 4.57, and file_to_dict of pytesseract 0.3.
#include "core/processors/page_words.h"

#include <cstdlib>

#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {
namespace {

constexpr std::size_t kColumns = 12, kLeft = 6, kText = 11;  // of the table

[[noreturn]] void refuse(std::size_t word, const Json& entry, std::string_view wanted) {
  std::string shown = to_line(entry);
  fail(Errc::kBadData, "word_boxes: entry ", word, " is ", shorten(shown, 60), ", wanted ", wanted);
}

std::array<std::int32_t, 4> box_of(std::size_t word, const Json& entry) {
  std::array<std::int32_t, 4> box{};
  for (std::size_t i = 0; i < 4; ++i) {
    const Json& side = entry[1][i];
    const bool whole = side.is_number_integer() && side >= 0 && side <= kPageSide;
    if (!whole) refuse(word, entry, "four whole numbers from 0 to 1000");
    box[i] = side.get<std::int32_t>();
  }
  if (box[2] < box[0] || box[3] < box[1])
    refuse(word, entry, "left, top, right, bottom: it ends before it begins");
  return box;
}

// Towards zero.
std::int32_t normalised(std::int64_t pixel, int size) {
  return static_cast<std::int32_t>(kPageSide *
                                   (static_cast<double>(pixel) / static_cast<double>(size)));
}

}  // namespace

PageWords words_of_boxes(const Json& list) {
  if (!list.is_array())
    fail(Errc::kBadData, "word_boxes: is ", list.type_name(), ", wanted a list");
  PageWords page;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json& entry = list[i];
    const bool pair = entry.is_array() && entry.size() == 2 && entry[0].is_string() &&
                      entry[1].is_array() && entry[1].size() == 4;
    if (!pair) refuse(i, entry, "[word, [left, top, right, bottom]]");
    page.words.push_back(entry[0].get<std::string>());
    page.boxes.push_back(box_of(i, entry));
  }
  return page;
}

PageWords words_of_table(std::string_view table, int width, int height) {
  PageWords page;
  bool head = true;
  for (const std::string& line : split(table, '\n')) {
    const auto cells = split(line, '\t');
    if (std::exchange(head, false) || cells.size() < kColumns) continue;
    if (unicode_trimmed(cells[kText]).empty()) continue;
    const auto number = [&](std::size_t i) {
      return std::strtoll(cells[kLeft + i].c_str(), nullptr, 10);
    };
    const auto left = number(0), top = number(1), right = left + number(2),
               bottom = top + number(3);
    page.words.push_back(cells[kText]);
    page.boxes.push_back({normalised(left, width), normalised(top, height),
                          normalised(right, width), normalised(bottom, height)});
  }
  return page;
}

}  // namespace hft
