// The sounds of tests/golden/sounds, and the signal that its features are of.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/base64.h"
#include "core/base/json.h"
#include "media/sound.h"
#include "tests/media/little.h"
#include "tests/support/test.h"

namespace hft::test {

inline const Json& sounds() {
  static const Json all = read_json(golden("sounds") / "sounds.json");
  return all;
}

inline std::string sound(const std::string& name) {
  for (const Json& one : sounds()["files"])
    if (one["name"] == name) return decoded_base64(one["bytes"].get<std::string>()).value();
  FAIL("no sound " << name);
  return "";
}

// scripts/golden/sounds.py makes the same.
inline std::vector<float> signal(std::size_t n, double second_half = 1.0) {
  std::vector<float> out(n);
  std::uint32_t state = 1;
  for (std::size_t k = 0; k < n; ++k) {
    state = 1664525u * state + 1013904223u;
    const double i = static_cast<double>(k), noise = state / 2147483648.0 - 1.0;
    const double tone = std::sin(0.02 * i + 2e-6 * i * i) + 0.5 * std::sin(0.3 * i + 1e-6 * i * i);
    out[k] = static_cast<float>(0.4 * (0.6 * tone + 0.05 * noise));
    if (k >= n / 2) out[k] *= static_cast<float>(second_half);
  }
  return out;
}

// Its samples of 16 bits, without a header.
inline std::string pcm(std::size_t count, double loud = 1.0) {
  std::string bytes;
  for (const float x : signal(count))
    bytes += little(static_cast<std::uint16_t>(static_cast<std::int16_t>(x * loud * 32767)), 2);
  return bytes;
}

inline media::SoundSource in_memory(const std::string& bytes) {
  return {.bytes = std::make_shared<const std::string>(bytes), .name = "x"};
}

// All samples, `block` of them at a time.
inline std::vector<float> read_all(media::SoundReader& reader, std::size_t block = 1000) {
  std::vector<float> all, piece(block);
  for (std::size_t n = block; n == block;) {
    n = reader.read(piece);
    all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(n));
  }
  return all;
}

// A WAV file, true or not.
struct Wav {
  std::uint32_t coding = 1, channels = 1, rate = 16000, bits = 16;
  std::string data;
  std::uint32_t claimed = 0;  // bytes of data; 0: those there are
  std::string fmt_more, before_data;

  std::string bytes() const {
    const std::uint32_t block = channels * bits / 8;
    const std::string fmt = little(coding, 2) + little(channels, 2) + little(rate, 4) +
                            little(std::uint64_t{rate} * block, 4) + little(block, 2) +
                            little(bits, 2) + fmt_more;
    const auto size = claimed ? claimed : static_cast<std::uint32_t>(data.size());
    const std::string body =
        "WAVEfmt " + little(fmt.size(), 4) + fmt + before_data + "data" + little(size, 4) + data;
    return "RIFF" + little(claimed ? claimed + 36 : body.size(), 4) + body;
  }
};

}  // namespace hft::test
