// hft caption and hft vqa: what goes wrong, in words; the answers are goldens.
#include "core/base/json.h"
#include "tests/support/test.h"

using namespace hft;

namespace {
const std::string kGolden = HFT_SOURCE_DIR "/tests/golden/";
const std::string kPicture = kGolden + "pictures/wide.png";
}  // namespace

TEST_CASE("caption: a sentence on a line, and one bad picture among good ones") {
  const auto ran = test::hft({"caption", "-m", kGolden + "blip-caption", "--max-new-tokens", "6", kPicture,
                              kGolden + "README.md", kPicture});
  CHECK(ran.code == 3);
  CHECK(ran.out.find('\n') != std::string::npos);
  CHECK(ran.err.find("README.md") != std::string::npos);
  CHECK(ran.err.ends_with("hft: 1 of 3 inputs failed\n"));
}

TEST_CASE("caption, vqa: each says which command a model is for") {
  auto ran = test::hft({"caption", "-m", kGolden + "blip-vqa", kPicture});
  CHECK(ran.code == 6);
  CHECK(ran.err == "hft: " + kGolden +
                       "blip-vqa: the model answers questions about pictures, but describes none\n"
                       "hint: hft vqa\n");
  ran = test::hft({"vqa", "-m", kGolden + "blip-caption", "--question", "Why?", kPicture});
  CHECK(ran.code == 6);
  CHECK(ran.err == "hft: " + kGolden +
                       "blip-caption: the model describes pictures, but takes no questions\n"
                       "hint: hft caption\n");
  ran = test::hft({"caption", "-m", kGolden + "t5-tied", kPicture});
  CHECK(ran.code == 6);
  CHECK(ran.err.starts_with("hft: " + kGolden + "t5-tied"));
}

TEST_CASE("vqa: a question that is too long, and none at all") {
  std::string long_question;
  for (int i = 0; i < 100; ++i) long_question += "red boats ";
  auto ran = test::hft({"vqa", "-m", kGolden + "blip-vqa", "--question", long_question, kPicture});
  CHECK(ran.code == 2);
  CHECK(ran.err.find("but the model takes at most 64") != std::string::npos);
  ran = test::hft({"vqa", "-m", kGolden + "blip-vqa", kPicture});
  CHECK(ran.code == 2);
  CHECK(ran.err.find("question") != std::string::npos);
}
