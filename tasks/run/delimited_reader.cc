#include "tasks/run/delimited_reader.h"

#include <algorithm>
#include <cctype>

#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {

std::optional<std::vector<std::string>> cells_of(std::string_view row, char separator) {
  std::vector<std::string> cells;
  for (std::size_t at = 0; at <= row.size(); ++at) {
    std::string& cell = cells.emplace_back();
    if (at == row.size() || row[at] != '"') {
      const std::size_t end = std::min(row.find(separator, at), row.size());
      cell = row.substr(at, end - at);
      at = end;
      continue;
    }
    for (++at; at < row.size() && (row[at] != '"' || row.substr(at).starts_with("\"\"")); ++at) {
      cell += row[at];
      at += row[at] == '"';
    }
    if (at >= row.size()) return std::nullopt;
    ++at;
    if (at < row.size() && row[at] != separator)
      fail(Errc::kBadData, "text behind a closing quote at byte ", at);
  }
  return cells;
}

// A row goes on over line ends while a quote is open.
std::optional<std::vector<std::string>> DelimitedReader::cells() {
  std::optional<std::string> line;
  do line = lines_.next();
  while (line && line->empty());
  if (!line) return std::nullopt;
  row_ = *line;
  place_ = "line " + std::to_string(lines_.line_number()) + " of " + lines_.name();
  const std::int64_t start = lines_.line_start();
  while (true) {
    if (auto found = with_context(place_, [&] { return cells_of(row_, separator_); })) {
      if (const auto bad = utf8_error(row_))
        fail(Errc::kBadData, place_, ": not UTF-8 at byte ",
             start + static_cast<std::int64_t>(*bad));
      return found;
    }
    // The line end inside the quotes is what it is in the file.
    const bool carriage = lines_.ended_with_carriage();
    line = lines_.next();
    if (!line)
      fail(Errc::kBadData, place_, ": a quote that begins here is never closed");
    row_ += (carriage ? "\r\n" : "\n") + *line;
  }
}

void DelimitedReader::read_header() {
  const auto names = cells();
  if (!names) return;
  for (const std::string& name : *names)
    if (std::ranges::count(*names, name) > 1)
      fail(Errc::kBadData, place_, ": two columns are called '", name, "'");
  header_ = *names;
}

std::optional<Json> DelimitedReader::next() {
  if (header_.empty()) read_header();
  const auto found = cells();
  if (!found) return std::nullopt;
  if (found->size() != header_.size())
    fail(Errc::kBadData, place_, ": has ",
         counted(static_cast<std::int64_t>(found->size()), "cell"), ", the first line has ",
         header_.size());
  Json row = Json::object();
  for (std::size_t i = 0; i < header_.size(); ++i) row[header_[i]] = (*found)[i];
  return row;
}

std::optional<char> separator_of(std::string_view head, const std::vector<std::string>& columns) {
  const auto line_end = head.find('\n');
  if (line_end == std::string_view::npos) return std::nullopt;
  std::string_view first = head.substr(0, line_end);
  if (first.ends_with('\r')) first.remove_suffix(1);
  const auto is_name = [](const std::string& cell) {
    return !cell.empty() && std::ranges::all_of(cell, [](unsigned char c) {
      return std::isalnum(c) || c == '_' || c == '-' || c == '.';
    });
  };
  for (const char separator : {'\t', ','}) {
    if (first.find(separator) == std::string_view::npos) continue;
    try {
      const auto names = cells_of(first, separator);
      const auto wanted = [&](const std::string& cell) {
        return std::ranges::find(columns, cell) != columns.end();
      };
      if (names && std::ranges::all_of(*names, is_name) && std::ranges::any_of(*names, wanted))
        return separator;
    } catch (const Error&) {  // an odd quote: text
    }
  }
  return std::nullopt;
}

}  // namespace hft
