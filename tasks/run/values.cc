#include "tasks/run/values.h"

#include <filesystem>

#include "core/base/base64.h"
#include "core/base/error.h"
#include "core/base/given_file.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "hub/url.h"

namespace hft {
namespace {

constexpr std::size_t kShownSource = 64;  // of base64, in messages

std::string name_of(const Media& media) {
  if (media.bytes && media.source == "-") return "stdin";
  return escape_controls(media.source.size() > 4096 || media.source.starts_with("data:")
                             ? media.source.substr(0, kShownSource) + "…"
                             : media.source);
}

std::string decoded(const Media& media, std::string_view text, std::int64_t max_bytes) {
  if (static_cast<std::int64_t>(text.size()) / 4 * 3 > max_bytes)
    fail(Errc::kBadData, name_of(media), ": more than ", max_bytes, " bytes, the limit");
  auto bytes = decoded_base64(text);
  if (!bytes) fail(Errc::kBadData, name_of(media), ": is not base64");
  return *std::move(bytes);
}

// A file that cannot be read is the fault of this input, not of the machine.
std::string read(const std::string& file, std::int64_t max_bytes) {
  try {
    return read_given(file, max_bytes);
  } catch (const Error& e) {
    if (e.code != Errc::kResources) throw;
    throw Error(Errc::kFailure, e.message, e.hint);
  }
}

// Base64 without a "data:" before it is known by what it holds.
bool holds_image(const std::string& source) {
  const auto head = decoded_base64(std::string_view(source).substr(0, 64));
  return head && media::is_image(media::bytes_of(*head));
}

}  // namespace

Value value_of_text(Kind kind, std::string text) {
  if (is_media(kind)) return Media{std::move(text)};
  return text;
}

std::string bytes_of(const Media& media, std::int64_t max_bytes) {
  const std::string& source = media.source;
  if (media.bytes) return *media.bytes;
  if (hub::is_url(source)) return hub::read_url(source, max_bytes);
  if (source.starts_with("data:")) {
    const auto comma = source.find(',');
    if (comma == source.npos || !source.substr(0, comma).ends_with(";base64"))
      fail(Errc::kBadData, name_of(media), ": wanted data:TYPE;base64,…");
    return decoded(media, std::string_view(source).substr(comma + 1), max_bytes);
  }
  std::error_code error;
  if (source.size() < 4096 && std::filesystem::exists(source, error))
    return read(source, max_bytes);
  if (holds_image(source)) return decoded(media, source, max_bytes);
  fail(Errc::kNotFound, name_of(media), ": no such file");
}

media::Image image_of(const Media& media) {
  return media::read_image(media::bytes_of(bytes_of(media, limits::kImageBytes)), name_of(media));
}

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
