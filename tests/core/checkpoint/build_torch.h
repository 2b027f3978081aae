// Writes pickles and files of torch.save, sound or broken, for the tests of their reader.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hft::test {

inline std::string little(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i & 0xff);
  return out;
}

// Pieces of a pickle. Each leaves one value on the stack.
namespace pickled {
inline std::string text(std::string_view value) {
  return "X" + little(value.size(), 4) + std::string(value);
}
inline std::string integer(std::int64_t value) {
  return "\x8a\x08" + little(static_cast<std::uint64_t>(value), 8);
}
inline std::string tuple(const std::vector<std::string>& items) {
  std::string out = "(";
  for (const auto& item : items) out += item;
  return out + "t";
}
inline std::string integers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> items;
  for (std::int64_t value : values) items.push_back(integer(value));
  return tuple(items);
}
// "torch._utils", "_rebuild_tensor_v2"
inline std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
inline std::string call(const std::string& function, const std::vector<std::string>& arguments) {
  return function + tuple(arguments) + "R";
}
inline std::string storage(std::string_view type, std::string_view key, std::int64_t elements) {
  return tuple(
             {text("storage"), global("torch", type), text(key), text("cpu"), integer(elements)}) +
         "Q";
}
struct Strided {
  std::string storage = pickled::storage("FloatStorage", "0", 6);
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape{2, 3}, strides{3, 1};
};
inline std::string tensor(const Strided& t) {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              {t.storage, integer(t.offset), integers(t.shape), integers(t.strides), "\x89", "}"});
}
// A whole pickle: {name: value}.
inline std::string dict(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out = "\x80\x02}(";
  for (const auto& [name, value] : entries) out += text(name) + value;
  return out + "u.";
}
}  // namespace pickled

// An entry of a zip archive; what its headers say can be made to differ from what is there.
struct Part {
  std::string name, data;
  std::uint16_t flags = 0, method = 0;
  std::uint32_t crc_change = 0;
  std::string local_name, local_extra, extra, gap;  // gap: bytes after the entry
  std::int64_t local_size = -1, size = -1;          // -1: the true one
  std::uint16_t disk = 0;
};

inline std::string zip(const std::vector<Part>& parts, std::string_view before = "") {
  std::string out(before), directory;
  for (const Part& part : parts) {
    const auto true_size = static_cast<std::uint64_t>(part.data.size());
    const auto size = part.size < 0 ? true_size : static_cast<std::uint64_t>(part.size);
    const auto local_size =
        part.local_size < 0 ? size : static_cast<std::uint64_t>(part.local_size);
    const std::uint64_t crc =
        part.crc_change ^
        crc32_z(0, reinterpret_cast<const Bytef*>(part.data.data()), part.data.size());
    const std::string& local_name = part.local_name.empty() ? part.name : part.local_name;
    auto common = [&](std::uint64_t bytes) {
      return little(0, 2) + little(part.flags, 2) + little(part.method, 2) + little(0, 4) +
             little(crc, 4) + little(bytes, 4) + little(bytes, 4);
    };
    directory += "PK\1\2" + little(0, 2) + common(size) + little(part.name.size(), 2) +
                 little(part.extra.size(), 2) + little(0, 2) + little(part.disk, 2) + little(0, 6) +
                 little(out.size(), 4) + part.name + part.extra;
    out += "PK\3\4" + common(local_size) + little(local_name.size(), 2) +
           little(part.local_extra.size(), 2) + local_name + part.local_extra + part.data +
           part.gap;
  }
  const std::uint64_t at = out.size();
  return out + directory + "PK\5\6" + little(0, 4) + little(parts.size(), 2) +
         little(parts.size(), 2) + little(directory.size(), 4) + little(at, 4) + little(0, 2);
}

// A file of torch.save around a pickle, with storages of the given bytes named "0", "1" …
inline std::string torch_zip(const std::string& pickle,
                             const std::vector<std::string>& storages = {}) {
  std::vector<Part> parts{{"m/data.pkl", pickle}, {"m/byteorder", "little"}};
  for (std::size_t i = 0; i < storages.size(); ++i)
    parts.push_back({"m/data/" + std::to_string(i), storages[i]});
  parts.push_back({"m/version", "3\n"});
  return zip(parts);
}

// The same in the older format; each storage is its count of elements and its bytes.
struct LegacyStorage {
  std::uint64_t elements;
  std::string bytes;
};
inline std::string torch_legacy(const std::string& pickle,
                                const std::vector<LegacyStorage>& storages = {}) {
  using namespace std::string_literals;
  std::string out = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s +
                    "\x80\x02M\xe9\x03."s + "\x80\x02}X\x0d\0\0\0little_endian\x88s."s;
  out += pickle + "\x80\x02](";
  for (std::size_t i = 0; i < storages.size(); ++i) out += pickled::text(std::to_string(i));
  out += "e.";
  for (const auto& storage : storages) out += little(storage.elements, 8) + storage.bytes;
  return out;
}

}  // namespace hft::test
