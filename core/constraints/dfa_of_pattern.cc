// From a regular expression to its automaton: Thompson's nondeterministic one, then its subsets.
#include <algorithm>
#include <map>
#include <utility>

#include "core/base/error.h"
#include "core/constraints/dfa.h"

namespace hft {
namespace {

constexpr std::size_t kMostNfaStates = 500'000, kMostSubsets = 50'000,
                      kMostSubsetStates = 5'000'000;

struct NfaState {
  enum class Kind { kSplit, kSet, kBegin, kEnd, kFinal };
  Kind kind = Kind::kSplit;
  const CodePoints* set = nullptr;
  std::int32_t next = -1, other = -1;  // other: of kSplit
};

// Every part is built in front of what follows it.
class Nfa {
 public:
  using Kind = NfaState::Kind;
  Nfa(const Pattern& pattern, Matching matching) : any_(CodePoints::all()) {
    const std::int32_t final = add({Kind::kFinal});
    if (matching == Matching::kWhole) {
      start_ = build(pattern, final);
      return;
    }
    tail_ = add({Kind::kSplit, nullptr, -1, final});
    at(tail_).next = add({Kind::kSet, &any_, tail_});
    const std::int32_t inside = build(pattern, tail_);
    start_ = add({Kind::kSplit, nullptr, -1, inside});
    at(start_).next = add({Kind::kSet, &any_, start_});
  }
  const NfaState& operator[](std::int32_t s) const { return states_[static_cast<std::size_t>(s)]; }
  std::size_t size() const { return states_.size(); }
  std::int32_t start() const { return start_; }
  std::int32_t tail() const { return tail_; }  // from here on any text will do; -1: never

 private:
  NfaState& at(std::int32_t s) { return states_[static_cast<std::size_t>(s)]; }
  std::int32_t add(NfaState state) {
    if (states_.size() >= kMostNfaStates)
      fail(Errc::kUnsupported, "needs an automaton of more than ", kMostNfaStates, " states");
    states_.push_back(state);
    return static_cast<std::int32_t>(states_.size()) - 1;
  }

  std::int32_t build(const Pattern& p, std::int32_t next) {
    switch (p.kind) {
      case Pattern::Kind::kEmpty:
        return next;
      case Pattern::Kind::kSet:
        return add({Kind::kSet, &p.set, next});
      case Pattern::Kind::kBegin:
        return add({Kind::kBegin, nullptr, next});
      case Pattern::Kind::kEnd:
        return add({Kind::kEnd, nullptr, next});
      case Pattern::Kind::kSequence:
        for (auto part = p.parts.rbegin(); part != p.parts.rend(); ++part)
          next = build(*part, next);
        return next;
      case Pattern::Kind::kChoice: {
        std::int32_t all = -1;
        for (auto part = p.parts.rbegin(); part != p.parts.rend(); ++part) {
          const std::int32_t one = build(*part, next);
          all = all < 0 ? one : add({Kind::kSplit, nullptr, one, all});
        }
        return all;
      }
      case Pattern::Kind::kRepeat:
        return repeat(p, next);
    }
    return next;
  }

  std::int32_t repeat(const Pattern& p, std::int32_t next) {
    const Pattern& part = p.parts[0];
    if (p.most < 0) {
      const std::int32_t loop = add({Kind::kSplit, nullptr, -1, next});
      const std::int32_t inside = build(part, loop);
      at(loop).next = inside;
      next = loop;
    }
    const std::int32_t end = next;
    for (std::int64_t i = p.least; i < p.most; ++i) {
      const std::int32_t inside = build(part, next);
      next = add({Kind::kSplit, nullptr, inside, end});
    }
    for (std::int64_t i = 0; i < p.least; ++i) next = build(part, next);
    return next;
  }

  CodePoints any_;
  std::vector<NfaState> states_;
  std::int32_t start_ = -1, tail_ = -1;
};

class Subsets {
 public:
  explicit Subsets(const Nfa& nfa) : nfa_(nfa), seen_(nfa.size(), 0) {}

  Dfa make() {
    place(closure({nfa_.start()}, true, false));
    for (std::size_t s = 0; s < subsets_.size(); ++s) {
      const std::vector<std::int32_t> subset = subsets_[s];
      follow(subset);
      out_.end_state(accepting(subset, s == 0));
    }
    return out_.trim();
  }

 private:
  using Set = std::vector<std::int32_t>;

  // The states reached without a code point that matter: those that take one, anchors at the end,
  // the final one. Anchors are passed where they hold.
  Set closure(const Set& from, bool at_begin, bool at_end) {
    ++stamp_;
    Set out, work = from;
    while (!work.empty()) {
      const std::int32_t s = work.back();
      work.pop_back();
      if (s < 0 || std::exchange(seen_[static_cast<std::size_t>(s)], stamp_) == stamp_) continue;
      const NfaState& state = nfa_[s];
      using Kind = NfaState::Kind;
      if (s == nfa_.tail()) return {s};
      if (state.kind == Kind::kSplit) work.push_back(state.other), work.push_back(state.next);
      if (state.kind == Kind::kBegin && at_begin) work.push_back(state.next);
      if (state.kind == Kind::kEnd && at_end) work.push_back(state.next);
      if (state.kind == Kind::kSet || state.kind == Kind::kEnd || state.kind == Kind::kFinal)
        out.push_back(s);
    }
    std::ranges::sort(out);
    return out;
  }

  bool accepting(const Set& subset, bool at_begin) {
    const Set all = closure(subset, at_begin, true);
    return std::ranges::any_of(all, [&](std::int32_t s) {
      return s == nfa_.tail() || nfa_[s].kind == NfaState::Kind::kFinal;
    });
  }

  // The start stands for itself, because anchors hold there alone.
  std::int32_t place(Set subset) {
    const auto next = static_cast<std::int32_t>(subsets_.size());
    if (next > 0) {
      const auto [found, fresh] = places_.emplace(subset, next);
      if (!fresh) return found->second;
    }
    kept_ += subset.size();
    if (subsets_.size() >= kMostSubsets || kept_ > kMostSubsetStates)
      fail(Errc::kUnsupported, "needs an automaton of more than ", kMostSubsets, " states");
    subsets_.push_back(std::move(subset));
    return next;
  }

  // The edges of a subset: between the ends of all ranges, the same states are reached.
  void follow(const Set& subset) {
    struct Event {
      char32_t at;
      bool begins;
      std::int32_t target;
    };
    std::vector<Event> events;
    const auto add = [&](const CodePoints& set, std::int32_t target) {
      for (const CodeRange& range : set.ranges()) {
        events.push_back({range.first, true, target});
        events.push_back({range.last + 1, false, target});
      }
    };
    for (const std::int32_t s : subset) {
      if (s == nfa_.tail())
        add(*nfa_[nfa_[s].next].set, s);
      else if (nfa_[s].kind == NfaState::Kind::kSet)
        add(*nfa_[s].set, nfa_[s].next);
    }
    std::ranges::sort(events, {}, &Event::at);
    std::map<std::int32_t, int> open;
    for (std::size_t i = 0; i < events.size();) {
      const char32_t at = events[i].at;
      for (; i < events.size() && events[i].at == at; ++i)
        if ((open[events[i].target] += events[i].begins ? 1 : -1) == 0)
          open.erase(events[i].target);
      if (open.empty()) continue;
      Set targets;
      for (const auto& [target, count] : open) targets.push_back(target);
      out_.add_edge(at, events[i].at - 1, reached(targets));
    }
  }

  std::int32_t reached(const Set& targets) {
    const auto found = reached_.find(targets);
    if (found != reached_.end()) return found->second;
    return reached_[targets] = place(closure(targets, false, false));
  }

  const Nfa& nfa_;
  std::vector<std::uint32_t> seen_;
  std::uint32_t stamp_ = 0;
  std::vector<Set> subsets_;
  std::map<Set, std::int32_t> places_, reached_;
  std::size_t kept_ = 0;
  Dfa out_;
};

}  // namespace

Dfa dfa_of(const Pattern& pattern, Matching matching) {
  const Nfa nfa(pattern, matching);
  return Subsets(nfa).make();
}

}  // namespace hft
