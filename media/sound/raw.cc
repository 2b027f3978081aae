// Raw samples, and the bytes that decoders read.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/signals.h"
#include "core/base/text.h"
#include "media/sound/readers.h"

namespace hft::media {
namespace {

class FileBytes : public ByteSource {
 public:
  FileBytes(Descriptor file, std::int64_t size) : file_(std::move(file)), size_(size) {}
  std::int64_t size() const override { return size_; }
  std::size_t read_at(std::int64_t offset, std::span<std::uint8_t> out) override {
    std::size_t got = 0;
    while (got < out.size()) {
      const ssize_t n = ::pread(file_.get(), out.data() + got, out.size() - got,
                                offset + static_cast<std::int64_t>(got));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      got += static_cast<std::size_t>(n);
    }
    return got;
  }

 private:
  Descriptor file_;
  std::int64_t size_;
};

class MemoryBytes : public ByteSource {
 public:
  explicit MemoryBytes(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(bytes_->size()); }
  std::size_t read_at(std::int64_t offset, std::span<std::uint8_t> out) override {
    const auto from = std::min(static_cast<std::size_t>(offset), bytes_->size());
    const auto n = std::min(out.size(), bytes_->size() - from);
    std::memcpy(out.data(), bytes_->data() + from, n);
    return n;
  }

 private:
  std::shared_ptr<const std::string> bytes_;
};

struct RawType {
  std::string_view name;
  RawSound::Type type;
  std::size_t bytes;
};
constexpr RawType kTypes[] = {
    {"u8", RawSound::Type::kU8, 1},     {"s16le", RawSound::Type::kS16, 2},
    {"s24le", RawSound::Type::kS24, 3}, {"s32le", RawSound::Type::kS32, 4},
    {"f32le", RawSound::Type::kF32, 4}, {"mulaw", RawSound::Type::kMulaw, 1},
    {"alaw", RawSound::Type::kAlaw, 1}};

// ITU-T G.711: sign, a segment of three bits, a step of four.
float mulaw(std::uint8_t byte) {
  const int bits = ~byte, segment = bits >> 4 & 7;
  const int size = ((((bits & 15) << 3) + 132) << segment) - 132;
  return static_cast<float>(bits & 0x80 ? -size : size) / 32768.0f;
}
float alaw(std::uint8_t byte) {
  const int bits = byte ^ 0x55, segment = bits >> 4 & 7, step = (bits & 15) << 4;
  const int size = segment == 0 ? step + 8 : (step + 0x108) << (segment - 1);
  return static_cast<float>(bits & 0x80 ? size : -size) / 32768.0f;
}

// The lowest bytes of a sample, as the highest of 32 bits.
float whole(const std::uint8_t* from, int bytes) {
  std::uint32_t bits = 0;
  for (int i = 0; i < bytes; ++i) bits |= std::uint32_t{from[i]} << (32 - 8 * bytes + 8 * i);
  return static_cast<float>(static_cast<std::int32_t>(bits)) / 2147483648.0f;
}

float sample_of(RawSound::Type type, const std::uint8_t* from) {
  switch (type) {
    case RawSound::Type::kU8:
      return (static_cast<float>(*from) - 128.0f) / 128.0f;
    case RawSound::Type::kS16:
      return whole(from, 2);
    case RawSound::Type::kS24:
      return whole(from, 3);
    case RawSound::Type::kS32:
      return whole(from, 4);
    case RawSound::Type::kF32: {
      float value = 0;
      std::memcpy(&value, from, sizeof value);
      return value;
    }
    case RawSound::Type::kMulaw:
      return mulaw(*from);
    case RawSound::Type::kAlaw:
      return alaw(*from);
  }
  return 0;
}

// What has arrived is given at once: whoever writes a stream may be slow.
class RawDecoder : public Decoder {
 public:
  RawDecoder(const RawSound& raw, Descriptor file)
      : file_(std::move(file)), type_(raw.type), bytes_(kTypes[static_cast<int>(raw.type)].bytes) {
    rate = raw.rate;
    channels = raw.channels;
  }

  std::size_t read(std::span<float> out) override {
    const std::size_t frame = bytes_ * static_cast<std::size_t>(channels);
    const std::size_t room = out.size() / static_cast<std::size_t>(channels) * frame;
    std::size_t have = rest_.size();
    rest_.resize(room);
    while (have < frame) {
      const std::size_t n = some(std::span(rest_).subspan(have));
      if (n == 0) break;
      have += n;
    }
    const std::size_t frames = have / frame, samples = frames * static_cast<std::size_t>(channels);
    for (std::size_t i = 0; i < samples; ++i) out[i] = sample_of(type_, rest_.data() + i * bytes_);
    rest_.resize(have);
    rest_.erase(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(frames * frame));
    return frames;
  }

 private:
  std::size_t some(std::span<std::uint8_t> out) const {
    while (!stop_requested()) {
      pollfd ready{file_.get(), POLLIN, 0};
      if (::poll(&ready, 1, 200) == 0) continue;
      const ssize_t n = ::read(file_.get(), out.data(), out.size());
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR && errno != EAGAIN)
        fail(Errc::kFailure, "cannot read: ", std::strerror(errno));
    }
    return 0;
  }

  Descriptor file_;
  RawSound::Type type_;
  std::size_t bytes_;
  std::vector<std::uint8_t> rest_;
};

}  // namespace

std::unique_ptr<ByteSource> bytes_of_file(Descriptor file, std::int64_t size) {
  return std::make_unique<FileBytes>(std::move(file), size);
}

std::unique_ptr<ByteSource> bytes_of_memory(std::shared_ptr<const std::string> bytes) {
  return std::make_unique<MemoryBytes>(std::move(bytes));
}

std::unique_ptr<Decoder> raw_decoder(const RawSound& raw, Descriptor file) {
  return std::make_unique<RawDecoder>(raw, std::move(file));
}

RawSound parse_raw_sound(const std::string& text) {
  const auto parts = split(text, ',');
  const auto wrong = [&](const std::string& part, const std::string& wanted) {
    fail(Errc::kUsage, "--raw ", text, ": '", part, "' is not ", wanted);
  };
  const auto number = [&](std::size_t i, int low, int high, const std::string& what) {
    int value = 0;
    const char* end = parts[i].data() + parts[i].size();
    if (std::from_chars(parts[i].data(), end, value).ptr != end || value < low || value > high)
      wrong(parts[i], what + " from " + std::to_string(low) + " to " + std::to_string(high));
    return value;
  };
  if (parts.size() > 3) fail(Errc::kUsage, "--raw ", text, ": wanted RATE[,CHANNELS[,TYPE]]");
  RawSound raw;
  raw.rate = number(0, limits::kSoundLeastRate, limits::kSoundRate, "a rate in Hz");
  if (parts.size() > 1) raw.channels = number(1, 1, limits::kSoundChannels, "a number of channels");
  if (parts.size() < 3) return raw;
  const auto* type = std::ranges::find(kTypes, parts[2], &RawType::name);
  if (type == std::end(kTypes))
    wrong(parts[2], "one of u8, s16le, s24le, s32le, f32le, mulaw, alaw");
  raw.type = type->type;
  return raw;
}

}  // namespace hft::media
