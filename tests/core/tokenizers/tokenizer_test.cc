#include "core/tokenizers/tokenizer.h"

#include "core/tokenizers/unicode.h"
#include "tests/support/test.h"

using namespace hft;
using namespace hft::test;

namespace {

// A folder with vocab.txt, for WordPiece.
void write_bert(const TempFolder& folder, const std::string& config = "{}") {
  spit(folder / "vocab.txt",
       "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nworld\n##ly\n,\n!\nwo\n##r\n##"
       "ld\ncafe\nthe\n\xe4\xb8\xad\n");
  spit(folder / "tokenizer_config.json", config);
}

std::vector<std::string> tokens_of(const Tokenizer& tokenizer, const Encoding& encoding) {
  std::vector<std::string> tokens;
  for (auto id : encoding.ids) tokens.push_back(tokenizer.token(id));
  return tokens;
}
using Strings = std::vector<std::string>;
using Spans = std::vector<Span>;

}  // namespace

TEST_CASE("tokenizer: vocab.txt alone makes a BERT tokenizer") {
  TempFolder folder;
  write_bert(folder);
  const auto tokenizer = Tokenizer::load(folder.path);
  const auto e = tokenizer.encode("Hello, WORLDLY caf\xc3\xa9!", {.offsets = true});
  CHECK(tokens_of(tokenizer, e) ==
        Strings{"[CLS]", "hello", ",", "world", "##ly", "cafe", "!", "[SEP]"});
  CHECK(e.offsets == Spans{{0, 0}, {0, 5}, {5, 6}, {7, 12}, {12, 14}, {15, 19}, {19, 20}, {0, 0}});
  CHECK(e.word_ids == std::vector<std::int32_t>{-1, 0, 1, 2, 2, 3, 4, -1});
  CHECK(tokenizer.decode(e.ids) == "hello, worldly cafe!");
  CHECK(tokenizer.decode({5, 2, 6}, true) == "hello world");
  CHECK(tokenizer.marks_subwords());
  CHECK(tokenizer.special_id("mask") == 4);
  CHECK(tokenizer.added_specials(false) == 2);
  CHECK(tokenizer.added_specials(true) == 3);
}

TEST_CASE("tokenizer: a model without its type is told from its fields, as old files need") {
  const auto loaded = [](const std::string& model) {
    TempFolder folder;
    spit(folder / "tokenizer.json",
         R"({"pre_tokenizer": {"type": "WhitespaceSplit"}, "model": {)" + model + "}}");
    const auto tokenizer = Tokenizer::load(folder.path);
    return tokens_of(tokenizer, tokenizer.encode("ab a zz"));
  };
  const std::string pieces = R"("vocab": {"[U]": 0, "a": 1, "##b": 2})";
  const std::string prefix = R"("continuing_subword_prefix": "##", "unk_token": "[U]", )";
  CHECK(loaded(R"("unk_id": 0, "vocab": [["<unk>", 0], ["a", -1.0], ["b", -2.0]])") ==
        Strings{"a", "b", "a", "<unk>"});
  CHECK(loaded(R"("vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"])") == Strings{"ab", "a"});
  CHECK(loaded(prefix + R"("max_input_chars_per_word": 100, )" + pieces) ==
        Strings{"a", "##b", "a", "[U]"});
  CHECK(loaded(prefix + pieces) == Strings{"[U]", "a", "[U]"});
  CHECK(loaded(R"("unk_token": "[U]", "vocab": {"[U]": 0, "a": 1, "ab": 2})") ==
        Strings{"ab", "a", "[U]"});
  CHECK_THROWS_WITH_AS(loaded(pieces), doctest::Contains("has no 'type', and neither"), Error);
}

TEST_CASE("tokenizer: tokenizer_config's do_lower_case false keeps the case") {
  TempFolder folder;
  write_bert(folder, R"({"do_lower_case": false})");
  const auto tokenizer = Tokenizer::load(folder.path);
  CHECK(tokens_of(tokenizer, tokenizer.encode("hello Hello")) ==
        Strings{"[CLS]", "hello", "[UNK]", "[SEP]"});
}

TEST_CASE("tokenizer: offsets count code points, not bytes") {
  TempFolder folder;
  write_bert(folder);
  const auto tokenizer = Tokenizer::load(folder.path);
  const auto e =
      tokenizer.encode("\xf0\x9f\x98\x80 e\xcc\x81\xe4\xb8\xad hello", {.offsets = true});
  CHECK(e.offsets == Spans{{0, 0}, {0, 1}, {2, 3}, {4, 5}, {6, 11}, {0, 0}});
}

TEST_CASE("tokenizer: a pair is cut by strategy, and windows overlap by the stride") {
  TempFolder folder;
  write_bert(folder);
  const auto tokenizer = Tokenizer::load(folder.path);
  EncodeOptions options{.truncation = Truncation::kOnlySecond, .max_length = 8, .stride = 1};
  const auto all = tokenizer.encode_pair_windows("the world", "hello the world , ! hello", options);
  REQUIRE(all.size() == 3);
  CHECK(tokens_of(tokenizer, all[0]) ==
        Strings{"[CLS]", "the", "world", "[SEP]", "hello", "the", "world", "[SEP]"});
  CHECK(tokens_of(tokenizer, all[1]) ==
        Strings{"[CLS]", "the", "world", "[SEP]", "world", ",", "!", "[SEP]"});
  CHECK(tokens_of(tokenizer, all[2]) ==
        Strings{"[CLS]", "the", "world", "[SEP]", "!", "hello", "[SEP]"});
  CHECK(all[2].sequence_ids == std::vector<std::int8_t>{-1, 0, 0, -1, 1, 1, -1});
  CHECK(all[2].type_ids == std::vector<std::int32_t>{0, 0, 0, 0, 1, 1, 1});
  options.truncation = Truncation::kLongestFirst;
  const auto one = tokenizer.encode_pair("the world", "hello the world , ! hello", options);
  CHECK(tokens_of(tokenizer, one) ==
        Strings{"[CLS]", "the", "world", "[SEP]", "hello", "the", "world", "[SEP]"});
}

TEST_CASE("tokenizer: truncation_side left keeps the end") {
  TempFolder folder;
  write_bert(folder, R"({"truncation_side": "left"})");
  const auto tokenizer = Tokenizer::load(folder.path);
  const auto e = tokenizer.encode("the hello world",
                                  {.truncation = Truncation::kLongestFirst, .max_length = 4});
  CHECK(tokens_of(tokenizer, e) == Strings{"[CLS]", "hello", "world", "[SEP]"});
}

TEST_CASE("tokenizer: special tokens in the text are found, unless split_special is set") {
  TempFolder folder;
  write_bert(folder);
  const auto tokenizer = Tokenizer::load(folder.path);
  CHECK(tokens_of(tokenizer, tokenizer.encode("the [MASK]!", {.add_special_tokens = false})) ==
        Strings{"the", "[MASK]", "!"});
  CHECK(tokens_of(tokenizer, tokenizer.encode("the [MASK]!", {.add_special_tokens = false,
                                                              .split_special = true})) ==
        Strings{"the", "[UNK]", "[UNK]", "[UNK]", "!"});
}

TEST_CASE("tokenizer: words given apart keep their index and own offsets") {
  TempFolder folder;
  write_bert(folder);
  const auto tokenizer = Tokenizer::load(folder.path);
  const auto e = tokenizer.encode_words({"worldly", "the!"}, {.offsets = true});
  CHECK(e.word_ids == std::vector<std::int32_t>{-1, 0, 0, 1, 1, -1});
  CHECK(e.offsets == Spans{{0, 0}, {0, 5}, {5, 7}, {0, 3}, {3, 4}, {0, 0}});
}

TEST_CASE("tokenizer: a model_max_length above 1e30 is no limit") {
  TempFolder folder;
  write_bert(folder, R"({"model_max_length": 1000000000000000019884624838656})");
  CHECK(!Tokenizer::load(folder.path).model_max_length());
  write_bert(folder,
             R"({"model_max_length": 512, "model_input_names": ["input_ids", "attention_mask"]})");
  const auto tokenizer = Tokenizer::load(folder.path);
  CHECK(tokenizer.model_max_length() == 512);
  CHECK(!tokenizer.has_input("token_type_ids"));
  CHECK(tokenizer.has_input("input_ids"));
}

TEST_CASE(
    "tokenizer: DistilBERT takes no token types even when the config does not say so") {
  TempFolder folder;
  write_bert(folder);
  CHECK(Tokenizer::load(folder.path).has_input("token_type_ids"));
  spit(folder / "config.json", R"({"model_type": "distilbert"})");
  CHECK(!Tokenizer::load(folder.path).has_input("token_type_ids"));
}

TEST_CASE("tokenizer: vocab.json and merges.txt make a byte-level tokenizer") {
  TempFolder folder;
  spit(folder / "vocab.json",
       "{\"h\": 0, \"e\": 1, \"l\": 2, \"o\": 3, \"\xc4\xa0\": 4, \"he\": 5, \"ll\": 6, \"hell\": "
       "7, "
       "\"hello\": 8, \"\xc4\xa0hello\": 9, \"<|endoftext|>\": 10}");
  spit(folder / "merges.txt", "#version: 0.2\nh e\nl l\nhe ll\nhell o\n\xc4\xa0 hello\n");
  spit(folder / "config.json", R"({"model_type": "gpt2"})");
  const auto tokenizer = Tokenizer::load(folder.path);
  const auto e = tokenizer.encode("hello hello<|endoftext|>", {.offsets = true});
  CHECK(e.ids == std::vector<std::int32_t>{8, 9, 10});
  CHECK(e.offsets == Spans{{0, 5}, {5, 11}, {11, 24}});
  CHECK(tokenizer.decode(e.ids) == "hello hello");
  CHECK(tokenizer.decode(e.ids, false) == "hello hello<|endoftext|>");
  CHECK(tokenizer.join({"\xc4\xa0hello", "o"}) == " helloo");
  CHECK(!tokenizer.marks_subwords());
}

TEST_CASE("tokenizer: a folder without one names the files tried") {
  TempFolder folder;
  const Error e = caught([&] { Tokenizer::load(folder.path); });
  CHECK(e.code == Errc::kNotFound);
  CHECK(e.message.find(
            ": no tokenizer: none of tokenizer.json, vocab.txt, vocab.json with merges.txt, ") !=
        std::string::npos);
}

TEST_CASE("tokenizer: ill-formed UTF-8 is refused with its byte") {
  TempFolder folder;
  write_bert(folder);
  const auto tokenizer = Tokenizer::load(folder.path);
  CHECK(error_of([&] { tokenizer.encode("ab\xc3("); }) == "byte 2 of the text is not UTF-8");
  CHECK(error_of([&] { tokenizer.encode("\xed\xa0\x80"); }) == "byte 0 of the text is not UTF-8");
}

TEST_CASE("tokenizer: Unigram scores are read as the reference reads them, to the last bit") {
  TempFolder folder;
  const Json vocab = {{"<unk>", 0.0}, {"1", -7.463815212249756}, {"11", -10.350504875183105}};
  Json pairs = Json::array();
  for (const auto& [token, score] : vocab.items()) pairs.push_back({token, score});
  spit(folder / "tokenizer.json",
       Json{{"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", pairs}}}}.dump());
  const auto tokenizer = Tokenizer::load(folder.path);
  // Every place of the single "1" has the same score but for rounding.
  CHECK(tokenizer.encode("11111").ids == std::vector<std::int32_t>{2, 2, 1});
  CHECK(tokenizer.encode("111111111").ids == std::vector<std::int32_t>{2, 2, 1, 2, 2});
}

TEST_CASE("tokenizer: byte tokens of a continuing_subword_prefix reach beyond their piece") {
  Json vocab = {{"a", 0}, {"##a", 1}, {"<unk>", 2}};
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", byte);
    vocab[name] = vocab.size();
  }
  TempFolder folder;
  const Json model = {
      {"type", "BPE"},         {"unk_token", "<unk>"}, {"continuing_subword_prefix", "##"},
      {"byte_fallback", true}, {"vocab", vocab},       {"merges", Json::array()}};
  spit(folder / "tokenizer.json", Json{{"model", model}}.dump());
  const auto e = Tokenizer::load(folder.path).encode("a!a", {.offsets = true});
  // "!" is "##!" inside a word: three bytes, so the last token lies behind the text.
  CHECK(e.ids == std::vector<std::int32_t>{0, 3 + '#', 3 + '#', 3 + '!', 1});
  CHECK(e.offsets == Spans{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}});
}

TEST_CASE(
    "tokenizer: what tokenizer_config names special is special, whatever tokenizer.json "
    "says") {
  TempFolder folder;
  const Json model = {{"type", "WordLevel"}, {"unk_token", "a"}, {"vocab", {{"a", 0}, {"b", 1}}}};
  const Json added = {{{"id", 2}, {"content", "<t>"}, {"special", false}, {"normalized", true}}};
  spit(folder / "tokenizer.json", Json{{"added_tokens", added}, {"model", model}}.dump());
  spit(folder / "tokenizer_config.json", R"({"tokenizer_class": "PreTrainedTokenizerFast"})");
  CHECK(Tokenizer::load(folder.path).decode({1, 2}) == "b <t>");
  for (const char* named : {R"("cls_token": "<t>")", R"("additional_special_tokens": ["<t>"])",
                            R"("extra_special_tokens": {"image_token": "<t>"})"}) {
    spit(folder / "tokenizer_config.json",
         std::string(R"({"tokenizer_class": "PreTrainedTokenizerFast", )") + named + "}");
    CHECK(Tokenizer::load(folder.path).decode({1, 2}) == "b");
  }
}

TEST_CASE("tokenizer: patterns know the letters of the reference's Unicode") {
  TempFolder folder;
  const Json model = {{"type", "WordLevel"}, {"unk_token", "a"}, {"vocab", {{"a", 0}}}};
  const auto pieces = [&](const char* regex, std::string_view text) {
    const Json cut = {{"type", "Split"},
                      {"pattern", {{"Regex", regex}}},
                      {"behavior", "Isolated"},
                      {"invert", false}};
    spit(folder / "tokenizer.json", Json{{"model", model}, {"pre_tokenizer", cut}}.dump());
    Spans spans;
    for (const Span& span : Tokenizer::load(folder.path).encode(text, {.offsets = true}).offsets)
      spans.push_back(span);
    return spans;
  };
  // U+13FAC, a hieroglyph of Unicode 16; the superscript two, a word character outside brackets
  // only.
  CHECK(pieces("\\w+", "a\xf0\x93\xbe\xac!") == Spans{{0, 2}, {2, 3}});
  CHECK(pieces("\\w+", "a\xc2\xb2!") == Spans{{0, 2}, {2, 3}});
  CHECK(pieces("[\\w]+", "a\xc2\xb2!") == Spans{{0, 1}, {1, 3}});
  CHECK(pieces("\\b", "ab!") == Spans{{0, 2}, {2, 3}});
  CHECK(pieces("[^\\W\\d]+", "ab12") == Spans{{0, 2}, {2, 4}});
}

TEST_CASE("tokenizer: windows come in the order of a template that puts the second text first") {
  TempFolder folder;
  const auto text = [](const char* id) -> Json {
    return {{"Sequence", {{"id", id}, {"type_id", 0}}}};
  };
  const Json post = {{"type", "TemplateProcessing"},
                     {"single", {text("A")}},
                     {"pair", {text("B"), text("A")}},
                     {"special_tokens", Json::object()}};
  const Json model = {{"type", "WordLevel"},
                      {"unk_token", "a"},
                      {"vocab", {{"a", 0}, {"b", 1}, {"c", 2}, {"d", 3}}}};
  spit(folder / "tokenizer.json",
       Json{{"model", model}, {"pre_tokenizer", {{"type", "Whitespace"}}}, {"post_processor", post}}
           .dump());
  const auto all =
      Tokenizer::load(folder.path)
          .encode_pair_windows("a b", "c d",
                               {.truncation = Truncation::kLongestFirst, .max_length = 2});
  std::vector<std::vector<std::int32_t>> ids;
  for (const auto& e : all) ids.push_back(e.ids);
  CHECK(ids == std::vector<std::vector<std::int32_t>>{{2, 0}, {3, 0}, {3, 1}, {2, 1}});
}

TEST_CASE("tokenizer: a stride needs room beside the special tokens") {
  TempFolder folder;
  write_bert(folder);
  const auto tokenizer = Tokenizer::load(folder.path);
  CHECK(error_of([&] {
          tokenizer.encode("the",
                           {.truncation = Truncation::kLongestFirst, .max_length = 4, .stride = 3});
        }) == "a max_length of 4 with a stride of 3 leaves no room beside 2 special tokens");
}

TEST_CASE("unicode: an ignorable code point without a meaning ends a cluster, as a control does") {
  using Ends = std::vector<std::uint32_t>;
  CHECK(unicode::grapheme_ends("e\xcc\x80\xcd\x92") == Ends{5});
  CHECK(unicode::grapheme_ends("\xf3\xa0\x82\x9d\xcc\x80\xcd\x92") == Ends{4, 8});  // U+E009D
  CHECK(unicode::grapheme_ends("\xe2\x81\xa5\xcc\x80") == Ends{3, 5});              // U+2065
  CHECK(unicode::grapheme_ends("\xf3\xa0\x84\x80\xcc\x80") == Ends{6});  // U+E0100: a mark
  CHECK(unicode::grapheme_ends("e\xe0\xa2\x97") == Ends{4});             // U+0897
}
