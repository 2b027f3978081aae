#include "core/tokenizers/windows.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"

namespace hft {

std::vector<TokenRange> windows_of(std::size_t size, std::size_t length, std::size_t stride,
                                   Side side) {
  if (length >= size) return {{0, size}};
  if (length == 0)
    return {{0, 0}, {0, size}};  // nothing fits: the whole text overflows, as in the reference
  if (stride >= length)
    fail(Errc::kUsage, "a stride of ", stride, " tokens needs windows longer than ", length,
         " tokens (special tokens not counted)");
  const std::size_t step = length - stride;
  std::vector<TokenRange> all;
  if (side == Side::kRight) {
    for (std::size_t begin = 0; begin < size; begin += step) {
      all.push_back({begin, std::min(begin + length, size)});
      if (all.back().end == size) break;
    }
  } else {
    for (std::size_t end = size; end > 0; end -= std::min(end, step)) {
      all.push_back({end > length ? end - length : 0, end});
      if (all.back().begin == 0) break;
    }
  }
  return all;
}

namespace {

// Both are cut, the longer one first, until they are equal.
Lengths longest_first(std::size_t size, std::size_t pair_size, std::size_t room) {
  std::size_t shorter = std::min(size, pair_size);
  std::size_t longer = shorter > room ? shorter : std::max(shorter, room - shorter);
  if (shorter + longer > room) {
    shorter = room / 2;
    longer = shorter + room % 2;
  }
  return size > pair_size ? Lengths{longer, shorter} : Lengths{shorter, longer};
}

}  // namespace

Lengths truncated_lengths(std::size_t size, std::ptrdiff_t pair_size, std::size_t room,
                          Truncation truncation) {
  const std::size_t second = pair_size < 0 ? 0 : static_cast<std::size_t>(pair_size);
  const std::size_t total = size + second;
  if (truncation == Truncation::kNone || total <= room) return {size, second};
  if (room == 0) return {0, 0};
  const std::size_t excess = total - room;
  if (truncation == Truncation::kLongestFirst)
    return pair_size < 0 ? Lengths{room, 0} : longest_first(size, second, room);
  if (truncation == Truncation::kOnlySecond && pair_size < 0)
    fail(Errc::kUsage, "only_second truncation needs a second text");
  const std::size_t target = truncation == Truncation::kOnlyFirst ? size : second;
  if (target <= excess)
    fail(Errc::kUsage, "truncation: the ",
         truncation == Truncation::kOnlyFirst ? "first" : "second", " text has ", target,
         " tokens, but ", excess, " must go for ", room, " to stay");
  return truncation == Truncation::kOnlyFirst ? Lengths{size - excess, second}
                                              : Lengths{size, second - excess};
}

}  // namespace hft
