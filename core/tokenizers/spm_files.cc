// Tokenizers whose only file is a SentencePiece model, put together as transformers' converters do
// for each class.
#include <algorithm>
#include <unordered_map>

#include "core/base/error.h"
#include "core/tokenizers/blueprint.h"
#include "core/tokenizers/spm_model.h"
#include "core/tokenizers/unicode.h"
#include "core/tokenizers/unigram.h"

namespace hft {
namespace {

constexpr const char* kMark = "\xe2\x96\x81";  // U+2581

using Scores = std::vector<std::pair<std::string, double>>;

struct Plan {
  Scores vocabulary;
  std::int64_t unk_id = 0;
  bool byte_fallback = false;
};

void add_pieces(Scores& to, const SpmModel& model, std::size_t from) {
  for (std::size_t i = from; i < model.pieces.size(); ++i)
    to.emplace_back(model.pieces[i].text, model.pieces[i].score);
}

// ALBERT hides pieces such as "9," by a low score.
bool number_comma(const std::string& piece) {
  if (!piece.ends_with(',') || piece.size() < 2) return false;
  std::size_t at = piece.size() - 1;
  return unicode::is(unicode::previous(piece, at), unicode::kNumber);
}

Plan plan_vocabulary(const SpmModel& model, std::string_view name, const TokenizerConfig& config) {
  Plan plan;
  Scores& vocabulary = plan.vocabulary;
  plan.unk_id = model.unk_id;
  if (name == "XLMRoberta" || name == "Camembert") {
    if (name == "Camembert")
      vocabulary = {{"<s>NOTUSED", 0},
                    {"<pad>", 0},
                    {"</s>NOTUSED", 0},
                    {"<unk>", 0},
                    {"<unk>NOTUSED", -100}};
    else
      vocabulary = {{"<s>", 0}, {"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}};
    add_pieces(vocabulary, model, name == "Camembert" ? 1 : 3);
    vocabulary.emplace_back("<mask>", 0);
    plan.unk_id = 3;
  } else if (name == "Llama") {
    plan.byte_fallback = true;
    add_pieces(vocabulary, model, 0);
    plan.unk_id = 0;
    for (std::size_t i = 0; i < std::min<std::size_t>(3, vocabulary.size()); ++i)
      vocabulary[i].second = 0;
  } else if (name == "T5") {
    add_pieces(vocabulary, model, 0);
    for (std::int64_t i = config.fields.integer("extra_ids", 0, 10'000, 100) - 1; i >= 0; --i)
      vocabulary.emplace_back("<extra_id_" + std::to_string(i) + ">", 0);
  } else {
    add_pieces(vocabulary, model, 0);
    if (name == "Albert")
      for (auto& [piece, score] : vocabulary)
        if (number_comma(piece)) score -= 100;
  }
  return plan;
}

// SentencePiece's BPE has scores for pieces, no merges: every split of a piece into two pieces is a
// merge, ranked by the piece's score.
struct ScoredMerge {
  double score;
  std::int64_t left_length, right_length;  // code points
  std::string left, right;
};
std::vector<ScoredMerge> merges_of(const Scores& vocabulary, const SpmModel& model) {
  std::unordered_map<std::string_view, std::size_t> ids;
  for (std::size_t i = 0; i < model.pieces.size(); ++i) ids[model.pieces[i].text] = i;
  std::vector<ScoredMerge> all;
  for (const auto& [piece, score] : vocabulary) {
    std::vector<std::pair<std::size_t, std::size_t>> order;
    const std::size_t first = all.size();
    for (std::size_t at = 0; at < piece.size();) {
      unicode::next(piece, at);
      const std::string_view left = std::string_view(piece).substr(0, at),
                             right = std::string_view(piece).substr(at);
      if (right.empty() || !ids.contains(left) || !ids.contains(right)) continue;
      all.push_back({score, unicode::count(left), unicode::count(right), std::string(left),
                     std::string(right)});
    }
    std::stable_sort(all.begin() + static_cast<std::ptrdiff_t>(first), all.end(),
                     [&](const auto& a, const auto& b) {
                       return std::pair(ids[a.left], ids[a.right]) <
                              std::pair(ids[b.left], ids[b.right]);
                     });
  }
  std::stable_sort(all.begin(), all.end(), [](const ScoredMerge& a, const ScoredMerge& b) {
    return std::tie(a.score, a.left_length, a.right_length) >
           std::tie(b.score, b.left_length, b.right_length);
  });
  return all;
}

void build_model(const SpmModel& model, const Plan& plan, Blueprint& out) {
  Vocabulary vocabulary;
  std::vector<double> scores;
  for (const auto& [piece, score] : plan.vocabulary) {
    vocabulary.add(piece, static_cast<std::int32_t>(scores.size()));
    scores.push_back(score);
  }
  if (model.model_type == 1) {
    if (plan.unk_id < 0 || plan.unk_id >= static_cast<std::int64_t>(scores.size()))
      fail(Errc::kBadData, out.where, ": trainer_spec.unk_id is ", plan.unk_id, ", but there are ",
           scores.size(), " pieces");
    out.model = make_unigram(std::move(vocabulary), std::move(scores),
                             static_cast<std::int32_t>(plan.unk_id), plan.byte_fallback, out.where);
    return;
  }
  if (model.model_type != 2)
    fail(Errc::kUnsupported, out.where, ": trainer_spec.model_type is ", model.model_type,
         ", wanted 1 (unigram) or 2 (BPE)");
  const auto merges = merges_of(plan.vocabulary, model);
  out.bpe = std::make_unique<BpeBuilder>(
      std::move(vocabulary),
      BpeOptions{
          .unk_token = model.unk_piece, .fuse_unk = true, .byte_fallback = plan.byte_fallback},
      merges.size());
  for (const auto& merge : merges) out.bpe->add_merge(merge.left, merge.right);
  out.bpe->finish_merges([&](std::size_t, const std::string& what) {
    fail(Errc::kBadData, out.where, ": pieces: ", what);
  });
}

Json regex_replace(const char* regex, const char* content) {
  return {{"type", "Replace"}, {"pattern", {{"Regex", regex}}}, {"content", content}};
}
Json string_replace(const char* from, const char* to) {
  return {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

Json normalizer_of(const SpmModel& model, std::string_view name, const Fields& f) {
  Json parts = Json::array();
  const Json charsmap = {
      {"type", "Precompiled"},
      {"precompiled_charsmap", Json::binary({model.charsmap.begin(), model.charsmap.end()})}};
  if (name == "Llama") {
    if (!f.boolean("legacy", true)) return nullptr;
    if (f.boolean("add_prefix_space", true))
      parts.push_back({{"type", "Prepend"}, {"prepend", kMark}});
    parts.push_back(string_replace(" ", kMark));
  } else if (name == "Albert") {
    parts.push_back(string_replace("``", "\""));
    parts.push_back(string_replace("''", "\""));
    if (!f.boolean("keep_accents", false)) {
      parts.push_back({{"type", "NFKD"}});
      parts.push_back({{"type", "StripAccents"}});
    }
    if (f.boolean("do_lower_case", true)) parts.push_back({{"type", "Lowercase"}});
    if (!model.charsmap.empty()) parts.push_back(charsmap);
    parts.push_back(regex_replace(" {2,}", " "));
  } else if (name == "DebertaV2") {
    if (f.boolean("do_lower_case", false)) parts.push_back({{"type", "Lowercase"}});
    parts.push_back({{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}});
    if (!model.charsmap.empty()) parts.push_back(charsmap);
    parts.push_back(regex_replace(" {2,}", " "));
  } else {
    if (!model.charsmap.empty()) parts.push_back(charsmap);
    parts.push_back({{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}});
    parts.push_back(regex_replace(" {2,}", kMark));
  }
  return {{"type", "Sequence"}, {"normalizers", parts}};
}

// "A" and "B" are the texts, "+B" the second one with type id 1; everything else a special token.
Json template_of(std::initializer_list<std::string> single, std::initializer_list<std::string> pair,
                 const Vocabulary& vocabulary, const std::string& where) {
  Json tokens = Json::object();
  const auto list = [&](const auto& items) {
    Json out = Json::array();
    for (const std::string& item : items) {
      const int type = item[0] == '+' ? 1 : 0;
      const std::string name = item.substr(static_cast<std::size_t>(type));
      const bool text = name == "A" || name == "B";
      out.push_back({{text ? "Sequence" : "SpecialToken", {{"id", name}, {"type_id", type}}}});
      if (text) continue;
      const std::int32_t id = vocabulary.find(name);
      if (id < 0)
        fail(Errc::kBadData, where, ": the special token '", name, "' is not among the pieces");
      tokens[name] = {{"id", name}, {"ids", {id}}, {"tokens", {name}}};
    }
    return out;
  };
  Json first = list(single), second = list(pair);
  return {{"type", "TemplateProcessing"},
          {"single", first},
          {"pair", second},
          {"special_tokens", tokens}};
}

void surround(std::string_view name, const TokenizerConfig& config, Blueprint& out) {
  const Vocabulary& vocabulary = out.bpe ? out.bpe->vocabulary() : out.model->vocabulary();
  const auto make = [&](std::initializer_list<std::string> single,
                        std::initializer_list<std::string> pair) {
    out.post_processor = template_of(single, pair, vocabulary, out.where);
  };
  if (name == "XLMRoberta" || name == "Camembert") {
    make({"<s>", "A", "</s>"}, {"<s>", "A", "</s>", "</s>", "B", "</s>"});
  } else if (name == "Albert" || name == "DebertaV2") {
    make({"[CLS]", "A", "[SEP]"}, {"[CLS]", "A", "[SEP]", "+B", "+[SEP]"});
  } else if (name == "T5") {
    make({"A", "</s>"}, {"A", "</s>", "B", "</s>"});
  } else {
    apply_class(out, config);
  }
}

}  // namespace

Blueprint read_spm_file(const std::filesystem::path& file, const TokenizerConfig& config) {
  const std::string_view names = config.row ? config.row->names : "";
  const std::string_view name = names.substr(0, names.find(' '));
  if (name != "XLMRoberta" && name != "Llama" && name != "T5" && name != "Albert" &&
      name != "DebertaV2")
    fail(Errc::kUnsupported, file.filename().string(),
         ": a SentencePiece file of tokenizer class '",
         config.fields.text("tokenizer_class", std::string(name)),
         "', wanted Llama, T5, XLMRoberta, Camembert, Albert or DebertaV2, or a tokenizer.json");
  const bool camembert = config.fields.text("tokenizer_class", "").starts_with("Camembert");
  Blueprint out;
  out.where = file.filename().string();
  const SpmModel model = read_spm(file);
  build_model(model, plan_vocabulary(model, camembert ? "Camembert" : name, config), out);
  for (const SpmPiece& piece : model.pieces)
    if (piece.type == PieceType::kControl || piece.type == PieceType::kUserDefined)
      out.added_tokens.push_back({.content = piece.text,
                                  .normalized = false,
                                  .special = piece.type == PieceType::kControl});
  if (name == "T5")
    for (std::int64_t i = 0; i < config.fields.integer("extra_ids", 0, 10'000, 100); ++i)
      out.added_tokens.push_back({.content = "<extra_id_" + std::to_string(i) + ">",
                                  .normalized = false,
                                  .special = true});
  if (name == "DebertaV2")  // sought in the normalised text, unlike the other special tokens
    out.added_tokens.push_back(
        {.content = config.special("unk"), .normalized = true, .special = true});
  out.normalizer = normalizer_of(model, name, config.fields);
  const bool llama = name == "Llama";
  const bool legacy = config.fields.boolean("legacy", true);
  // The classes of T5 and Llama take an explicit null for false.
  const Json& fields = config.fields.json();
  const bool null = (llama || name == "T5") && fields.contains("add_prefix_space");
  const bool prefix_space = config.fields.boolean("add_prefix_space", !null);
  const char* scheme = !prefix_space ? "never" : llama && !legacy ? "first" : "always";
  Json metaspace = {
      {"type", "Metaspace"}, {"replacement", kMark}, {"prepend_scheme", scheme}, {"split", !llama}};
  if (!llama || !legacy) out.pre_tokenizer = metaspace;
  if (name == "DebertaV2" && config.fields.boolean("split_by_punct", false))
    out.pre_tokenizer = {
        {"type", "Sequence"},
        {"pretokenizers", {{{"type", "Punctuation"}, {"behavior", "Isolated"}}, metaspace}}};
  out.decoder = metaspace;
  if (llama) {
    Json parts = {string_replace(kMark, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
    if (prefix_space)
      parts.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    out.decoder = {{"type", "Sequence"}, {"decoders", parts}};
  }
  surround(camembert ? "Camembert" : name, config, out);
  return out;
}

}  // namespace hft
