#include "tasks/hub/table.h"

#include <algorithm>
#include <cstdio>

#include "core/base/text.h"

namespace hft {

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<int> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], display_width(escape_controls(row[i])));
    }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string cell = escape_controls(row[i]);
      line += cell;
      if (i + 1 < row.size())
        line += std::string(static_cast<std::size_t>(widths[i] - display_width(cell) + 2), ' ');
    }
    while (line.ends_with(' ')) line.pop_back();
    std::printf("%s\n", line.c_str());
  }
}

}  // namespace hft
