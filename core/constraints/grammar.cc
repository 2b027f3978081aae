#include "core/constraints/grammar.h"

#include <algorithm>
#include <bit>

#include "core/base/error.h"

namespace hft {
namespace {

// White space between the parts of a JSON text, and behind it, in characters.
constexpr std::int64_t kMostSpace = 64, kMostLastSpace = 2;
constexpr std::size_t kMostGrammarStates = 8'000'000;

Dfa spaces(std::int64_t most) {
  const CodePoints space({{' ', ' '}, {'\t', '\n'}, {'\r', '\r'}});
  Pattern one{.kind = Pattern::Kind::kSet, .set = space};
  Pattern all{.kind = Pattern::Kind::kRepeat, .least = 0, .most = most};
  all.parts.push_back(std::move(one));
  return dfa_of(all, Matching::kWhole);
}

bool has_bit(const std::vector<std::uint64_t>& bits, std::size_t i) {
  return i / 64 < bits.size() && (bits[i / 64] >> (i % 64) & 1) != 0;
}

std::vector<std::uint64_t> with_bit(std::vector<std::uint64_t> bits, std::size_t i) {
  if (bits.size() <= i / 64) bits.resize(i / 64 + 1);
  bits[i / 64] |= std::uint64_t{1} << (i % 64);
  return bits;
}

std::int64_t count_bits(const std::vector<std::uint64_t>& bits) {
  std::int64_t n = 0;
  for (const std::uint64_t word : bits) n += std::popcount(word);
  return n;
}

}  // namespace

Grammar::Grammar() {
  const std::int32_t end = add_state();
  states_[static_cast<std::size_t>(end)] = {.ends = true, .made = true};
  set_of({});
  space_ = reserve();
  set_text(space_, spaces(kMostSpace));
  last_space_ = reserve();
  set_text(last_space_, spaces(kMostLastSpace));
}

RuleId Grammar::reserve() {
  starts_.push_back(-1);
  return static_cast<RuleId>(starts_.size()) - 1;
}

std::int32_t Grammar::add_state() {
  if (states_.size() >= kMostGrammarStates)
    fail(Errc::kUnsupported, "needs an automaton of more than ", kMostGrammarStates, " states");
  states_.emplace_back();
  return static_cast<std::int32_t>(states_.size()) - 1;
}

std::int32_t Grammar::set_of(Bits bits) {
  const auto [found, fresh] = set_ids_.emplace(bits, static_cast<std::int32_t>(sets_.size()));
  if (fresh) sets_.push_back(std::move(bits));
  return found->second;
}

std::int32_t Grammar::at(const Key& key) {
  const auto found = ids_.find(key);
  if (found != ids_.end()) return found->second;
  const std::int32_t id = add_state();
  ids_.emplace(key, id);
  keys_.emplace(id, key);
  return id;
}

void Grammar::fill(std::int32_t id, Made made) {
  State& state = states_[static_cast<std::size_t>(id)];
  state.first_edge = static_cast<std::uint32_t>(edges_.size());
  state.edges = static_cast<std::uint32_t>(made.edges.size());
  state.first_call = static_cast<std::uint32_t>(calls_.size());
  state.calls = static_cast<std::uint32_t>(made.calls.size());
  state.made = true;
  edges_.insert(edges_.end(), made.edges.begin(), made.edges.end());
  calls_.insert(calls_.end(), made.calls.begin(), made.calls.end());
}

std::int32_t Grammar::add_dfa(const Dfa& dfa, bool in_string) {
  const auto base = static_cast<std::int32_t>(states_.size());
  for (std::size_t s = 0; s < dfa.size(); ++s) add_state();
  for (std::size_t s = 0; s < dfa.size(); ++s) {
    Made made;
    for (Dfa::Edge edge : dfa.edges(s)) {
      edge.to += base;
      made.edges.push_back(edge);
    }
    const auto id = base + static_cast<std::int32_t>(s);
    fill(id, std::move(made));
    State& state = states_[static_cast<std::size_t>(id)];
    state.in_string = in_string;
    if (dfa.accepting(s)) (in_string ? state.close = kEnd : state.ends = true);
  }
  return base;
}

void Grammar::set_text(RuleId rule, const Dfa& dfa) {
  starts_[static_cast<std::size_t>(rule)] = add_dfa(dfa, false);
}

void Grammar::set_string(RuleId rule, const Dfa& content) {
  const std::int32_t inside = add_dfa(content, true), open = add_state();
  fill(open, {{{'"', '"', inside}}, {}});
  starts_[static_cast<std::size_t>(rule)] = open;
}

void Grammar::set_choice(RuleId rule, std::vector<RuleId> of) {
  Made made;
  for (const RuleId one : of) made.calls.push_back({one, kEnd});
  const std::int32_t id = add_state();
  fill(id, std::move(made));
  starts_[static_cast<std::size_t>(rule)] = id;
}

void Grammar::set_array(RuleId rule, ArrayRule array) {
  containers_[rule] = {true, arrays_.size()};
  arrays_.push_back(std::move(array));
  starts_[static_cast<std::size_t>(rule)] = at({rule, Place::kOpen, 0, 0, 0});
}

void Grammar::set_object(RuleId rule, ObjectRule object) {
  containers_[rule] = {false, objects_.size()};
  objects_.push_back(std::move(object));
  starts_[static_cast<std::size_t>(rule)] = at({rule, Place::kOpen, 0, 0, 0});
}

void Grammar::set_document(RuleId rule, RuleId value) {
  const std::int32_t begin = add_state(), middle = add_state(), last = add_state();
  fill(begin, {{}, {{space_, middle}}});
  fill(middle, {{}, {{value, last}}});
  fill(last, {{}, {{last_space_, kEnd}}});
  starts_[static_cast<std::size_t>(rule)] = begin;
}

const Grammar::State& Grammar::state(std::int32_t id) {
  if (!states_[static_cast<std::size_t>(id)].made) make(id);
  return states_[static_cast<std::size_t>(id)];
}

void Grammar::make(std::int32_t id) {
  const Key key = keys_.at(id);
  const auto [is_array, index] = containers_.at(key.rule);
  Made made;
  if (is_array)
    make_array(arrays_[index], key, made);
  else
    make_object(objects_[index], key, made);
  fill(id, std::move(made));
}

// Elements so far: count, those that match: member, those of `unique` that were there: seen.
void Grammar::make_array(const ArrayRule& array, const Key& key, Made& out) {
  const auto go = [&](Place place) {
    return at({key.rule, place, key.member, key.count, key.seen});
  };
  const auto edge = [&](char32_t c, std::int32_t to) { out.edges.push_back({c, c, to}); };
  switch (key.place) {
    case Place::kOpen:
      return edge('[', go(Place::kFirst));
    case Place::kFirst:
      return out.calls.push_back({space_, go(Place::kFirstOrEnd)});
    case Place::kFirstOrEnd:
      if (may_close(array, key)) edge(']', kEnd);
      return add_elements(array, key, out);
    case Place::kAfter:
      return out.calls.push_back({space_, go(Place::kCommaOrEnd)});
    case Place::kCommaOrEnd: {
      Made next;
      add_elements(array, key, next);
      if (!next.calls.empty()) edge(',', go(Place::kNextSpace));
      if (may_close(array, key)) edge(']', kEnd);
      return;
    }
    case Place::kNextSpace:
      return out.calls.push_back({space_, go(Place::kNext)});
    default:
      return add_elements(array, key, out);
  }
}

bool Grammar::may_close(const ArrayRule& array, const Key& key) const {
  return key.count >= array.least && key.member >= array.least_matches;
}

// Calls of what may be the next element.
void Grammar::add_elements(const ArrayRule& array, const Key& key, Made& out) {
  const auto n = static_cast<std::size_t>(key.count);
  if (array.most >= 0 && key.count >= array.most) return;
  // Without an upper end, counts beyond all that matters are one.
  const std::int64_t matters =
      std::max({array.least, static_cast<std::int64_t>(array.prefix.size()), std::int64_t{0}});
  const std::int64_t next = array.most < 0 ? std::min(key.count + 1, matters) : key.count + 1;
  const auto add = [&](RuleId rule, std::int32_t matches, std::int32_t seen) {
    if (rule != kNoRule)
      out.calls.push_back({rule, at({key.rule, Place::kAfter, matches, next, seen})});
  };
  if (!array.unique.empty()) {
    for (std::size_t i = 0; i < array.unique.size(); ++i)
      if (const Bits bits = sets_[static_cast<std::size_t>(key.seen)]; !has_bit(bits, i))
        add(array.unique[i], key.member, set_of(with_bit(bits, i)));
    return;
  }
  const auto wanted = static_cast<std::int32_t>(array.least_matches);
  const bool first = n < array.prefix.size();
  if (key.member < wanted)
    add(first ? array.matching_prefix[n] : array.matching_rest, key.member + 1, key.seen);
  // An element that need not match leaves room for those that must.
  std::int64_t room =
      array.most < 0
          ? wanted
          : array.most - std::max<std::int64_t>(key.count + 1,
                                                static_cast<std::int64_t>(array.prefix.size()));
  if (array.matching_rest == kNoRule) room = 0;
  for (std::size_t i = n + 1; i < array.prefix.size(); ++i)
    room += array.matching_prefix.empty() || array.matching_prefix[i] == kNoRule ? 0 : 1;
  if (wanted - key.member <= std::max<std::int64_t>(room, 0))
    add(first ? array.prefix[n] : array.rest, key.member, key.seen);
}

void Grammar::make_object(const ObjectRule& object, const Key& key, Made& out) {
  const auto go = [&](Place place) {
    return at({key.rule, place, key.member, key.count, key.seen});
  };
  const auto edge = [&](char32_t c, std::int32_t to) { out.edges.push_back({c, c, to}); };
  switch (key.place) {
    case Place::kOpen:
      return edge('{', go(Place::kFirst));
    case Place::kFirst:
      return out.calls.push_back({space_, go(Place::kFirstOrEnd)});
    case Place::kFirstOrEnd:
      if (may_close(object, key)) edge('}', kEnd);
      return add_members(object, key, out);
    case Place::kColonSpace:
      return out.calls.push_back({space_, go(Place::kColon)});
    case Place::kColon:
      return edge(':', go(Place::kValueSpace));
    case Place::kValueSpace:
      return out.calls.push_back({space_, go(Place::kValue)});
    case Place::kValue: {
      const auto m = static_cast<std::size_t>(key.member);
      const auto& members = object.members;
      const RuleId value =
          m < members.size() ? members[m].value : object.others[m - members.size()].value;
      return out.calls.push_back({value, at({key.rule, Place::kAfter, 0, key.count, key.seen})});
    }
    case Place::kAfter:
      return out.calls.push_back({space_, go(Place::kCommaOrEnd)});
    case Place::kCommaOrEnd:
      if (may_go_on(object, key)) edge(',', go(Place::kNextSpace));
      if (may_close(object, key)) edge('}', kEnd);
      return;
    case Place::kNextSpace:
      return out.calls.push_back({space_, go(Place::kNext)});
    case Place::kNext:
      return add_members(object, key, out);
  }
}

// Members that are still to come, whatever else does.
std::int64_t Grammar::missing(const ObjectRule& object, const Bits& seen) const {
  const auto& members = object.members;
  std::vector<bool> wanted(members.size());
  std::vector<std::size_t> work;
  const auto want = [&](std::size_t i) {
    if (!wanted[i]) wanted[i] = true, work.push_back(i);
  };
  for (std::size_t i = 0; i < members.size(); ++i)
    if (members[i].required || has_bit(seen, i)) want(i);
  for (; !work.empty();) {
    const std::size_t i = work.back();
    work.pop_back();
    for (const std::size_t need : members[i].needs) want(need);
  }
  std::int64_t n = 0;
  for (std::size_t i = 0; i < members.size(); ++i) n += wanted[i] && !has_bit(seen, i) ? 1 : 0;
  return n;
}

bool Grammar::fits(const ObjectRule& object, std::int64_t count, const Bits& seen) const {
  return object.most < 0 || count + missing(object, seen) <= object.most;
}

bool Grammar::may_close(const ObjectRule& object, const Key& key) const {
  const Bits& seen = sets_[static_cast<std::size_t>(key.seen)];
  return count_bits(seen) >= object.least && missing(object, seen) == 0;
}

bool Grammar::may_go_on(const ObjectRule& object, const Key& key) {
  Made next;
  add_members(object, key, next);
  return !next.calls.empty();
}

// Calls of the names that may come next. What is counted is what some limit asks for: all members
// when there may be too many; names beside the members' only as long as there are too few.
void Grammar::add_members(const ObjectRule& object, const Key& key, Made& out) {
  const Bits seen = sets_[static_cast<std::size_t>(key.seen)];
  const std::int64_t count = object.most < 0 ? 0 : key.count + 1;
  const std::size_t n = object.members.size();
  const auto add = [&](std::size_t i, RuleId name, const Bits& then) {
    if (fits(object, count, then))
      out.calls.push_back({name, at({key.rule, Place::kColonSpace, static_cast<std::int32_t>(i),
                                     count, set_of(then)})});
  };
  for (std::size_t i = 0; i < n; ++i)
    if (!has_bit(seen, i)) add(i, object.members[i].name, with_bit(seen, i));
  for (std::size_t i = 0; i < object.others.size(); ++i)
    add(n + i, object.others[i].name, object.least > 0 ? with_bit(seen, n + i) : seen);
}

}  // namespace hft
