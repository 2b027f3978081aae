// The tokenizer of CTC speech models (transformers' Wav2Vec2CTCTokenizer): vocab.json alone, each
// character a token, spaces as the word delimiter; decoding groups repeated tokens.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/tokenizers/blueprint.h"
#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

class Characters : public TokenModel {
 public:
  Characters(Vocabulary vocabulary, std::string delimiter, std::int32_t unk, bool upper)
      : vocabulary_(std::move(vocabulary)),
        delimiter_(std::move(delimiter)),
        unk_(unk),
        upper_(upper) {}

  void tokenize_word(std::string_view piece, std::vector<Token>& out) const override {
    for (std::size_t at = 0; at < piece.size();) {
      const std::size_t begin = at;
      const char32_t c = unicode::next(piece, at);
      std::string letter(piece.substr(begin, at - begin));
      if (upper_) unicode::append(letter = "", unicode::upper(c));
      const auto from = static_cast<std::uint32_t>(begin), to = static_cast<std::uint32_t>(at);
      if (letter != " ") {
        add(letter, from, to, out);
        continue;
      }
      for (std::size_t i = 0; i < delimiter_.size();) {  // "|"; a longer one is cut as the text is
        const std::size_t start = i;
        unicode::next(delimiter_, i);
        add(std::string_view(delimiter_).substr(start, i - start), from, to, out);
      }
    }
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  void add(std::string_view letter, std::uint32_t begin, std::uint32_t end,
           std::vector<Token>& out) const {
    const std::int32_t id = vocabulary_.find(letter);
    if (id < 0 && unk_ < 0)
      fail(Errc::kBadData, "'", letter, "' is not in vocab.json, nor is the unknown token");
    out.push_back({id < 0 ? unk_ : id, begin, end});
  }
  Vocabulary vocabulary_;
  std::string delimiter_;
  std::int32_t unk_;
  bool upper_;  // the vocabulary is upper case
};

class Grouped : public Decoder {
 public:
  Grouped(std::string pad, std::string delimiter, std::string space, bool lower)
      : pad_(std::move(pad)),
        delimiter_(std::move(delimiter)),
        space_(std::move(space)),
        lower_(lower) {}

  void apply(std::vector<std::string>& tokens) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    std::string text;
    for (const std::string& token : tokens)
      if (token != pad_) text += token == delimiter_ ? space_ : token;
    text = unicode_trimmed(text);
    tokens.assign(1, lower_ ? lowercase(text) : text);
  }

 private:
  std::string pad_, delimiter_, space_;
  bool lower_;
};

}  // namespace

Blueprint read_characters(const std::filesystem::path& folder, const TokenizerConfig& config) {
  const Fields& f = config.fields;
  Blueprint out;
  out.where = "vocab.json";
  const std::string language = config.src_lang.empty() ? f.text("target_lang", "") : config.src_lang;
  Vocabulary vocabulary = read_vocab_json(folder / "vocab.json", language);
  const std::string delimiter = f.text("word_delimiter_token", "|");
  const bool lower = f.boolean("do_lower_case", false);
  for (std::int32_t id = 0; id < vocabulary.end(); ++id)
    if (const auto token = vocabulary.token(id); unicode::count(token) > 1)
      out.added_tokens.push_back({.content = std::string(token),
                                  .lstrip = true,
                                  .rstrip = true,
                                  .normalized = false,
                                  .special = config.is_special(token)});
  out.own_decoder = std::make_unique<Grouped>(config.special("pad"), delimiter,
                                              f.text("replace_word_delimiter_char", " "), lower);
  const std::int32_t unk = vocabulary.find(config.special("unk"));
  out.model = std::make_unique<Characters>(std::move(vocabulary), delimiter, unk, lower);
  return out;
}

}  // namespace hft
