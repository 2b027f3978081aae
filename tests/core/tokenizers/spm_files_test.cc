// Folders whose tokenizer is a SentencePiece model, made from the one of a golden checkpoint.
#include "core/tokenizers/spm_model.h"
#include "core/tokenizers/tokenizer.h"
#include "tests/support/test.h"

using namespace hft;
using namespace hft::test;

namespace {

const fs::path& checkpoint() {
  static const fs::path folder = golden("xlm-roberta-ner");
  return folder;
}

const std::vector<std::string> kTexts{"Hello world, my name is Anna.", "  two  spaces ",
                                      "caf\xc3\xa9 <mask> x", "\xe4\xb8\xad\xe6\x96\x87 123", ""};

}  // namespace

TEST_CASE("SentencePiece files: XLM-R without tokenizer.json encodes as with it") {
  TempFolder folder;
  for (const char* name : {"sentencepiece.bpe.model", "special_tokens_map.json", "config.json"})
    fs::copy_file(checkpoint() / name, folder / name);
  spit(folder / "tokenizer_config.json", R"({"tokenizer_class": "XLMRobertaTokenizer"})");
  const auto from_model = Tokenizer::load(folder.path);
  const auto from_json = Tokenizer::load(checkpoint());
  for (const auto& text : kTexts) {
    CAPTURE(text);
    const auto a = from_model.encode(text, {.offsets = true});
    const auto b = from_json.encode(text, {.offsets = true});
    CHECK(a.ids == b.ids);
    CHECK(a.offsets == b.offsets);
    CHECK(from_model.decode(a.ids) == from_json.decode(b.ids));
  }
  CHECK(from_model.special_id("cls") == 0);
  CHECK(from_model.special_id("mask") == from_json.special_id("mask"));
}

TEST_CASE(
    "SentencePiece files: Marian takes its ids from vocab.json and a language from the text") {
  TempFolder folder;
  const fs::path spm = checkpoint() / "sentencepiece.bpe.model";
  fs::copy_file(spm, folder / "source.spm");
  fs::copy_file(spm, folder / "target.spm");
  Json vocab = {{"</s>", 0}, {"<unk>", 1}};
  for (const auto& piece : read_spm(spm).pieces)
    if (!vocab.contains(piece.text)) vocab[piece.text] = vocab.size();
  vocab[">>fr<<"] = vocab.size();
  vocab["<pad>"] = vocab.size();
  spit(folder / "vocab.json", vocab.dump());
  spit(folder / "tokenizer_config.json", R"({"tokenizer_class": "MarianTokenizer"})");
  const auto tokenizer = Tokenizer::load(folder.path);
  const auto plain = tokenizer.encode("hello world");
  const auto french = tokenizer.encode(">>fr<< hello world");
  REQUIRE(plain.size() > 2);
  CHECK(plain.ids.back() == 0);
  CHECK(french.ids.front() == tokenizer.id(">>fr<<"));
  CHECK(std::vector<std::int32_t>(french.ids.begin() + 1, french.ids.end()) == plain.ids);
  CHECK(tokenizer.decode(plain.ids) == "hello world");
  CHECK(!tokenizer.has_input("token_type_ids"));
}

TEST_CASE("SentencePiece files: a class whose files hft does not read is named") {
  TempFolder folder;
  fs::copy_file(checkpoint() / "sentencepiece.bpe.model", folder / "tokenizer.model");
  spit(folder / "tokenizer_config.json", R"({"tokenizer_class": "BartphoTokenizer"})");
  const Error e = caught([&] { Tokenizer::load(folder.path); });
  CHECK(e.code == Errc::kUnsupported);
  CHECK(e.message.starts_with(
      folder.path.string() +
      ": no tokenizer.json, and the tokenizer class 'BartphoTokenizer' is not one whose own files "
      "hft reads; those are Bert, DistilBert, "));
}
