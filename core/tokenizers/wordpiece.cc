#include "core/tokenizers/wordpiece.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/tokenizers/unicode.h"

namespace hft {

std::size_t TokenModel::word_end(std::string_view piece, std::size_t at) const {
  if (word_mark_.empty()) return piece.size();
  while (piece.substr(at).starts_with(word_mark_)) at += word_mark_.size();
  return std::min(piece.find(word_mark_, at), piece.size());
}

void TokenModel::tokenize(std::string_view piece, std::vector<Token>& out) const {
  for (std::size_t at = 0; at < piece.size();) {
    const std::size_t end = word_end(piece, at), before = out.size();
    tokenize_word(piece.substr(at, end - at), out);
    for (std::size_t i = before; i < out.size(); ++i) {
      out[i].begin += static_cast<std::uint32_t>(at);
      out[i].end += static_cast<std::uint32_t>(at);
    }
    at = end;
  }
}

void TokenModel::tokenize_new(std::string_view piece, WordCache& cache,
                              std::vector<std::int32_t>& out) const {
  std::vector<Token> tokens;
  tokenize_word(piece, tokens);
  const std::size_t before = out.size();
  for (const Token& token : tokens) out.push_back(token.id);
  if (piece.size() <= WordCache::kWordBytes && !piece.empty())
    cache.keep(piece, out.data() + before, tokens.size());
}

namespace {

[[noreturn]] void no_unknown(std::string_view model, std::string_view unk) {
  fail(Errc::kBadData, model, ": a piece is not in the vocabulary, nor is the unknown token '", unk,
       "'");
}

class WordPiece : public TokenModel {
 public:
  WordPiece(Vocabulary vocabulary, WordPieceOptions options)
      : vocabulary_(std::move(vocabulary)), options_(std::move(options)) {
    unk_ = vocabulary_.find(options_.unk_token);
    for (std::int32_t id = 0; id < vocabulary_.end(); ++id)
      longest_ = std::max(longest_, vocabulary_.token(id).size());
  }

  void tokenize_word(std::string_view piece, std::vector<Token>& out) const override {
    const std::size_t before = out.size();
    if (unicode::count(piece) <= options_.max_input_chars_per_word && match(piece, out)) return;
    out.resize(before);
    if (unk_ < 0) no_unknown("WordPiece", options_.unk_token);
    out.push_back({unk_, 0, static_cast<std::uint32_t>(piece.size())});
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  std::string_view subword_mark() const override { return options_.continuing_subword_prefix; }

 private:
  bool match(std::string_view piece, std::vector<Token>& out) const {
    const std::string& mark = options_.continuing_subword_prefix;
    std::string candidate;
    for (std::size_t begin = 0; begin < piece.size();) {
      candidate.assign(begin > 0 ? mark : "");
      const std::size_t lead = candidate.size();
      std::size_t end = piece.size();
      if (longest_ < lead) return false;
      if (end - begin > longest_ - lead) {
        end = begin + (longest_ - lead);
        while (end > begin && (static_cast<unsigned char>(piece[end]) & 0xc0) == 0x80) --end;
      }
      candidate += piece.substr(begin, end - begin);
      std::int32_t id = -1;
      while (end > begin && (id = vocabulary_.find(candidate)) < 0) {
        unicode::previous(piece, end);
        candidate.resize(lead + end - begin);
      }
      if (end == begin) return false;
      out.push_back({id, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
      begin = end;
    }
    return true;
  }

  Vocabulary vocabulary_;
  WordPieceOptions options_;
  std::int32_t unk_ = -1;
  std::size_t longest_ = 0;
};

class WordLevel : public TokenModel {
 public:
  WordLevel(Vocabulary vocabulary, std::string unk)
      : vocabulary_(std::move(vocabulary)), unk_token_(std::move(unk)) {}

  void tokenize_word(std::string_view piece, std::vector<Token>& out) const override {
    std::int32_t id = vocabulary_.find(piece);
    if (id < 0) id = vocabulary_.find(unk_token_);
    if (id < 0) no_unknown("WordLevel", unk_token_);
    out.push_back({id, 0, static_cast<std::uint32_t>(piece.size())});
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  Vocabulary vocabulary_;
  std::string unk_token_;
};

}  // namespace

std::unique_ptr<TokenModel> make_wordpiece(Vocabulary vocabulary, WordPieceOptions options) {
  return std::make_unique<WordPiece>(std::move(vocabulary), std::move(options));
}

std::unique_ptr<TokenModel> make_wordlevel(Vocabulary vocabulary, std::string unk_token) {
  return std::make_unique<WordLevel>(std::move(vocabulary), std::move(unk_token));
}

}  // namespace hft
