#include "tasks/train/table.h"

#include <algorithm>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {
namespace {

// Rows are taken as they are: a column that none has asks nothing of them.
constexpr const char* kNoColumn = "\x01";

std::vector<Input> inputs_of(const std::string& file, Kind media) {
  InputOptions options;
  options.files = {file};
  const char* column = is_media(media) ? usual_column(media) : kNoColumn;  // of a folder's files
  options.columns = {{.name = column, .source = column, .optional = true, .kind = media}};
  options.recurse = true;
  const std::string suffix = lowercase(std::filesystem::path(file).extension().string());
  options.lines = suffix == ".txt" || suffix == ".md";
  InputReader reader(options);
  std::vector<Input> inputs;
  while (auto input = reader.next()) {
    if (input->error) throw *input->error;
    inputs.push_back(std::move(*input));
  }
  if (inputs.empty()) fail(Errc::kBadData, file, ": holds no rows");
  return inputs;
}

}  // namespace

Table::Table(const std::string& file, Kind media) : file_(file), inputs_(inputs_of(file, media)) {}

bool Table::has(const std::string& column) const {
  return std::ranges::any_of(
      inputs_, [&](const Input& i) { return i.row.is_object() && i.row.contains(column); });
}

std::string Table::column_if(const std::string& flag, const std::string& named,
                             const std::vector<std::string>& usual) const {
  if (!named.empty()) return column(flag, named, {});
  const auto found = std::ranges::find_if(usual, [&](const auto& name) { return has(name); });
  return found == usual.end() ? "" : *found;
}

std::string Table::column(const std::string& flag, const std::string& named,
                          const std::vector<std::string>& usual) const {
  if (!named.empty() && has(named)) return named;
  if (named.empty())
    if (const std::string found = column_if(flag, named, usual); !found.empty()) return found;
  const std::string wanted = named.empty() ? usual[0] : named;
  const std::vector<std::string> names = columns();
  if (names.empty())
    fail(Errc::kUsage, flag, ": no column '", wanted, "': ", file_,
         " holds texts, which have no columns");
  fail_hint(Errc::kUsage, flag + " " + nearest(wanted, names).value_or("NAME"), "no column '",
            wanted, "' in ", file_, "; it has: ", joined(names, ", "));
}

const Json& Table::cell(const Input& input, const std::string& column) const {
  const auto found = input.row.find(column);
  if (found == input.row.end() || found->is_null())
    fail(Errc::kBadData, input.place, ": has no '", column, "'");
  return *found;
}

std::string Table::text(const Input& input, const std::string& column) const {
  const Json& found = cell(input, column);
  if (!found.is_string())
    fail(Errc::kBadData, input.place, ": column '", column, "' is ", type_of(found),
         ", wanted a string");
  return found.get<std::string>();
}

Media Table::media(const Input& input, const std::string& column, Kind kind) const {
  return with_context(input.place + ": column '" + column + "'", [&] {
    return std::get<Media>(value_of(kind, cell(input, column)));
  });
}

std::vector<std::string> Table::columns() const {
  std::vector<std::string> names;
  for (const Input& input : inputs_)
    if (input.row.is_object())
      for (const auto& [name, value] : input.row.items())
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  return names;
}

}  // namespace hft
