// hft audio-classify: sounds by whatever way they come, and those that it cannot hear.
#include <algorithm>

#include "tests/media/sounds.h"

using namespace hft;
using test::spit;

namespace {

test::Ran classify(std::vector<std::string> more, const std::string& model = "wav2vec2",
                   const std::string& input = "") {
  std::vector<std::string> args{"audio-classify", "-m", test::golden(model).string(), "--json"};
  args.insert(args.end(), more.begin(), more.end());
  return test::hft(args, {.in = input});
}

std::string speech() { return test::golden("sounds/speech.flac").string(); }

}  // namespace

TEST_CASE("audio-classify: a file, standard input, a folder and a data row give the same") {
  const test::TempFolder folder;
  std::filesystem::create_directory(folder / "sounds");
  std::filesystem::copy_file(speech(), folder / "sounds" / "a.flac");
  spit(folder / "rows.jsonl", R"({"audio": ")" + speech() + "\"}\n");
  const Json wanted = classify({speech()}).records().at(0)["output"];
  REQUIRE(wanted.size() == 5);
  CHECK(wanted[0].begin().key() == "score");
  CHECK(classify({(folder / "sounds").string()}).records().at(0)["output"] == wanted);
  CHECK(classify({"-i", (folder / "rows.jsonl").string()}).records().at(0)["output"] == wanted);
  CHECK(classify({"-"}, "wav2vec2", test::slurp(speech())).records().at(0)["output"] == wanted);
}

TEST_CASE("audio-classify: samples without a header from standard input and from files") {
  const test::TempFolder folder;
  spit(folder / "x.raw", test::pcm(9000));
  const auto from_stdin = classify({"--raw", "16000"}, "wav2vec2", test::pcm(9000)).records();
  REQUIRE(from_stdin.size() == 1);
  const auto from_file = classify({"--raw", "16000,1,s16le", (folder / "x.raw").string()}).records();
  CHECK(from_file.at(0)["output"] == from_stdin[0]["output"]);
  const test::Ran wrong = classify({"--raw", "fast"}, "wav2vec2", test::pcm(10));
  CHECK(wrong.code == 2);
  CHECK(wrong.err.find("fast") != std::string::npos);
}

TEST_CASE("audio-classify: what cannot be heard is an error record of one line, the rest goes on") {
  const test::TempFolder folder;
  spit(folder / "1-empty.wav", "");
  spit(folder / "2-text.wav", "no sound");
  spit(folder / "3-one-sample.wav", test::Wav{.data = test::pcm(1)}.bytes());
  spit(folder / "4-short.wav", test::Wav{.data = test::pcm(399)}.bytes());
  spit(folder / "5-shortest.wav", test::Wav{.data = test::pcm(400)}.bytes());
  spit(folder / "6-silence.wav", test::Wav{.data = std::string(32000, '\0')}.bytes());
  const test::Ran ran = classify({folder.path.string()});
  CHECK(ran.code == 3);
  const auto records = ran.records();
  REQUIRE(records.size() == 6);
  for (const int i : {0, 1, 2, 3}) {
    CAPTURE(records[i].dump());
    REQUIRE(records[i].contains("error"));
    CHECK(records[i]["error"]["code"] == "bad_data");
  }
  CHECK(records[3]["error"]["message"] ==
        (folder / "4-short.wav").string() + ": a sound of 399 samples is too short for the model, which needs 400");
  CHECK(records[4].contains("output"));
  CHECK(records[5].contains("output"));
  CHECK(std::ranges::count(ran.err, '\n') == 5);
}

TEST_CASE("audio-classify: a model that does something else says which command fits") {
  const auto says = [](const std::string& model, const std::string& text) {
    const test::Ran ran = classify({speech()}, model);
    CHECK(ran.code == 6);
    CAPTURE(ran.err);
    CHECK(ran.err.find(text) != std::string::npos);
  };
  says("wav2vec2-ctc", "is a Wav2Vec2ForCTC (speech recognition), but hft audio-classify needs a head "
                       "for audio classification");
  says("clap", "model_type 'clap' has no head for audio classification");
  says("clap", "hint: hft audio-classify --candidate-labels A,B");
  says("vit", "model_type 'vit' is a vision model, wanted an audio model");
  says("bert-classify", "model_type 'bert' is a text encoder, wanted an audio model");
  const test::Ran text = test::hft({"classify", "-m", test::golden("wav2vec2").string(), "x"});
  CHECK(text.code == 6);
  CHECK(text.err.find("hft audio-classify") != std::string::npos);
}

TEST_CASE("audio-classify: labels of one's own and the model's labels are two things") {
  const test::Ran both = classify({"--candidate-labels", "a,b", "--top-k", "2", speech()}, "clap");
  CHECK(both.code == 2);
  CHECK(both.err.find("--top-k and --candidate-labels contradict each other") != std::string::npos);
  CHECK(classify({"--hypothesis-template", "{}", speech()}).err.find(
            "--hypothesis-template is for --candidate-labels") != std::string::npos);
}

TEST_CASE("audio-classify: bars for people") {
  const test::Ran ran = test::hft({"audio-classify", "-m", test::golden("wav2vec2").string(),
                                   "--format", "text", "--top-k", "1", speech()});
  CHECK(ran.code == 0);
  CHECK(ran.out.find("_silence_") != std::string::npos);
}
