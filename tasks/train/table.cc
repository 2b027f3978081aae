#include "tasks/train/table.h"

#include <algorithm>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/signals.h"
#include "core/base/text.h"

namespace hft {
namespace {

// Rows are taken as they are: a column that none has asks nothing of them.
constexpr const char* kNoColumn = "\x01";

constexpr std::uintmax_t kSmallBytes = 64 << 20;  // of a file whose rows stay in memory

bool is_small(const std::string& file) {
  std::error_code failed;
  return !fs::is_regular_file(file, failed) || fs::file_size(file, failed) <= kSmallBytes;
}

void read_rows(const std::string& file, Kind media, const std::function<void(Input&&)>& take) {
  InputOptions options;
  options.files = {file};
  const char* column = is_media(media) ? usual_column(media) : kNoColumn;  // of a folder's files
  options.columns = {{.name = column, .source = column, .optional = true, .kind = media}};
  options.recurse = true;
  options.shard = "0/1";  // ranks and tasks of a job array read all of it
  const std::string suffix = lowercase(fs::path(file).extension().string());
  options.lines = suffix == ".txt" || suffix == ".md";
  InputReader reader(options);
  while (auto input = reader.next()) {
    if (input->error) throw *input->error;
    take(std::move(*input));
  }
  if (const int code = stop_requested())  // which ends the rows, too
    fail(static_cast<Errc>(code), "stopped while ", file, " was read");
}

}  // namespace

Table::Table(const std::string& file, Kind media) : file_(file), media_(media) {
  const bool keeps = is_small(file);
  bool any = false;
  read_rows(file, media, [&](Input&& input) {
    if (!any) bare_ = !input.row.is_object();
    any = true;
    look_at(input);
    if (keeps) inputs_.push_back(std::move(input));
  });
  if (!any) fail(Errc::kBadData, file, ": holds no rows");
}

void Table::each(const std::function<void(const Input&)>& take) const {
  for (const Input& input : inputs_) take(input);
  if (inputs_.empty()) read_rows(file_, media_, take);
}

void Table::look_at(const Input& input) {
  if (!input.row.is_object()) return;
  for (const auto& [name, value] : input.row.items()) {
    auto found = std::ranges::find(columns_, name, &Found::name);
    if (found == columns_.end()) found = columns_.insert(found, Found{name});
    found->lists |= value.is_array();
  }
}

const Table::Found* Table::find(const std::string& column) const {
  const auto found = std::ranges::find(columns_, column, &Found::name);
  return found == columns_.end() ? nullptr : &*found;
}

bool Table::lists(const std::string& column) const {
  const Found* found = find(column);
  return found && found->lists;
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
  std::vector<std::string> names;
  for (const Found& one : columns_) names.push_back(one.name);
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

}  // namespace hft
