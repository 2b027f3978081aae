#include "core/quant/codes.h"

#include <algorithm>
#include <vector>

#include "core/nn/workers.h"

namespace hft {
namespace {

class CodedMatrix : public StoredMatrix {
 public:
  CodedMatrix(std::shared_ptr<const Codes> codes, std::int64_t first, std::int64_t count)
      : StoredMatrix(count, codes->depth), codes_(std::move(codes)), first_(first) {}

  Part product(Product p, const StoredMatrix* gated) const override {
    const auto* other = static_cast<const CodedMatrix*>(gated);
    p.gated = other;
    if (Part direct = codes_->product(p, first_, {other ? other->codes_.get() : nullptr, other ? other->first_ : 0}))
      return direct;
    p.gated = nullptr;
    return [this, p, other](std::int64_t begin, std::int64_t end) {
      const std::int64_t some = together(other ? 2 : 1);
      for (std::int64_t o = begin; o < end; o += some) compute(p, other, o, std::min(some, end - o));
    };
  }

  Tensor dense(at::ScalarType type) const override {
    const Tensor numbers = at::empty({outputs, depth}, type);
    const std::int64_t some = together(1);
    std::atomic<std::int64_t> next = 0;
    on_each_core(cores(), [&](int) {
      std::vector<float> wide(some * depth);
      for (std::int64_t o; (o = next.fetch_add(some)) < outputs;) {
        const std::int64_t count = std::min(some, outputs - o);
        codes_->widen(first_ + o, count, wide.data());
        numbers.narrow(0, o, count).copy_(at::from_blob(wide.data(), {count, depth}, at::kFloat));
      }
    });
    return numbers;
  }

 private:
  // Outputs that are widened at a time: what they need stays in the second-level cache.
  std::int64_t together(std::int64_t weights) const {
    constexpr std::int64_t kCached = 1 << 16, kWhole = 16;  // numbers; outputs
    const std::int64_t fit = kCached / (weights * depth) / kWhole * kWhole;
    return std::clamp<std::int64_t>(fit, kWhole, kOutputStep);
  }

  // Outputs [o, o + count) of p.
  void compute(Product p, const CodedMatrix* other, std::int64_t o, std::int64_t count) const {
    const auto on = [o](const void* from, Number type, std::int64_t step) -> const void* {
      return from ? static_cast<const char*>(from) + o * step * bytes_of(type) : nullptr;
    };
    p.bias = on(p.bias, p.bias_type, 1);
    p.y = const_cast<void*>(on(p.y, p.y_type, 1));
    p.residual = on(p.residual, p.y_type, 1);
    p.outputs = count;
    p.weight = widened(first_ + o, count, p.x_type, 0);
    p.weight_type = p.gated_type = p.x_type;
    if (other) p.gated = other->widened(other->first_ + o, count, p.x_type, 1);
    compute_product(p, 0, count);
  }

  // In the type that they are multiplied by, in memory of the calling thread.
  const void* widened(std::int64_t first, std::int64_t count, Number type, int place) const {
    thread_local std::vector<float> floats[2];
    thread_local std::vector<std::uint16_t> halves[2];
    const std::size_t size = count * depth;
    if (floats[place].size() < size) floats[place].resize(size);
    codes_->widen(first, count, floats[place].data());
    if (type == Number::kFloat) return floats[place].data();
    if (halves[place].size() < size) halves[place].resize(size);
    narrow_to_bfloat16(floats[place].data(), count * depth, halves[place].data());
    return halves[place].data();
  }

  std::shared_ptr<const Codes> codes_;
  std::int64_t first_;
};

}  // namespace

StoredRows rows_of(std::shared_ptr<const Codes> codes) {
  return [codes = std::move(codes)](std::int64_t first, std::int64_t count) {
    return std::make_shared<CodedMatrix>(codes, first, count);
  };
}

}  // namespace hft
