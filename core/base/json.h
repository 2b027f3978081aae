// JSON values in the order they were written, parsed within limits, and read with errors that name
// the file and the field.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/nlohmann_json.h"

namespace hft {

using Json = nlohmann::ordered_json;

// Parses one JSON text (RFC 8259). `where` names it in errors (a path, "line 3 of x.jsonl").
// Throws kBadData: malformed text with its byte, nesting deeper than limits::kJsonDepth, or
// duplicate keys when `unique_keys`.
Json parse_json(std::string_view text, std::string_view where, bool unique_keys = false);

// Reads and parses a whole file; kNotFound when it is missing, kBadData above limits::kJsonBytes.
Json read_json(const std::filesystem::path& file);

// One compact line; text that is not UTF-8 is written with U+FFFD. Doubles round-trip.
std::string to_line(const Json& value);

// float widened to double, so that it prints as the reference prints it.
inline Json number(float value) { return static_cast<double>(value); }

// A JSON object with the name of its file, read field by field. Values outside the wanted type or
// range throw kBadData: "config.json: 'hidden_size' is -1, wanted an integer in [1, 1048576]".
class Fields {
 public:
  Fields(Json object, std::string where);

  const Json& json() const { return object_; }
  const std::string& where() const { return where_; }
  // A null field counts as absent.
  bool has(std::string_view key) const;
  const Json* find(std::string_view key) const;

  std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high) const;
  std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high,
                       std::int64_t fallback) const;
  double real(std::string_view key, double low, double high,
              std::optional<double> fallback = {}) const;
  bool boolean(std::string_view key, bool fallback) const;
  std::string text(std::string_view key, std::optional<std::string> fallback = {}) const;
  // A nested object; an empty one when absent.
  Fields object(std::string_view key) const;

 private:
  [[noreturn]] void wrong(std::string_view key, const std::string& wanted) const;
  const Json& need(std::string_view key, const std::string& wanted) const;
  Json object_;
  std::string where_;
};

}  // namespace hft
