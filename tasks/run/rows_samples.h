// A tar archive as WebDataset has it: files that share a name up to its first dot are a sample, and
// what follows that dot names the columns.
#pragma once

#include <memory>

#include "tasks/run/line_reader.h"
#include "tasks/run/rows.h"

namespace hft {

std::unique_ptr<RowSource> open_sample_source(const InputOptions& options,
                                              std::unique_ptr<LineReader> archive);

}  // namespace hft
