// What the tokens of a text must spell: a grammar over the tokens of one vocabulary. Which tokens
// may come next is computed once for each state of the text and kept (as llguidance and XGrammar
// do): tokens of plain characters together where any of them may come, the others along a trie.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/constraints/recogniser.h"
#include "core/constraints/token_trie.h"

namespace hft {

// The texts of all tokens; made once for a vocabulary.
class TokenTexts {
 public:
  // bytes: of each id, "" where it stands for no text (special tokens among them).
  explicit TokenTexts(std::vector<std::string> bytes);
  const std::vector<std::string>& bytes() const { return bytes_; }
  const TokenTrie& plain() const { return plain_; }  // of at most kPlainLength plain characters
  const TokenTrie& others() const { return others_; }
  static constexpr int kPlainLength = 24;

 private:
  std::vector<std::string> bytes_;
  TokenTrie plain_, others_;
};

// May be used by several threads.
class Constraint {
 public:
  using Mask = std::vector<std::uint64_t>;  // a bit for each id
  Constraint(Grammar grammar, std::shared_ptr<const TokenTexts> texts);

  // States are numbers; below 0: what was written does not conform.
  std::int32_t start() const { return recogniser_.start(); }
  std::int32_t after(std::int32_t state, std::int32_t id);
  bool accepts(std::int32_t state);   // the text may end here
  bool complete(std::int32_t state);  // it must end here
  std::shared_ptr<const Mask> allowed(std::int32_t state);
  // Whether these tokens, an end token behind them or not, are a whole text that conforms.
  bool conforms(std::span<const std::int32_t> ids, std::span<const std::int32_t> ends);

 private:
  std::shared_ptr<const Mask> compute(std::int32_t state);
  void walk(const TokenTrie& trie, std::int32_t state, Mask& mask);

  std::mutex mutex_;
  std::shared_ptr<const TokenTexts> texts_;
  Recogniser recogniser_;
  std::unordered_map<std::int32_t, std::shared_ptr<const Mask>> masks_;
  Mask plain_;  // the ids of texts_->plain()
  std::size_t sets_before_ = 0;
};

// The states of the texts of one input: a tree of their tokens, so that beams and drafts find what
// they share.
class ConstraintStates {
 public:
  explicit ConstraintStates(std::shared_ptr<Constraint> constraint);
  Constraint& constraint() const { return *constraint_; }
  // Of the tokens written so far.
  std::int32_t of(std::span<const std::int32_t> written);

 private:
  struct Node {
    std::int32_t id, state, child = -1, sibling = -1;
  };
  std::shared_ptr<Constraint> constraint_;
  std::vector<Node> nodes_;
};

}  // namespace hft
