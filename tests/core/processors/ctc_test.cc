// CTC: windows that overlap in whole moments, which of their moments count, and letters to text.
#include "core/processors/ctc.h"

#include "tests/support/test.h"

namespace hft {
namespace {

using Ids = std::vector<std::int32_t>;

std::string said(const std::vector<HeardText>& all) {
  std::string text;
  for (const auto& one : all)
    text += one.text + "[" + std::to_string(one.begin) + "," + std::to_string(one.end) + ")";
  return text;
}

// Letters by name: _ is the blank, | ends a word.
Ids ids_of(const CtcDecoder&, const std::string& letters) {
  static const std::string kVocabulary = "_su?|ab'";
  Ids ids;
  for (const char c : letters) ids.push_back(static_cast<std::int32_t>(kVocabulary.find(c)));
  return ids;
}

void write_letters(const test::fs::path& folder, const std::string& config = "") {
  test::spit(folder / "vocab.json",
             R"({"<pad>":0,"<s>":1,"</s>":2,"<unk>":3,"|":4,"A":5,"B":6,"'":7})");
  test::spit(folder / "tokenizer_config.json",
             R"({"tokenizer_class":"Wav2Vec2CTCTokenizer","pad_token":"<pad>","unk_token":"<unk>")" +
                 config + "}");
}

}  // namespace

TEST_CASE("ctc: windows are whole moments, a sixth of them on either side") {
  const auto windows = [](double seconds, std::vector<double> strides) {
    const CtcWindows w = ctc_windows(seconds, strides, 16000, 320);
    return std::vector<std::int64_t>{w.length, w.left, w.right};
  };
  CHECK(windows(0, {}) == std::vector<std::int64_t>{0, 0, 0});
  CHECK(windows(30, {}) == std::vector<std::int64_t>{480000, 80000, 80000});
  CHECK(windows(10, {4, 2}) == std::vector<std::int64_t>{160000, 64000, 32000});
  CHECK(windows(0.25, {0.03}) == std::vector<std::int64_t>{3840, 640, 640});  // 12.5 is 12 moments
  CHECK(test::error_of([&] { windows(2, {1}); }) ==
        "--chunk-length-s: chunks of 2 s that overlap by 1 s and 1 s leave nothing between; wanted "
        "longer ones");
}

TEST_CASE("ctc: of a window the moments count that are not another's") {
  const auto kept = [](std::int64_t samples, std::int64_t left, std::int64_t right) {
    const Moments m = moments_kept(samples, left, right, 320);
    return std::pair{m.begin, m.end};
  };
  CHECK(kept(160000, 16000, 16000) == std::pair<std::int64_t, std::int64_t>{50, 450});
  CHECK(kept(160000, 0, 16000) == std::pair<std::int64_t, std::int64_t>{0, 450});
  CHECK(kept(31439, 0, 0) == std::pair<std::int64_t, std::int64_t>{0, 98});
  CHECK(kept(31440, 16000, 0) == std::pair<std::int64_t, std::int64_t>{50, 98});
}

TEST_CASE("ctc: of equals the first is the best") {
  Ids ids;
  append_best(std::vector<float>{1, 3, 3, -1, -2, -1}, 3, ids);
  CHECK(ids == Ids{1, 0});
}

TEST_CASE("ctc: repeated letters are one, unless a blank parts them") {
  const test::TempFolder folder;
  write_letters(folder.path);
  const CtcDecoder decoder(folder.path);
  const Ids ids = ids_of(decoder, "__aa_a||||b?_|'");
  CHECK(decoder.text(ids) == "AA B<unk> '");
  CHECK(said(decoder.characters(ids)) == "A[2,4)A[5,6) [6,10)B[10,11)<unk>[11,12) [13,14)'[14,15)");
  CHECK(said(decoder.words(ids)) == "AA[2,6)B<unk>[10,12)'[14,15)");
  CHECK(decoder.text({}) == "");
  CHECK(said(decoder.words({})) == "");
  CHECK(decoder.text(ids_of(decoder, "||__|")) == "");
  CHECK(said(decoder.words(ids_of(decoder, "||__|"))) == "");
}

TEST_CASE("ctc: the text is lowered where the tokenizer says so, its letters and words are not") {
  const test::TempFolder folder;
  write_letters(folder.path, R"(,"do_lower_case":true,"replace_word_delimiter_char":"-")");
  const CtcDecoder decoder(folder.path);
  const Ids ids = ids_of(decoder, "a|b");
  CHECK(decoder.text(ids) == "a-b");
  CHECK(said(decoder.characters(ids)) == "A[0,1)-[1,2)B[2,3)");
  CHECK(said(decoder.words(ids)) == "A[0,1)B[2,3)");
}

TEST_CASE("ctc: an output without a letter is the unknown token") {
  const test::TempFolder folder;
  write_letters(folder.path);
  const CtcDecoder decoder(folder.path);
  CHECK(decoder.text({5, 11, 12, 6}) == "A<unk>B");
  CHECK(said(decoder.characters(Ids{5, 11, 12, 6})) == "A[0,1)<unk>[1,3)B[3,4)");
}

}  // namespace hft
