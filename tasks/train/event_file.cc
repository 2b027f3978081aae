#include "tasks/train/event_file.h"

#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <ctime>
#include <fstream>

#include "core/base/error.h"
#include "core/base/files.h"

namespace hft {
namespace {

std::string little_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i);
  return out;
}

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}

// Fields of a protocol buffer, by number.
std::string proto_bytes(int field, const std::string& bytes) {
  return varint(field << 3 | 2) + varint(bytes.size()) + bytes;
}
std::string proto_number(int field, std::int64_t value) {
  return varint(field << 3) + varint(static_cast<std::uint64_t>(value));
}
std::string proto_double(int field, double value) {
  return varint(field << 3 | 1) + little_endian(std::bit_cast<std::uint64_t>(value), 8);
}
std::string proto_float(int field, float value) {
  return varint(field << 3 | 5) + little_endian(std::bit_cast<std::uint32_t>(value), 4);
}

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string tag_of(const std::string& name) {
  for (const char* kind : {"eval_", "test_"})
    if (name.starts_with(kind)) return name.substr(0, 4) + "/" + name.substr(5);
  return "train/" + name;
}

}  // namespace

std::uint32_t masked_crc32c(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> kTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = c & 1 ? c >> 1 ^ 0x82f63b78U : c >> 1;
      table[i] = c;
    }
    return table;
  }();
  std::uint32_t crc = ~0U;
  for (const char byte : bytes)
    crc = kTable[(crc ^ static_cast<std::uint8_t>(byte)) & 0xff] ^ crc >> 8;
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xa282ead8U;
}

void EventFile::begin() {
  char host[256] = "machine", time[64];
  gethostname(host, sizeof host - 1);
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::strftime(time, sizeof time, "%b%d_%H-%M-%S", &local);
  const fs::path run = folder_ / "runs" / (std::string(time) + "_" + host);
  std::error_code failed;
  fs::create_directories(run, failed);
  path_ = run / ("events.out.tfevents." + std::to_string(now) + "." + host + "." +
                 std::to_string(getpid()) + ".0");
  write(proto_double(1, wall_time()) + proto_bytes(3, "brain.Event:2"));
}

void EventFile::add(const Json& entry) {
  if (folder_.empty()) return;
  if (path_.empty()) begin();
  std::string summary;
  for (const auto& [name, value] : entry.items())
    if (value.is_number() && name != "step")
      summary += proto_bytes(1, proto_bytes(1, tag_of(name)) + proto_float(2, value.get<float>()));
  write(proto_double(1, wall_time()) + proto_number(2, entry.value("step", std::int64_t{0})) +
        proto_bytes(5, summary));
}

void EventFile::write(const std::string& event) const {
  const std::string length = little_endian(event.size(), 8);
  std::ofstream file(path_, std::ios::binary | std::ios::app);
  file << length << little_endian(masked_crc32c(length), 4) << event
       << little_endian(masked_crc32c(event), 4) << std::flush;
  if (!file) fail(Errc::kResources, path_.string(), ": cannot write");
}

}  // namespace hft
