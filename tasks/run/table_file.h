// A result that becomes a Parquet table once all its records are there.
#pragma once

#include <filesystem>
#include <string>

#include "core/tables/backend.h"
#include "tasks/run/output_file.h"

namespace hft {

bool is_parquet_name(const std::string& file);

// FILE, a table of `rows`, takes the place of what `out` has of it so far: their lines. rows() goes
// through them from the first.
void close_as_parquet(OutputFile& out, const std::filesystem::path& file,
                      const std::function<TableRows()>& rows);
// Rows that are the lines of FILE.partial as they stand.
std::function<TableRows()> rows_of_partial(const std::filesystem::path& file);

}  // namespace hft
