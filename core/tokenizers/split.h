// Cutting a text at matches: the behaviours of tokenizers' SplitDelimiterBehavior.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/json.h"

namespace hft {

enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

SplitBehavior split_behavior(const Fields& fields, std::string_view key,
                             const char* fallback = nullptr);

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
void emit_split(const std::vector<Stretch>& all, SplitBehavior behavior, const Emit& emit) {
  std::vector<Stretch> merged;
  bool before = false;
  switch (behavior) {
    case SplitBehavior::kRemoved:
      for (const Stretch& s : all)
        if (!s.match) emit(s.begin, s.end);
      return;
    case SplitBehavior::kIsolated:
      for (const Stretch& s : all) emit(s.begin, s.end);
      return;
    case SplitBehavior::kContiguous:  // equal neighbours are one
      for (const Stretch& s : all) {
        if (s.match == before && !merged.empty()) {
          merged.back().end = s.end;
        } else {
          merged.push_back(s);
        }
        before = s.match;
      }
      break;
    case SplitBehavior::kMergedWithPrevious:
      for (const Stretch& s : all) {
        if (s.match && !before && !merged.empty()) {
          merged.back().end = s.end;
        } else {
          merged.push_back(s);
        }
        before = s.match;
      }
      break;
    case SplitBehavior::kMergedWithNext:
      for (auto s = all.rbegin(); s != all.rend(); ++s) {
        if (s->match && !before && !merged.empty()) {
          merged.back().begin = s->begin;
        } else {
          merged.push_back(*s);
        }
        before = s->match;
      }
      for (auto s = merged.rbegin(); s != merged.rend(); ++s) emit(s->begin, s->end);
      return;
  }
  for (const Stretch& s : merged) emit(s.begin, s.end);
}

}  // namespace hft
