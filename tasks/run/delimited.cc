#include "tasks/run/delimited.h"

#include <algorithm>

#include "core/base/log.h"

namespace hft {
namespace {

std::string cell(const Json& value) {
  return value.is_null() ? "" : value.is_string() ? value.get<std::string>() : exact_line(value);
}

std::vector<Json> objects_of(const Json& output) {
  const auto is_object = [](const Json& v) { return v.is_object(); };
  if (output.is_array() && std::ranges::all_of(output, is_object))
    return std::vector<Json>(output.begin(), output.end());
  return std::vector<Json>(1, output.is_object() ? output : Json{{"output", output}});
}

}  // namespace

// RFC 4180 quoting; TSV has none, so its separators are escaped.
std::string Delimited::line(const std::vector<std::string>& cells) const {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += separator_;
    const std::string& text = cells[i];
    if (separator_ == '\t') {
      for (char c : text)
        line += c == '\t' ? "\\t" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : std::string(1, c);
    } else if (text.find_first_of(",\"\n\r") != std::string::npos) {
      line += '"';
      for (char c : text) line += c == '"' ? "\"\"" : std::string(1, c);
      line += '"';
    } else {
      line += text;
    }
  }
  return line + "\n";
}

std::string Delimited::start(const Json& row) {
  for (const auto& [key, value] : row.items()) header_.push_back(key);
  return line(header_);
}

std::string Delimited::lines(const Input& input, const Json& output, const Columns& columns) {
  std::string out;
  for (const Json& object : objects_of(output)) {
    Json row;
    // Any row of data may have an id.
    if (!input.row.is_null() || !input.id.is_null()) row["id"] = input.id;
    row["input"] = input.shown;
    row.update(object);
    for (const auto& [name, value] : columns)
      row[row.contains(name) ? "data_" + name : name] = value;
    if (header_.empty()) out += start(row);
    std::vector<std::string> cells;
    for (const auto& key : header_) cells.push_back(row.contains(key) ? cell(row[key]) : "");
    for (const auto& [key, value] : row.items())
      if (!told_ && !value.is_null() && std::ranges::find(header_, key) == header_.end()) {
        note("column '" + key + "' first comes after the header was written; it is left out");
        told_ = true;
      }
    out += line(cells);
  }
  return out;
}

}  // namespace hft
