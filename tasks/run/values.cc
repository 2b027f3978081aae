#include "tasks/run/values.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
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
bool holds_media(const std::string& source) {
  const auto head = decoded_base64(std::string_view(source).substr(0, 64));
  return head &&
         (media::is_image(media::bytes_of(*head)) || media::is_sound(media::bytes_of(*head)));
}

bool is_there(const std::string& file) {
  std::error_code error;
  return file.size() < 4096 && std::filesystem::exists(file, error);
}

std::string little(std::uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i);
  return out;
}

// {"array" or "raw": samples, "sampling_rate"}: the WAV file of 32-bit floats that it would be.
Media sound_of_array(const Json& samples, const Json& rate) {
  if (!samples.is_array() || !std::ranges::all_of(samples, is_number))
    fail(Errc::kBadData, "has an array that is no list of numbers");
  if (!rate.is_number_integer() || rate < limits::kSoundLeastRate || rate > limits::kSoundRate)
    fail(Errc::kBadData, "has no 'sampling_rate' from ", limits::kSoundLeastRate, " to ",
         limits::kSoundRate);
  const auto hertz = rate.get<std::uint32_t>();
  const auto size = static_cast<std::uint32_t>(4 * samples.size());
  std::string wav = "RIFF" + little(36 + size, 4) + "WAVEfmt " + little(16, 4) + little(3, 2) +
                    little(1, 2) + little(hertz, 4) + little(4 * hertz, 4) + little(4, 2) +
                    little(32, 2) + "data" + little(size, 4);
  for (const Json& sample : samples) {
    const float value = sample.is_number() ? sample.get<float>()
                                           : std::strtof(exact_line(sample).c_str(), nullptr);
    wav += little(std::bit_cast<std::uint32_t>(value), 4);
  }
  return {"array of " + counted(static_cast<std::int64_t>(samples.size()), "sample"),
          std::make_shared<const std::string>(std::move(wav))};
}

Media media_of_bytes(const Json& cell, std::string source) {
  const auto& bytes = cell.get_binary();
  return {std::move(source), std::make_shared<const std::string>(bytes.begin(), bytes.end())};
}

// As data sets have a picture or a sound: its bytes (in JSON as base64), its place, or its samples.
Media media_of_object(Kind kind, const Json& cell) {
  const auto text = [&](const char* key) {
    const auto found = cell.find(key);
    return found != cell.end() && found->is_string() ? found->get<std::string>() : "";
  };
  for (const char* key : {"array", "raw"})
    if (const auto found = cell.find(key); kind == Kind::kSound && found != cell.end())
      return sound_of_array(*found, cell.value("sampling_rate", Json()));
  if (const auto bytes = cell.find("bytes"); bytes != cell.end() && is_bytes(*bytes))
    return media_of_bytes(*bytes, text("path"));
  if (auto bytes = text("bytes"); !bytes.empty()) return {"data:;base64," + bytes};
  if (auto path = text("path"); !path.empty()) return {path};
  fail(Errc::kBadData, "has neither ", kind == Kind::kSound ? "'array', " : "", "'bytes' nor 'path'");
}

bool is_image(const Json& cell) { return cell.is_string() || cell.is_object() || is_bytes(cell); }

}  // namespace

Value value_of_text(Kind kind, std::string text) {
  if (is_media(kind)) return Media{std::move(text)};
  return text;
}

std::vector<Media> images_in(const std::string& value) {
  const Json cell = parse_exact_json(value, "images");
  std::vector<Media> all;
  for (const Json& one : cell.is_array() ? cell : Json::array({cell}))
    all.push_back(std::get<Media>(value_of(Kind::kImage, one)));
  return all;
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
  if (is_there(source)) return read(source, max_bytes);
  if (holds_media(source)) return decoded(media, source, max_bytes);
  fail(Errc::kNotFound, name_of(media), ": no such file");
}

media::Image image_of(const Media& media) {
  return media::read_image(media::bytes_of(bytes_of(media, limits::kImageBytes)), name_of(media));
}

media::SoundSource sound_of(const Media& media) {
  const bool on_stdin = media.source == "-" && !media.bytes;
  if (on_stdin || (!media.bytes && is_there(media.source)))
    return {.file = media.source, .name = on_stdin ? "stdin" : name_of(media)};
  auto bytes = media.bytes
                   ? media.bytes
                   : std::make_shared<const std::string>(bytes_of(media, limits::kSoundBytes));
  return {.bytes = std::move(bytes), .name = name_of(media)};
}

std::int64_t most_bytes(Kind kind) {
  return kind == Kind::kSound ? limits::kSoundBytes : limits::kImageBytes;
}

std::string type_of(const Json& cell) {
  return is_number(cell) ? "number" : is_bytes(cell) ? "bytes" : cell.type_name();
}

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
    case Kind::kObject:
      need(cell.is_object(), "an object");
      return exact_line(cell);
    case Kind::kImages:
      need(is_image(cell) || (cell.is_array() && std::ranges::all_of(cell, is_image)),
           "a path or URL, or a list of them");
      return exact_line(cell);
    case Kind::kSound:
    case Kind::kImage:
    case Kind::kPage:
      if (cell.is_object()) return media_of_object(kind, cell);
      if (is_bytes(cell)) return media_of_bytes(cell, "");
      need(cell.is_string(), "a path or URL");
      return Media{cell.get<std::string>()};
  }
  return {};
}

}  // namespace hft
