// What the files of this folder share: Arrow's results as ours, and its cells as JSON.
#pragma once

#include <arrow/api.h>

#include <memory>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/tables/backend.h"

namespace hft {

// The first line of Arrow's message, which may be many.
[[noreturn]] void fail_arrow(const arrow::Status& status);
inline void check_arrow(const arrow::Status& status) {
  if (!status.ok()) fail_arrow(status);
}
template <class T>
T taken(arrow::Result<T> result) {
  check_arrow(result.status());
  return std::move(result).ValueUnsafe();
}

// A cell. Throws kBadData for text that is not UTF-8 and dates outside the calendar, kUnsupported
// for a type that has no form in JSON.
Json json_of(const arrow::Array& array, std::int64_t row);

std::unique_ptr<TableReader> open_parquet(TableBytes table);
std::unique_ptr<TableReader> open_ipc(TableBytes table);
void write_parquet_rows(const std::function<TableRows()>& rows,
                        const std::function<void(std::string_view)>& out);

// What a reader may hold in memory at a time (limits::kTableBytes).
std::unique_ptr<arrow::MemoryPool> capped_pool();

}  // namespace hft
