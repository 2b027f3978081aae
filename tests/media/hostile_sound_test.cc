// Files that are broken, lie about themselves, or are no sound: each is one clear error or what
// there is of it, and costs no memory.
#include <fstream>
#include <limits>

#include "core/base/limits.h"
#include "tests/media/sounds.h"
#include "tests/support/memory.h"

namespace hft {
namespace {

using namespace std::string_literals;
using test::Wav;

// "" when it was read; samples are counted.
std::string refusal(const std::string& file, Errc* code = nullptr, std::size_t* count = nullptr) {
  try {
    const auto samples = test::read_all(*media::open_sound(test::in_memory(file), 16000));
    if (count) *count = samples.size();
    return "";
  } catch (const Error& e) {
    if (code) *code = e.code;
    return e.message;
  }
}

const std::string kWanted = ", wanted WAV, FLAC, Ogg, MP3, or a sound that ffmpeg decodes";

std::string with(std::string file, std::size_t at, const std::string& bytes) {
  return file.replace(at, bytes.size(), bytes);
}

std::string floats(std::initializer_list<std::uint32_t> bits) {
  std::string data;
  for (const auto b : bits) data += test::little(b, 4);
  return data;
}

}  // namespace

TEST_CASE("open_sound: what is no sound says what it is") {
  const auto refused = [](const std::string& file, const std::string& message) {
    Errc code{};
    CHECK(refusal(file, &code) == "x: " + message);
    CHECK(code == Errc::kBadData);
  };
  refused("", "is empty, wanted a sound");
  refused("a letter, renamed to .wav\n", "is text" + kWanted);
  refused("<!DOCTYPE html>", "is text" + kWanted);
  refused("\x89PNG\r\n\x1a\n", "is an image" + kWanted);
  refused("\x01\x02\x80\xfe\xff\x00\x11"s, "is no sound" + kWanted);
  refused(std::string(5000, '\0'), "is no sound" + kWanted);
  refused("MATLAB 5.0 MAT-file" + std::string(200, '\0'), "is no sound" + kWanted);
  refused("MThd\0\0\0\6\0\1\0\1\0\x60"s, "is no sound" + kWanted);
  refused("version https://git-lfs.github.com/spec/v1\n",
          "is a Git LFS pointer, not the sound itself");
  const test::TempFolder folder;
  CHECK(test::error_of([&] { media::open_sound({.file = folder.path, .name = "x"}, 16000); }) ==
        "x: is a folder, wanted a sound");
  const Error missing =
      test::caught([&] { media::open_sound({.file = folder / "none.wav", .name = "x"}, 16000); });
  CHECK(missing.message == "x: no such file");
  CHECK(missing.code == Errc::kNotFound);
}

TEST_CASE("open_sound: what a WAV claims is looked at before it is decoded") {
  test::reset_peak();
  const long before = test::peak_kib();
  const std::string second(32000, '\1');
  std::size_t count = 0;
  CHECK(refusal(Wav{.data = second, .claimed = 0xffffffff}.bytes(), nullptr, &count) == "");
  CHECK(count == 16000);
  CHECK(refusal(Wav{.data = second, .claimed = 0x7fffffff}.bytes(), nullptr, &count) == "");
  CHECK(count == 16000);
  Errc code{};
  CHECK(refusal(Wav{.claimed = 0x80000000}.bytes(), &code).starts_with("x: "));
  CHECK(code == Errc::kBadData);
  CHECK(refusal(Wav{}.bytes(), &code) == "x: holds no samples");
  CHECK(code == Errc::kBadData);
  CHECK(refusal(Wav{.channels = 65, .bits = 8, .data = second}.bytes()) ==
        "x: has 65 channels, wanted 1 to 64");
  CHECK(refusal(Wav{.rate = 999, .data = second}.bytes()) ==
        "x: has 999 samples a second, wanted 1000 to 768000");
  CHECK(refusal(Wav{.rate = 768001, .data = second}.bytes()) ==
        "x: has 768001 samples a second, wanted 1000 to 768000");
  for (const std::uint32_t channels : {0u, 1025u, 65535u}) {
    CHECK(refusal(Wav{.channels = channels, .data = second}.bytes(), &code).starts_with("x: "));
    CHECK((code == Errc::kBadData || code == Errc::kUnsupported));
  }
  for (const std::uint32_t rate : {0u, 0x80000000u, 0xffffffffu}) {
    CHECK(refusal(Wav{.rate = rate, .data = second}.bytes(), &code).starts_with("x: "));
    CHECK(code == Errc::kBadData);
  }
  for (const std::uint32_t bits : {0u, 1u, 7u, 63u, 65535u})
    CHECK(refusal(Wav{.bits = bits, .data = second}.bytes()).find('\n') == std::string::npos);
  CHECK(test::peak_kib() - before < 64 << 10);
}

TEST_CASE("open_sound: a sound of more than a day is refused by its header") {
  std::string flac = test::sound("flac-16.flac");
  // 36 bits of the number of samples, from the middle of byte 21 of a FLAC on.
  flac[21] = static_cast<char>(flac[21] | 0x0f);
  CHECK(refusal(with(flac, 22, "\xff\xff\xff\xff")) ==
        "x: is 432 hours long, over the limit of 24");
}

TEST_CASE("open_sound: samples that are no numbers") {
  for (const std::uint32_t bad : {0x7fc00000u, 0x7f800000u, 0xff800000u}) {
    Errc code{};
    const Wav wav{.coding = 3, .bits = 32, .data = floats({0, 0x3f000000, bad, 0})};
    CHECK(refusal(wav.bytes(), &code).starts_with("x: has a sample that is not finite, 0"));
    CHECK(code == Errc::kBadData);
  }
  CHECK(refusal(Wav{.coding = 3, .bits = 32, .data = floats({0x7149f2ca, 0xf149f2ca})}.bytes()) ==
        "");
}

TEST_CASE("open_sound: a file cut anywhere is an error, or gives what was there") {
  test::reset_peak();
  const long before = test::peak_kib();
  for (const char* name : {"wav-stereo.wav", "wav-extensible.wav", "flac-24.flac", "ogg-vorbis.ogg",
                           "mp3-stereo.mp3", "wav-rf64.wav"}) {
    const std::string file = test::sound(name);
    std::size_t whole = 0;
    CHECK(refusal(file, nullptr, &whole) == "");
    for (std::size_t percent = 0; percent < 100; percent += 3) {
      CAPTURE(name);
      CAPTURE(percent);
      std::size_t count = 0;
      Errc code = Errc::kBadData;
      const std::string said = refusal(file.substr(0, file.size() * percent / 100), &code, &count);
      CHECK((code == Errc::kBadData || code == Errc::kUnsupported));
      CHECK(said.find('\n') == said.npos);
      CHECK(count <= whole + 2000);
    }
  }
  CHECK(test::peak_kib() - before < 64 << 10);
}

TEST_CASE("open_sound: bytes changed anywhere never crash, hang or print") {
  std::uint32_t state = 7;
  const auto random = [&](std::size_t below) {
    state = 1664525u * state + 1013904223u;
    return static_cast<std::size_t>(state >> 8) % below;
  };
  for (const char* name : {"wav-pcm_24.wav", "wav-extensible.wav", "flac-3-channels.flac",
                           "ogg-vorbis.ogg", "mp3-mono.mp3", "wav-rf64.wav"}) {
    const std::string file = test::sound(name);
    for (int i = 0; i < 40; ++i) {
      std::string bad = file;
      const std::size_t reach = i % 2 ? 200 : bad.size();
      for (int k = 0; k < 4; ++k)
        bad[4 + random(std::min(reach, bad.size()) - 4)] = static_cast<char>(random(256));
      CHECK(refusal(bad).find('\n') == std::string::npos);
    }
  }
}

TEST_CASE("open_sound: chunks that lead nowhere") {
  const std::string second(32000, '\1');
  CHECK(refusal("RIFF\xff\xff\xff\xffWAVE"s).starts_with("x: "));
  CHECK(refusal("RIFF\0\0\0\0WAVEdata\4\0\0\0abcd"s).starts_with("x: "));
  CHECK(refusal("RIFF\0\0\0\0WAVEfmt \xff\xff\xff\x7f"s).starts_with("x: "));
  CHECK(refusal(Wav{.data = second, .before_data = "LIST\xff\xff\xff\xff"}.bytes())
            .starts_with("x: "));
  CHECK(refusal("fLaC" + std::string(60, '\xff')).starts_with("x: "));
  CHECK(refusal("fLaC\0\0\0\x22"s + std::string(34, '\0')).starts_with("x: "));
  CHECK(refusal("OggS\0\2"s + std::string(100, '\0')).starts_with("x: "));
  CHECK(refusal("OggS" + std::string(200, '\xff')).starts_with("x: "));
  CHECK(refusal("ID3\4\0\0\x7f\x7f\x7f\x7f"s + std::string(100, '\0')).starts_with("x: "));
  CHECK(refusal("ID3\4\0\0\0\0\0\0"s + second).starts_with("x: "));
  CHECK(refusal("\xff\xfb\x90\x64" + std::string(100, '\xff')).starts_with("x: "));
  CHECK(refusal("RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0"s + std::string(28, '\xff'))
            .starts_with("x: "));
  for (const int coding : {0, 2, 0x11, 0x31, 0x40, 0x55, 0xfffe, 0xffff})
    CHECK(refusal(Wav{.coding = static_cast<std::uint32_t>(coding), .data = second}.bytes())
              .find('\n') == std::string::npos);
}

TEST_CASE("open_sound: ffmpeg's own refusals are one line, and it opens nothing else") {
  Errc code{};
  CHECK(refusal("\0\0\0\x18"
                "ftypM4A "s +
                    std::string(100, '\1'),
                &code)
            .starts_with("x: ffmpeg cannot decode it: "));
  CHECK(code == Errc::kBadData);
  CHECK(refusal("FORM\0\0\0\4AIFF"s).starts_with("x: ffmpeg cannot decode it: "));
  CHECK(refusal("\x1a\x45\xdf\xa3" + std::string(300, '\x80'))
            .starts_with("x: ffmpeg cannot decode it: "));
  for (const char* name : {"aac.m4a", "opus.webm", "pcm.aiff", "adpcm.wav"}) {
    const std::string file = test::sound(name);
    CHECK(refusal(file.substr(0, file.size() / 3)).find('\n') == std::string::npos);
  }
}

TEST_CASE("open_sound: a long file takes no more memory than a short one") {
  const test::TempFolder folder;
  const std::string second(2 * 48000 * 2, '\3');
  {
    std::ofstream file(folder / "long.wav", std::ios::binary);
    file << Wav{.channels = 2, .rate = 48000, .claimed = 300 * 2 * 48000 * 2}.bytes();
    for (int i = 0; i < 300; ++i) file << second;
  }
  test::reset_peak();
  const long before = test::peak_kib();
  const auto reader = media::open_sound({.file = folder / "long.wav", .name = "x"}, 16000);
  std::vector<float> piece(16000);
  std::size_t count = 0;
  for (std::size_t n = piece.size(); n == piece.size(); count += n) n = reader->read(piece);
  CHECK(count == 300 * 16000);
  CHECK(test::peak_kib() - before < 8 << 10);
}

}  // namespace hft
