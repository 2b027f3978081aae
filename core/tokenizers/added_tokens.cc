#include "core/tokenizers/added_tokens.h"

#include <algorithm>
#include <cstring>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/tokenizers/unicode.h"

namespace hft {

void AddedTokens::add(const std::vector<AddedToken>& tokens, const Vocabulary& model) {
  for (const AddedToken& token : tokens)
    if (token.special && !token.content.empty() && special_set_.emplace(token.content, true).second)
      special_.push_back(token);
  const auto size = static_cast<std::int32_t>(model.size());
  std::int32_t next = std::max(size, end());
  for (const AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    const std::int32_t known = find(token.content);
    if (known >= 0 && by_id_[known] == token) continue;
    const std::int32_t in_model = known >= 0 ? known : model.find(token.content);
    const std::int32_t id = in_model >= 0 ? in_model : next++;
    if (id > limits::kVocab)
      fail(Errc::kBadData, "added tokens reach id ", id, ", the limit is ", limits::kVocab);
    ids_[token.content] = id;
    by_id_[id] = token;
    if (!special_set_.contains(token.content)) ordinary_.push_back(token);
  }
}

namespace {

constexpr std::int32_t kNoToken = INT32_MAX;  // in raw_: a text is cut here

// Python's lstrip() or rstrip().
std::string stripped(std::string_view text, bool left) {
  std::size_t begin = 0, end = text.size();
  for (std::size_t at = 0; left && at < end && unicode::is_python_space(unicode::next(text, at));)
    begin = at;
  for (std::size_t at = end;
       !left && at > 0 && unicode::is_python_space(unicode::previous(text, at));)
    end = at;
  return std::string(text.substr(begin, end - begin));
}

}  // namespace

void AddedTokens::prepare(const Normalizer* normalizer) {
  raw_ = {};
  normalized_ = {};
  for (const auto* list : {&special_, &ordinary_})
    for (const AddedToken& token : *list) {
      const std::int32_t id = find(token.content);
      if (id < 0) continue;
      if (!token.normalized || slow_) {
        raw_.add(token.content, id);
        continue;
      }
      Text text = Text::original(token.content, 0, false);
      if (normalizer) normalizer->apply(text);
      normalized_.add(text.bytes, id);
    }
  for (const std::string& word : cut_at_) raw_.add(word, kNoToken);
}

void AddedTokens::Matcher::add(std::string_view pattern, std::int32_t id) {
  if (pattern.empty()) return;
  std::uint32_t node = 0;
  for (char c : pattern) {
    auto [next, fresh] = nodes_[node].next.try_emplace(static_cast<unsigned char>(c),
                                                       static_cast<std::uint32_t>(nodes_.size()));
    node = next->second;
    if (fresh) nodes_.emplace_back();
  }
  if (nodes_[node].id < 0) nodes_[node].id = id;
  only_first_ = static_cast<unsigned char>(pattern[0]);
  firsts_ += !first_[only_first_];
  first_[only_first_] = true;
}

bool AddedTokens::Matcher::find(std::string_view text, std::size_t from, Match& match) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (firsts_ == 1) {
      const void* found = std::memchr(text.data() + begin, only_first_, text.size() - begin);
      if (!found) return false;
      begin = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    } else if (!first_[static_cast<unsigned char>(text[begin])]) {
      continue;
    }
    std::uint32_t node = 0;
    match.id = -1;
    for (std::size_t at = begin; at < text.size();) {
      auto next = nodes_[node].next.find(static_cast<unsigned char>(text[at]));
      if (next == nodes_[node].next.end()) break;
      node = next->second;
      ++at;
      if (nodes_[node].id >= 0) match = {begin, at, nodes_[node].id};
    }
    if (match.id >= 0) return true;
  }
  return false;
}

template <class Emit>
void AddedTokens::find_all(const Matcher& matcher, std::string_view text, bool split_special,
                           const Emit& emit) const {
  std::size_t covered = 0;
  Match match{};
  const auto class_at = [&](std::size_t at) { return unicode::classes(unicode::next(text, at)); };
  const auto class_before = [&](std::size_t at) {
    return unicode::classes(unicode::previous(text, at));
  };
  for (std::size_t from = 0; matcher.find(text, from, match); from = match.end) {
    const AddedToken& token = by_id_.at(match.id);
    if (split_special && is_special(token.content)) continue;
    std::size_t begin = match.begin, end = match.end;
    if (token.single_word && ((begin > 0 && (class_before(begin) & unicode::kWord)) ||
                              (end < text.size() && (class_at(end) & unicode::kWord))))
      continue;
    if (token.lstrip) {
      while (begin > 0 && (class_before(begin) & unicode::kSpace)) unicode::previous(text, begin);
      begin = std::max(begin, covered);
    }
    if (token.rstrip)
      while (end < text.size() && (class_at(end) & unicode::kSpace)) unicode::next(text, end);
    if (covered < begin) emit(Match{covered, begin, -1});
    emit(Match{begin, end, match.id});
    covered = end;
  }
  if (covered < text.size()) emit(Match{covered, text.size(), -1});
}

Pieces AddedTokens::extract(std::string_view text, const Normalizer* normalizer, bool tracked,
                            bool split_special) const {
  if (slow_) return extract_slow(text, tracked, split_special);
  Pieces pieces;
  pieces.tracked = tracked;
  pieces.most = growth_limit(text.size());
  find_all(raw_, text, split_special, [&](const Match& match) {
    if (match.begin >= match.end) return;
    const auto start = static_cast<std::uint32_t>(match.begin);
    Text stretch =
        Text::original(text.substr(match.begin, match.end - match.begin), start, tracked);
    if (match.id >= 0) return pieces.add(stretch.bytes, stretch.origin, 0, start, match.id);
    if (normalizer) normalizer->apply(stretch);
    find_all(normalized_, stretch.bytes, split_special, [&](const Match& part) {
      if (part.begin >= part.end) return;
      if (part.id < 0 && part.begin == 0 && part.end == stretch.bytes.size())
        return pieces.add(std::move(stretch));
      const auto from = tracked ? stretch.origin[part.begin].begin
                                : start + static_cast<std::uint32_t>(part.begin);
      pieces.add(std::string_view(stretch.bytes).substr(part.begin, part.end - part.begin),
                 stretch.origin, part.begin, from, part.id);
    });
  });
  return pieces;
}

std::string AddedTokens::lowered(std::string_view text) const {
  std::string out;
  Match match{};
  const auto lower = [&](std::size_t begin, std::size_t end) {
    for (std::size_t at = begin; at < end;) {
      const char32_t c = unicode::next(text, at);
      if (c == 0x130) {
        out += "i\u0307";
      } else {
        unicode::append(out, unicode::lower(c));
      }
    }
  };
  std::size_t from = 0;
  for (; raw_.find(text, from, match); from = match.end) {
    const AddedToken& token = by_id_.at(match.id);
    lower(from, match.begin);
    if (is_special(token.content) || token.normalized) {
      out += text.substr(match.begin, match.end - match.begin);
    } else {
      lower(match.begin, match.end);
    }
  }
  lower(from, text.size());
  return out;
}

// PreTrainedTokenizer.tokenize: the text is cut at added tokens, which then take spaces beside them
// or, when they are to stand alone and do not, become text again with their neighbour.
Pieces AddedTokens::extract_slow(std::string_view original, bool tracked,
                                 bool split_special) const {
  struct Part {
    std::string text;
    std::size_t start;
    std::int32_t id;
  };
  const std::string text = lowercase_ ? lowered(original) : std::string(original);
  std::vector<Part> parts;
  const auto add = [&](std::size_t begin, std::size_t end, std::int32_t id) {
    if (begin < end) parts.push_back({text.substr(begin, end - begin), begin, id});
  };
  std::size_t covered = 0;
  Match match{};
  while (!split_special && raw_.find(text, covered, match)) {
    add(covered, match.begin, -1);
    add(match.begin, match.end, match.id == kNoToken ? -1 : match.id);
    covered = match.end;
  }
  add(covered, text.size(), -1);
  Part none;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].id < 0) continue;
    const AddedToken& token = by_id_.at(parts[i].id);
    Part& left = i > 0 ? parts[i - 1] : none;
    Part& right = i + 1 < parts.size() ? parts[i + 1] : none;
    const bool beside = !left.text.empty() && left.text.back() != ' ',
               before = !right.text.empty() && right.text.front() != ' ';
    if (token.rstrip) {
      const std::size_t size = right.text.size();
      right.text = stripped(right.text, true);
      right.start += size - right.text.size();
    }
    if (token.lstrip) left.text = stripped(left.text, false);
    if (!token.single_word || (!beside && !before)) continue;
    Part& neighbour = beside ? left : right;
    neighbour.text = beside ? left.text + parts[i].text : parts[i].text + right.text;
    if (!beside) right.start = parts[i].start;
    neighbour.id = find(neighbour.text);
    parts[i].text.clear();
  }
  Pieces pieces;
  pieces.tracked = tracked;
  pieces.most = growth_limit(original.size());
  for (const Part& part : parts) {
    if (part.text.empty()) continue;
    const auto start = static_cast<std::uint32_t>(part.start);
    const Text whole = Text::original(part.text, start, tracked);
    pieces.add(whole.bytes, whole.origin, 0, start, part.id);
  }
  return pieces;
}

std::int32_t AddedTokens::find(std::string_view token) const {
  auto found = ids_.find(std::string(token));
  return found == ids_.end() ? -1 : found->second;
}

const AddedToken* AddedTokens::token(std::int32_t id) const {
  auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second;
}

bool AddedTokens::is_special(std::string_view token) const {
  return special_set_.contains(std::string(token));
}

std::size_t AddedTokens::outside(const Vocabulary& model) const {
  return static_cast<std::size_t>(std::count_if(
      ids_.begin(), ids_.end(), [&](const auto& entry) { return model.find(entry.first) < 0; }));
}

std::int32_t AddedTokens::end() const {
  std::int32_t last = -1;
  for (const auto& [id, token] : by_id_) last = std::max(last, id);
  return last + 1;
}

}  // namespace hft
