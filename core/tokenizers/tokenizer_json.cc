// Reads tokenizer.json. The vocabulary and the merges, nearly all of the file, go from simdjson
// straight into the model; the small rest becomes Json for the components' factories.
#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/impostor.h"
#include "core/base/limits.h"
#include "core/tokenizers/blueprint.h"
#include "core/tokenizers/unigram.h"
#include "core/tokenizers/wordpiece.h"

namespace hft {
namespace {

namespace dom = simdjson::dom;

Json to_json(dom::element value) {
  switch (value.type()) {
    case dom::element_type::OBJECT: {
      Json object = Json::object();
      for (auto [key, entry] : dom::object(value)) object[std::string(key)] = to_json(entry);
      return object;
    }
    case dom::element_type::ARRAY: {
      Json array = Json::array();
      for (auto entry : dom::array(value)) array.push_back(to_json(entry));
      return array;
    }
    case dom::element_type::STRING:
      return std::string(std::string_view(value));
    case dom::element_type::INT64: {
      const auto number = std::int64_t(value);
      return number < 0 ? Json(number) : Json(static_cast<std::uint64_t>(number));
    }
    case dom::element_type::UINT64:
      return std::uint64_t(value);
    case dom::element_type::DOUBLE:
      return double(value);
    case dom::element_type::BOOL:
      return bool(value);
    default:
      return nullptr;
  }
}

std::optional<dom::element> field(dom::object object, std::string_view key) {
  dom::element value;
  if (object[key].get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return value;
}

// The model with its big lists taken out, to read the options from.
Fields options_of(dom::object model, const std::string& where) {
  Json rest = Json::object();
  for (auto [key, value] : model)
    if (key != "vocab" && key != "merges") rest[std::string(key)] = to_json(value);
  return Fields(std::move(rest), where);
}

// `count` is simdjson's size(), which stops at 2^24 - 1.
void check_count(std::size_t count, const std::string& where) {
  if (count > static_cast<std::size_t>(limits::kTokens))
    fail(Errc::kBadData, where, ": ", count, " tokens, the limit is ", limits::kTokens);
}

// {"token": id, …}
Vocabulary read_vocabulary(dom::object model, const std::string& where) {
  auto found = field(model, "vocab");
  dom::object vocab;
  if (!found || found->get(vocab) != simdjson::SUCCESS)
    fail(Errc::kBadData, where, ": 'vocab' is ", found ? "not an object" : "missing",
         ", wanted {\"token\": id, …}");
  const std::size_t entries = vocab.size();
  check_count(entries, where + ".vocab");
  Vocabulary vocabulary;
  vocabulary.reserve(entries, entries * 8);
  constexpr std::size_t kBlock = 64;
  const std::string place = where + ".vocab";
  std::vector<std::string_view> tokens;
  std::vector<std::int32_t> ids;
  const auto add = [&] {
    vocabulary.add_all(tokens, ids);
    tokens.clear();
    ids.clear();
  };
  for (auto [token, value] : vocab) {
    std::int64_t id = 0;
    if (value.get(id) != simdjson::SUCCESS) id = -1;
    tokens.push_back(token);
    ids.push_back(checked_id(id, entries, place));
    if (tokens.size() == kBlock) add();
  }
  add();
  return vocabulary;
}

std::unique_ptr<BpeBuilder> read_bpe(dom::object model, const Fields& options,
                                     const std::string& where) {
  BpeOptions bpe;
  if (options.has("unk_token")) bpe.unk_token = options.text("unk_token");
  bpe.continuing_subword_prefix = options.text("continuing_subword_prefix", "");
  bpe.end_of_word_suffix = options.text("end_of_word_suffix", "");
  bpe.fuse_unk = options.boolean("fuse_unk", false);
  bpe.byte_fallback = options.boolean("byte_fallback", false);
  bpe.ignore_merges = options.boolean("ignore_merges", false);
  auto found = field(model, "merges");
  dom::array merges;
  if (!found || found->get(merges) != simdjson::SUCCESS)
    fail(Errc::kBadData, where, ": 'merges' is ", found ? "not a list" : "missing",
         ", wanted a list");
  std::size_t count = 0;
  for ([[maybe_unused]] auto merge : merges) ++count;
  auto builder = std::make_unique<BpeBuilder>(read_vocabulary(model, where), std::move(bpe), count);
  std::size_t i = 0;
  std::vector<std::size_t> numbers;  // places of the merges in the list, which may hold a #version
  numbers.reserve(count);
  for (auto merge : merges) {
    const auto wrong = [&](const std::string& what) {
      fail(Errc::kBadData, where, ".merges[", i, "]: ", what);
    };
    std::string_view left, right, line;
    dom::array pair;
    if (merge.get(line) == simdjson::SUCCESS) {
      if (line.starts_with("#version")) {
        ++i;
        continue;
      }
      const std::size_t space = line.find(' ');
      if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
        wrong("is '" + std::string(line) + "', wanted two tokens with one space between");
      left = line.substr(0, space);
      right = line.substr(space + 1);
    } else if (merge.get(pair) != simdjson::SUCCESS || pair.size() != 2 ||
               pair.at(0).get(left) != simdjson::SUCCESS ||
               pair.at(1).get(right) != simdjson::SUCCESS) {
      wrong("is neither \"a b\" nor [\"a\", \"b\"]");
    }
    builder->add_merge(left, right);
    numbers.push_back(i++);
  }
  builder->finish_merges([&](std::size_t n, const std::string& what) {
    fail(Errc::kBadData, where, ".merges[", numbers[n], "]: ", what);
  });
  return builder;
}

// A score as tokenizers' JSON reader (serde_json) makes it of its shortest digits: the digits as an
// integer, times or by a power of ten, rounded twice. The last bit decides between equal paths.
double as_reference_reads(double score) {
  char text[32];
  const auto* end =
      std::to_chars(text, text + sizeof text - 1, std::abs(score), std::chars_format::scientific)
          .ptr;
  text[end - text] = 0;
  std::uint64_t digits = 0;
  int exponent = 0;
  const char* at = text;
  for (bool fraction = false; at < end && *at != 'e'; ++at) {
    if (*at == '.') {
      fraction = true;
      continue;
    }
    digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
    exponent -= fraction;
  }
  exponent += std::atoi(at + 1);
  if (std::abs(exponent) > 22) return score;  // beyond the powers of ten a double holds exactly
  const double power = std::pow(10.0, std::abs(exponent)), whole = static_cast<double>(digits);
  return std::copysign(exponent < 0 ? whole / power : whole * power, score);
}

// [["token", score], …]
std::unique_ptr<TokenModel> read_unigram(dom::object model, const Fields& options,
                                         const std::string& where) {
  auto found = field(model, "vocab");
  dom::array vocab;
  if (!found || found->get(vocab) != simdjson::SUCCESS)
    fail(Errc::kBadData, where, ": 'vocab' is ", found ? "not a list" : "missing",
         ", wanted [[\"token\", score], …]");
  check_count(vocab.size(), where + ".vocab");
  Vocabulary vocabulary;
  std::vector<double> scores;
  for (auto entry : vocab) {
    dom::array pair;
    std::string_view token;
    double score = 0;
    if (entry.get(pair) != simdjson::SUCCESS || pair.size() != 2 ||
        pair.at(0).get(token) != simdjson::SUCCESS || pair.at(1).get(score) != simdjson::SUCCESS ||
        !std::isfinite(score))
      fail(Errc::kBadData, where, ".vocab[", scores.size(), "]: wanted [\"token\", score]");
    vocabulary.add(token, static_cast<std::int32_t>(scores.size()));
    scores.push_back(as_reference_reads(score));
  }
  std::optional<std::int32_t> unk;
  if (options.has("unk_id"))
    unk = static_cast<std::int32_t>(
        options.integer("unk_id", 0, std::numeric_limits<std::int32_t>::max()));
  return make_unigram(std::move(vocabulary), scores,
                      {.unk_id = unk, .byte_fallback = options.boolean("byte_fallback", false)},
                      where);
}

// The type of a model in a file older than the field: the first that has all it needs.
std::string untyped_model(dom::object model, const Fields& options, const std::string& where) {
  const auto vocab = field(model, "vocab");
  if (vocab && vocab->is_array()) return "Unigram";
  if (field(model, "merges")) return "BPE";
  if (options.has("unk_token"))
    return options.has("continuing_subword_prefix") && options.has("max_input_chars_per_word")
               ? "WordPiece"
               : "WordLevel";
  fail(Errc::kBadData, where, ": has no 'type', and neither a list as 'vocab' (Unigram), 'merges' ",
       "(BPE) nor 'unk_token' (WordPiece, WordLevel)");
}

void read_model(dom::object model, Blueprint& blueprint) {
  const std::string where = blueprint.where + ": model";
  const Fields options = options_of(model, where);
  const std::string type =
      options.has("type") ? options.text("type") : untyped_model(model, options, where);
  if (type == "BPE") {
    blueprint.bpe = read_bpe(model, options, where);
  } else if (type == "WordPiece") {
    WordPieceOptions wordpiece;
    wordpiece.unk_token = options.text("unk_token");
    wordpiece.continuing_subword_prefix = options.text("continuing_subword_prefix", "##");
    wordpiece.max_input_chars_per_word =
        options.integer("max_input_chars_per_word", 0, limits::kLineBytes, 100);
    blueprint.model = make_wordpiece(read_vocabulary(model, where), std::move(wordpiece));
  } else if (type == "WordLevel") {
    blueprint.model = make_wordlevel(read_vocabulary(model, where), options.text("unk_token"));
  } else if (type == "Unigram") {
    blueprint.model = read_unigram(model, options, where);
  } else {
    fail(Errc::kUnsupported, where, ": 'type' is \"", type,
         "\", wanted one of BPE, WordPiece, WordLevel, Unigram");
  }
}

void read_added_tokens(dom::element list, Blueprint& blueprint) {
  dom::array tokens;
  const std::string where = blueprint.where + ": added_tokens";
  if (list.get(tokens) != simdjson::SUCCESS) fail(Errc::kBadData, where, ": wanted a list");
  check_count(tokens.size(), where);
  for (auto token : tokens) {
    const std::size_t i = blueprint.added_tokens.size();
    const Fields fields(to_json(token), where + "[" + std::to_string(i) + "]");
    fields.integer("id", 0, std::numeric_limits<std::int32_t>::max());
    blueprint.added_tokens.push_back(read_added_token(fields));
  }
}

}  // namespace

AddedToken read_added_token(const Fields& fields) {
  AddedToken token;
  token.content = fields.text("content");
  token.single_word = fields.boolean("single_word", false);
  token.lstrip = fields.boolean("lstrip", false);
  token.rstrip = fields.boolean("rstrip", false);
  token.special = fields.boolean("special", false);
  token.normalized = fields.boolean("normalized", !token.special);
  return token;
}

std::int32_t checked_id(std::int64_t id, std::size_t entries, const std::string& where) {
  const std::int64_t most = 16 * static_cast<std::int64_t>(entries) + 65'536;
  if (id < 0 || id > most)
    fail(Errc::kBadData, where, ": an id is ", id, ", wanted an integer in [0, ", most, "] for ",
         entries, " tokens");
  return static_cast<std::int32_t>(id);
}

Blueprint read_tokenizer_json(const std::filesystem::path& file) {
  Blueprint blueprint;
  blueprint.where = file.filename().string();
  blueprint.from_json = true;
  std::string text = read_file(file, limits::kTokenizerBytes);
  const std::size_t size = text.size();
  text.resize(size + simdjson::SIMDJSON_PADDING);
  dom::parser parser;
  dom::element root;
  if (auto error = parser.parse(text.data(), size, false).get(root)) {
    with_context(file.string(), [&] { refuse_impostor(text, "the file itself", "JSON"); });
    fail(Errc::kBadData, file.string(), ": not valid JSON: ", simdjson::error_message(error));
  }
  dom::object top;
  if (root.get(top) != simdjson::SUCCESS)
    fail(Errc::kBadData, file.string(), ": wanted a JSON object");
  if (auto version = field(top, "version"); version && to_json(*version) != "1.0")
    fail(Errc::kUnsupported, blueprint.where, ": 'version' is ", to_line(to_json(*version)),
         ", wanted \"1.0\"");
  for (auto [key, part] : {std::pair{"normalizer", &blueprint.normalizer},
                           {"pre_tokenizer", &blueprint.pre_tokenizer},
                           {"post_processor", &blueprint.post_processor},
                           {"decoder", &blueprint.decoder}})
    if (auto value = field(top, key)) *part = to_json(*value);
  if (auto tokens = field(top, "added_tokens")) read_added_tokens(*tokens, blueprint);
  auto model = field(top, "model");
  dom::object object;
  if (!model || model->get(object) != simdjson::SUCCESS)
    fail(Errc::kBadData, blueprint.where, ": 'model' is ", model ? "not an object" : "missing");
  read_model(object, blueprint);
  return blueprint;
}

}  // namespace hft
