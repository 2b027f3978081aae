#include "core/nn/attention.h"

#include <ATen/Parallel.h>

#include <atomic>
#include <cmath>

#include "core/kernels/attention_kernel.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

// Up to here one head's scores, keys and values fit the nearest caches, and the kernel is faster
// than LibTorch's blockwise one.
constexpr std::int64_t kKernelTokens = 1024;
// From here on the heads are worth sharing out, where the caller has more than one thread.
constexpr std::int64_t kSharedTokens = 96;

// One head of one sequence.
void attend_one(const Tensor& qkv, std::int64_t heads, std::int64_t begin, std::int64_t length,
                std::int64_t head, const Tensor& bias, Tensor& out, float* scratch) {
  const auto width = qkv.size(1) / 3, size = width / heads, bytes = qkv.element_size();
  const auto* query = static_cast<const char*>(qkv.const_data_ptr()) +
                      (begin * qkv.stride(0) + head * size) * bytes;
  const HeadInput in{
      .query = query,
      .key = query + width * bytes,
      .value = query + 2 * width * bytes,
      .stride = qkv.stride(0),
      .tokens = length,
      .size = size,
      .scale = static_cast<float>(1 / std::sqrt(static_cast<double>(size))),
      .bias = bias.defined() ? bias.const_data_ptr<float>() + head * bias.stride(0) : nullptr,
      .bias_stride = bias.defined() ? bias.stride(1) : 0,
      .bfloat16 = qkv.scalar_type() == at::kBFloat16};
  attend_head(in, static_cast<char*>(out.data_ptr()) + (begin * width + head * size) * bytes, width,
              scratch);
}

void attend_with_kernel(const Tensor& qkv, std::int64_t heads, const Sequences& seqs,
                        const Tensor& bias, Tensor& out) {
  std::atomic<std::int64_t> next = 0;  // head of sequence
  const auto work = [&](int) {
    std::vector<float> scratch(head_scratch(seqs.longest(), qkv.size(1) / 3 / heads));
    for (std::int64_t i; (i = next++) < seqs.count() * heads;) {
      const auto b = i / heads;
      attend_one(qkv, heads, seqs.starts[b], seqs.length(b), i % heads, bias, out, scratch.data());
    }
  };
  const int cores = qkv.size(0) < kSharedTokens ? 1 : at::get_num_threads();
  cores > 1 ? on_each_core(cores, work) : work(0);
}

void attend_with_libtorch(const Tensor& qkv, std::int64_t heads, const Sequences& seqs,
                          const Tensor& bias, Tensor& out) {
  const auto size = qkv.size(1) / 3 / heads;
  // [N, 3*H*E] -> [3,H,N,E]
  const Tensor split = qkv.view({qkv.size(0), 3, heads, size}).permute({1, 2, 0, 3});
  for (std::int64_t b = 0; b < seqs.count(); ++b) {
    const auto length = seqs.length(b);
    const auto of = [&](int which) {  // [1,H,T,E]
      return split[which].narrow(1, seqs.starts[b], length).unsqueeze(0);
    };
    std::optional<Tensor> mask;
    if (bias.defined())
      mask = bias.narrow(1, 0, length)
                 .narrow(2, 0, length)
                 .unsqueeze(0)
                 .to(qkv.scalar_type())
                 .contiguous();
    Tensor mixed = at::scaled_dot_product_attention(of(0), of(1), of(2), mask);  // [1,H,T,E]
    out.narrow(0, seqs.starts[b], length)
        .view({length, heads, size})
        .copy_(mixed[0].transpose(0, 1));
  }
}

}  // namespace

Tensor attend(const Tensor& qkv, std::int64_t heads, const Sequences& seqs, const Tensor& bias) {
  Tensor out = at::empty({qkv.size(0), qkv.size(1) / 3}, qkv.options());
  const bool kernel = qkv.is_cpu() && qkv.is_contiguous() && seqs.longest() <= kKernelTokens &&
                      (qkv.scalar_type() == at::kFloat || qkv.scalar_type() == at::kBFloat16);
  (kernel ? attend_with_kernel : attend_with_libtorch)(
      qkv, heads, seqs, kernel && bias.defined() ? bias.to(at::kFloat) : bias, out);
  return out;
}

}  // namespace hft
