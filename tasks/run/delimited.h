// Records as CSV or TSV. The header is written with the first record: id (of data), input, what the
// task gives, the data's columns.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tasks/run/rows.h"

namespace hft {

using Columns = std::vector<std::pair<std::string, Json>>;  // carried along, by their names

class Delimited {
 public:
  explicit Delimited(char separator) : separator_(separator) {}
  // The lines of one input: one for each object of its output; a plain value is the column
  // "output".
  std::string lines(const Input& input, const Json& output, const Columns& columns);

 private:
  std::string line(const std::vector<std::string>& cells) const;
  std::string start(const Json& row);
  char separator_;
  std::vector<std::string> header_;
  bool told_ = false;
};

}  // namespace hft
