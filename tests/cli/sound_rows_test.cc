// Sounds as inputs: folders, patterns, data rows.
#include <unistd.h>

#include "tasks/run/rows.h"
#include "tests/media/sounds.h"

namespace hft {
namespace {

InputOptions options_of(std::vector<std::string> values, std::vector<std::string> files = {}) {
  InputOptions options;
  options.values = std::move(values);
  options.files = std::move(files);
  options.columns = {{.name = "audio", .source = "audio", .kind = Kind::kSound}};
  return options;
}

// "4000 samples", or what is wrong.
std::string heard(const Input& input) {
  if (input.error) return input.error->message;
  try {
    const auto samples = test::read_all(*media::open_sound(input.sound(), 16000));
    return std::to_string(samples.size()) + " samples";
  } catch (const Error& e) {
    return e.message;
  }
}

std::vector<std::string> heard(const InputOptions& options) {
  InputReader reader(options);
  std::vector<std::string> all;
  while (auto input = reader.next()) all.push_back(heard(*input));
  return all;
}

std::string wav(int samples) {
  return test::Wav{.data = std::string(static_cast<std::size_t>(2 * samples), '\1')}.bytes();
}

}  // namespace

TEST_CASE("sounds: folders, patterns and files, one after another") {
  const test::TempFolder folder;
  test::spit(folder / "b.wav", wav(200));
  test::spit(folder / "a.WAV", wav(100));
  test::spit(folder / "notes.txt", "no sound");
  test::spit(folder / "c.flac", "not a flac");
  const std::vector<std::string> wanted{
      "100 samples", "200 samples",
      (folder / "c.flac").string() +
          ": is text, wanted WAV, FLAC, Ogg, MP3, or a sound that ffmpeg decodes"};
  CHECK(heard(options_of({folder.path})) == wanted);
  CHECK(heard(options_of({(folder / "*.[wW]*").string()})) ==
        std::vector<std::string>{"100 samples", "200 samples"});
  CHECK(heard(options_of({}, {folder / "b.wav"})) == std::vector<std::string>{"200 samples"});
  CHECK(heard(options_of({folder / "none.wav"})) ==
        std::vector<std::string>{(folder / "none.wav").string() + ": no such file"});
}

TEST_CASE("sounds: a row has a path, base64, a data URL, or an object") {
  const test::TempFolder folder;
  test::spit(folder / "a.wav", wav(100));
  const std::string inner = encoded_base64(wav(300)), path = (folder / "a.wav").string();
  const std::vector<std::pair<Json, std::string>> rows = {
      {path, "100 samples"},
      {inner, "300 samples"},
      {"data:audio/wav;base64," + inner, "300 samples"},
      {{{"path", path}}, "100 samples"},
      {{{"bytes", inner}, {"path", nullptr}}, "300 samples"},
      {{{"array", {0.1, -0.5, 1, 0}}, {"sampling_rate", 16000}}, "4 samples"},
      {{{"raw", Json::array({0.25})}, {"sampling_rate", 16000}}, "1 samples"},
      {{{"array", Json::array({Json::array({1, 2}), Json::array({3, 4})})},
        {"sampling_rate", 16000}},
       "line 8 of rows.jsonl: column 'audio' has an array that is no list of numbers"},
      {{{"array", Json::array({1})}},
       "line 9 of rows.jsonl: column 'audio' has no 'sampling_rate' from 1000 to 768000"},
      {{{"sound", 1}},
       "line 10 of rows.jsonl: column 'audio' has neither 'array', 'bytes' nor 'path'"},
      {3, "line 11 of rows.jsonl: column 'audio' is number, wanted a path or URL"}};
  std::string lines;
  std::vector<std::string> wanted;
  for (const auto& [cell, said] : rows) {
    lines += to_line(Json{{"audio", cell}}) + "\n";
    wanted.push_back(said);
  }
  test::spit(folder / "rows.jsonl", lines);
  auto got = heard(options_of({}, {folder / "rows.jsonl"}));
  for (std::string& line : got)
    if (const auto at = line.find(folder.path.string() + "/"); at != line.npos)
      line.erase(at, folder.path.string().size() + 1);
  CHECK(got == wanted);
}

TEST_CASE("sounds: samples of an array are resampled like those of a file") {
  std::string data;
  Json array = Json::array();
  for (const float x : test::signal(4410)) {
    data += test::little(std::bit_cast<std::uint32_t>(x), 4);
    array.push_back(static_cast<double>(x));
  }
  const std::string file = test::Wav{.coding = 3, .rate = 44100, .bits = 32, .data = data}.bytes();
  const Value value = value_of(Kind::kSound, {{"array", array}, {"sampling_rate", 44100}});
  const auto from_array = media::open_sound(sound_of(std::get<Media>(value)), 16000);
  const auto from_file = media::open_sound(test::in_memory(file), 16000);
  CHECK(test::read_all(*from_array) == test::read_all(*from_file));
}

}  // namespace hft
