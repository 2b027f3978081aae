// The translation tokenizers that have no fast class: SentencePiece cuts the text and puts pieces
// together again, vocab.json gives the ids. Marian (OPUS-MT) has a model for each direction, and a
// text may begin with its target language, ">>fr<<"; M2M100 puts the source language before it.
#include <sentencepiece_processor.h>

#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/tokenizers/blueprint.h"
#include "core/tokenizers/slow_decoder.h"
#include "core/tokenizers/spm_model.h"
#include "core/tokenizers/unicode.h"
#include "core/tokenizers/unigram.h"

namespace hft {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMark = "\xe2\x96\x81";  // U+2581

using Processor = sentencepiece::SentencePieceProcessor;

// What a class does around SentencePiece.
enum class SpmText { kMarian, kM2M100, kGptSw3 };

// GptSw3Tokenizer's own cleaning: no control characters, every wide or narrow space a plain one.
std::string gpt_sw3_text(std::string_view text) {
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = unicode::next(text, at);
    if (c < 9 || (c > 10 && c < 32) || (c >= 127 && c <= 160) || c == 0xad || c == 0x200b) continue;
    constexpr std::u32string_view kSpaces =
        U"\u2002\u2003\u2005\u2008\u2009\u200a\u202f\u3000\ufffc";
    unicode::append(kept, kSpaces.find(c) == std::u32string_view::npos ? c : U' ');
  }
  std::vector<unicode::Step> steps;
  unicode::normal_form(kept, unicode::Form::kNfc, steps);
  std::string out;
  for (const auto& step : steps) unicode::append(out, step.c);
  return out;
}

// The library's processor, after checks of our own.
std::unique_ptr<Processor> load_processor(const fs::path& file, SpmModel* model = nullptr) {
  const std::string bytes = read_file(file, limits::kTokenizerBytes);
  const std::string name = file.filename().string();
  SpmModel checked = parse_spm(bytes, name);
  for (const std::string* map : {&checked.charsmap, &checked.denormalizer_charsmap})
    if (!map->empty()) check_charsmap(*map, name + ": precompiled_charsmap");
  auto processor = std::make_unique<Processor>();
  if (const auto status = processor->LoadFromSerializedProto(bytes); !status.ok())
    fail(Errc::kBadData, name, ": ", status.ToString());
  if (model) *model = std::move(checked);
  return processor;
}

// The pieces that SentencePiece's Unigram looks for, with its scores.
std::unique_ptr<TokenModel> unigram_of(const SpmModel& model, const std::string& where) {
  float lowest = 0, highest = -std::numeric_limits<float>::infinity();
  bool first = true;
  for (const SpmPiece& piece : model.pieces) {
    if (piece.type == PieceType::kByte) return nullptr;
    if (piece.type != PieceType::kNormal) continue;
    lowest = first ? piece.score : std::min(lowest, piece.score);
    highest = std::max(highest, piece.score);
    first = false;
  }
  Vocabulary vocabulary;
  std::vector<double> scores{0};
  vocabulary.add("", 0);  // unknown
  for (const SpmPiece& piece : model.pieces) {
    if (piece.text.empty() ||
        (piece.type != PieceType::kNormal && piece.type != PieceType::kUserDefined))
      continue;
    // A symbol of the user always wins.
    const double score = piece.type == PieceType::kUserDefined
                             ? static_cast<double>(piece.text.size()) * highest - 0.1
                             : piece.score;
    vocabulary.add(piece.text, static_cast<std::int32_t>(scores.size()));
    scores.push_back(score);
  }
  return make_unigram(std::move(vocabulary), scores,
                      {.unk_id = 0, .single_precision = true, .unknown_score = lowest - 10.0f},
                      where);
}

class SpmPieces : public TokenModel {
 public:
  SpmPieces(const fs::path& file, Vocabulary vocabulary, std::int32_t unk, SpmText rules)
      : vocabulary_(std::move(vocabulary)), unk_(unk), rules_(rules) {
    SpmModel model;
    processor_ = load_processor(file, &model);
    if (model.model_type == 1) unigram_ = unigram_of(model, file.filename().string());
  }

  void tokenize_word(std::string_view piece, std::vector<Token>& out) const override {
    std::size_t start = 0;
    std::string cleaned;
    if (rules_ == SpmText::kGptSw3) piece = cleaned = gpt_sw3_text(piece);
    if (rules_ == SpmText::kMarian && piece.starts_with(">>"))
      if (const std::size_t end = piece.find("<<"); end != std::string_view::npos) {
        start = end + 2;
        out.push_back({id_of(piece.substr(0, start)), 0, static_cast<std::uint32_t>(start)});
      }
    const auto cut =
        processor_->EncodeAsImmutableProto({piece.data() + start, piece.size() - start});
    if (unigram_) return cut_again(cut, static_cast<std::uint32_t>(start), out);
    for (const auto& part : cut.pieces())
      out.push_back({id_of(part.piece()), static_cast<std::uint32_t>(start + part.begin()),
                     static_cast<std::uint32_t>(start + part.end())});
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  std::int32_t id_of(std::string_view token) const {
    const std::int32_t id = vocabulary_.find(token);
    return id < 0 ? unk_ : id;
  }

  // The library has normalised the text. Between equal paths its versions choose differently, so
  // the pieces are those of our own search, which chooses as version 0.2 does.
  void cut_again(const sentencepiece::ImmutableSentencePieceText& cut, std::uint32_t start,
                 std::vector<Token>& out) const {
    std::string normalized;
    std::vector<ByteRange> origin;
    for (const auto& part : cut.pieces()) {
      normalized += part.piece();
      origin.resize(normalized.size(), {start + part.begin(), start + part.end()});
    }
    std::vector<Token> tokens;
    unigram_->tokenize(normalized, tokens);
    for (const Token& token : tokens)
      out.push_back(
          {id_of(std::string_view(normalized).substr(token.begin, token.end - token.begin)),
           origin[token.begin].begin, origin[token.end - 1].end});
  }

  std::unique_ptr<Processor> processor_;
  std::unique_ptr<TokenModel> unigram_;  // null: the library's own search
  Vocabulary vocabulary_;
  std::int32_t unk_;
  SpmText rules_;
};

// Puts pieces together again: special tokens stand between stretches of them.
struct PieceJoin {
  std::shared_ptr<const Processor> processor;
  std::vector<std::string> specials;
  SpmText rules;

  std::string operator()(const std::vector<std::string>& stretch) const {
    std::string text;
    std::vector<std::string> pieces;
    const auto decode = [&] {
      std::string part;
      if (const auto status = processor->Decode(pieces, &part); !status.ok())
        fail(Errc::kBadData, "SentencePiece: ", status.ToString());
      text += part;
      pieces.clear();
    };
    bool after_special = false;
    for (const std::string& token : stretch) {
      const bool special = std::find(specials.begin(), specials.end(), token) != specials.end();
      if (!special) {
        pieces.push_back(token);
      } else {
        if (rules == SpmText::kGptSw3 && !after_special) text += ' ';
        decode();
        text += token;
        if (rules == SpmText::kMarian) text += ' ';
      }
      after_special = special;
    }
    decode();
    if (rules == SpmText::kMarian) text = replaced(std::move(text), kMark, " ");
    return rules == SpmText::kGptSw3 ? text : unicode_trimmed(text);
  }
};

std::int32_t need(const Vocabulary& vocabulary, const std::string& token) {
  const std::int32_t id = vocabulary.find(token);
  if (id < 0)
    fail(Errc::kBadData, "vocab.json: the special token '", token, "' is not in the vocabulary");
  return id;
}

std::unique_ptr<Decoder> make_decoder_of(const fs::path& spm, const TokenizerConfig& config,
                                         const Vocabulary& plain, SpmText rules) {
  PieceJoin join{load_processor(spm), {}, rules};
  for (const auto& special : config.special_tokens) join.specials.push_back(special.token.content);
  return std::make_unique<SlowDecoder>(set_apart(config, plain), std::move(join));
}

}  // namespace

Blueprint read_marian(const fs::path& folder, const TokenizerConfig& config) {
  Blueprint out;
  out.where = "vocab.json";
  Vocabulary vocabulary = read_vocab_json(folder / "vocab.json");
  const std::string eos = config.special("eos");
  const std::int32_t unk = need(vocabulary, config.special("unk"));
  out.around = {{{"$A", 0}, {eos, 0}}, {{"$A", 0}, {"$B", 0}, {eos, 0}}};
  out.own_decoder = make_decoder_of(folder / "target.spm", config, vocabulary, SpmText::kMarian);
  if (config.fields.boolean("separate_vocabs", false))
    out.target = read_vocab_json(folder / "target_vocab.json");
  out.model = std::make_unique<SpmPieces>(folder / "source.spm", std::move(vocabulary), unk,
                                          SpmText::kMarian);
  return out;
}

Blueprint read_m2m100(const fs::path& folder, const TokenizerConfig& config) {
  Blueprint out;
  out.where = "vocab.json";
  const fs::path spm = folder / "sentencepiece.bpe.model";
  Vocabulary vocabulary = read_vocab_json(folder / "vocab.json");
  const std::int32_t unk = need(vocabulary, config.special("unk"));
  out.own_decoder = make_decoder_of(spm, config, vocabulary, SpmText::kM2M100);
  // The languages come after the vocabulary, whatever it holds.
  auto next = static_cast<std::int32_t>(vocabulary.size());
  const auto codes = m2m100_languages(config.fields);
  for (const std::string& code : codes) vocabulary.add("__" + code + "__", next++);
  const std::string source = config.source_language(), eos = config.special("eos");
  check_language(source, codes, config.src_lang.empty() ? Errc::kBadData : Errc::kUsage);
  const std::string lang = "__" + source + "__";
  out.around = {{{lang, 0}, {"$A", 0}, {eos, 0}}, {{lang, 0}, {"$A", 0}, {"$B", 0}, {eos, 0}}};
  out.model = std::make_unique<SpmPieces>(spm, std::move(vocabulary), unk, SpmText::kM2M100);
  return out;
}

Blueprint read_gpt_sw3(const fs::path& folder, const TokenizerConfig& config) {
  Blueprint out;
  out.where = "spiece.model";
  const fs::path file = folder / out.where;
  const SpmModel model = read_spm(file);
  Vocabulary vocabulary;
  for (std::size_t i = 0; i < model.pieces.size(); ++i)
    vocabulary.add(model.pieces[i].text, static_cast<std::int32_t>(i));
  out.own_decoder = make_decoder_of(file, config, vocabulary, SpmText::kGptSw3);
  const auto unk = static_cast<std::int32_t>(model.unk_id);
  out.model = std::make_unique<SpmPieces>(file, std::move(vocabulary), unk, SpmText::kGptSw3);
  return out;
}

}  // namespace hft
