// Writes safetensors files, sound or broken, for the tests of their reader.
#pragma once

#include <string>
#include <string_view>

namespace hft::test {

// The file of a header and its data, with the header's true length before them.
inline std::string safetensors(std::string_view header, std::string_view data = "") {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8)
    bytes += static_cast<char>(static_cast<std::uint64_t>(header.size()) >> shift & 0xff);
  return bytes.append(header).append(data);
}

// A file holding U8 tensors of one byte under the given names.
inline std::string tensors_named(std::initializer_list<std::string> names) {
  std::string header = "{";
  int at = 0;
  for (const std::string& name : names) {
    header += (at ? ",\"" : "\"") + name + R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" +
              std::to_string(at) + "," + std::to_string(at + 1) + "]}";
    ++at;
  }
  return safetensors(header + "}", std::string(static_cast<std::size_t>(at), 'x'));
}

}  // namespace hft::test
