#include "core/nn/row_blocks.h"

#include <algorithm>
#include <atomic>

#include "core/nn/workers.h"

namespace hft {
namespace {

constexpr std::int64_t kRowBlock = 768;  // rows whose sums stay in the second-level cache
constexpr std::int64_t kSmallBlock = 1 << 18;

}  // namespace

void compute_in_blocks(const Product& whole) {
  const auto x_bytes = bytes_of(whole.x_type), y_bytes = bytes_of(whole.y_type);
  const auto blocks = (whole.rows + kRowBlock - 1) / kRowBlock;
  const auto steps = (whole.outputs + kOutputStep - 1) / kOutputStep;
  const bool small = whole.rows * whole.outputs * whole.depth < kSmallBlock;
  const int count = small ? 1 : cores();
  // Where there are fewer blocks than cores, outputs are shared out too.
  const auto parts = count > 1 && blocks < 4 * count ? steps : 1;
  std::atomic<std::int64_t> next = 0;
  const auto work = [&](int) {
    for (std::int64_t i; (i = next++) < blocks * parts;) {
      const auto begin = i / parts * kRowBlock, part = i % parts;
      Product p = whole;
      p.rows = std::min(kRowBlock, whole.rows - begin);
      if (p.places)
        p.places += begin * p.taps;
      else
        p.x = static_cast<const char*>(p.x) + begin * p.x_stride * x_bytes;
      p.y = static_cast<char*>(p.y) + begin * p.y_stride * y_bytes;
      if (p.residual)
        p.residual = static_cast<const char*>(p.residual) + begin * p.y_stride * y_bytes;
      compute_product(p, parts == 1 ? 0 : part * kOutputStep,
                      parts == 1 ? p.outputs : std::min((part + 1) * kOutputStep, p.outputs));
    }
  };
  on_each_core(count, work);
}

}  // namespace hft
