// hft transcribe: forms, files, mistakes, and sounds in which nobody speaks.
#include <algorithm>

#include "tests/media/sounds.h"

using namespace hft;
using test::golden;
using test::Ran;
using test::slurp;
using test::spit;
using test::TempFolder;

namespace {

const std::string kEnglish = golden("whisper-english").string(),
                  kMany = golden("whisper-multilingual").string(),
                  kFrench = (golden("speech") / "fr.wav").string(),
                  kHarbour = (golden("speech") / "en.wav").string();

Ran run(std::vector<std::string> more, const std::string& model = kEnglish,
        const test::RunOptions& options = {}) {
  std::vector<std::string> args{"transcribe", "-m", model, "--dtype", "float32", "--num-beams", "1"};
  args.insert(args.end(), more.begin(), more.end());
  return test::hft(args, options);
}

void refused(const Ran& ran, int code, const std::string& message) {
  CHECK(ran.code == code);
  CHECK(ran.out == "");
  CHECK(ran.err == message);
}

std::string wav(std::size_t samples, double loud = 1) {
  return test::Wav{.data = test::pcm(samples, loud)}.bytes();
}

}  // namespace

TEST_CASE("transcribe: the text, its record, and its lines with times") {
  const Ran record = run({"--json", "--return-timestamps", "true", kFrench});
  REQUIRE(record.records().size() == 1);
  const Json output = record.records()[0]["output"];
  CHECK(record.records()[0]["input"] == kFrench);
  const Ran text = run({kFrench});
  CHECK(text.code == 0);
  CHECK(std::ranges::count(text.out, '\n') >= 1);
  const Ran lines = run({"--return-timestamps", "true", kFrench});
  CHECK(lines.out.starts_with("[00:01.200 --> 00:01.820] "));
  // Subtitles ask for times themselves.
  const Ran srt = run({"--format", "srt", kFrench});
  CHECK(srt.out.starts_with("1\n00:00:01,200 --> 00:00:01,820\n"));
  CHECK(run({"--format", "vtt", kFrench}).out.starts_with("WEBVTT\n\n00:01.200 --> 00:01.820\n"));
  CHECK(run({"--format", "tsv", kFrench}).out.starts_with("start\tend\ttext\n1200\t1820\t"));
  CHECK(run({"--format", "lrc", kFrench}).out.starts_with("[00:01.20]"));
}

TEST_CASE("transcribe: many sounds together give what each gives alone, in their order") {
  const std::vector<std::string> sounds{kHarbour, kFrench, kHarbour, kFrench};
  std::vector<std::string> all{"--json", "--return-timestamps", "word"};
  all.insert(all.end(), sounds.begin(), sounds.end());
  const Ran together = run(all);
  REQUIRE(together.records().size() == 4);
  for (std::size_t i = 0; i < 2; ++i) {
    const Ran alone = run({"--json", "--return-timestamps", "word", sounds[i]});
    CHECK(together.records()[i] == alone.records().at(0));
    CHECK(together.records()[i + 2] == alone.records().at(0));
  }
}

TEST_CASE("transcribe: a sound that is written once more leaves those beside it alone") {
  const std::vector<std::string> again{"--json", "--return-timestamps", "true", "--seed", "5",
                                       "--temperatures", "0,0.6,1", "--compression-ratio-threshold",
                                       "1.5", "--condition-on-prev-tokens"};
  const auto with = [&](const std::vector<std::string>& sounds) {
    auto args = again;
    args.insert(args.end(), sounds.begin(), sounds.end());
    return run(args).records();
  };
  const auto together = with({kHarbour, kFrench, kHarbour});
  REQUIRE(together.size() == 3);
  CHECK(together[0] == together[2]);
  CHECK(together[0] == with({kHarbour}).at(0));
  CHECK(together[1] == with({kFrench}).at(0));
}

TEST_CASE("transcribe: one bad file among others is its error record") {
  const TempFolder folder;
  spit(folder / "bad.wav", "RIFF but no sound");
  const Ran ran = run({"--json", kFrench, (folder / "bad.wav").string(), (folder / "none.wav").string()});
  CHECK(ran.code == 3);
  REQUIRE(ran.records().size() == 3);
  CHECK(ran.records()[0].contains("output"));
  CHECK(ran.records()[1].contains("error"));
  CHECK(ran.records()[2]["error"]["message"] == (folder / "none.wav").string() + ": no such file");
}

TEST_CASE("transcribe: silence, one sample, noise and a click end with what is honest") {
  const TempFolder folder;
  spit(folder / "silence.wav", wav(40000, 0));
  spit(folder / "one.wav", wav(1));
  spit(folder / "noise.wav", wav(90000));
  spit(folder / "empty.wav", wav(0));
  const Ran ran = run({"--json", (folder / "silence.wav").string(), (folder / "one.wav").string(),
                       (folder / "noise.wav").string(), (folder / "empty.wav").string()});
  CHECK(ran.code == 3);
  REQUIRE(ran.records().size() == 4);
  for (std::size_t i = 0; i < 3; ++i) CHECK(ran.records()[i].contains("output"));
  CHECK(ran.records()[3].contains("error"));
  // Where nothing is likely and the model says that nobody speaks, nothing is written.
  const Ran none = run({"--logprob-threshold", "100", "--no-speech-threshold", "0", "--format", "srt",
                        (folder / "silence.wav").string()});
  CHECK(none.code == 0);
  CHECK(none.out == "");
}

TEST_CASE("transcribe: with a draft of another model, or of the text before, it writes the same") {
  const TempFolder folder;
  test::fs::copy(kEnglish, folder / "draft", test::fs::copy_options::recursive);
  const std::vector<std::string> args{"--json", "--return-timestamps", "word", kHarbour, kFrench};
  const Ran alone = run(args);
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--assistant-model", (folder / "draft").string()},
        {"--assistant-model", (folder / "draft").string(), "--num-assistant-tokens", "3",
         "--assistant-confidence-threshold", "0"},
        {"--prompt-lookup-num-tokens", "4"}}) {
    auto drafted = args;
    drafted.insert(drafted.end(), more.begin(), more.end());
    CHECK(run(drafted).out == alone.out);
  }
  const Ran other = run({"--assistant-model", kMany, kFrench});
  CHECK(other.code == 6);
  CHECK(other.err == "hft: --assistant-model: its tokens are not those of the model\n");
}

TEST_CASE("transcribe: a folder for the files, which are not written over") {
  const TempFolder folder;
  const std::string out = (folder / "out").string();
  const std::vector<std::string> args{"--output-dir", out, "--format", "srt", kFrench, kHarbour};
  CHECK(run(args).code == 0);
  CHECK(slurp(folder / "out/fr.srt").starts_with("1\n00:00:01,200"));
  CHECK(slurp(folder / "out/en.srt").starts_with("1\n"));
  spit(folder / "out/fr.srt", "mine");
  const Ran again = run(args);
  CHECK(again.code == 2);
  CHECK(again.err.find("out/fr.srt: exists already") != std::string::npos);
  auto skipping = args;
  skipping.push_back("--skip-existing");
  CHECK(run(skipping).code == 0);
  CHECK(slurp(folder / "out/fr.srt") == "mine");
  auto forcing = args;
  forcing.push_back("--force");
  CHECK(run(forcing).code == 0);
  CHECK(slurp(folder / "out/fr.srt") != "mine");
}

TEST_CASE("transcribe: samples without a header come from a pipe, a window at a time") {
  const Ran raw = run({"--raw", "16000,1,s16le", "--json"}, kEnglish, {.in = test::pcm(20000, 1)});
  CHECK(raw.code == 0);
  const TempFolder folder;
  spit(folder / "same.wav", wav(20000));
  const Ran file = run({"--json", (folder / "same.wav").string()});
  REQUIRE(raw.records().size() == 1);
  REQUIRE(file.records().size() == 1);
  CHECK(raw.records()[0]["output"] == file.records()[0]["output"]);
  const Ran longer = run({"--raw", "16000", "--format", "vtt"}, kEnglish, {.in = test::pcm(100000, 1)});
  CHECK(longer.code == 0);
  CHECK(longer.out.starts_with("WEBVTT\n\n"));
}

TEST_CASE("transcribe: what cannot be is told in one line") {
  const TempFolder folder;
  refused(run({"--return-timestamps", "char", kFrench}), 2,
          "hft: --return-timestamps char: Whisper knows times of segments and of words\n"
          "hint: --return-timestamps true or word\n");
  refused(run({"--language", "german", kFrench}), 2,
          "hft: --language: the model writes English alone, and takes neither language nor task\n");
  refused(run({"--language", "yue", kFrench}, kMany), 2,
          "hft: --language: the model does not know 'yue'\n");
  const Ran unknown = run({"--language", "klingon", kFrench}, kMany);
  CHECK(unknown.code == 2);
  CHECK(unknown.err.starts_with("hft: --language: 'klingon' is not known\nhint: it is one of english, "));
  refused(run({"--chunk-length-s", "2", "--stride-length-s", "1", kFrench}), 2,
          "hft: --chunk-length-s: 2 is not more than both strides\n");
  refused(run({"--stride-length-s", "1", kFrench}), 2,
          "hft: --stride-length-s is for --chunk-length-s\n");
  refused(run({"--stride-length-s", "1,x", "--chunk-length-s", "5", kFrench}), 2,
          "hft: --stride-length-s: 'x' is no number from 0 to 86400\n");
  refused(run({"--format", "srt", kFrench, kHarbour}), 2,
          "hft: --format srt: one file holds one sound, not 2\n"
          "hint: --output-dir DIR writes a file for each\n");
  refused(run({"--skip-existing", kFrench}), 2, "hft: --skip-existing is for --output-dir\n");
  refused(run({"--initial-prompt", "<|notimestamps|>", kFrench}), 2,
          "hft: --initial-prompt: holds the special token <|notimestamps|>\n");
  std::string words;
  for (int i = 0; i < 20; ++i) words += "harbour ";
  const Ran prompted = run({"--initial-prompt", words, kFrench});
  CHECK(prompted.code == 2);
  CHECK(prompted.err.starts_with("hft: --initial-prompt: has "));
  const Ran text = run({kFrench}, golden("bart-cnn").string());
  CHECK(text.code == 6);
  CHECK(text.err.find("model_type 'bart' is an encoder-decoder of text, wanted an audio model") !=
        std::string::npos);
  const Ran sound = test::hft({"summarize", "-m", kEnglish, "x"});
  CHECK(sound.code == 6);
  CHECK(sound.err.find("hft transcribe is for it") != std::string::npos);
}

TEST_CASE("transcribe: a model's settings that cannot be are refused by name") {
  const TempFolder folder;
  test::fs::copy(kMany, folder / "model", test::fs::copy_options::recursive);
  const test::fs::path file = folder / "model/generation_config.json";
  const Json good = read_json(file);
  const auto with = [&](const char* key, const Json& value) {
    Json changed = good;
    changed[key] = value;
    spit(file, changed.dump());
    const Ran ran = run({"--return-timestamps", "word", kFrench}, (folder / "model").string());
    CHECK(ran.out == "");
    const std::string where = file.string();
    const auto at = ran.err.find(where);
    return std::to_string(ran.code) + ran.err.substr(at == ran.err.npos ? 0 : at + where.size());
  };
  CHECK(with("alignment_heads", {{0, 99}}) == "9: 'alignment_heads' is not a list of [layer, head] of the decoder\n");
  CHECK(with("lang_to_id", {{"<|en|>", -5}}) == "9: 'lang_to_id' is not an object of tokens\n");
  CHECK(with("forced_decoder_ids", {{1, nullptr}, {3, 5}}) ==
        "9: 'forced_decoder_ids' is not a list of places one after another\n");
  CHECK(with("no_timestamps_token_id", "x").starts_with("9"));
}
