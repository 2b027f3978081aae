#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <thread>

#include "tests/media/sounds.h"

namespace hft {
namespace {

constexpr double kSampleTolerance = 1e-5;

std::vector<float> samples_of(const media::SoundSource& source, int rate = 16000) {
  return test::read_all(*media::open_sound(source, rate));
}

float peak(const std::string& bytes) {
  float most = 0;
  for (const float x : samples_of(test::in_memory(bytes))) most = std::max(most, std::abs(x));
  return most;
}

std::string flat(int channels) {
  std::string data;
  for (int i = 0; i < 400 * channels; ++i) data += test::little(0x3f4ccccd, 4);  // 0.8
  return test::Wav{
      .coding = 3, .channels = static_cast<std::uint32_t>(channels), .bits = 32, .data = data}
      .bytes();
}

}  // namespace

TEST_CASE("open_sound: every kind of sound has the samples that the reference's ffmpeg gives") {
  for (const Json& one : test::sounds()["files"]) {
    const std::string name = one["name"];
    CAPTURE(name);
    const auto samples = samples_of(test::in_memory(test::sound(name)));
    const auto step = one["step"].get<std::size_t>(), count = one["count"].get<std::size_t>();
    // An Ogg of one page is not cut to its length by ffmpeg; decoders of lossy formats may round
    // otherwise.
    const bool ogg = name.starts_with("ogg"), lossy = ogg || name.starts_with("mp3");
    const std::size_t compared = samples.size() - (ogg ? 64 : 0);
    CHECK((ogg ? samples.size() <= count : samples.size() == count));
    const double tolerance = lossy ? 2e-5 : kSampleTolerance;
    double worst = 0;
    for (std::size_t i = 0; i < one["values"].size() && i * step < compared; ++i)
      worst = std::max(worst, std::abs(samples[i * step] - one["values"][i].get<double>()));
    CHECK(worst < tolerance);
  }
}

TEST_CASE("open_sound: stereo is mixed as ffmpeg mixes it, louder than its mean") {
  CHECK(peak(flat(1)) == doctest::Approx(0.8));
  CHECK(peak(flat(2)) == doctest::Approx(1.1314).epsilon(1e-3));
  CHECK(peak(flat(6)) == doctest::Approx(2.7314).epsilon(1e-3));
  CHECK(peak(flat(10)) == doctest::Approx(0.8));  // nobody knows where these stand: their mean
  CHECK(peak(flat(64)) == doctest::Approx(0.8));
}

TEST_CASE("open_sound: the size of the pieces, a file or memory make no difference") {
  const test::TempFolder folder;
  for (const char* name : {"flac-16.flac", "mp3-stereo.mp3", "wav-stereo.wav", "ogg-vorbis.ogg"}) {
    const auto whole = samples_of(test::in_memory(test::sound(name)));
    test::spit(folder / name, test::sound(name));
    for (const std::size_t block : {1, 17, 100000}) {
      const auto reader = media::open_sound({.file = folder / name, .name = name}, 16000);
      CHECK(test::read_all(*reader, block) == whole);
    }
  }
}

TEST_CASE("open_sound: a sound of one sample, and other rates") {
  const std::string one = test::Wav{.data = test::little(0x4000, 2)}.bytes();
  CHECK(samples_of(test::in_memory(one)) == std::vector<float>{0.5f});
  const std::string wav = test::Wav{.data = std::string(3200, '\1')}.bytes();
  CHECK(samples_of(test::in_memory(wav)).size() == 1600);
  CHECK(samples_of(test::in_memory(wav), 8000).size() == doctest::Approx(800).epsilon(0.03));
  CHECK(samples_of(test::in_memory(wav), 48000).size() == doctest::Approx(4800).epsilon(0.03));
}

TEST_CASE("open_sound: raw samples of every type, from a file or a pipe as they come") {
  const auto first = [](const std::string& raw, const std::string& bytes) {
    media::SoundSource source = test::in_memory(bytes);
    source.raw = media::parse_raw_sound(raw);
    return samples_of(source).at(0);
  };
  CHECK(first("16000", test::little(0x4000, 2)) == 0.5f);
  CHECK(first("16000,1,u8", "\xc0") == 0.5f);
  CHECK(first("16000,1,s24le", test::little(0xc00000, 3)) == -0.5f);
  CHECK(first("16000,1,s32le", test::little(0x20000000, 4)) == 0.25f);
  CHECK(first("16000,1,f32le", test::little(0x3f000000, 4)) == 0.5f);
  for (const char* law : {"mulaw", "alaw"}) {
    const std::string file =
        test::sound(std::string("wav-") + (law[0] == 'm' ? "ulaw" : law) + ".wav");
    const std::string data = file.substr(file.find("data") + 8);
    media::SoundSource source = test::in_memory(data);
    source.raw = media::parse_raw_sound(std::string("8000,1,") + law);
    CHECK(samples_of(source) == samples_of(test::in_memory(file)));
  }
  CHECK(first("16000,2,s16le", test::little(0x4000, 2) + test::little(0x4000, 2)) ==
        doctest::Approx(0.70711));

  const test::TempFolder folder;
  const std::string pipe = (folder / "pipe").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::thread writer([&] {
    const int fd = ::open(pipe.c_str(), O_WRONLY);
    const std::string piece(3, '\1');  // samples are torn apart
    for (int i = 0; i < 400; ++i) CHECK(::write(fd, piece.data(), 3) == 3);
    ::close(fd);
  });
  media::SoundSource source{.file = pipe, .name = "pipe"};
  source.raw = media::RawSound{16000};
  CHECK(samples_of(source).size() == 600);
  writer.join();
}

TEST_CASE("--raw: what is wrong with it is said") {
  const auto error = [](const std::string& text) {
    return test::error_of([&] { media::parse_raw_sound(text); });
  };
  CHECK(error("fast") == "--raw fast: 'fast' is not a rate in Hz from 1000 to 768000");
  CHECK(error("16000,65") == "--raw 16000,65: '65' is not a number of channels from 1 to 64");
  CHECK(error("16000,1,s16be") ==
        "--raw 16000,1,s16be: 's16be' is not one of u8, s16le, s24le, s32le, f32le, mulaw, alaw");
  CHECK(error("16000,1,u8,9") == "--raw 16000,1,u8,9: wanted RATE[,CHANNELS[,TYPE]]");
}

TEST_CASE("open_sound: without ffmpeg, a format that needs it is named") {
  const test::TempFolder empty;
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", empty.path.c_str(), 1);
  const auto refusal = [](const std::string& bytes) {
    return test::caught([&] { media::open_sound(test::in_memory(bytes), 16000); });
  };
  const Error m4a = refusal(test::sound("aac.m4a"));
  const Error adpcm = refusal(test::sound("adpcm.wav"));
  ::setenv("PATH", path.c_str(), 1);
  CHECK(m4a.code == Errc::kUnsupported);
  CHECK(m4a.message ==
        "x: is an MP4 (M4A, AAC) sound: missing decoder, the ffmpeg program is not there");
  CHECK(m4a.hint == "install ffmpeg, or convert the sound to WAV, FLAC, Ogg or MP3");
  CHECK(adpcm.message == "x: is a WAV sound: missing decoder, the ffmpeg program is not there");
}

TEST_CASE("is_sound: known by content and by name") {
  for (const Json& one : test::sounds()["files"])
    CHECK(media::is_sound(media::bytes_of(test::sound(one["name"]))));
  for (const char* other :
       {"RIFF....WEBP", "\x89PNG\r\n\x1a\n", "{\"audio\": 1}", "\xff\xd8\xff\xe0", ""})
    CHECK_FALSE(media::is_sound(media::bytes_of(other)));
  CHECK(media::is_sound_name("a/B.M4A"));
  CHECK_FALSE(media::is_sound_name("a.jsonl"));
}

}  // namespace hft
