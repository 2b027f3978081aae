#include "tasks/run/rows_samples.h"

#include <algorithm>
#include <charconv>

#include "core/base/exact_json.h"
#include "core/base/text.h"
#include "tasks/run/input_of.h"
#include "tasks/run/named_files.h"
#include "tasks/run/tar_reader.h"

namespace hft {
namespace {

constexpr std::string_view kSampleTexts[] = {"txt", "text", "transcript"},
                           kSampleNumbers[] = {"cls", "cls2", "class", "count", "index", "inx", "id"};

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// By what the column's name ends with, as the datasets library decodes it.
Json sample_cell(const std::string& column, std::string bytes) {
  const std::string kind = column.substr(column.rfind('.') + 1);
  if (is_one_of(kSampleTexts, kind)) {
    if (const auto bad = utf8_error(bytes)) fail(Errc::kBadData, "is not UTF-8 at byte ", *bad);
    return bytes;
  }
  if (is_one_of(kSampleNumbers, kind)) {
    const std::string text = trimmed(bytes);
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size())
      fail(Errc::kBadData, "is no whole number");
    return number;
  }
  if (kind == "json" || kind == "jsn") return parse_exact_json(bytes, "");
  return bytes_value(bytes);
}

class SampleSource : public RowSource {
 public:
  SampleSource(const InputOptions& o, std::unique_ptr<LineReader> archive)
      : options_(o), archive_(std::move(archive)), tar_(*archive_) {}

  std::optional<Input> next() override {
    Json row = Json::object();
    std::string key, fault;
    while (auto file = next_file()) {
      // The part before the first dot of the last name; a file without one is no column.
      const auto begin = file->name.rfind('/') + 1, dot = file->name.find('.', begin);
      if (dot == file->name.npos || dot == begin) continue;
      const std::string own = file->name.substr(0, dot);
      if (!row.empty() && own != key) {
        held_ = std::move(file);
        break;
      }
      key = own;
      if (row.empty()) row["__key__"] = key;
      const std::string column = lowercase(file->name.substr(dot + 1));
      take(row, column, std::move(*file), fault);
    }
    if (row.empty()) return std::nullopt;
    const std::string place = "sample " + key + " of " + archive_->name();
    if (fault.empty()) return input_of_row(options_, std::move(row), place);
    return failed_input(key, place, Error(Errc::kBadData, place + ": " + fault));
  }
  bool ready() const override { return held_ || archive_->ready(); }

 private:
  std::optional<TarReader::File> next_file() {
    if (held_) return std::exchange(held_, std::nullopt);
    return with_context(archive_->name(), [&] { return tar_.next(); });
  }

  // The first picture or sound, or the first text, is also what the task's column is called.
  void take(Json& row, const std::string& column, TarReader::File file, std::string& fault) const {
    const Column& first = options_.columns[0];
    const bool is_first = !row.contains(first.source) &&
                          (is_media(first.kind) ? is_media_name(first.kind, file.name)
                                                : is_one_of(kSampleTexts, column));
    try {
      Json cell = sample_cell(column, std::move(file.bytes));
      if (is_bytes(cell)) cell = Json{{"bytes", std::move(cell)}, {"path", file.name}};
      if (is_first && column != first.source) row[first.source] = cell;
      if (!is_first || !is_media(first.kind) || column == first.source) row[column] = std::move(cell);
    } catch (const Error& e) {
      fault = "'" + column + "' " + e.message;
    }
  }

  const InputOptions& options_;
  std::unique_ptr<LineReader> archive_;
  TarReader tar_;
  std::optional<TarReader::File> held_;  // of the next sample
};

}  // namespace

std::unique_ptr<RowSource> open_sample_source(const InputOptions& o,
                                              std::unique_ptr<LineReader> archive) {
  return std::make_unique<SampleSource>(o, std::move(archive));
}

}  // namespace hft
