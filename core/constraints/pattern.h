// Regular expressions as trees: what ECMAScript, Python's re and Rust's regex have in common. What
// a finite automaton cannot do (backreferences, lookaround) is refused by name.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/constraints/code_points.h"

namespace hft {

struct Pattern {
  enum class Kind { kEmpty, kSet, kSequence, kChoice, kRepeat, kBegin, kEnd };
  Kind kind = Kind::kEmpty;
  CodePoints set;                     // kSet: one of these
  std::vector<Pattern> parts;         // kSequence, kChoice; kRepeat: the one that is repeated
  std::int64_t least = 0, most = -1;  // kRepeat; -1: any number
};

// Throws kUsage for text that is no regular expression, kUnsupported naming what is not supported;
// both with the place: "at 3: …", counted in code points from 1.
Pattern parse_pattern(std::string_view text);

}  // namespace hft
