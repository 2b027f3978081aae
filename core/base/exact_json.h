// JSON that is carried from a data file into a record: no digit of a number is lost on the way, and
// bytes, which JSON has none of, are kept as such.
#pragma once

#include <string>
#include <string_view>

#include "core/base/json.h"

namespace hft {

// As parse_json(), but a number that neither an integer of 64 bits nor a double holds as it was
// written keeps its digits, in a binary value.
Json parse_exact_json(std::string_view text, std::string_view where);
// The same of a file that a person names, which may be a pipe; kBadData above limits::kJsonBytes.
Json read_exact_json(const std::filesystem::path& file);
// A number that is kept as it is written here, and bytes.
Json written_number(std::string_view digits);
Json bytes_value(std::string_view bytes);
bool is_bytes(const Json& value);
// A number, also one that was kept by its digits.
bool is_number(const Json& value);
// As to_line(), with such numbers as they were written, and bytes as base64.
std::string exact_line(const Json& value);

}  // namespace hft
