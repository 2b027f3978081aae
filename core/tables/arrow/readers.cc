// Parquet files a few rows at a time, and Arrow's IPC files and streams batch by batch:
// https://parquet.apache.org/docs/file-format/, https://arrow.apache.org/docs/format/Columnar.html
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>

#include <algorithm>

#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/tables/arrow/arrow.h"

namespace hft {
namespace {

constexpr std::int64_t kBatchBytes = 4 << 20, kBatchRows = 1024;

// Arrow throws in some places and gives a status in others.
template <class F>
auto guarded(F&& f) {
  try {
    return f();
  } catch (const parquet::ParquetException& e) {
    fail_arrow(arrow::Status::IOError(e.what()));
  }
}

std::shared_ptr<arrow::io::RandomAccessFile> bytes_of(const TableBytes& table) {
  if (!table.bytes) {
    auto file = arrow::io::ReadableFile::Open(table.file);
    if (!file.ok()) fail(Errc::kResources, "cannot be opened");
    return *file;
  }
  return std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(std::move(*table.bytes)));
}

// Rows out of batches, whatever they come from.
class BatchReader : public TableReader {
 public:
  BatchReader() : pool_(capped_pool()) {}

  const std::vector<std::string>& columns() const override { return names_; }
  void choose(const std::vector<std::string>& columns) override { chosen_ = columns; }
  std::optional<TableRow> next() override {
    return guarded([&]() -> std::optional<TableRow> {
      while (!batch_ || row_ == batch_->num_rows()) {
        batch_.reset();
        batch_ = next_batch();
        row_ = 0;
        if (!batch_) return std::nullopt;
      }
      return cells_of(row_++);
    });
  }

 protected:
  virtual std::shared_ptr<arrow::RecordBatch> next_batch() = 0;

  void take_names(const arrow::Schema& schema) {
    for (const auto& field : schema.fields()) {
      if (std::ranges::find(names_, field->name()) != names_.end())
        fail(Errc::kBadData, "two columns are called '", escape_controls(field->name()), "'");
      if (utf8_error(field->name())) fail(Errc::kBadData, "a column's name is not UTF-8");
      names_.push_back(field->name());
    }
  }
  bool is_chosen(const std::string& name) const {
    return !chosen_ || std::ranges::find(*chosen_, name) != chosen_->end();
  }
  arrow::MemoryPool* pool() const { return pool_.get(); }

 private:
  TableRow cells_of(std::int64_t at) const {
    TableRow row;
    for (int i = 0; i < batch_->num_columns(); ++i) {
      const std::string& name = batch_->column_name(i);
      try {
        row.cells[name] = json_of(*batch_->column(i), at);
      } catch (const Error& e) {
        if (e.code != Errc::kBadData) throw e.in("column '" + name + "'");
        row.fault = "column '" + name + "' " + e.message;
      }
    }
    return row;
  }

  std::unique_ptr<arrow::MemoryPool> pool_;  // outlives what is allocated in it
  std::vector<std::string> names_;
  std::optional<std::vector<std::string>> chosen_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::int64_t row_ = 0;
};

class ParquetReader : public BatchReader {
 public:
  explicit ParquetReader(const TableBytes& table) {
    parquet::ReaderProperties file(pool());
    file.enable_buffered_stream();  // pages, not whole column chunks
    parquet::ArrowReaderProperties columns(false);
    columns.set_pre_buffer(false);
    parquet::arrow::FileReaderBuilder builder;
    check_arrow(builder.Open(bytes_of(table), file));
    reader_ = taken(builder.memory_pool(pool())->properties(columns)->Build());
    std::shared_ptr<arrow::Schema> schema;
    check_arrow(reader_->GetSchema(&schema));
    take_names(*schema);
  }

 private:
  std::shared_ptr<arrow::RecordBatch> next_batch() override {
    while (true) {
      if (rows_)
        if (auto batch = taken(rows_->Next())) return batch;
      rows_.reset();
      if (group_ == reader_->num_row_groups()) return nullptr;
      open_group(group_++);
    }
  }

  // So many rows that a batch of usual ones is of kBatchBytes.
  void open_group(int group) {
    const auto& metadata = *reader_->parquet_reader()->metadata();
    const auto info = metadata.RowGroup(group);
    std::vector<int> leaves;
    std::int64_t bytes = 0;
    for (int i = 0; i < metadata.num_columns(); ++i) {
      if (!is_chosen(metadata.schema()->GetColumnRoot(i)->name())) continue;
      leaves.push_back(i);
      bytes += std::max<std::int64_t>(info->ColumnChunk(i)->total_uncompressed_size(), 0);
    }
    const std::int64_t each = bytes / std::max<std::int64_t>(info->num_rows(), 1) + 1;
    reader_->set_batch_size(std::clamp<std::int64_t>(kBatchBytes / each, 1, kBatchRows));
    rows_ = taken(reader_->GetRecordBatchReader({group}, leaves));
  }

  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::unique_ptr<arrow::RecordBatchReader> rows_;  // of a row group
  int group_ = 0;
};

// Both forms: a file with a footer is read by it, a stream from its start.
class IpcReader : public BatchReader {
 public:
  explicit IpcReader(const TableBytes& table) : bytes_(bytes_of(table)) {
    is_file_ = taken(bytes_->ReadAt(0, 6))->ToString() == "ARROW1";
    open({});
    take_names(*(is_file_ ? file_->schema() : stream_->schema()));
  }
  void choose(const std::vector<std::string>& columns) override {
    BatchReader::choose(columns);
    std::vector<int> fields;
    for (int i = 0; i < static_cast<int>(this->columns().size()); ++i)
      if (is_chosen(this->columns()[static_cast<std::size_t>(i)])) fields.push_back(i);
    if (!fields.empty()) open(std::move(fields));  // no field at all would mean every one
  }

 private:
  void open(std::vector<int> fields) {
    auto options = arrow::ipc::IpcReadOptions::Defaults();
    options.memory_pool = pool();
    options.included_fields = std::move(fields);
    options.use_threads = false;
    if (is_file_) {
      file_ = taken(arrow::ipc::RecordBatchFileReader::Open(bytes_, options));
    } else {
      check_arrow(bytes_->Seek(0));
      stream_ = taken(arrow::ipc::RecordBatchStreamReader::Open(bytes_, options));
    }
  }
  std::shared_ptr<arrow::RecordBatch> next_batch() override {
    std::shared_ptr<arrow::RecordBatch> batch;
    if (!is_file_)
      check_arrow(stream_->ReadNext(&batch));
    else if (next_ < file_->num_record_batches())
      batch = taken(file_->ReadRecordBatch(next_++));
    if (batch) check_arrow(batch->ValidateFull());  // its offsets are read as they are
    return batch;
  }

  std::shared_ptr<arrow::io::RandomAccessFile> bytes_;
  bool is_file_ = false;
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> file_;
  std::shared_ptr<arrow::ipc::RecordBatchStreamReader> stream_;
  int next_ = 0;
};

class ArrowBackend : public TableBackend {
 public:
  std::unique_ptr<TableReader> open(TableBytes table, TableFormat format) const override {
    return guarded([&]() -> std::unique_ptr<TableReader> {
      if (format == TableFormat::kParquet) return std::make_unique<ParquetReader>(table);
      return std::make_unique<IpcReader>(table);
    });
  }
  void write_parquet(const std::function<TableRows()>& rows,
                     const std::function<void(std::string_view)>& out) const override {
    guarded([&] { write_parquet_rows(rows, out); });
  }
};

}  // namespace

void fail_arrow(const arrow::Status& status) {
  const std::string message = status.message();
  fail(Errc::kBadData, "damaged or too large: ",
       shorten(escape_controls(message.substr(0, message.find('\n'))), 200));
}

std::unique_ptr<arrow::MemoryPool> capped_pool() {
  return std::make_unique<arrow::CappedMemoryPool>(arrow::default_memory_pool(),
                                                   limits::kTableBytes);
}

extern "C" const TableBackend* hft_tables() {
  static const ArrowBackend backend;
  return &backend;
}

}  // namespace hft
