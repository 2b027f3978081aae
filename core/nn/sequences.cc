#include "core/nn/sequences.h"

#include <algorithm>

namespace hft {
namespace {

Tensor numbers(std::int64_t count) { return at::empty({count}, at::kLong); }

}  // namespace

std::int64_t Sequences::longest() const {
  std::int64_t longest = 0;
  for (std::int64_t b = 0; b < count(); ++b) longest = std::max(longest, length(b));
  return longest;
}

Tensor Sequences::positions() const {
  Tensor rows = numbers(tokens());
  auto* out = rows.data_ptr<std::int64_t>();
  for (std::int64_t b = 0; b < count(); ++b)
    for (std::int64_t i = 0; i < length(b); ++i) *out++ = i;
  return rows.to(device);
}

Tensor Sequences::first_rows() const {
  Tensor rows = numbers(count());
  std::copy(starts.begin(), starts.end() - 1, rows.data_ptr<std::int64_t>());
  return rows.to(device);
}

Tensor Sequences::last_rows() const {
  Tensor rows = numbers(count());
  std::transform(starts.begin() + 1, starts.end(), rows.data_ptr<std::int64_t>(),
                 [](std::int64_t end) { return end - 1; });
  return rows.to(device);
}

}  // namespace hft
