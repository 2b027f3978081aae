// hft transcribe with models of CTC: forms of its answer, windows, languages, what it refuses.
#include <algorithm>

#include "tests/media/sounds.h"

using namespace hft;
using test::spit;

namespace {

test::Ran transcribe(std::vector<std::string> more, const std::string& model = "wav2vec2-ctc",
                     const std::string& input = "") {
  std::vector<std::string> args{"transcribe", "-m", model.starts_with('/') ? model : test::golden(model).string()};
  args.insert(args.end(), more.begin(), more.end());
  return test::hft(args, {.in = input});
}

std::string speech() { return test::golden("sounds/speech.flac").string(); }

}  // namespace

TEST_CASE("transcribe by CTC: text for people, records for programs, subtitles of its words") {
  const test::Ran text = transcribe({speech()});
  CHECK(text.code == 0);
  CHECK(text.out == "M M MM MMM\n");
  const test::Ran words = transcribe({speech(), "--format", "srt", "--return-timestamps", "word"});
  CHECK(words.out.starts_with("1\n00:00:00,000 --> 00:00:00,020\nM\n\n2\n00:00:00,080 --> "));
  const Json output = transcribe({speech(), "--json", "--return-timestamps", "char"}).records()[0]["output"];
  CHECK(output["chunks"][0].begin().key() == "text");
}

TEST_CASE("transcribe by CTC: windows one by one and together say the same, from files and streams") {
  const std::vector<std::string> windows{"--chunk-length-s", "0.3", "--json"};
  auto with = [&](std::vector<std::string> more, const std::string& input = "") {
    more.insert(more.end(), windows.begin(), windows.end());
    const auto records = transcribe(more, "wav2vec2-ctc", input).records();
    return records.empty() ? Json() : records[0]["output"];
  };
  const Json wanted = with({speech()});
  REQUIRE(wanted.contains("text"));
  CHECK(with({speech(), "--batch-size", "1"}) == wanted);
  CHECK(with({speech(), "--batch-size", "3", "--threads", "1"}) == wanted);
  CHECK(with({"-"}, test::slurp(speech())) == wanted);
  CHECK(with({"--raw", "16000"}, test::pcm(20000)).contains("text"));
}

TEST_CASE("transcribe by CTC: sounds that say nothing or cannot be heard") {
  const test::TempFolder folder;
  spit(folder / "1-empty.wav", "");
  spit(folder / "2-one-sample.wav", test::Wav{.data = test::pcm(1)}.bytes());
  spit(folder / "3-short.wav", test::Wav{.data = test::pcm(399)}.bytes());
  spit(folder / "4-silence.wav", test::Wav{.data = std::string(32000, '\0')}.bytes());
  const test::Ran ran = transcribe({folder.path.string(), "--json"});
  CHECK(ran.code == 3);
  const auto records = ran.records();
  REQUIRE(records.size() == 4);
  for (const int i : {0, 1, 2}) CHECK(records[i]["error"]["code"] == "bad_data");
  CHECK(records[2]["error"]["message"] ==
        (folder / "3-short.wav").string() + ": a sound of 399 samples is too short for the model, which needs 400");
  CHECK(records[3]["output"]["text"].is_string());
}

TEST_CASE("transcribe by CTC: options that it does not have are refused") {
  const auto says = [](std::vector<std::string> more, const std::string& text) {
    more.push_back(speech());
    const test::Ran ran = transcribe(more);
    CHECK(ran.code == 2);
    CAPTURE(ran.err);
    CHECK(ran.err.find(text) != std::string::npos);
  };
  says({"--return-timestamps", "true"},
       "--return-timestamps true: the model tells when words or characters are said");
  says({"--language", "en"}, "--language is for Whisper");
  says({"--task", "translate"}, "--task is for Whisper");
  says({"--chunk-length-s", "2", "--stride-length-s", "1"}, "leave nothing between");
}

TEST_CASE("transcribe by CTC: a language of MMS has its letters and layers in files of its own") {
  const test::TempFolder folder;
  const auto from = test::golden("wav2vec2-mms");
  for (const auto& entry : std::filesystem::directory_iterator(from))
    std::filesystem::copy_file(entry.path(), folder / entry.path().filename());
  std::filesystem::copy_file(from / "model.safetensors", folder / "adapter.fra.safetensors");
  const std::string model = folder.path.string();
  const test::Ran english = transcribe({speech()}, model);
  const test::Ran french = transcribe({speech(), "--language", "fra"}, model);
  CHECK(french.code == 0);
  std::string lowered = english.out;
  std::ranges::transform(lowered, lowered.begin(), [](unsigned char c) { return std::tolower(c); });
  CHECK(french.out == lowered);
  const test::Ran unknown = transcribe({speech(), "--language", "deu"}, model);
  CHECK(unknown.code == 5);
  CHECK(unknown.err.find("has no adapter.deu.safetensors") != std::string::npos);
}
