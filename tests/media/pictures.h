// The pictures of tests/golden/pictures.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>

#include "core/base/base64.h"
#include "core/base/json.h"
#include "tests/support/test.h"

namespace hft::test {

inline const Json& pictures() {
  static const Json all = read_json(golden("pictures") / "pictures.json");
  return all;
}

inline std::string picture(const std::string& name) {
  for (const Json& one : pictures()["files"])
    if (one["name"] == name) return decoded_base64(one["bytes"].get<std::string>()).value();
  FAIL("no picture " << name);
  return "";
}

inline std::uint32_t checksum(const void* data, std::size_t bytes) {
  return static_cast<std::uint32_t>(
      crc32(0, static_cast<const Bytef*>(data), static_cast<uInt>(bytes)));
}

// Parts of a PNG, for pictures that no program would write.
inline std::string big_number(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}
inline std::string png_chunk(const std::string& name, const std::string& body) {
  return big_number(static_cast<std::uint32_t>(body.size())) + name + body +
         big_number(checksum((name + body).data(), name.size() + body.size()));
}
inline std::string png_header(std::uint32_t width, std::uint32_t height, int depth, int type) {
  return big_number(width) + big_number(height) + static_cast<char>(depth) +
         static_cast<char>(type) + std::string(3, '\0');
}
inline std::string deflated(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &size,
           reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  out.resize(size);
  return out;
}

}  // namespace hft::test
