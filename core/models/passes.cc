#include "core/models/passes.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <optional>

#include "core/nn/workers.h"

namespace hft {
namespace {

struct Pass {
  std::size_t first, count;
  std::int64_t size;
};

std::vector<Pass> split(std::span<const std::int64_t> sizes, std::int64_t most, int workers) {
  const auto all = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  if (most > 0) most = std::min(most, (all + workers - 1) / workers);
  std::vector<Pass> passes;
  Pass pass{};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    pass = {pass.first, pass.count + 1, pass.size + sizes[i]};
    if (pass.size < most && i + 1 < sizes.size()) continue;
    passes.push_back(pass);
    pass = {i + 1, 0, 0};
  }
  std::ranges::stable_sort(passes, std::greater<>(), &Pass::size);
  return passes;
}

}  // namespace

void in_passes(std::span<const std::int64_t> sizes, std::int64_t most, const Runtime& runtime,
               const std::function<void(std::size_t first, std::size_t count)>& compute) {
  const OnPool on(runtime.pool.get());
  const int workers = runtime.device.is_cpu() ? cores() : 1;
  const auto passes = split(sizes, most, workers);
  std::atomic<std::size_t> next = 0;
  const auto work = [&](int) {
    const c10::InferenceMode no_gradients;
    std::optional<OnPool> alone;
    if (passes.size() > 1) alone.emplace(nullptr);
    for (std::size_t i; (i = next++) < passes.size();) compute(passes[i].first, passes[i].count);
  };
  on_each_core(std::max(1, std::min<int>(workers, passes.size())), work);
}

}  // namespace hft
