// Tokenizers of the files older than tokenizer.json: vocab.txt (WordPiece) and vocab.json with
// merges.txt (BPE), put together as transformers' converters do for each class.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/tokenizers/blueprint.h"
#include "core/tokenizers/slow_decoder.h"
#include "core/tokenizers/unicode.h"
#include "core/tokenizers/wordpiece.h"

namespace hft {
namespace fs = std::filesystem;

namespace {

// The lines, without their ends.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// Their ids are filled in once all tokens are added: some stand only among those.
Json sep_and_cls(const char* type, const TokenizerConfig& config, const char* cls_name,
                 const char* sep_name) {
  return {{"type", type},
          {"sep", {config.special(sep_name), nullptr}},
          {"cls", {config.special(cls_name), nullptr}}};
}

Json byte_level(const TokenizerConfig& config, bool cuts) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space",
           config.fields.boolean("add_prefix_space", config.row->name() == "LayoutLMv3")},
          {"trim_offsets", true},
          {"use_regex", cuts}};
}

Json split_regex(const char* regex, const char* behavior, bool invert) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", regex}}},
          {"behavior", behavior},
          {"invert", invert}};
}

// The lines of merges.txt that are merges. The Python classes take the first line for the version
// and the last for empty; Qwen2's looks.
struct Merges {
  std::string file, text;
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  std::vector<std::size_t> lines;  // of each pair
};
Merges read_merges(const fs::path& file, const TokenizerConfig& config) {
  Merges out{file.filename().string(), read_text_file(file), {}, {}};
  auto lines = lines_of(out.text);
  const bool looks = config.row->recipe == Recipe::kQwen;
  const bool strips = config.row->recipe == Recipe::kClip;
  const bool herbert = config.row->recipe == Recipe::kHerbert;
  if (!looks && !strips && !lines.empty() && !out.text.ends_with('\n')) lines.pop_back();
  if (config.row->recipe == Recipe::kClip && lines.size() > 48'895) lines.resize(48'895);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    const bool version = looks ? line.starts_with("#version")
                               : !herbert || line.substr(0, line.find(' ')).find("#version:") !=
                                                 std::string_view::npos;
    if (line.empty() || (i == 0 && version)) continue;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
      fail(Errc::kBadData, out.file, ": line ", i + 1, ": is '", line,
           "', wanted two tokens with one space between");
    out.pairs.emplace_back(line.substr(0, space), line.substr(space + 1));
    out.lines.push_back(i + 1);
  }
  return out;
}

void build_bpe(Blueprint& out, Vocabulary vocabulary, const Merges& merges, BpeOptions options) {
  out.bpe =
      std::make_unique<BpeBuilder>(std::move(vocabulary), std::move(options), merges.pairs.size());
  for (const auto& [left, right] : merges.pairs) out.bpe->add_merge(left, right);
  out.bpe->finish_merges([&](std::size_t n, const std::string& what) {
    fail(Errc::kBadData, merges.file, ": line ", merges.lines[n], ": ", what);
  });
}

// <|startoftranscript|>, language, task, <|notimestamps|>, as tokenizer_config.json says.
std::vector<std::string> whisper_prefix(const Fields& f) {
  std::vector<std::string> all{"<|startoftranscript|>"};
  for (const char* key : {"language", "task"})
    if (f.has(key)) all.push_back("<|" + f.text(key) + "|>");
  if (!f.boolean("predict_timestamps", false)) all.emplace_back("<|notimestamps|>");
  return all;
}

// What is around the texts of the byte-level classes.
void surround_bytes(const TokenizerConfig& config, Blueprint& out) {
  const std::string_view name = config.row->name();
  const std::string bos = config.special("bos"), eos = config.special("eos");
  auto& [single, pair] = out.around;
  if (name == "Luke") {
    const std::string cls = config.special("cls"), sep = config.special("sep");
    single = {{cls, 0}, {"$A", 0}, {sep, 0}};
    pair = {{cls, 0}, {"$A", 0}, {sep, 0}, {sep, 0}, {"$B", 0}, {sep, 0}};
    out.own_decoder = std::make_unique<SlowDecoder>(
        set_apart(config, out.vocabulary()),
        [bytes = std::shared_ptr<const Decoder>(make_decoder(Fields(out.decoder, "decoder")))](
            std::vector<std::string> tokens) {
          bytes->apply(tokens);
          return joined(tokens, "");
        });
  } else if (name == "Roberta" || name == "Bart" || name == "Mvp" || name == "LayoutLMv3") {
    out.post_processor = sep_and_cls("RobertaProcessing", config, "cls", "sep");
    out.post_processor["trim_offsets"] = true;
    out.post_processor["add_prefix_space"] = out.pre_tokenizer["add_prefix_space"];
  } else if (name == "Blenderbot") {
    single = {{"$A", 0}, {eos, 0}};
    pair = {{"$A", 0}, {"$B", 1}};  // the library's default
  } else if (name == "Deberta") {
    single = {{"[CLS]", 0}, {"$A", 0}, {"[SEP]", 0}};
    pair = {{"[CLS]", 0}, {"$A", 0}, {"[SEP]", 0}, {"$B", 1}, {"[SEP]", 1}};
  } else if (name == "Whisper") {
    for (const std::string& token : whisper_prefix(config.fields)) single.push_back({token, 0});
    single.push_back({"$A", 0});
    pair = single;
    single.push_back({eos, 0});
    pair.insert(pair.end(), {{"$B", 1}, {eos, 1}});
  } else if (config.fields.boolean("add_bos_token", false)) {
    single = {{bos, 0}, {"$A", 0}};
    pair = {{bos, 0}, {"$A", 0}, {"$B", 1}};
  } else {
    out.post_processor = {{"type", "ByteLevel"}, {"trim_offsets", false}};
  }
}

void assemble_bpe(const TokenizerConfig& config, Blueprint& out) {
  const Json bert_words = {{"type", "BertPreTokenizer"}};
  out.decoder = {{"type", "ByteLevel"}};
  switch (config.row->recipe) {
    case Recipe::kQwen:
      out.normalizer = {{"type", "NFC"}};
      out.pre_tokenizer = {
          {"type", "Sequence"},
          {"pretokenizers",
           {split_regex("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| "
                        "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                        "Isolated", false),
            byte_level(config, false)}}};
      out.post_processor = {{"type", "ByteLevel"}, {"trim_offsets", false}};
      return;
    case Recipe::kClip: {
      const Json spaces = {{"type", "Replace"}, {"pattern", {{"Regex", "\\s+"}}}, {"content", " "}};
      out.normalizer = {{"type", "Sequence"},
                        {"normalizers", {{{"type", "NFC"}}, spaces, {{"type", "Lowercase"}}}}};
      out.pre_tokenizer = {
          {"type", "Sequence"},
          {"pretokenizers",
           {split_regex("'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+", "Removed",
                        true),
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}}}};
      out.post_processor = sep_and_cls("RobertaProcessing", config, "bos", "eos");
      out.post_processor["trim_offsets"] = out.post_processor["add_prefix_space"] = false;
      return;
    }
    case Recipe::kOpenAiGpt:
    case Recipe::kHerbert: {
      const bool lower = config.row->recipe == Recipe::kOpenAiGpt;
      out.normalizer = {{"type", "BertNormalizer"}, {"lowercase", lower}};
      if (!lower) out.normalizer["strip_accents"] = false;
      out.pre_tokenizer = bert_words;
      out.decoder = {{"type", "BPEDecoder"}, {"suffix", "</w>"}};
      if (!lower) out.post_processor = sep_and_cls("BertProcessing", config, "cls", "sep");
      return;
    }
    default:
      out.pre_tokenizer = byte_level(config, true);
      surround_bytes(config, out);
  }
}

}  // namespace

std::string read_text_file(const fs::path& file) {
  std::string text = read_file(file, limits::kTokenizerBytes);
  if (const std::size_t bad = unicode::ill_formed(text); bad != std::string::npos)
    fail(Errc::kBadData, file.filename().string(), ": byte ", bad, " is not UTF-8");
  return text;
}

Vocabulary read_vocab_json(const fs::path& file, const std::string& language) {
  const std::string where = file.filename().string();
  Json ids = parse_json(read_file(file, limits::kTokenizerBytes), where);
  if (!language.empty()) {
    if (!ids.is_object() || !ids.contains(language))
      fail(Errc::kBadData, where, ": has no vocabulary of the language '", language, "'");
    ids = Json(std::move(ids[language]));
  }
  if (!ids.is_object())
    fail(Errc::kBadData, where, ": is ", ids.type_name(), ", wanted {\"token\": id, …}");
  Vocabulary vocabulary;
  vocabulary.reserve(ids.size(), ids.size() * 8);
  for (const auto& [token, id] : ids.items())
    vocabulary.add(
        token, checked_id(id.is_number_integer() ? id.get<std::int64_t>() : -1, ids.size(), where));
  return vocabulary;
}

Blueprint read_vocab_txt(const fs::path& file, const TokenizerConfig& config) {
  Blueprint out;
  out.where = file.filename().string();
  const std::string text = read_text_file(file);
  const auto lines = lines_of(text);
  Vocabulary vocabulary;
  vocabulary.reserve(lines.size(), text.size());
  for (std::size_t i = 0; i < lines.size(); ++i)
    vocabulary.add(lines[i], static_cast<std::int32_t>(i));
  const std::string cls = config.special("cls"), sep = config.special("sep");
  out.model = make_wordpiece(std::move(vocabulary), {.unk_token = config.special("unk")});
  const Fields& f = config.fields;
  Json strip = nullptr;
  if (f.has("strip_accents")) strip = f.boolean("strip_accents", true);
  out.normalizer = {{"type", "BertNormalizer"},
                    {"clean_text", true},
                    {"handle_chinese_chars", f.boolean("tokenize_chinese_chars", true)},
                    {"strip_accents", strip},
                    {"lowercase", f.boolean("do_lower_case", true)}};
  out.pre_tokenizer = {{"type", "BertPreTokenizer"}};
  const std::string_view name = config.row->name();
  const int first = name == "Funnel" ? 2 : 0;
  out.around = {{{cls, first}, {"$A", 0}, {sep, 0}}, {{cls, first}, {"$A", 0}}};
  auto& pair = out.around.pair;
  const std::string question = f.text("question_token", "[QUESTION]");
  const bool splinter = name == "Splinter", right = f.text("padding_side", "right") == "right";
  if (splinter && right) pair.insert(pair.end(), {{question, 0}, {".", 0}});
  pair.push_back({sep, 0});
  if (name == "MPNet") pair.push_back({sep, 0});
  pair.push_back({"$B", 1});
  if (splinter && !right) pair.insert(pair.end(), {{question, 0}, {".", 0}});
  pair.push_back({sep, 1});
  out.decoder = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  return out;
}

Blueprint read_vocab_merges(const fs::path& folder, const TokenizerConfig& config) {
  Blueprint out;
  out.where = "vocab.json";
  BpeOptions options;
  const Recipe recipe = config.row->recipe;
  if (recipe == Recipe::kClip || recipe == Recipe::kOpenAiGpt || recipe == Recipe::kHerbert) {
    options.end_of_word_suffix = "</w>";
    options.unk_token = config.special("unk");
  }
  build_bpe(out, read_vocab_json(folder / "vocab.json"), read_merges(folder / "merges.txt", config),
            std::move(options));
  if (recipe == Recipe::kOpenAiGpt && out.vocabulary().find(config.special("unk")) >= 0)
    out.added_tokens.push_back(
        {.content = config.special("unk"), .normalized = false, .special = true});
  assemble_bpe(config, out);
  return out;
}

Blueprint read_own_files(const fs::path& folder, const TokenizerConfig& config) {
  const auto there = [&](const std::string& name) { return fs::is_regular_file(folder / name); };
  const Recipe recipe = config.row ? config.row->recipe : Recipe::kNone;
  if (recipe == Recipe::kSpm) {
    for (const char* name : {"tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
                             "spm.model", "sentencepiece.model"})
      if (there(name)) return read_spm_file(folder / name, config);
  } else if (recipe != Recipe::kNone && std::ranges::all_of(own_files_of(*config.row), there)) {
    switch (recipe) {
      case Recipe::kBert:
        return read_vocab_txt(folder / "vocab.txt", config);
      case Recipe::kMarian:
        return read_marian(folder, config);
      case Recipe::kM2M100:
        return read_m2m100(folder, config);
      case Recipe::kCharacter:
        return read_characters(folder, config);
      case Recipe::kGptSw3:
        return read_gpt_sw3(folder, config);
      case Recipe::kWords:
        return read_slow_class(folder, config);
      default:
        return read_vocab_merges(folder, config);
    }
  }
  if (!config.row && !config.class_name.empty())
    fail(Errc::kUnsupported, folder.string(), ": no tokenizer.json, and the tokenizer class '",
         config.class_name, "' is not one whose own files hft reads; those are ",
         readable_classes());
  if (recipe != Recipe::kNone && recipe != Recipe::kSpm && !config.class_name.empty())
    fail(Errc::kNotFound, folder.string(), ": no tokenizer: neither tokenizer.json nor ",
         joined(own_files_of(*config.row), " with "), ", which '", config.class_name, "' reads");
  fail(Errc::kNotFound, folder.string(),
       ": no tokenizer: none of tokenizer.json, vocab.txt, vocab.json with merges.txt, vocab.json "
       "with source.spm and target.spm, tokenizer.model, spiece.model, sentencepiece.bpe.model, "
       "spm.model");
}

}  // namespace hft
