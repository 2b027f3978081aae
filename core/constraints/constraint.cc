#include "core/constraints/constraint.h"

#include <algorithm>

#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

constexpr std::size_t kMostMasks = 2000, kMostRows = 20'000;

bool is_plain_text(const std::string& bytes) {
  if (unicode::ill_formed(bytes) != std::string::npos) return false;
  int length = 0;
  for (std::size_t at = 0; at < bytes.size(); ++length)
    if (!Recogniser::is_plain(unicode::next(bytes, at))) return false;
  return length <= TokenTexts::kPlainLength;
}

}  // namespace

TokenTexts::TokenTexts(std::vector<std::string> bytes) : bytes_(std::move(bytes)) {
  std::vector<std::int32_t> plain, others;
  for (std::size_t id = 0; id < bytes_.size(); ++id)
    if (!bytes_[id].empty())
      (is_plain_text(bytes_[id]) ? plain : others).push_back(static_cast<std::int32_t>(id));
  plain_ = TokenTrie::of(bytes_, std::move(plain));
  others_ = TokenTrie::of(bytes_, std::move(others));
}

Constraint::Constraint(Grammar grammar, std::shared_ptr<const TokenTexts> texts)
    : texts_(std::move(texts)), recogniser_(std::move(grammar)) {
  plain_.assign((texts_->bytes().size() + 63) / 64, 0);
  for (const std::int32_t id : texts_->plain().ids)
    plain_[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1} << (id % 64);
}

std::int32_t Constraint::after(std::int32_t state, std::int32_t id) {
  const std::scoped_lock lock(mutex_);
  const auto& bytes = texts_->bytes();
  if (state < 0 || static_cast<std::size_t>(id) >= bytes.size()) return Recogniser::kDead;
  const std::string& text = bytes[static_cast<std::size_t>(id)];
  return text.empty() ? Recogniser::kDead : recogniser_.next(state, text);
}

bool Constraint::accepts(std::int32_t state) {
  const std::scoped_lock lock(mutex_);
  return state >= 0 && recogniser_.accepts(state);
}

bool Constraint::complete(std::int32_t state) {
  const std::scoped_lock lock(mutex_);
  return state >= 0 && recogniser_.complete(state);
}

bool Constraint::conforms(std::span<const std::int32_t> ids, std::span<const std::int32_t> ends) {
  std::int32_t state = start();
  for (const std::int32_t id : ids) {
    if (std::ranges::find(ends, id) != ends.end()) break;
    state = after(state, id);
  }
  return accepts(state);
}

std::shared_ptr<const Constraint::Mask> Constraint::allowed(std::int32_t state) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = masks_.find(state); found != masks_.end()) return found->second;
  if (masks_.size() >= kMostMasks) masks_.clear();
  if (recogniser_.sets() - sets_before_ > kMostRows)
    recogniser_.forget(), sets_before_ = recogniser_.sets();
  return masks_[state] = compute(state);
}

std::shared_ptr<const Constraint::Mask> Constraint::compute(std::int32_t state) {
  auto mask = std::make_shared<Mask>(plain_.size(), 0);
  if (state < 0) return mask;
  if (recogniser_.takes_plain(state, TokenTexts::kPlainLength))
    *mask = plain_;
  else
    walk(texts_->plain(), state, *mask);
  walk(texts_->others(), state, *mask);
  return mask;
}

void Constraint::walk(const TokenTrie& trie, std::int32_t state, Mask& mask) {
  std::vector<std::int32_t> states(trie.deepest + 1);  // after so many bytes
  states[0] = state;
  const auto& nodes = trie.nodes;
  for (std::size_t i = 0; i < nodes.size();) {
    const TokenTrie::Node& node = nodes[i];
    const std::int32_t to = recogniser_.next(states[node.depth - 1u], node.byte);
    if (to < 0) {
      i = node.end;
      continue;
    }
    states[node.depth] = to;
    for (std::uint32_t n = node.first_id; n < node.last_id; ++n) {
      const auto id = static_cast<std::size_t>(trie.ids[n]);
      mask[id / 64] |= std::uint64_t{1} << (id % 64);
    }
    ++i;
  }
}

ConstraintStates::ConstraintStates(std::shared_ptr<Constraint> constraint)
    : constraint_(std::move(constraint)), nodes_{{-1, constraint_->start()}} {}

std::int32_t ConstraintStates::of(std::span<const std::int32_t> written) {
  std::size_t at = 0;
  for (const std::int32_t id : written) {
    std::int32_t child = nodes_[at].child;
    while (child >= 0 && nodes_[static_cast<std::size_t>(child)].id != id)
      child = nodes_[static_cast<std::size_t>(child)].sibling;
    if (child < 0) {
      child = static_cast<std::int32_t>(nodes_.size());
      nodes_.push_back({id, constraint_->after(nodes_[at].state, id), -1, nodes_[at].child});
      nodes_[at].child = child;
    }
    at = static_cast<std::size_t>(child);
  }
  return nodes_[at].state;
}

}  // namespace hft
