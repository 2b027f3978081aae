// Deterministic finite automata over Unicode code points: from regular expressions, and put
// together as sets of texts are. Rabin and Scott's subsets and products.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/constraints/pattern.h"

namespace hft {

// State 0 is the start. Every state can be reached, and leads to one that accepts; an automaton of
// no text at all has no state.
class Dfa {
 public:
  struct Edge {
    char32_t first, last;  // these code points
    std::int32_t to;
  };
  std::size_t size() const { return accepting_.size(); }
  bool empty() const { return accepting_.empty(); }
  // Sorted, without overlaps.
  std::span<const Edge> edges(std::size_t state) const {
    return std::span(edges_).subspan(begins_[state], begins_[state + 1] - begins_[state]);
  }
  bool accepting(std::size_t state) const { return accepting_[state]; }
  bool accepts(std::string_view text) const;

  // Building: states in order, each edges first. trim() makes it keep what is said above.
  void add_edge(char32_t first, char32_t last, std::int32_t to);
  void end_state(bool accepting);
  Dfa trim() const;

 private:
  std::vector<std::uint32_t> begins_{0};
  std::vector<Edge> edges_;
  std::vector<bool> accepting_;
};

// How a pattern is held against a text: all of it, or anywhere in it.
enum class Matching { kWhole, kAnywhere };

// Each throws kUnsupported when it would take more states than there may be.
Dfa dfa_of(const Pattern& pattern, Matching matching);
Dfa dfa_of_texts(std::span<const std::string> texts);       // one of these
Dfa dfa_of_lengths(std::int64_t least, std::int64_t most);  // any code points; most < 0: no end
Dfa operator&(const Dfa& a, const Dfa& b);
Dfa operator~(const Dfa& a);

}  // namespace hft
