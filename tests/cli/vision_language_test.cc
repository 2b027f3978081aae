// hft generate, chat, vqa and caption with pictures in their texts: what goes wrong, in words, and what
// is done once; the answers are goldens.
#include "core/base/json.h"
#include "tasks/run/picture_prompts.h"
#include "tests/core/generation/fake_decoder.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

const std::string kGolden = HFT_SOURCE_DIR "/tests/golden/";
const std::string kPicture = kGolden + "pictures/wide.png", kOther = kGolden + "pictures/tall.jpg";
const std::vector<std::string> kShort{"--max-new-tokens", "4", "--dtype", "float32"};

test::Ran generate(const std::string& model, std::vector<std::string> args) {
  args.insert(args.begin(), {"generate", "-m", kGolden + model});
  args.insert(args.end(), kShort.begin(), kShort.end());
  return test::hft(args);
}

std::string text_of(const test::Ran& ran) {
  REQUIRE(ran.code == 0);
  return ran.records().at(0)["output"][0]["generated_text"].get<std::string>();
}

// A decoder that sees, which counts how often it looks.
struct Seeing : test::FakeDecoder {
  Seeing() : FakeDecoder(read_json(kGolden + "generation/searches.json")["tables"]) {}
  std::int32_t picture_token() const override { return 5; }
  void show(std::span<const Illustrated> texts) override {
    ++looks;
    for (const auto& text : texts) pictures += text.pictures.size();
  }
  int looks = 0;
  std::size_t pictures = 0;
};

}  // namespace

TEST_CASE("generate --image: a model that takes no pictures says so before anything is loaded") {
  for (const char* model : {"gpt2-generate", "llama-generate"}) {
    const auto ran = generate(model, {"--image", kPicture, "What is this?"});
    CHECK(ran.code == 6);
    CHECK(ran.err == "hft: " + kGolden + model +
                         ": the model takes no pictures\nhint: hft models lists what each command takes\n");
  }
  const test::TempFolder folder;
  test::spit(folder / "rows.jsonl", "{\"text\": \"A\"}\n{\"text\": \"B\", \"image\": \"" + kPicture + "\"}\n");
  const auto ran = generate("gpt2-generate", {"-i", (folder / "rows.jsonl").string(), "--json"});
  CHECK(ran.code == 3);
  CHECK(ran.records().at(1)["error"]["message"].get<std::string>().ends_with("the model takes no pictures"));
}

TEST_CASE("generate --image: a text without a place for its picture is a question about it") {
  const auto plain = generate("llava", {"--image", kPicture, "--no-full-text", "--json", "Why?"});
  const auto raw = generate("llava", {"--image", kPicture, "--no-full-text", "--json", "USER: <image>\nWhy? ASSISTANT:"});
  CHECK(text_of(plain) == text_of(raw));
  const auto full = generate("llava", {"--image", kPicture, "--json", "Why?"});
  REQUIRE(full.code == 0);
  const Json said = full.records().at(0)["output"][0]["generated_text"];
  CHECK(said[0]["content"][0] == Json({{"type", "image"}, {"image", kPicture}}));
  CHECK(said[1]["content"] == text_of(plain));
}

TEST_CASE("generate --image: more or fewer pictures than places, and what is no picture") {
  auto ran = generate("llava", {"--image", kPicture, "--image", kOther, "USER: <image>\nWhy? ASSISTANT:"});
  CHECK(ran.code == 1);
  CHECK(ran.err.find("the text has places for 1 picture (<image>), but 2 are given") != std::string::npos);
  ran = generate("llava", {"USER: <image>\nWhy? ASSISTANT:"});
  CHECK(ran.code == 1);
  CHECK(ran.err.find("the text has places for 1 picture (<image>), but 0 are given") != std::string::npos);
  ran = generate("llava", {"--image", kGolden + "README.md", "Why?"});
  CHECK(ran.code != 0);
  CHECK(ran.err.find("README.md") != std::string::npos);
  ran = generate("llava", {"--image", "no-such.png", "Why?"});
  CHECK(ran.err.find("no-such.png: no such file") != std::string::npos);
}

TEST_CASE("generate --messages: parts name their pictures, or are filled in order") {
  const test::TempFolder folder;
  const auto answer = [&](const Json& messages, std::vector<std::string> args = {}) {
    test::spit(folder / "chat.json", messages.dump());
    args.insert(args.end(), {"--messages", (folder / "chat.json").string(), "--no-full-text", "--json"});
    return generate("qwen2-vl", args);
  };
  const auto parts = [](const Json& picture, const Json& other) {
    return Json::parse(R"([{"role": "user", "content": []}])").patch(Json::array({
        {{"op", "add"}, {"path", "/0/content/-"}, {"value", picture}},
        {{"op", "add"}, {"path", "/0/content/-"}, {"value", {{"type", "text"}, {"text", "and"}}}},
        {{"op", "add"}, {"path", "/0/content/-"}, {"value", other}}}));
  };
  const Json bare{{"type", "image"}};
  const std::string wanted = text_of(answer(parts({{"type", "image"}, {"path", kPicture}}, {{"type", "image"}, {"url", kOther}})));
  CHECK(text_of(answer(parts(bare, bare), {"--image", kPicture, "--image", kOther})) == wanted);
  CHECK(text_of(answer(parts({{"type", "image_url"}, {"image_url", {{"url", kPicture}}}}, bare), {"--image", kOther})) == wanted);
  CHECK(text_of(answer(parts(bare, bare), {"--image", kOther, "--image", kPicture})) != wanted);

  auto ran = answer(parts(bare, bare), {"--image", kPicture});
  CHECK(ran.err.find("the messages have places for 2 pictures without a file, but 1 is given") != std::string::npos);
  ran = answer(parts(bare, {{"type", "video"}}), {"--image", kPicture});
  CHECK(ran.err.find("a part of type 'video' is not supported, wanted text or image\n"
                     "hint: a video's frames can be parts of type 'image', one after the other\n") != std::string::npos);
}

TEST_CASE("chat: pictures of the first message, of the next, and what is none") {
  const auto chat = [](const std::string& model, const std::string& said, std::vector<std::string> args = {}) {
    args.insert(args.begin(), {"chat", "-m", kGolden + model});
    args.insert(args.end(), kShort.begin(), kShort.end());
    return test::hft(args, {.in = said});
  };
  const auto seen = chat("llava", "Why?\n", {"--image", kPicture});
  CHECK(seen.code == 0);
  CHECK(chat("llava", "/image " + kPicture + "\nWhy?\n").out == seen.out);
  CHECK(chat("llava", "Why?\n").out != seen.out);
  const auto two = chat("qwen2-vl", "/image " + kPicture + "\nWhy?\n/image " + kOther + "\nAnd this?\n", {"-v"});
  CHECK(two.code == 0);
  CHECK(two.err.find(" tokens were there from before") != std::string::npos);
  auto ran = chat("llava", "/image\n/image nowhere.png\n/image " + kGolden + "README.md\n");
  CHECK(ran.code == 3);
  CHECK(ran.err.find("/image needs the name of a file") != std::string::npos);
  CHECK(ran.err.find("nowhere.png: no such file") != std::string::npos);
  ran = chat("llama-generate", "/image " + kPicture + "\n");
  CHECK(ran.err.find("the model takes no pictures") != std::string::npos);
  CHECK(chat("llama-generate", "Hello\n", {"--image", kPicture}).code == 6);
}

TEST_CASE("vision-language models elsewhere: the command for them is named") {
  const auto ran = test::hft({"image-classify", "-m", kGolden + "llava", kPicture});
  CHECK(ran.code == 6);
  CHECK(ran.err.find("'llava' is a vision-language model, wanted a vision model") != std::string::npos);
  CHECK(ran.err.find("hint: hft generate --image") != std::string::npos);
  CHECK(test::hft({"classify", "-m", kGolden + "qwen2-vl", "x"}).code == 6);
}

TEST_CASE("prompts: ten questions to one picture compute its part once, two pictures twice") {
  Seeing model;
  SharedBeginnings beginnings(model);
  const auto a = std::make_shared<const Pixels>(), b = std::make_shared<const Pixels>();
  std::vector<PicturedPrompt> prompts;
  for (std::int32_t i = 0; i < 10; ++i) prompts.push_back({{1, 5, 5, 5, i % 4, 2}, {a}});
  std::vector<const PicturedPrompt*> all;
  for (const auto& one : prompts) all.push_back(&one);
  const auto opened = beginnings.open(all);
  CHECK(model.looks == 1);
  CHECK(model.pictures == 1);
  CHECK(model.forwards == 1);
  for (const Prompt& one : opened) {
    CHECK(one.cached == 4);
    CHECK(model.length(one.sequence) == 4);
  }
  prompts = {{{1, 5, 5, 5, 3}, {b}}, {{1, 5, 5, 5, 3}, {a}}, {{2, 3}, {}}};
  all = {&prompts[0], &prompts[1], &prompts[2]};
  const auto more = beginnings.open(all);
  CHECK(model.pictures == 2);
  CHECK(more[2].sequence == -1);
  prompts[0].ids = {1, 5};  // a picture at the end: its last token is fed for its logits
  CHECK(beginnings.open({all.data(), 1})[0].cached == 1);
}
