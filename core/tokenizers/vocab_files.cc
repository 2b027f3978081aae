// Tokenizers of the files older than tokenizer.json: vocab.txt (WordPiece) and vocab.json with
// merges.txt (byte-level BPE), put together as transformers' converters do.
#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/tokenizers/blueprint.h"
#include "core/tokenizers/unicode.h"
#include "core/tokenizers/wordpiece.h"

namespace hft {
namespace {

std::string read_text(const std::filesystem::path& file) {
  std::string text = read_file(file, limits::kTokenizerBytes);
  if (const std::size_t bad = unicode::ill_formed(text); bad != std::string::npos)
    fail(Errc::kBadData, file.filename().string(), ": byte ", bad, " is not UTF-8");
  return text;
}

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

std::int32_t need_id(const Vocabulary& vocabulary, const std::string& token,
                     const std::string& where) {
  const std::int32_t id = vocabulary.find(token);
  if (id < 0)
    fail(Errc::kBadData, where, ": the special token '", token, "' is not in the vocabulary");
  return id;
}

Json special_item(const std::string& token, int type) {
  return {{"SpecialToken", {{"id", token}, {"type_id", type}}}};
}
Json text_item(const char* name, int type) {
  return {{"Sequence", {{"id", name}, {"type_id", type}}}};
}
Json special_entry(const std::string& token, std::int32_t id) {
  return {{"id", token}, {"ids", {id}}, {"tokens", {token}}};
}

}  // namespace

Blueprint read_vocab_txt(const std::filesystem::path& file, const TokenizerConfig& config) {
  Blueprint out;
  out.where = file.filename().string();
  const std::string text = read_text(file);
  const auto lines = lines_of(text);
  Vocabulary vocabulary;
  vocabulary.reserve(lines.size(), text.size());
  for (std::size_t i = 0; i < lines.size(); ++i)
    vocabulary.add(lines[i], static_cast<std::int32_t>(i));
  const auto special = [&](std::string_view name, const char* fallback) {
    const std::string token = config.special(name);
    return token.empty() ? std::string(fallback) : token;
  };
  const std::string cls = special("cls", "[CLS]"), sep = special("sep", "[SEP]");
  const std::int32_t cls_id = need_id(vocabulary, cls, out.where),
                     sep_id = need_id(vocabulary, sep, out.where);
  out.model = make_wordpiece(std::move(vocabulary), {.unk_token = special("unk", "[UNK]")});
  const Fields& f = config.fields;
  Json strip = nullptr;
  if (f.has("strip_accents")) strip = f.boolean("strip_accents", true);
  out.normalizer = {{"type", "BertNormalizer"},
                    {"clean_text", true},
                    {"handle_chinese_chars", f.boolean("tokenize_chinese_chars", true)},
                    {"strip_accents", strip},
                    {"lowercase", f.boolean("do_lower_case", true)}};
  out.pre_tokenizer = {{"type", "BertPreTokenizer"}};
  const bool two_seps = config.row && config.row->names == "MPNet";
  Json pair = {special_item(cls, 0), text_item("A", 0), special_item(sep, 0)};
  if (two_seps) pair.push_back(special_item(sep, 0));
  pair.push_back(text_item("B", 1));
  pair.push_back(special_item(sep, 1));
  out.post_processor = {
      {"type", "TemplateProcessing"},
      {"single", {special_item(cls, 0), text_item("A", 0), special_item(sep, 0)}},
      {"pair", pair},
      {"special_tokens", {{cls, special_entry(cls, cls_id)}, {sep, special_entry(sep, sep_id)}}}};
  out.decoder = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  return out;
}

Blueprint read_vocab_merges(const std::filesystem::path& vocab, const std::filesystem::path& merges,
                            const TokenizerConfig& config) {
  Blueprint out;
  out.where = vocab.filename().string();
  const Json ids = parse_json(read_file(vocab, limits::kTokenizerBytes), vocab.string());
  if (!ids.is_object())
    fail(Errc::kBadData, out.where, ": is ", ids.type_name(), ", wanted {\"token\": id, …}");
  Vocabulary vocabulary;
  vocabulary.reserve(ids.size(), ids.size() * 8);
  for (const auto& [token, id] : ids.items())
    vocabulary.add(token, checked_id(id.is_number_integer() ? id.get<std::int64_t>() : -1,
                                     ids.size(), out.where));
  const ClassFamily family = config.row ? config.row->family : ClassFamily::kGpt2;
  const bool prefix_space = config.fields.boolean("add_prefix_space", false);
  if (family == ClassFamily::kRoberta) {
    const std::string cls = config.special("cls"), sep = config.special("sep");
    out.post_processor = {{"type", "RobertaProcessing"},
                          {"sep", {sep, need_id(vocabulary, sep, out.where)}},
                          {"cls", {cls, need_id(vocabulary, cls, out.where)}},
                          {"trim_offsets", true},
                          {"add_prefix_space", prefix_space}};
  } else if (config.fields.boolean("add_bos_token", false)) {
    const std::string bos = config.special("bos");
    out.post_processor = {
        {"type", "TemplateProcessing"},
        {"single", {special_item(bos, 0), text_item("A", 0)}},
        {"pair", {special_item(bos, 0), text_item("A", 0), text_item("B", 1)}},
        {"special_tokens", {{bos, special_entry(bos, need_id(vocabulary, bos, out.where))}}}};
  } else {
    out.post_processor = {{"type", "ByteLevel"}, {"trim_offsets", false}};
  }
  const std::string text = read_text(merges);
  const auto lines = lines_of(text);
  out.bpe = std::make_unique<BpeBuilder>(std::move(vocabulary), BpeOptions{}, lines.size());
  std::vector<std::size_t> numbers;  // lines of the merges
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    if (line.empty() || (i == 0 && line.starts_with("#version"))) continue;
    const std::size_t space = line.find(' ');
    const std::string where = merges.filename().string() + ": line " + std::to_string(i + 1) + ": ";
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
      fail(Errc::kBadData, where, "is '", line, "', wanted two tokens with one space between");
    out.bpe->add_merge(line.substr(0, space), line.substr(space + 1));
    numbers.push_back(i + 1);
  }
  out.bpe->finish_merges([&](std::size_t n, const std::string& what) {
    fail(Errc::kBadData, merges.filename().string(), ": line ", numbers[n], ": ", what);
  });
  out.pre_tokenizer = {{"type", "ByteLevel"},
                       {"add_prefix_space", prefix_space},
                       {"trim_offsets", true},
                       {"use_regex", true}};
  out.decoder = {{"type", "ByteLevel"}};
  return out;
}

}  // namespace hft
