// Rows of CSV (RFC 4180) and TSV: the first names the columns, and a cell in quotes may hold
// separators, quotes (doubled) and line ends. Cells are texts as they are written: "NA", "001" and
// "true" too.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "tasks/run/line_reader.h"

namespace hft {

// The cells of one row; none when a quote is still open at its end. Throws kBadData for text behind
// a closing quote, naming its byte.
std::optional<std::vector<std::string>> cells_of(std::string_view row, char separator);

class DelimitedReader {
 public:
  DelimitedReader(LineReader& lines, char separator) : lines_(lines), separator_(separator) {}

  // The next row as an object of texts; none at the end. Throws kBadData for a row that is
  // malformed, not UTF-8, or of another length than the first; the next call goes on behind it.
  std::optional<Json> next();
  bool has_header() const { return !header_.empty(); }
  const std::string& place() const { return place_; }  // of that row: "line 3 of x.csv"
  const std::string& text() const { return row_; }     // as it is in the file

 private:
  std::optional<std::vector<std::string>> cells();
  void read_header();
  LineReader& lines_;
  char separator_;
  std::vector<std::string> header_;
  std::string place_, row_;
};

// The separator of text whose first line names one of `columns` among other columns; none where it
// does not look like a table.
std::optional<char> separator_of(std::string_view head, const std::vector<std::string>& columns);

}  // namespace hft
