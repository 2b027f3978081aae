// Marian's tokenizer (OPUS-MT): source.spm cuts the text, vocab.json gives the ids, target.spm's
// rules put pieces together again. A text may begin with its target language, ">>fr<<".
#include <sentencepiece_processor.h>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/tokenizers/blueprint.h"
#include "core/tokenizers/spm_model.h"
#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

constexpr std::string_view kMark = "\xe2\x96\x81";  // U+2581

class Marian : public TokenModel {
 public:
  Marian(const std::filesystem::path& spm, Vocabulary vocabulary, std::int32_t unk)
      : vocabulary_(std::move(vocabulary)), unk_(unk) {
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
    if (piece.starts_with(">>"))
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

 private:
  std::int32_t id_of(std::string_view token) const {
    const std::int32_t id = vocabulary_.find(token);
    return id < 0 ? unk_ : id;
  }
  sentencepiece::SentencePieceProcessor processor_;
  Vocabulary vocabulary_;
  std::int32_t unk_;
};

}  // namespace

Blueprint read_marian(const std::filesystem::path& folder, const TokenizerConfig& config) {
  Blueprint out;
  out.where = "vocab.json";
  const Json ids =
      parse_json(read_file(folder / "vocab.json", limits::kTokenizerBytes), "vocab.json");
  if (!ids.is_object())
    fail(Errc::kBadData, "vocab.json: is ", ids.type_name(), ", wanted {\"token\": id, …}");
  Vocabulary vocabulary;
  vocabulary.reserve(ids.size(), ids.size() * 8);
  for (const auto& [token, id] : ids.items())
    vocabulary.add(token, checked_id(id.is_number_integer() ? id.get<std::int64_t>() : -1,
                                     ids.size(), out.where));
  const auto need = [&](std::string_view name, const char* fallback) {
    const std::string token = config.special(name).empty() ? fallback : config.special(name);
    const std::int32_t id = vocabulary.find(token);
    if (id < 0)
      fail(Errc::kBadData, "vocab.json: the special token '", token, "' is not in the vocabulary");
    return std::pair(token, id);
  };
  const auto [unk, unk_id] = need("unk", "<unk>");
  const auto [eos, eos_id] = need("eos", "</s>");
  parse_spm(read_file(folder / "target.spm", limits::kTokenizerBytes), "target.spm");
  const Json end = {{"SpecialToken", {{"id", eos}, {"type_id", 0}}}};
  const Json a = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
             b = {{"Sequence", {{"id", "B"}, {"type_id", 0}}}};
  out.post_processor = {
      {"type", "TemplateProcessing"},
      {"single", {a, end}},
      {"pair", {a, b, end}},
      {"special_tokens", {{eos, {{"id", eos}, {"ids", {eos_id}}, {"tokens", {eos}}}}}}};
  out.decoder = {{"type", "Marian"}, {"mark", std::string(kMark)}};
  out.decoder["specials"] = Json::array();
  for (const auto& special : config.special_tokens)
    out.decoder["specials"].push_back(special.token.content);
  out.model = std::make_unique<Marian>(folder / "source.spm", std::move(vocabulary), unk_id);
  return out;
}

}  // namespace hft
