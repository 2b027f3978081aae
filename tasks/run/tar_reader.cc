#include "tasks/run/tar_reader.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "hub/names.h"

namespace hft {
namespace {

constexpr std::int64_t kTarBlock = 512;
constexpr std::string_view kTarMagic = "ustar";
constexpr std::size_t kTarMagicAt = 257, kTarChecksumAt = 148, kTarTypeAt = 156;

std::string tar_field(const std::string& header, std::size_t at, std::size_t size) {
  const std::string text = header.substr(at, size);
  return text.substr(0, std::min(text.find('\0'), text.size()));
}

// Octal digits; or, where the first bit is set, a number of 8 bytes (GNU).
std::int64_t tar_number(const std::string& header, std::size_t at, std::size_t size) {
  std::int64_t value = 0;
  if (static_cast<unsigned char>(header[at]) & 0x80) {
    for (std::size_t i = at + size - 8; i < at + size; ++i)
      value = value << 8 | static_cast<unsigned char>(header[i]);
    return value;
  }
  for (const char c : header.substr(at, size))
    if (c >= '0' && c <= '7') value = value * 8 + (c - '0');
  return value;
}

bool is_tar_header(const std::string& header) {
  std::int64_t sum = 8 * ' ';
  for (std::size_t i = 0; i < header.size(); ++i)
    if (i < kTarChecksumAt || i >= kTarChecksumAt + 8) sum += static_cast<unsigned char>(header[i]);
  return sum == tar_number(header, kTarChecksumAt, 8);
}

// Of pax: "LENGTH key=value\n" one after another.
std::string pax_value(std::string_view records, std::string_view key) {
  std::string found;
  while (!records.empty()) {
    const auto length = static_cast<std::size_t>(std::atoll(std::string(records.substr(0, 20)).c_str()));
    const auto space = records.find(' ');
    if (length == 0 || length > records.size() || space >= length)
      fail(Errc::kBadData, "damaged tar archive: a pax header of another form");
    const std::string_view record = records.substr(space + 1, length - space - 2);
    if (record.starts_with(key) && record.substr(key.size()).starts_with('='))
      found = record.substr(key.size() + 1);
    records.remove_prefix(length);
  }
  return found;
}

}  // namespace

bool TarReader::begins(std::string_view head) {
  return head.size() > kTarMagicAt && head.substr(kTarMagicAt).starts_with(kTarMagic);
}

// With what fills its last block.
std::string TarReader::taken(std::int64_t size) {
  if (size < 0 || size > limits::kSoundBytes)
    fail(Errc::kBadData, "a file of ", size, " bytes in the archive, the limit is ",
         limits::kSoundBytes);
  std::string bytes = bytes_.take((size + kTarBlock - 1) / kTarBlock * kTarBlock);
  if (static_cast<std::int64_t>(bytes.size()) < size)
    fail(Errc::kBadData, "the tar archive ends in the middle of a file");
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

std::optional<TarReader::File> TarReader::next() {
  std::string long_name;
  std::int64_t long_size = -1;
  while (true) {
    const std::string header = bytes_.take(kTarBlock);
    if (header.empty() || header.find_first_not_of('\0') == header.npos) return std::nullopt;
    if (header.size() < kTarBlock || !is_tar_header(header))
      fail(Errc::kBadData, "damaged tar archive: a header's checksum is wrong");
    const char type = header[kTarTypeAt];
    std::int64_t size = tar_number(header, 124, 12);
    if (type == 'L' || type == 'x') {
      const std::string value = taken(std::min<std::int64_t>(size, limits::kMiB + 1));
      if (size > limits::kMiB) fail(Errc::kBadData, "damaged tar archive: a name of ", size, " bytes");
      const std::string path = type == 'x' ? pax_value(value, "path") : value.c_str();
      if (!path.empty()) long_name = path;
      if (type == 'x')
        if (const std::string bytes = pax_value(value, "size"); !bytes.empty())
          long_size = std::atoll(bytes.c_str());
      continue;
    }
    if (long_size >= 0) size = long_size;
    const std::string prefix = header.substr(kTarMagicAt).starts_with(kTarMagic) ? tar_field(header, 345, 155) : "";
    std::string name = !long_name.empty() ? long_name
                       : prefix.empty()   ? tar_field(header, 0, 100)
                                          : prefix + "/" + tar_field(header, 0, 100);
    const bool is_file = type == '0' || type == '\0' || type == '7';
    if (is_file && hub::leads_out(name))
      fail(Errc::kBadData, "unsafe file name ", hub::shown(name), " in the archive: it leads out");
    std::string bytes = taken(size);
    if (is_file) return File{name.starts_with("./") ? name.substr(2) : name, std::move(bytes)};
    long_name.clear();
    long_size = -1;
  }
}

}  // namespace hft
