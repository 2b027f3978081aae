// Tokenizers whose only file is a SentencePiece model, put together as transformers' converters do
// for each class.
#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/tokenizers/blueprint.h"
#include "core/tokenizers/spm_model.h"
#include "core/tokenizers/unicode.h"
#include "core/tokenizers/unigram.h"

namespace hft {
namespace {

constexpr const char* kMark = "\xe2\x96\x81";  // U+2581

enum class Rules { kPlain, kQuotes, kQuotesLast, kStrip, kLlama, kGemma };

// A class's own way with the model's pieces. Lists are separated by spaces; in templates "A" and
// "B" are the texts, a digit after ':' the type id.
struct SpmClass {
  std::string_view name;
  std::string_view head;  // tokens before the pieces, with score 0
  std::size_t from;       // the first piece taken
  std::string_view tail;  // tokens after them
  int unk_id;             // -1: the model's
  Rules rules;            // normalizer
  std::string_view single, pair;
};

constexpr std::string_view kFairseq = "<s> <pad> </s> <unk>";
constexpr std::string_view kOne = "<s> A </s>", kTwo = "<s> A </s> </s> B </s>";
constexpr std::string_view kClsOne = "[CLS] A [SEP]", kClsTwo = "[CLS] A [SEP] B:1 [SEP]:1";
constexpr std::string_view kMadeUp =
    "<madeupword0> <madeupword1> <madeupword2> <madeupword3> <madeupword4> <madeupword5> "
    "<madeupword6>";

constexpr SpmClass kClasses[] = {
    {"XLMRoberta", kFairseq, 3, "<mask>", 3, Rules::kPlain, kOne, kTwo},
    {"LayoutXLM", kFairseq, 3, "<mask>", 3, Rules::kPlain, kOne, kTwo},
    {"Camembert", "<s>NOTUSED <pad> </s>NOTUSED <unk> <unk>NOTUSED", 1, "<mask>", 3, Rules::kPlain,
     kOne, kTwo},
    {"Barthez", "", 0, "", 3, Rules::kPlain, kOne, kTwo},
    {"MBart", kFairseq, 3, "(codes) <mask>", 3, Rules::kPlain, "", ""},
    {"MBart50", kFairseq, 3, "(codes) <mask>", 3, Rules::kPlain, "", ""},
    {"Nllb", kFairseq, 3, "", 3, Rules::kPlain, "", ""},
    {"XGLM", kFairseq, 3, kMadeUp, 3, Rules::kPlain, "</s> A", "</s> A </s> </s> B"},
    {"T5", "", 0, "(extra_ids)", -1, Rules::kPlain, "A </s>", "A </s> B </s>"},
    {"Siglip", "", 0, "", -1, Rules::kPlain, "A </s>", "A </s> B </s>"},
    {"Udop", "", 0, "", -1, Rules::kPlain, "A </s>", "A </s> B </s>"},
    {"Pegasus", "(pegasus)", 2, "", -1, Rules::kPlain, "A (eos)", "A B (eos)"},
    {"Reformer", "", 0, "", -1, Rules::kPlain, "", ""},
    {"BigBird", "", 0, "", -1, Rules::kPlain, kClsOne, kClsTwo},
    {"Albert", "", 0, "", -1, Rules::kQuotes, kClsOne, kClsTwo},
    {"FNet", "", 0, "", -1, Rules::kQuotes, kClsOne, kClsTwo},
    {"XLNet", "", 0, "", -1, Rules::kQuotes, "A <sep> <cls>:2", "A <sep> B:1 <sep>:1 <cls>:2"},
    {"RemBert", "", 0, "", -1, Rules::kQuotesLast, kClsOne, kClsTwo},
    {"DebertaV2", "", 0, "", -1, Rules::kStrip, kClsOne, kClsTwo},
    {"Llama", "", 0, "", 0, Rules::kLlama, "", ""},
    {"CodeLlama", "", 0, "", 0, Rules::kLlama, "", ""},
    {"Gemma", "(pad) (eos) (bos)", 3, "", 3, Rules::kGemma, "", ""},
};

using Scores = std::vector<std::pair<std::string, double>>;

// ALBERT and XLNet hide pieces such as "9," by a low score.
bool number_comma(const std::string& piece) {
  if (!piece.ends_with(',') || piece.size() < 2) return false;
  std::size_t at = piece.size() - 1;
  return unicode::is(unicode::previous(piece, at), unicode::kNumber);
}

// The tokens that one word of SpmClass::head or tail stands for.
std::vector<std::string> spelled_out(const std::string& word, const TokenizerConfig& config) {
  const std::string_view name = config.row->name();
  std::vector<std::string> all;
  if (word == "(codes)") return split(language_codes(name), ' ');
  if (word == "(extra_ids)") {
    for (std::int64_t i = config.fields.integer("extra_ids", 0, 10'000, 100) - 1; i >= 0; --i)
      all.push_back("<extra_id_" + std::to_string(i) + ">");
  } else if (word == "(pegasus)") {
    const std::int64_t offset = config.fields.integer("offset", 0, 10'000, 103);
    all = {config.special("pad"), config.special("eos")};
    // The mask token stands in the vocabulary where its id, after the sentence mask, is below the
    // offset.
    if (config.fields.has("mask_token_sent") || !config.fields.json().contains("mask_token_sent")) {
      all.push_back(config.fields.text("mask_token_sent", "<mask_1>"));
      if (offset > 3) all.push_back(config.special("mask"));
    }
    for (std::int64_t i = 2; i < offset; ++i) all.push_back("<unk_" + std::to_string(i) + ">");
  } else if (word.front() == '(') {
    all = {config.special(word.substr(1, word.size() - 2))};
  } else {
    all = {word};
  }
  return all;
}

Scores vocabulary_of(const SpmModel& model, const SpmClass& own, const TokenizerConfig& config) {
  Scores all;
  const auto add = [&](std::string_view words) {
    if (words.empty()) return;
    for (const std::string& word : split(words, ' '))
      for (std::string& token : spelled_out(word, config))
        all.emplace_back(std::move(token),
                         token == "<unk>NOTUSED" || token.starts_with("<unk_") ? -100 : 0);
  };
  add(own.head);
  for (std::size_t i = own.from; i < model.pieces.size(); ++i)
    all.emplace_back(model.pieces[i].text, model.pieces[i].score);
  add(own.tail);
  if (own.rules == Rules::kLlama)
    for (std::size_t i = 0; i < std::min<std::size_t>(3, all.size()); ++i) all[i].second = 0;
  if (own.rules == Rules::kQuotes)
    for (auto& [piece, score] : all)
      if (number_comma(piece)) score -= 100;
  const auto tab = [&](const auto& entry) { return entry.first == "\t"; };
  if (own.rules == Rules::kGemma && std::none_of(all.begin(), all.end(), tab))
    for (auto& entry : all)
      if (entry.first == "<0x09>") {  // older files lack the tab
        entry = {"\t", 0};
        break;
      }
  return all;
}

// SentencePiece's BPE has scores for pieces, no merges: every split of a piece into two pieces is a
// merge, ranked by the piece's score.
struct ScoredMerge {
  double score;
  std::int64_t left_length, right_length;  // code points
  std::string left, right;
};
std::vector<ScoredMerge> merges_of(const Scores& vocabulary, const SpmModel& model, bool gemma) {
  std::unordered_map<std::string_view, std::size_t> ids;
  for (std::size_t i = 0; i < model.pieces.size(); ++i) ids[model.pieces[i].text] = i;
  if (gemma && !ids.contains("\t") && ids.contains("<0x09>")) ids["\t"] = ids["<0x09>"];
  std::unordered_map<std::string_view, double> scores;  // a token named twice: the last score
  for (const auto& [piece, score] : vocabulary) scores[piece] = score;
  std::vector<ScoredMerge> all;
  for (const auto& [piece, first_score] : vocabulary) {
    const auto found = scores.find(piece);
    if (found == scores.end()) continue;
    const double score = found->second;
    scores.erase(found);
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

void build_model(const SpmModel& model, const SpmClass& own, const TokenizerConfig& config,
                 Blueprint& out) {
  const bool byte_fallback = own.rules == Rules::kLlama || own.rules == Rules::kGemma;
  const Scores all = vocabulary_of(model, own, config);
  std::int64_t unk_id = own.unk_id < 0 ? model.unk_id : own.unk_id;
  if (own.name == "Pegasus") unk_id += config.fields.integer("offset", 0, 10'000, 103);
  Vocabulary vocabulary;
  std::vector<double> scores;
  for (const auto& [piece, score] : all) {
    vocabulary.add(piece, static_cast<std::int32_t>(scores.size()));
    scores.push_back(score);
  }
  if (model.model_type == 1) {
    if (unk_id < 0 || unk_id >= static_cast<std::int64_t>(scores.size()))
      fail(Errc::kBadData, out.where, ": trainer_spec.unk_id is ", unk_id, ", but there are ",
           scores.size(), " pieces");
    out.model = make_unigram(
        std::move(vocabulary), scores,
        {.unk_id = static_cast<std::int32_t>(unk_id), .byte_fallback = byte_fallback}, out.where);
    return;
  }
  if (model.model_type != 2)
    fail(Errc::kUnsupported, out.where, ": trainer_spec.model_type is ", model.model_type,
         ", wanted 1 (unigram) or 2 (BPE)");
  const auto merges = merges_of(all, model, own.rules == Rules::kGemma);
  out.bpe = std::make_unique<BpeBuilder>(
      std::move(vocabulary),
      BpeOptions{.unk_token = model.unk_piece, .fuse_unk = true, .byte_fallback = byte_fallback},
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

// Of the slow classes only these three have the settings `legacy` and `add_prefix_space`.
bool has_settings(const SpmClass& own) {
  return own.name == "Llama" || own.name == "T5" || own.name == "Udop";
}
bool is_legacy(const SpmClass& own, const Fields& f) {
  return !has_settings(own) || f.boolean("legacy", true);
}
bool has_prefix_space(const SpmClass& own, const Fields& f) {
  if (!has_settings(own) || !f.json().contains("add_prefix_space")) return true;
  return f.boolean("add_prefix_space", false);  // null is false, too
}

Json normalizer_of(const SpmModel& model, const SpmClass& own, const Fields& f) {
  Json parts = Json::array();
  const auto charsmap = [&] {
    if (model.charsmap.empty()) return;
    parts.push_back(
        {{"type", "Precompiled"},
         {"precompiled_charsmap", Json::binary({model.charsmap.begin(), model.charsmap.end()})}});
  };
  const auto strip = [&](bool left) {
    parts.push_back({{"type", "Strip"}, {"strip_left", left}, {"strip_right", true}});
  };
  const Json one_space = regex_replace(" {2,}", " ");
  switch (own.rules) {
    case Rules::kLlama:
      if (!is_legacy(own, f)) return nullptr;
      if (has_prefix_space(own, f)) parts.push_back({{"type", "Prepend"}, {"prepend", kMark}});
      parts.push_back(string_replace(" ", kMark));
      break;
    case Rules::kGemma:
      return string_replace(" ", kMark);
    case Rules::kQuotes:
    case Rules::kQuotesLast:
      parts.push_back(string_replace("``", "\""));
      parts.push_back(string_replace("''", "\""));
      if (own.rules == Rules::kQuotesLast) parts.push_back(one_space);
      if (!f.boolean("keep_accents", own.name == "FNet" || own.name == "RemBert")) {
        parts.push_back({{"type", "NFKD"}});
        parts.push_back({{"type", "StripAccents"}});
      }
      if (f.boolean("do_lower_case", own.name == "Albert"))
        parts.push_back({{"type", "Lowercase"}});
      charsmap();
      if (own.rules == Rules::kQuotes) parts.push_back(one_space);
      break;
    case Rules::kStrip:
      if (f.boolean("do_lower_case", false)) parts.push_back({{"type", "Lowercase"}});
      strip(true);
      charsmap();
      parts.push_back(one_space);
      break;
    case Rules::kPlain:
      charsmap();
      strip(false);
      parts.push_back(regex_replace(" {2,}", kMark));
  }
  return {{"type", "Sequence"}, {"normalizers", parts}};
}

// Pre-tokenizer and decoder.
void cut_and_join(const SpmClass& own, const Fields& f, Blueprint& out) {
  const bool llama = own.rules == Rules::kLlama, gemma = own.rules == Rules::kGemma;
  const bool legacy = is_legacy(own, f), prefix_space = has_prefix_space(own, f);
  const char* scheme = !prefix_space ? "never" : legacy ? "always" : "first";
  const Json metaspace = {
      {"type", "Metaspace"}, {"replacement", kMark}, {"prepend_scheme", scheme}, {"split", !llama}};
  const auto after = [&](Json first) -> Json {
    return {{"type", "Sequence"}, {"pretokenizers", {std::move(first), metaspace}}};
  };
  if (own.name == "Pegasus") {
    out.pre_tokenizer = after({{"type", "WhitespaceSplit"}});
  } else if (own.name == "DebertaV2" && f.boolean("split_by_punct", false)) {
    out.pre_tokenizer = after({{"type", "Punctuation"}, {"behavior", "Isolated"}});
  } else if (gemma) {
    out.pre_tokenizer = {{"type", "Split"},
                         {"pattern", {{"String", " "}}},
                         {"behavior", "MergedWithPrevious"},
                         {"invert", false}};
  } else if (!llama || !legacy) {
    out.pre_tokenizer = metaspace;
  }
  out.decoder = metaspace;
  if (!llama && !gemma) return;
  Json parts = {string_replace(kMark, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (llama && prefix_space)
    parts.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  out.decoder = {{"type", "Sequence"}, {"decoders", parts}};
}

std::vector<std::pair<std::string, int>> template_of(std::string_view words,
                                                     const TokenizerConfig& config) {
  std::vector<std::pair<std::string, int>> all;
  if (words.empty()) return all;
  for (std::string word : split(words, ' ')) {
    int type = 0;
    if (const std::size_t n = word.size(); n > 2 && word[n - 2] == ':') {
      type = word.back() - '0';
      word.resize(n - 2);
    }
    if (word == "(eos)") word = config.special("eos");
    all.emplace_back(word == "A" || word == "B" ? "$" + word : word, type);
  }
  return all;
}

}  // namespace

Blueprint read_spm_file(const std::filesystem::path& file, const TokenizerConfig& config) {
  const auto* own = std::find_if(std::begin(kClasses), std::end(kClasses),
                                 [&](const SpmClass& c) { return c.name == config.row->name(); });
  Blueprint out;
  out.where = file.filename().string();
  const SpmModel model = read_spm(file);
  build_model(model, *own, config, out);
  for (const SpmPiece& piece : model.pieces)
    if (piece.type == PieceType::kControl || piece.type == PieceType::kUserDefined) {
      const bool turn = own->rules == Rules::kGemma &&
                        (piece.text == "<start_of_turn>" || piece.text == "<end_of_turn>");
      out.added_tokens.push_back({.content = piece.text,
                                  .normalized = false,
                                  .special = piece.type == PieceType::kControl || turn});
    }
  out.normalizer = normalizer_of(model, *own, config.fields);
  cut_and_join(*own, config.fields, out);
  out.around = {template_of(own->single, config), template_of(own->pair, config)};
  return out;
}

}  // namespace hft
