// TIFF 6.0, sections 9 (PackBits) and 13 (LZW); Deflate as in Adobe's technical note 3.
#include <zlib.h>

#include <algorithm>
#include <array>

#include "core/base/error.h"
#include "media/read/tiff.h"

namespace hft::media {
namespace {

[[noreturn]] void ends_early() { fail(Errc::kBadData, "ends early"); }

constexpr std::size_t kMostCodes = 4096;
constexpr int kClear = 256, kEnd = 257;

// Codes of 9 to 12 bits, high bits first.
class Codes {
 public:
  explicit Codes(Bytes bytes) : bytes_(bytes) {}
  int next(int width) {
    while (bits_ < width) {
      if (at_ == bytes_.size()) return kEnd;
      held_ = held_ << 8 | bytes_[at_++];
      bits_ += 8;
    }
    bits_ -= width;
    return static_cast<int>(held_ >> bits_ & ((1u << width) - 1));
  }

 private:
  Bytes bytes_;
  std::uint32_t held_ = 0;
  int bits_ = 0;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::uint8_t> unpacked_bits(Bytes packed, std::size_t size) {
  std::vector<std::uint8_t> out;
  out.reserve(size);
  for (std::size_t at = 0; at < packed.size() && out.size() < size;) {
    const int n = static_cast<std::int8_t>(packed[at++]);
    if (n >= 0) {
      const std::size_t count =
          std::min<std::size_t>(static_cast<std::size_t>(n) + 1, packed.size() - at);
      out.insert(out.end(), packed.begin() + static_cast<std::ptrdiff_t>(at),
                 packed.begin() + static_cast<std::ptrdiff_t>(at + count));
      at += count;
    } else if (n != -128 && at < packed.size()) {
      out.insert(out.end(), static_cast<std::size_t>(1 - n), packed[at++]);
    }
  }
  if (out.size() < size) ends_early();
  out.resize(size);
  return out;
}

std::vector<std::uint8_t> unpacked_lzw(Bytes packed, std::size_t size) {
  struct Entry {
    std::uint16_t before;
    std::uint8_t last, first;
  };
  std::array<Entry, kMostCodes> table{};
  for (std::size_t i = 0; i < 256; ++i)
    table[i] = {0, static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i)};
  std::vector<std::uint8_t> out(size), text;
  std::size_t done = 0, next = 258;
  int width = 9, previous = -1;
  Codes codes(packed);
  while (done < size) {
    const int code = codes.next(width);
    if (code == kEnd) break;
    if (code == kClear) {
      width = 9;
      next = 258;
      previous = -1;
      continue;
    }
    const bool unknown = static_cast<std::size_t>(code) >= next;
    if (static_cast<std::size_t>(code) > next || (unknown && previous < 0) ||
        (previous < 0 && code > 255))
      fail(Errc::kBadData, "is damaged");
    text.clear();
    int at = unknown ? previous : code;
    if (unknown) text.push_back(table[static_cast<std::size_t>(previous)].first);
    for (; at > 255; at = table[static_cast<std::size_t>(at)].before)
      text.push_back(table[static_cast<std::size_t>(at)].last);
    text.push_back(static_cast<std::uint8_t>(at));
    for (std::size_t i = text.size(); i-- > 0 && done < size;) out[done++] = text[i];
    if (previous >= 0 && next < kMostCodes)
      table[next++] = {static_cast<std::uint16_t>(previous), text.back(),
                       table[static_cast<std::size_t>(previous)].first};
    // A code early, as TIFF's writers have always done.
    if (next + 1 >= 1u << width && width < 12) ++width;
    previous = code;
  }
  if (done < size) ends_early();
  return out;
}

std::vector<std::uint8_t> inflated(Bytes packed, std::size_t size) {
  std::vector<std::uint8_t> out(size);
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) fail(Errc::kResources, "zlib: no memory");
  stream.next_in = const_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(size);
  const int result = inflate(&stream, Z_FINISH);
  const std::size_t left = stream.avail_out;
  inflateEnd(&stream);
  if (left > 0) {
    if (result == Z_DATA_ERROR) fail(Errc::kBadData, "is damaged");
    ends_early();
  }
  return out;
}

}  // namespace hft::media
