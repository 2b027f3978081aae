// Tables of Parquet and Arrow as a source of inputs, a row each, of which only the columns that are
// wanted are read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/tables/backend.h"
#include "tasks/run/line_reader.h"
#include "tasks/run/rows.h"

namespace hft {

// Of a file that begins like this; none for one that is no table.
std::optional<TableFormat> table_format_of(std::string_view head);

// The file that `reader` has opened: where it is a regular one, read as needed; else, and where it
// is compressed, taken into memory.
std::unique_ptr<RowSource> open_table_source(const InputOptions& options, LineReader& reader,
                                             TableFormat format);

}  // namespace hft
