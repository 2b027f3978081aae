// From a bare text, or a row of data, to the Input a task sees.
#pragma once

#include <string>

#include "tasks/run/rows.h"

namespace hft {

// The text into the first column, the fixed values into the others. Text that is not UTF-8 is the
// input's error; its first bad byte is counted from `start`, where the text begins in its file.
// Throws kUsage when a column that must be there has no value.
Input input_of_text(const InputOptions& options, std::string text, std::string place,
                    std::int64_t start = 0);

// The same of a value that is more than its text: media that came with its bytes.
Input input_of_value(const InputOptions& options, Value value, std::string place);

// The columns of a data row; a string in place of an object is a bare text.
Input input_of_row(const InputOptions& options, Json row, std::string place);

// The same input with another value in the first column: a page of its document.
Input with_value(const InputOptions& options, Input input, Value value);

// What could not be read; `shown` stands for it.
Input failed_input(std::string shown, std::string place, Error error);

}  // namespace hft
