// Cutting a text at matches: the behaviours of tokenizers' SplitDelimiterBehavior.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/json.h"

namespace hft {

enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

SplitBehavior split_behavior(const Fields& fields, std::string_view key, const char* fallback = nullptr);

// A stretch of a text: a match of the pattern, or what lies between two.
struct Stretch {
  std::size_t begin, end;
  bool match;
};

// Collects the matches of a text of `size` bytes and fills the gaps between them.
class Stretches {
 public:
  void add(std::size_t begin, std::size_t end) {
    if (begin != covered_) all_.push_back({covered_, begin, false});
    all_.push_back({begin, end, true});
    covered_ = end;
  }
  std::vector<Stretch>& finish(std::size_t size) {
    if (covered_ != size) all_.push_back({covered_, size, false});
    return all_;
  }

 private:
  std::vector<Stretch> all_;
  std::size_t covered_ = 0;
};

// Calls emit(begin, end) for the parts that stay.
template <class Emit>
void emit_split(const std::vector<Stretch>& all, SplitBehavior behavior, const Emit& emit);

}  // namespace hft

#include "core/tokenizers/split_emit.h"
