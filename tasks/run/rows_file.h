// A file, or standard input, as a source of inputs: one text, lines of text, JSON lines, a JSON
// array, a table, or an archive of samples. What a format is, its suffix says, else its content.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "tasks/run/line_reader.h"
#include "tasks/run/named_files.h"
#include "tasks/run/rows.h"

namespace hft {

// "-" is standard input. `bare`: nothing named it, stdin is all there is; it is data only where its
// first line has a column that is looked for. Throws what opening throws, and kUnsupported or
// kBadData naming an encoding or archive that is not read.
std::unique_ptr<RowSource> open_file_source(const InputOptions& options, const NamedFile& file,
                                            bool bare, const std::atomic<bool>& cancelled);

// All of standard input as a picture or sound.
Media stdin_media(const InputOptions& options, LineReader& reader);

}  // namespace hft
