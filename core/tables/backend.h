// What reading and writing columnar tables takes from Apache Arrow: Parquet files, Arrow's own files
// and streams. It lives in libhft_tables.so, which is opened when a table is read or written.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"

namespace hft {

enum class TableFormat { kParquet, kArrow };

// Where a table lies: a file, or its bytes in memory.
struct TableBytes {
  std::string file;
  std::shared_ptr<std::string> bytes;
};

// An object of the row's cells. Numbers keep every digit; bytes are bytes_value() of
// core/base/exact_json.h; dates and times are ISO 8601 texts, a map is a list of pairs.
struct TableRow {
  Json cells = Json::object();
  std::string fault;  // what is wrong with the row; "" when nothing is
};

// Rows from first to last, of which a few lie in memory at a time.
class TableReader {
 public:
  virtual ~TableReader() = default;
  virtual const std::vector<std::string>& columns() const = 0;
  // Before the first next(): only these are read, and each row has no others.
  virtual void choose(const std::vector<std::string>& columns) = 0;
  // None at the end. Throws kBadData for a damaged file, kUnsupported for a type that is not read.
  virtual std::optional<TableRow> next() = 0;
};

using TableRows = std::function<std::optional<Json>()>;  // objects, none at the end

class TableBackend {
 public:
  virtual ~TableBackend() = default;
  // Throws kBadData for what is no such table.
  virtual std::unique_ptr<TableReader> open(TableBytes table, TableFormat format) const = 0;
  // A Parquet file of the rows, which are gone through twice: for the types of the columns, which
  // are those that hold every cell, and for the cells.
  virtual void write_parquet(const std::function<TableRows()>& rows,
                             const std::function<void(std::string_view)>& out) const = 0;
};

// Opens libhft_tables.so on first use; kUnsupported, with what to install, when it is not there.
const TableBackend& table_backend();

}  // namespace hft
