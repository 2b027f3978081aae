// The body of emit_split (split.h).
#pragma once

#include "core/tokenizers/split.h"

namespace hft {

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
