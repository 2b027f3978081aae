// Tokenizers whose SentencePiece model cuts the text while vocab.json gives the ids.
// Marian (OPUS-MT): source.spm cuts, target.spm's rules put pieces together again; a text may begin
// with its target language, ">>fr<<". M2M-100: sentencepiece.bpe.model; the languages' tokens follow
// the vocabulary.
#include <sentencepiece_processor.h>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/tokenizers/blueprint.h"
#include "core/tokenizers/languages.h"
#include "core/tokenizers/spm_model.h"
#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

constexpr std::string_view kMark = "\xe2\x96\x81";  // U+2581

class PiecesOfVocabulary : public TokenModel {
 public:
  // marks_target: a text may begin with ">>fr<<". decoded: of the ids the model writes, where they
  // are others.
  PiecesOfVocabulary(const std::filesystem::path& spm, Vocabulary vocabulary, std::int32_t unk,
                     bool marks_target, std::optional<Vocabulary> decoded)
      : vocabulary_(std::move(vocabulary)),
        decoded_(std::move(decoded)),
        unk_(unk),
        marks_target_(marks_target) {
    const std::string bytes = read_file(spm, limits::kTokenizerBytes);
    const std::string name = spm.filename().string();
    const SpmModel checked = parse_spm(bytes, name);  // our checks before the library sees the file
    if (!checked.charsmap.empty())
      make_precompiled(Fields({{"precompiled_charsmap",
                                Json::binary({checked.charsmap.begin(), checked.charsmap.end()})}},
                              name + ": normalizer_spec"),
                       0);
    if (const auto status = processor_.LoadFromSerializedProto(bytes); !status.ok())
      fail(Errc::kBadData, name, ": ", status.ToString());
  }

  void tokenize_word(std::string_view piece, std::vector<Token>& out) const override {
    std::size_t start = 0;
    if (marks_target_ && piece.starts_with(">>"))
      if (const std::size_t end = piece.find("<<"); end != std::string_view::npos) {
        start = end + 2;
        out.push_back({id_of(piece.substr(0, start)), 0, static_cast<std::uint32_t>(start)});
      }
    const auto cut =
        processor_.EncodeAsImmutableProto({piece.data() + start, piece.size() - start});
    for (const auto& part : cut.pieces())
      out.push_back({id_of(part.piece()), static_cast<std::uint32_t>(start + part.begin()),
                     static_cast<std::uint32_t>(start + part.end())});
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  const Vocabulary& decoded_vocabulary() const override {
    return decoded_ ? *decoded_ : vocabulary_;
  }

 private:
  std::int32_t id_of(std::string_view token) const {
    const std::int32_t id = vocabulary_.find(token);
    return id < 0 ? unk_ : id;
  }
  sentencepiece::SentencePieceProcessor processor_;
  Vocabulary vocabulary_;
  std::optional<Vocabulary> decoded_;
  std::int32_t unk_;
  bool marks_target_;
};

Vocabulary read_vocabulary(const std::filesystem::path& folder, const std::string& name) {
  const Json ids = parse_json(read_file(folder / name, limits::kTokenizerBytes), name);
  if (!ids.is_object())
    fail(Errc::kBadData, name, ": is ", ids.type_name(), ", wanted {\"token\": id, …}");
  Vocabulary vocabulary;
  vocabulary.reserve(ids.size(), ids.size() * 8);
  for (const auto& [token, id] : ids.items())
    vocabulary.add(
        token, checked_id(id.is_number_integer() ? id.get<std::int64_t>() : -1, ids.size(), name));
  return vocabulary;
}

// The named special token's content and id.
std::pair<std::string, std::int32_t> need(const Vocabulary& vocabulary,
                                          const TokenizerConfig& config, std::string_view name,
                                          const char* fallback) {
  const std::string token = config.special(name).empty() ? fallback : config.special(name);
  const std::int32_t id = vocabulary.find(token);
  if (id < 0)
    fail(Errc::kBadData, "vocab.json: the special token '", token, "' is not in the vocabulary");
  return {token, id};
}

Json decoder_of(const TokenizerConfig& config) {
  Json decoder = {{"type", "Marian"}, {"mark", std::string(kMark)}};
  decoder["specials"] = Json::array();
  for (const auto& special : config.special_tokens)
    decoder["specials"].push_back(special.token.content);
  return decoder;
}

}  // namespace

Blueprint read_marian(const std::filesystem::path& folder, const TokenizerConfig& config) {
  Blueprint out;
  out.where = "vocab.json";
  Vocabulary vocabulary = read_vocabulary(folder, "vocab.json");
  const auto [unk, unk_id] = need(vocabulary, config, "unk", "<unk>");
  const auto [eos, eos_id] = need(vocabulary, config, "eos", "</s>");
  std::optional<Vocabulary> decoded;
  if (config.fields.boolean("separate_vocabs", false))
    decoded = read_vocabulary(folder, "target_vocab.json");
  parse_spm(read_file(folder / "target.spm", limits::kTokenizerBytes), "target.spm");
  const Json end = {{"SpecialToken", {{"id", eos}, {"type_id", 0}}}};
  const Json a = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
             b = {{"Sequence", {{"id", "B"}, {"type_id", 0}}}};
  out.post_processor = {
      {"type", "TemplateProcessing"},
      {"single", {a, end}},
      {"pair", {a, b, end}},
      {"special_tokens", {{eos, {{"id", eos}, {"ids", {eos_id}}, {"tokens", {eos}}}}}}};
  out.decoder = decoder_of(config);
  out.model = std::make_unique<PiecesOfVocabulary>(folder / "source.spm", std::move(vocabulary),
                                                   unk_id, true, std::move(decoded));
  return out;
}

Blueprint read_m2m(const std::filesystem::path& folder, const TokenizerConfig& config) {
  Blueprint out;
  out.where = "vocab.json";
  Vocabulary vocabulary = read_vocabulary(folder, "vocab.json");
  const auto [unk, unk_id] = need(vocabulary, config, "unk", "<unk>");
  need(vocabulary, config, "eos", "</s>");
  out.decoder = decoder_of(config);
  out.decoder["after_special"] = "";
  // Whether they are special tokens is for the files to say.
  if (const auto marks = language_marks(config))
    for (auto id = static_cast<std::int32_t>(vocabulary.size()); const auto& code : marks->codes)
      vocabulary.add(marks->token_of(code), id++);
  out.model = std::make_unique<PiecesOfVocabulary>(folder / "sentencepiece.bpe.model",
                                                   std::move(vocabulary), unk_id, false,
                                                   std::nullopt);
  return out;
}

}  // namespace hft
