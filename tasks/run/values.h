// What one cell of the input holds.
#pragma once

#include <string>
#include <variant>

#include "core/base/exact_json.h"

namespace hft {

// What a column is read as. Numbers and lists are kept as the JSON text they were given as, so that
// not a digit is lost.
enum class Kind { kText, kNumber, kImage, kSound, kList };

// A picture or a sound: where it is said to be (a path, a URL).
struct Media {
  std::string source;
};
using Value = std::variant<std::string, Media>;

// The cell of a data row; throws kBadData ("is number, wanted a string") when it is of another
// kind.
Value value_of(Kind kind, const Json& cell);

// "string", "number", … as errors name them.
std::string type_of(const Json& cell);

}  // namespace hft
