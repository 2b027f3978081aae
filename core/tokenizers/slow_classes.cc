// Tokenizers that transformers has only in Python and that cut words by rules of their own:
// BERTweet, PhoBERT, CTRL, XLM, BioGPT, ESM, BERT for Japanese without a word splitter, ByT5.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/tokenizers/moses.h"
#include "core/tokenizers/slow_decoder.h"
#include "core/tokenizers/unicode.h"
#include "core/tokenizers/word_models.h"
#include "core/tokenizers/wordpiece.h"

namespace hft {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

constexpr std::string_view kWordEnd = "</w>";

std::int32_t id_of_unk(const Vocabulary& vocabulary, const TokenizerConfig& config,
                       const std::string& where) {
  const std::int32_t id = vocabulary.find(config.special("unk"));
  if (id < 0)
    fail(Errc::kBadData, where, ": the unknown token '", config.special("unk"),
         "' is not in the vocabulary");
  return id;
}

// The lines of a file of merges from `first` on that have `columns` words, or at least two when
// that is 0; the last line counts only when its end is there, as split("\n")[:-1] has it.
RankedBpe read_ranks(const fs::path& file, std::size_t first, std::size_t columns) {
  std::vector<std::pair<std::string, std::string>> merges;
  const std::string text = read_text_file(file);
  auto lines = split(text, '\n');
  lines.pop_back();
  for (std::size_t i = first; i < lines.size(); ++i) {
    Strings words = python_words(lines[i]);
    if (columns == 0 ? words.size() >= 2 : words.size() == columns)
      merges.emplace_back(std::move(words[0]), std::move(words[1]));
  }
  return RankedBpe(merges);
}

// Runs of what is no white space, each with a newline after it: \S+\n? of Python's patterns, or of
// its regex package, to which U+001C to U+001F are none.
Strings spaced_words(std::string_view text, bool regex_package) {
  Strings words;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t c = unicode::next(text, at);
    if (regex_package ? !unicode::is(c, unicode::kSpace) : !unicode::is_python_space(c)) {
      if (!inside) words.emplace_back();
      words.back() += text.substr(begin, at - begin);
      inside = true;
    } else {
      if (inside && c == '\n') words.back() += '\n';
      inside = false;
    }
  }
  return words;
}

// Parts as vocabularies with "@@" have them: every one but a word's last is marked.
WordRules continued(RankedBpe bpe, bool regex_package) {
  return {[regex_package](std::string_view text) { return spaced_words(text, regex_package); },
          [bpe = std::move(bpe)](const std::string& word) {
            auto parts = bpe.parts(word);
            for (std::size_t i = 0; i + 1 < parts.size(); ++i) parts[i].token += "@@";
            return parts;
          }};
}

// Parts whose last ends in "</w>".
std::function<std::vector<WordPart>(const std::string&)> ended(RankedBpe bpe) {
  return [bpe = std::move(bpe)](const std::string& word) {
    auto parts = bpe.parts(word);
    if (!parts.empty()) parts.back().token += kWordEnd;
    return parts;
  };
}

std::unique_ptr<Decoder> slow_decoder(const TokenizerConfig& config, const Vocabulary& vocabulary,
                                      SlowDecoder::Join join) {
  return std::make_unique<SlowDecoder>(set_apart(config, vocabulary), std::move(join));
}

// The spaced tokens without `mark`: " ##", "@@ ".
SlowDecoder::Join without(std::string mark) {
  return [mark = std::move(mark)](const Strings& tokens) {
    return unicode_trimmed(replaced(joined(tokens, " "), mark, ""));
  };
}

// fairseq's dictionary: "token count" a line, after four special tokens.
Vocabulary read_dictionary(const fs::path& file, const TokenizerConfig& config) {
  std::unordered_map<std::string, std::int32_t> ids;
  Vocabulary vocabulary;
  const auto add = [&](const std::string& token) {
    const auto id = static_cast<std::int32_t>(ids.size());  // of a token named again, too
    ids[token] = id;
    vocabulary.add(token, id);
  };
  std::int32_t next = 0;
  for (const char* name : {"bos", "pad", "eos", "unk"}) {
    ids[config.special(name)] = next;
    vocabulary.add(config.special(name), next++);
  }
  auto lines = split(read_text_file(file), '\n');
  if (lines.back().empty()) lines.pop_back();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string line = unicode_trimmed(lines[i]);
    const std::size_t space = line.rfind(' ');
    if (space == std::string::npos)
      fail(Errc::kBadData, file.filename().string(), ": line ", i + 1, ": is '", line,
           "', wanted a token, a space and its count");
    add(line.substr(0, space));
  }
  return vocabulary;
}

// Template of one text and two, of type 0.
void surround(Blueprint& out, const Strings& before, const Strings& between, const Strings& after,
              int second_type) {
  const auto put = [](auto& list, const Strings& tokens, int type) {
    for (const std::string& token : tokens) list.emplace_back(token, type);
  };
  auto& [single, pair] = out.around;
  for (auto* list : {&single, &pair}) {
    put(*list, before, 0);
    list->emplace_back("$A", 0);
  }
  put(single, after, 0);
  put(pair, between, 0);
  pair.emplace_back("$B", second_type);
  put(pair, after, second_type);
}

std::string in_form(std::string_view text, unicode::Form form) {
  std::vector<unicode::Step> steps;
  unicode::normal_form(text, form, steps);
  std::string out;
  for (const auto& step : steps) unicode::append(out, step.c);
  return out;
}

// Decomposed, without the marks that stand on letters.
std::string without_accents(std::string_view text) {
  const std::string parts = in_form(text, unicode::Form::kNfd);
  std::string out;
  for (std::size_t at = 0; at < parts.size();)
    if (const char32_t c = unicode::next(parts, at); !unicode::is(c, unicode::kNonspacing))
      unicode::append(out, c);
  return out;
}

// XLM's replacements of full-width and typographic punctuation.
std::string plain_punctuation(std::string_view text) {
  constexpr std::u32string_view kFrom = U"，、”“∶：？《》）！（；１」「０３２５６９７８４～’━〈〉【】％";
  constexpr std::string_view kTo = ",,\"\"::?\"\")!(;1\"\"03256978" "4~'-<>[]%";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = unicode::next(text, at);
    if (c == U'。' || c == U'．') {
      out += ". ";
      for (std::size_t next = at; next < text.size(); at = next)
        if (!unicode::is_python_space(unicode::next(text, next))) break;
    } else if (c == U'…') {
      out += "...";
    } else if (const auto found = kFrom.find(c); found != std::u32string_view::npos) {
      out += kTo[found];
    } else {
      unicode::append(out, c);
    }
  }
  return out;
}

Strings xlm_words(std::string_view text, bool plain) {
  std::string cleaned = moses::normalize_punctuation(plain_punctuation(text)), kept;
  for (std::size_t at = 0; at < cleaned.size();)
    if (const char32_t c = unicode::next(cleaned, at); !unicode::is_other(c))
      unicode::append(kept, c);
  Strings words = moses::tokenize(kept, {});
  if (!plain) return words;
  // Words are parted anew: a mark alone leaves nothing.
  words = split(lowercase(without_accents(lowercase(joined(words, " ")))), ' ');
  std::erase(words, "");
  return words;
}

Blueprint read_fairseq(const fs::path& folder, const TokenizerConfig& config) {
  if (config.fields.boolean("normalization", false))
    fail(Errc::kUnsupported, "tokenizer_config.json: 'normalization' is true: the rules of ",
         config.class_name, " for raw tweets are not supported; normalise the texts before");
  Blueprint out;
  out.where = "vocab.txt";
  Vocabulary vocabulary = read_dictionary(folder / "vocab.txt", config);
  const std::string cls = config.special("cls"), sep = config.special("sep");
  surround(out, {cls}, {sep, sep}, {sep}, 0);
  out.own_decoder = slow_decoder(config, vocabulary, without("@@ "));
  const std::int32_t unk = id_of_unk(vocabulary, config, out.where);
  out.model = make_word_model(std::move(vocabulary), unk,
                              continued(read_ranks(folder / "bpe.codes", 0, 3), false));
  return out;
}

Blueprint read_ctrl(const fs::path& folder, const TokenizerConfig& config) {
  Blueprint out;
  out.where = "vocab.json";
  Vocabulary vocabulary = read_vocab_json(folder / "vocab.json");
  surround(out, {}, {}, {}, 1);
  out.own_decoder = slow_decoder(config, vocabulary, without("@@ "));
  const std::int32_t unk = id_of_unk(vocabulary, config, out.where);
  out.model = make_word_model(std::move(vocabulary), unk,
                              continued(read_ranks(folder / "merges.txt", 1, 2), true));
  return out;
}

Blueprint read_moses(const fs::path& folder, const TokenizerConfig& config) {
  Blueprint out;
  out.where = "vocab.json";
  Vocabulary vocabulary = read_vocab_json(folder / "vocab.json");
  WordRules rules{{}, ended(read_ranks(folder / "merges.txt", 0, 0))};
  const std::string sep = config.special("sep");
  if (config.row->name() == "XLM") {
    surround(out, {config.special("bos")}, {sep}, {sep}, 1);
    rules.cut = [plain = config.lowers_text()](std::string_view text) {
      return xlm_words(text, plain);
    };
    out.own_decoder = slow_decoder(config, vocabulary, [](const Strings& tokens) {
      return unicode_trimmed(replaced(joined(tokens, ""), kWordEnd, " "));
    });
  } else {
    surround(out, {sep}, {sep}, {}, 1);
    rules.cut = [](std::string_view text) {
      return moses::tokenize(text, {.split_hyphens = true, .escape = true});
    };
    out.own_decoder = slow_decoder(config, vocabulary, [](const Strings& tokens) {
      return moses::detokenize(
          python_words(replaced(replaced(joined(tokens, ""), " ", ""), kWordEnd, " ")));
    });
  }
  const std::int32_t unk = id_of_unk(vocabulary, config, out.where);
  out.model = make_word_model(std::move(vocabulary), unk, std::move(rules));
  return out;
}

Blueprint read_esm(const fs::path& folder, const TokenizerConfig& config) {
  Blueprint out;
  out.where = "vocab.txt";
  Vocabulary vocabulary;
  auto lines = split(read_text_file(folder / out.where), '\n');
  if (lines.back().empty()) lines.pop_back();
  for (const std::string& line : lines) {
    out.cut_at.push_back(unicode_trimmed(line));
    vocabulary.add(out.cut_at.back(), static_cast<std::int32_t>(out.cut_at.size() - 1));
  }
  const std::string eos = config.special("eos");
  const Strings end = eos.empty() ? Strings{} : Strings{eos};
  surround(out, {config.special("cls")}, end, end, 0);
  out.own_decoder =
      slow_decoder(config, vocabulary, [](const Strings& t) { return joined(t, " "); });
  const std::int32_t unk = id_of_unk(vocabulary, config, out.where);
  out.model = make_word_model(std::move(vocabulary), unk, {python_words, {}});
  return out;
}

// The words of BERT's own Python rules: no control characters, punctuation by itself.
Strings basic_words(std::string_view text, bool lower, const Strings& whole) {
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = unicode::next(text, at);
    if (c == '\t' || c == '\n' || c == '\r' || unicode::is(c, unicode::kSpace)) {
      clean += ' ';
    } else if (c != 0 && c != 0xfffd && !unicode::is_other(c)) {
      unicode::append(clean, c);
    }
  }
  clean = in_form(clean, unicode::Form::kNfc);
  std::string parted;
  for (std::string& word : python_words(clean)) {
    parted += ' ';
    if (std::ranges::find(whole, word) != whole.end()) {
      parted += word;
      continue;
    }
    if (lower) word = without_accents(lowercase(word));
    for (std::size_t at = 0; at < word.size();) {
      const char32_t c = unicode::next(word, at);
      const bool alone = unicode::is(c, unicode::kPunctuation);
      if (alone) parted += ' ';
      unicode::append(parted, c);
      if (alone) parted += ' ';
    }
  }
  return python_words(parted);
}

std::vector<WordPart> characters_of(const std::string& word) {
  const std::string letters = in_form(word, unicode::Form::kNfkc);
  std::vector<WordPart> parts;
  for (std::size_t at = 0; at < letters.size();) {
    const auto begin = at;
    unicode::next(letters, at);
    parts.push_back({letters.substr(begin, at - begin), static_cast<std::uint32_t>(begin),
                     static_cast<std::uint32_t>(at)});
  }
  return parts;
}

std::string one_of(const Fields& f, std::string_view key, const char* fallback,
                   std::initializer_list<std::string_view> supported) {
  const std::string value = f.text(key, fallback);
  std::string wanted;
  for (std::string_view each : supported) {
    if (value == each) return value;
    wanted += (wanted.empty() ? "" : " or ") + std::string(each);
  }
  fail(Errc::kUnsupported, "tokenizer_config.json: '", key, "' is \"", value,
       "\", which needs a program of its own; supported: ", wanted);
}

Blueprint read_bert_japanese(const fs::path& folder, const TokenizerConfig& config) {
  const Fields& f = config.fields;
  Blueprint out;
  out.where = "vocab.txt";
  const bool words = f.boolean("do_word_tokenize", true),
             parts = f.boolean("do_subword_tokenize", true);
  if (words) one_of(f, "word_tokenizer_type", "basic", {"basic"});
  const std::string kind =
      one_of(f, "subword_tokenizer_type", "wordpiece", {"wordpiece", "character"});
  Vocabulary vocabulary;
  std::int32_t next = 0;
  auto lines = split(read_text_file(folder / out.where), '\n');
  if (lines.back().empty()) lines.pop_back();
  for (std::string_view line : lines) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    vocabulary.add(line, next++);
  }
  const std::string cls = config.special("cls"), sep = config.special("sep");
  surround(out, {cls}, {sep}, {sep}, 1);
  out.own_decoder = slow_decoder(config, vocabulary, without(" ##"));
  const std::int32_t unk = id_of_unk(vocabulary, config, out.where);
  WordRules rules;
  Strings whole;
  for (const auto& special : config.special_tokens) whole.push_back(special.token.content);
  rules.cut = [words, whole, lower = config.lowers_text()](std::string_view text) {
    return words ? basic_words(text, lower, whole) : Strings{std::string(text)};
  };
  if (parts && kind == "character") {
    rules.parts = characters_of;
  } else if (parts) {
    std::shared_ptr<const TokenModel> pieces =
        make_wordpiece(vocabulary, {.unk_token = config.special("unk")});
    rules.parts = [pieces](const std::string& text) {
      std::vector<WordPart> out;
      std::vector<Token> tokens;
      for (const std::string& word : python_words(text)) {
        tokens.clear();
        pieces->tokenize(word, tokens);
        for (const Token& t : tokens)
          out.push_back({std::string(pieces->vocabulary().token(t.id)), t.begin, t.end});
      }
      return out;
    };
  }
  out.model = make_word_model(std::move(vocabulary), unk, std::move(rules));
  return out;
}

// The bytes without what is no UTF-8.
std::string well_formed(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const std::size_t bad = std::min(unicode::ill_formed(bytes), bytes.size());
    out += bytes.substr(0, bad);
    bytes.remove_prefix(std::min(bad + 1, bytes.size()));
  }
  return out;
}

class Bytes : public TokenModel {
 public:
  explicit Bytes(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  void tokenize_word(std::string_view piece, std::vector<Token>& out) const override {
    for (std::uint32_t i = 0; i < piece.size(); ++i)
      out.push_back({static_cast<unsigned char>(piece[i]) + 3, i, i + 1});
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  Vocabulary vocabulary_;
};

// One end token after each text, unless the text ends with it already.
class EndOnce : public PostProcessor {
 public:
  explicit EndOnce(std::int32_t end) : end_(end) {}
  void apply(std::vector<Segment>& segments, const PostContext& context) const override {
    for (Segment& segment : segments) {
      Encoding& e = segment.encoding;
      e.type_ids.assign(e.type_ids.size(), 0);
      if (!context.add_special_tokens || (e.size() > 0 && e.ids.back() == end_)) continue;
      e.ids.push_back(end_);
      e.type_ids.push_back(0);
      e.sequence_ids.push_back(-1);
      if (!context.offsets) continue;
      e.offsets.push_back({});
      e.word_ids.push_back(-1);
    }
  }
  std::int64_t added(bool pair) const override { return pair ? 2 : 1; }

 private:
  std::int32_t end_;
};

Blueprint read_byt5(const TokenizerConfig& config) {
  Blueprint out;
  out.where = "tokenizer_config.json";
  Vocabulary vocabulary;
  std::int32_t next = 0;
  for (const char* name : {"pad", "eos", "unk"}) vocabulary.add(config.special(name), next++);
  for (char32_t byte = 0; byte < 256; ++byte) {
    std::string letter;
    unicode::append(letter, byte);
    vocabulary.add(letter, next++);
  }
  out.own_post_processor = std::make_unique<EndOnce>(1);
  Strings specials;
  for (const auto& special : config.special_tokens) specials.push_back(special.token.content);
  out.own_decoder = slow_decoder(config, vocabulary, [specials](const Strings& tokens) {
    std::string bytes;
    for (const std::string& token : tokens) {
      std::size_t at = 0;
      if (std::find(specials.begin(), specials.end(), token) != specials.end())
        bytes += token;
      else
        bytes += static_cast<char>(unicode::next(token, at));
    }
    return well_formed(bytes);
  });
  out.model = std::make_unique<Bytes>(std::move(vocabulary));
  return out;
}

}  // namespace

Blueprint read_slow_class(const fs::path& folder, const TokenizerConfig& config) {
  const std::string_view name = config.row->name();
  if (name == "Bertweet" || name == "Phobert") return read_fairseq(folder, config);
  if (name == "CTRL") return read_ctrl(folder, config);
  if (name == "XLM" || name == "BioGpt") return read_moses(folder, config);
  if (name == "Esm") return read_esm(folder, config);
  if (name == "ByT5") return read_byt5(config);
  return read_bert_japanese(folder, config);
}

}  // namespace hft
