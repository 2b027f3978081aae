// What a text may be, as rules that call each other: a recursive transition network whose states
// are made as they are reached. JSON's arrays and objects are counted and remembered, not written
// out: an object's members may come in any order, each name once.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "core/constraints/dfa.h"

namespace hft {

// The number of a rule of a grammar.
using RuleId = std::int32_t;
inline constexpr RuleId kNoRule = -1;

struct ArrayRule {
  std::vector<RuleId> prefix;         // of the first elements
  RuleId rest = kNoRule;              // of those behind them; kNoRule: there are none
  std::int64_t least = 0, most = -1;  // elements; -1: any number
  // Of what `least_matches` elements must be too: elements that are both, the first ones and the
  // rest.
  std::vector<RuleId> matching_prefix;
  RuleId matching_rest = kNoRule;
  std::int64_t least_matches = 0;
  std::vector<RuleId> unique;  // else each element is one of these, each at most once
};

struct ObjectRule {
  struct Member {
    RuleId name = kNoRule, value = kNoRule;  // the name with its quotes
    bool required = false;
    std::vector<std::size_t> needs;  // members that must be there beside it
  };
  std::vector<Member> members;
  std::vector<Member> others;  // names that are none of the members', which may come repeatedly
  std::int64_t least = 0, most = -1;
};

class Grammar {
 public:
  // A state: what may come next without regard to who called.
  struct State {
    std::uint32_t first_edge = 0, edges = 0, first_call = 0, calls = 0;
    std::int32_t close = -1;  // in a JSON string: where its closing quote leads
    bool in_string = false;   // edges are code points as JSON strings write them
    bool ends = false;        // the rule may end here
    bool made = false;
  };
  struct Call {
    RuleId rule;
    std::int32_t then;  // the state after it; kEnd: nothing
  };
  static constexpr std::int32_t kEnd = 0;  // the state that only ends its rule

  Grammar();
  RuleId reserve();                                  // a rule that is said later
  void set_text(RuleId rule, const Dfa& dfa);        // as it stands
  void set_string(RuleId rule, const Dfa& content);  // a JSON string with this content
  void set_choice(RuleId rule, std::vector<RuleId> of);
  void set_array(RuleId rule, ArrayRule array);
  void set_object(RuleId rule, ObjectRule object);
  // The rule of whole texts: white space, the value, a little white space.
  void set_document(RuleId rule, RuleId value);
  RuleId root = kNoRule;

  std::int32_t start_of(RuleId rule) const { return starts_[static_cast<std::size_t>(rule)]; }
  // Makes the state when it is new; the reference holds until the next call.
  const State& state(std::int32_t id);
  std::span<const Dfa::Edge> edges(const State& s) const {
    return std::span(edges_).subspan(s.first_edge, s.edges);
  }
  std::span<const Call> calls(const State& s) const {
    return std::span(calls_).subspan(s.first_call, s.calls);
  }

 private:
  // Where in an array or object a state stands.
  enum class Place {
    kOpen,
    kFirst,
    kFirstOrEnd,
    kColonSpace,
    kColon,
    kValueSpace,
    kValue,
    kAfter,
    kCommaOrEnd,
    kNextSpace,
    kNext
  };
  struct Key {
    RuleId rule;
    Place place;
    std::int32_t member;  // objects: whose value follows; arrays: elements that match
    std::int64_t count;
    std::int32_t seen;  // a set of members
    auto operator<=>(const Key&) const = default;
  };
  using Bits = std::vector<std::uint64_t>;
  struct Made {  // what a state is made of
    std::vector<Dfa::Edge> edges;
    std::vector<Call> calls;
  };

  std::int32_t add_state();
  std::int32_t at(const Key& key);
  std::int32_t add_dfa(const Dfa& dfa, bool in_string);
  void fill(std::int32_t id, Made made);
  void make(std::int32_t id);
  void make_array(const ArrayRule& array, const Key& key, Made& out);
  void make_object(const ObjectRule& object, const Key& key, Made& out);
  void add_elements(const ArrayRule& array, const Key& key, Made& out);
  void add_members(const ObjectRule& object, const Key& key, Made& out);
  bool may_close(const ArrayRule& array, const Key& key) const;
  bool may_close(const ObjectRule& object, const Key& key) const;
  bool may_go_on(const ObjectRule& object, const Key& key);
  std::int64_t missing(const ObjectRule& object, const Bits& seen) const;
  bool fits(const ObjectRule& object, std::int64_t count, const Bits& seen) const;
  std::int32_t set_of(Bits bits);

  std::vector<State> states_;
  std::vector<Dfa::Edge> edges_;
  std::vector<Call> calls_;
  std::vector<std::int32_t> starts_;  // of the rules
  std::vector<ArrayRule> arrays_;
  std::vector<ObjectRule> objects_;
  std::map<RuleId, std::pair<bool, std::size_t>> containers_;  // is it an array, and which
  std::map<Key, std::int32_t> ids_;
  std::map<std::int32_t, Key> keys_;
  std::map<Bits, std::int32_t> set_ids_;
  std::vector<Bits> sets_;
  RuleId space_ = kNoRule, last_space_ = kNoRule;
};

}  // namespace hft
