// Rows of text in aligned columns on stdout; the first row is the heading.
#pragma once

#include <string>
#include <vector>

namespace hft {
void print_table(const std::vector<std::vector<std::string>>& rows);
}  // namespace hft
