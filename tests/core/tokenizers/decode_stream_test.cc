#include "core/tokenizers/decode_stream.h"

#include "core/tokenizers/unicode.h"
#include "tests/support/test.h"

using namespace hft;
using namespace hft::test;

namespace {

// A byte-level tokenizer whose vocabulary is the 256 bytes: the letters of GPT-2's alphabet.
void write_bytes(const TempFolder& folder, const std::string& config) {
  Json vocab = Json::object();
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
    std::string letter;
    unicode::append(letter, static_cast<char32_t>(itself ? byte : next++));
    vocab[letter] = byte;
  }
  Json json = {
      {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", Json::array()}}},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
      {"decoder", {{"type", "ByteLevel"}}}};
  spit(folder / "tokenizer.json", json.dump());
  spit(folder / "tokenizer_config.json", config);
}

// The parts, each checked to be well-formed.
std::vector<std::string> parts_of(const Tokenizer& tokenizer,
                                  const std::vector<std::int32_t>& ids) {
  DecodeStream stream(tokenizer);
  std::vector<std::string> parts;
  for (auto id : ids) parts.push_back(stream.push(id));
  parts.push_back(stream.finish());
  for (const auto& part : parts) CHECK(unicode::ill_formed(part) == std::string::npos);
  return parts;
}
std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const auto& part : parts) all += part;
  return all;
}

}  // namespace

TEST_CASE("decode stream: a character comes when its last byte is there") {
  TempFolder folder;
  write_bytes(folder, "{}");
  const auto tokenizer = Tokenizer::load(folder.path);
  const std::vector<std::int32_t> ids{'a', 0xe4, 0xb8, 0xad, 'b'};
  CHECK(parts_of(tokenizer, ids) == std::vector<std::string>{"a", "", "", "\xe4\xb8\xad", "b", ""});
}

TEST_CASE("decode stream: bytes that never become a character end as U+FFFD") {
  TempFolder folder;
  write_bytes(folder, "{}");
  const auto tokenizer = Tokenizer::load(folder.path);
  for (const std::vector<std::int32_t>& ids :
       {std::vector<std::int32_t>{0xff, 'a', 0xe4, 0xb8}, {0xe4, 'x'}, {0xf0, 0x9f, 0x98, 0xff}})
    CHECK(joined(parts_of(tokenizer, ids)) == tokenizer.decode(ids));
}

TEST_CASE("decode stream: clean-up waits for what may still change") {
  TempFolder folder;
  write_bytes(folder, R"({"clean_up_tokenization_spaces": true})");
  const auto tokenizer = Tokenizer::load(folder.path);
  for (const std::string text :
       {"Hello , world . It 's n't x n ' t  !  ? a ' b", "a n ' t b", " . . , ' ' 'm 're",
        "do n't ' ve", "s.  ' ree'''", ",   ' re", "x  ' ve n ' t ."}) {
    const std::vector<std::int32_t> ids(text.begin(), text.end());
    CHECK(joined(parts_of(tokenizer, ids)) == tokenizer.decode(ids));
  }
}

TEST_CASE("decode stream: clean-up holds back no more than it may change") {
  TempFolder folder;
  write_bytes(folder, R"({"clean_up_tokenization_spaces": true})");
  const auto tokenizer = Tokenizer::load(folder.path);
  const std::string text = "Hi you 's";
  CHECK(parts_of(tokenizer, {text.begin(), text.end()}) ==
        std::vector<std::string>{"H", "i", "", " y", "o", "u", "", "", "'s", ""});
}

TEST_CASE("decode stream: byte tokens and special tokens keep the spaces of their neighbours") {
  TempFolder folder;
  Json json = {
      {"added_tokens", {{{"id", 0}, {"content", "<s>"}, {"special", true}, {"normalized", false}}}},
      {"model",
       {{"type", "BPE"},
        {"byte_fallback", true},
        {"vocab",
         {{"<s>", 0},
          {"\xe2\x96\x81hello", 1},
          {"\xe2\x96\x81", 2},
          {"<0xE4>", 3},
          {"<0xB8>", 4},
          {"<0xAD>", 5},
          {"<0x41>", 6},
          {"world", 7}}},
        {"merges", Json::array()}}},
      {"decoder",
       {{"type", "Sequence"},
        {"decoders",
         {{{"type", "Replace"}, {"pattern", {{"String", "\xe2\x96\x81"}}}, {"content", " "}},
          {{"type", "ByteFallback"}},
          {{"type", "Fuse"}},
          {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}}};
  spit(folder / "tokenizer.json", json.dump());
  const auto tokenizer = Tokenizer::load(folder.path);
  const std::vector<std::vector<std::int32_t>> all{
      {0, 1, 0, 1, 7}, {1, 3, 4, 5, 7}, {1, 6, 3, 7}, {2, 1, 2, 2, 1},
      {1, 0, 0, 2, 7}, {6, 3},          {0},          {},
      {3, 4, 5, 6, 1}};
  for (const auto& ids : all) CHECK(joined(parts_of(tokenizer, ids)) == tokenizer.decode(ids));
  CHECK(tokenizer.decode({0, 1, 0, 1, 7}) == "hello helloworld");
}
