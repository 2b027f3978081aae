#include "core/tokenizers/word_models.h"

#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

class WordModel : public TokenModel {
 public:
  WordModel(Vocabulary vocabulary, std::int32_t unk, WordRules rules)
      : vocabulary_(std::move(vocabulary)), unk_(unk), rules_(std::move(rules)) {}

  void tokenize_word(std::string_view piece, std::vector<Token>& out) const override {
    std::size_t from = 0;
    for (const std::string& word : rules_.cut(piece)) {
      const std::size_t at = piece.find(word, from);
      const bool stands = at != std::string_view::npos;
      const auto begin = static_cast<std::uint32_t>(stands ? at : from);
      const auto end = static_cast<std::uint32_t>(stands ? at + word.size() : from);
      from = end;
      if (!rules_.parts) {
        add(word, begin, end, out);
        continue;
      }
      for (const WordPart& part : rules_.parts(word))
        add(part.token, stands ? begin + part.begin : begin, stands ? begin + part.end : end, out);
    }
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  void add(const std::string& token, std::uint32_t begin, std::uint32_t end,
           std::vector<Token>& out) const {
    const std::int32_t id = vocabulary_.find(token);
    out.push_back({id < 0 ? unk_ : id, begin, end});
  }
  Vocabulary vocabulary_;
  std::int32_t unk_;
  WordRules rules_;
};

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
         static_cast<std::uint32_t>(right);
}

}  // namespace

std::unique_ptr<TokenModel> make_word_model(Vocabulary vocabulary, std::int32_t unk,
                                            WordRules rules) {
  return std::make_unique<WordModel>(std::move(vocabulary), unk, std::move(rules));
}

RankedBpe::RankedBpe(const std::vector<std::pair<std::string, std::string>>& merges) {
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    const std::uint64_t key = pair_key(symbol(left), symbol(right));
    merges_[key] = {rank, symbol(left + right)};
  }
}

std::int32_t RankedBpe::symbol(const std::string& text) {
  return symbols_.emplace(text, static_cast<std::int32_t>(symbols_.size())).first->second;
}

std::int32_t RankedBpe::find(const std::string& text) const {
  const auto found = symbols_.find(text);
  return found == symbols_.end() ? -1 : found->second;
}

std::vector<WordPart> RankedBpe::parts(std::string_view word) const {
  struct Symbol {
    std::int32_t id;
    std::uint32_t begin, end;
  };
  std::vector<Symbol> symbols;
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t begin = at;
    unicode::next(word, at);
    std::string letter(word.substr(begin, at - begin));
    if (at == word.size()) letter += "</w>";
    symbols.push_back(
        {find(letter), static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(at)});
  }
  const auto merge_of = [&](std::size_t i) {
    const auto found = symbols[i].id < 0 || symbols[i + 1].id < 0
                           ? merges_.end()
                           : merges_.find(pair_key(symbols[i].id, symbols[i + 1].id));
    return found == merges_.end() ? nullptr : &found->second;
  };
  while (symbols.size() > 1) {
    const Merge* best = nullptr;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
      if (const Merge* merge = merge_of(i); merge && (!best || merge->rank < best->rank))
        best = merge;
    if (!best) break;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < symbols.size(); ++i, ++kept) {
      const bool merged = i + 1 < symbols.size() && merge_of(i) == best;
      symbols[kept] = merged ? Symbol{best->symbol, symbols[i].begin, symbols[i + 1].end}
                             : symbols[i];
      i += merged;
    }
    symbols.resize(kept);
  }
  std::vector<WordPart> parts;
  for (const Symbol& s : symbols)
    parts.push_back({std::string(word.substr(s.begin, s.end - s.begin)), s.begin, s.end});
  return parts;
}

std::vector<std::string> python_words(std::string_view text) {
  std::vector<std::string> words(1);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    if (!unicode::is_python_space(unicode::next(text, at))) {
      words.back() += text.substr(begin, at - begin);
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

}  // namespace hft
