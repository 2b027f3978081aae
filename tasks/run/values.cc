#include "tasks/run/values.h"

#include "core/base/error.h"

namespace hft {

std::string type_of(const Json& cell) { return is_number(cell) ? "number" : cell.type_name(); }

Value value_of(Kind kind, const Json& cell) {
  const auto need = [&](bool right, const char* wanted) {
    if (!right) fail(Errc::kBadData, "is ", type_of(cell), ", wanted ", wanted);
  };
  switch (kind) {
    case Kind::kText:
      need(cell.is_string(), "a string");
      return cell.get<std::string>();
    case Kind::kNumber:
      need(is_number(cell), "a number");
      return exact_line(cell);
    case Kind::kList:
      need(cell.is_array(), "a list");
      return exact_line(cell);
    case Kind::kImage:
    case Kind::kSound:
      need(cell.is_string(), "a path or URL");
      return Media{cell.get<std::string>()};
  }
  return {};
}

}  // namespace hft
