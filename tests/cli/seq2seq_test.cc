// hft summarize and hft translate: languages, lines, texts that are too long, wrong models.
#include <algorithm>

#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::Ran;
using test::spit;
using test::TempFolder;

namespace {

const std::string kMarian = golden("marian-opus").string(), kNllb = golden("nllb").string();
const std::string kSentence = "The harbour master counts nine red boats.";

Ran run(const std::string& command, const std::string& model, std::vector<std::string> more,
        const test::RunOptions& options = {}) {
  std::vector<std::string> args{command, "-m", model, "--max-new-tokens", "8"};
  args.insert(args.end(), more.begin(), more.end());
  return test::hft(args, options);
}

std::string many_times(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += (i ? " " : "") + text;
  return all;
}

void refused(const Ran& ran, int code, const std::string& message) {
  CHECK(ran.code == code);
  CHECK(ran.out == "");
  CHECK(ran.err == message);
}

}  // namespace

TEST_CASE("translate: a multilingual model wants both languages, and says which there are") {
  const std::string wanted =
      "hft: this model translates between 4 languages, wanted --src-lang and --tgt-lang\n"
      "hint: the languages are eng_Latn, fra_Latn, deu_Latn, zho_Hans\n";
  refused(run("translate", kNllb, {kSentence}), 2, wanted);
  refused(run("translate", kNllb, {kSentence, "--src-lang", "eng_Latn"}), 2, wanted);
}

TEST_CASE("translate: an unknown language names the nearest, or all of them") {
  const auto between = [&](const std::string& from, const std::string& to) {
    return run("translate", kNllb, {kSentence, "--src-lang", from, "--tgt-lang", to});
  };
  refused(between("eng_Latn", "fra_Ltn"), 2,
          "hft: language 'fra_Ltn' is not one of the model's 4; closest: 'fra_Latn'\n");
  refused(between("english", "fra_Latn"), 2,
          "hft: language 'english' is not one of the model's 4; closest: 'eng_Latn'\n");
  for (const std::string nonsense : {"xyzzy", "</s>"})
    refused(between("eng_Latn", nonsense), 2,
            "hft: language '" + nonsense +
                "' is not one of the model's 4\n"
                "hint: the languages are eng_Latn, fra_Latn, deu_Latn, zho_Hans\n");
}

TEST_CASE("translate: a T5 refuses a pair it has no prefix for; other models say of no effect") {
  refused(run("translate", golden("t5-tied").string(),
              {kSentence, "--src-lang", "en", "--tgt-lang", "zz"}),
          2,
          "hft: the model does not translate from 'en' to 'zz'\n"
          "hint: it has settings for translation_en_to_de\n");
  const Ran marian = run("translate", kMarian, {kSentence, "--src-lang", "en", "--tgt-lang", "fr"});
  CHECK(marian.code == 0);
  CHECK(marian.err.starts_with("hft: --src-lang, --tgt-lang: of no effect with this model\n"));
  CHECK(marian.out == run("translate", kMarian, {kSentence}).out);
}

TEST_CASE("translate: no model and no languages is a usage error") {
  refused(test::hft({"translate", kSentence}), 2,
          "hft: no model and no languages given; the default model, google-t5/t5-base, needs them\n"
          "hint: give a model with -m, or --src-lang en --tgt-lang de, fr or ro\n");
}

TEST_CASE(
    "translate: with --lines, line N of the output is that of line N, whatever became of it") {
  const std::string in = kSentence + "\n\n" + many_times(kSentence, 90) + "\n\xff\nlast";
  const Ran ran =
      run("translate", kMarian, {"--lines", "--no-truncation", "--format", "text"}, {.in = in});
  CHECK(ran.code == 3);
  CHECK(std::count(ran.out.begin(), ran.out.end(), '\n') == 5);
  CHECK(ran.out.find("\n\n\n") != std::string::npos);  // lines 3 and 4 failed
  CHECK(ran.err.find("hft: line 4 of stdin: not UTF-8 at byte") != std::string::npos);
  const Ran alone = run("translate", kMarian, {"--format", "text", kSentence});
  CHECK(ran.out.starts_with(alone.out));
}

TEST_CASE("summarize: a text longer than the model takes is cut with a note, or refused") {
  const std::string model = golden("bart-cnn").string(), text = many_times(kSentence, 60);
  const Ran cut = run("summarize", model, {text});
  CHECK(cut.code == 0);
  CHECK(cut.err.starts_with("hft: a text was cut: "));
  CHECK(cut.err.ends_with(" tokens, the model takes 160\n"));
  const Ran refusal = run("summarize", model, {"--no-truncation", text});
  CHECK(refusal.code == 1);
  CHECK(refusal.err.starts_with("hft: the text has "));
  CHECK(refusal.err.ends_with(
      " tokens, the model takes 160\nhint: leave out --no-truncation to cut it\n"));
}

TEST_CASE("summarize: lengths that do not fit a text are said to, as by the pipeline") {
  const Ran ran = run("summarize", golden("mbart-summary").string(), {"x"});
  CHECK(ran.code == 0);
  CHECK(ran.err == "hft: a text has only 4 tokens, its summary may have 9: try --max-length 2\n");
}

TEST_CASE("translate: a least length above the greatest is said once") {
  const Ran ran = run("translate", kMarian, {"x", "y", "--min-length", "50"});
  CHECK(ran.code == 0);
  CHECK(ran.err == "hft: the least length, 50, is more than the greatest, 9\n");
}

TEST_CASE("summarize: 64 texts of mixed length together give what each gives alone") {
  TempFolder folder;
  std::string lines;
  for (int i = 0; i < 64; ++i)
    lines += Json{{"text", many_times("boats" + std::to_string(i % 7), i * 29 % 31)}}.dump() + "\n";
  spit(folder / "texts.jsonl", lines);
  for (const std::string model : {"bart-deep", "t5-gated", "pegasus"})
    for (const std::string beams : {"1", "4"}) {
      const std::vector<std::string> args{"-q",  "--json", "--num-beams",
                                          beams, "-i",     (folder / "texts.jsonl").string()};
      std::vector<std::string> apart = args;
      apart.insert(apart.end(), {"--batch-size", "1"});
      const Ran ran = run("summarize", golden(model).string(), args);
      CHECK(ran.records().size() == 64);
      CHECK(ran.out == run("summarize", golden(model).string(), apart).out);
    }
}

TEST_CASE("translate: models and files of another kind are refused in one line") {
  refused(run("summarize", golden("bert-classify").string(), {"x"}), 6,
          "hft: " + (golden("bert-classify") / "config.json").string() +
              ": model_type 'bert' is a text encoder, wanted an encoder-decoder of text\n"
              "hint: hft classify\n");
  const auto broken = [](const std::string& file, std::uintmax_t bytes) {
    TempFolder folder;
    const auto model = folder / "m";
    test::fs::copy(kMarian, model);
    if (bytes == 0)
      test::fs::remove(model / file);
    else
      test::fs::resize_file(model / file, bytes);
    return run("translate", model.string(), {"x"});
  };
  for (const std::string file : {"source.spm", "target.spm", "vocab.json"}) {
    const Ran missing = broken(file, 0), cut = broken(file, 1500);
    CHECK(missing.code == 5);
    CHECK(missing.err.find(file) != std::string::npos);
    CHECK(cut.code == 9);
    CHECK(cut.err.starts_with("hft: " + file + ": "));
    CHECK(std::count(cut.err.begin(), cut.err.end(), '\n') == 1);
  }
}

TEST_CASE("translate: forced tokens outside the vocabulary are refused") {
  refused(run("translate", kMarian, {"x", "--forced-eos-token-id", "5000"}), 2,
          "hft: --forced-eos-token-id: 5000 is outside the vocabulary of 222\n");
  refused(run("translate", kMarian, {"x", "--forced-bos-token-id", "222"}), 2,
          "hft: --forced-bos-token-id: 222 is outside the vocabulary of 222\n");
}
