#include "tasks/run/rows_table.h"

#include "core/base/files.h"
#include "core/base/impostor.h"
#include "core/base/limits.h"
#include "tasks/run/input_of.h"

namespace hft {
namespace {

class TableSource : public RowSource {
 public:
  TableSource(const InputOptions& o, std::string name, std::unique_ptr<TableReader> table)
      : options_(o), name_(std::move(name)), table_(std::move(table)) {
    if (o.wanted_columns) table_->choose(*o.wanted_columns);
  }

  std::optional<Input> next() override {
    auto row = with_context(name_, [&] { return table_->next(); });
    if (!row) return std::nullopt;
    const std::string place = "row " + std::to_string(++number_) + " of " + name_;
    if (row->fault.empty()) return input_of_row(options_, std::move(row->cells), place);
    Input failed = failed_input("", place, Error(Errc::kBadData, place + ": " + row->fault));
    failed.row = std::move(row->cells);
    return failed;
  }
  std::vector<std::string> columns() const override { return table_->columns(); }

 private:
  const InputOptions& options_;
  std::string name_;
  std::unique_ptr<TableReader> table_;
  std::int64_t number_ = 0;
};

}  // namespace

std::optional<TableFormat> table_format_of(std::string_view head) {
  using namespace std::string_view_literals;
  if (head.starts_with("PAR1") || head.starts_with("PARE")) return TableFormat::kParquet;
  // A file's magic; what a stream's first message begins with, its length in four bytes behind it.
  const bool stream = head.starts_with("\xff\xff\xff\xff"sv) && head.size() > 7 && head[7] == 0;
  if (head.starts_with("ARROW1\0\0"sv) || stream) return TableFormat::kArrow;
  return std::nullopt;
}

std::unique_ptr<RowSource> open_table_source(const InputOptions& o, LineReader& reader,
                                             TableFormat format) {
  const char* kind = format == TableFormat::kParquet ? "Parquet" : "Arrow";
  return with_context(reader.name(), [&] {
    const std::string_view head = reader.head();
    refuse_impostor(head, "the table itself", kind);
    if (table_format_of(head) != format)
      fail(Errc::kBadData, head.empty() ? "is empty, wanted " : "does not begin as ", kind,
           head.empty() ? "" : " does");
    TableBytes bytes{reader.file(), nullptr};
    std::error_code ignored;
    if (reader.compressed() || !fs::is_regular_file(reader.file(), ignored))
      bytes.bytes = std::make_shared<std::string>(reader.rest(limits::kTableBytes));
    return std::make_unique<TableSource>(o, reader.name(),
                                         table_backend().open(std::move(bytes), format));
  });
}

}  // namespace hft
