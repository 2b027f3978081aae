#include "core/nn/attention.h"

#include <atomic>
#include <cmath>

#include "core/kernels/attention_kernel.h"
#include "core/nn/twins.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

// From here on the heads are worth sharing out, where the caller has more than one thread.
constexpr std::int64_t kSharedTokens = 96;

// Relative biases [H, 2 M - 1] are read with a stride of -1.
const float* bias_of(const Tensor& bias, std::int64_t head) {
  if (!bias.defined()) return nullptr;
  const auto middle = bias.dim() == 2 ? bias.size(1) / 2 : 0;
  return bias.const_data_ptr<float>() + head * bias.stride(0) + middle;
}
std::int64_t bias_stride(const Tensor& bias) {
  return !bias.defined() ? 0 : bias.dim() == 2 ? -1 : bias.stride(1);
}

// The head-th of `heads` heads of the sequence of `length` tokens from `begin` on.
struct OneHead {
  std::int64_t heads, head, begin, length;
};

void attend_one(const Tensor& qkv, const OneHead& one, const AttentionTerms& terms, Tensor& out,
                float* scratch) {
  const auto width = qkv.size(1) / 3, size = width / one.heads, bytes = qkv.element_size();
  const auto* query = static_cast<const char*>(qkv.const_data_ptr()) +
                      (one.begin * qkv.stride(0) + one.head * size) * bytes;
  const HeadInput in{.query = query,
                     .key = query + width * bytes,
                     .value = query + 2 * width * bytes,
                     .stride = qkv.stride(0),
                     .tokens = one.length,
                     .size = size,
                     .scale = static_cast<float>(terms.scale),
                     .bias = bias_of(terms.bias, one.head),
                     .bias_stride = bias_stride(terms.bias),
                     .bfloat16 = qkv.scalar_type() == at::kBFloat16,
                     .window = terms.window};
  attend_head(in, static_cast<char*>(out.data_ptr()) + (one.begin * width + one.head * size) * bytes,
              width, scratch);
}

void attend_with_kernel(const Tensor& qkv, std::int64_t heads, const AttentionTerms& terms,
                        const Sequences& seqs, Tensor& out) {
  std::atomic<std::int64_t> next = 0;  // head of sequence
  const auto work = [&](int) {
    std::vector<float> scratch(head_scratch(seqs.longest(), qkv.size(1) / 3 / heads));
    for (std::int64_t i; (i = next++) < seqs.count() * heads;) {
      const auto b = i / heads;
      attend_one(qkv, {heads, i % heads, seqs.starts[b], seqs.length(b)}, terms, out,
                 scratch.data());
    }
  };
  const int count = qkv.size(0) < kSharedTokens ? 1 : cores();
  count > 1 ? on_each_core(count, work) : work(0);
}

// [H, M, M] or [H, 2 M - 1] -> [1, H, T, T]
Tensor square(const Tensor& bias, std::int64_t tokens) {
  if (bias.dim() == 3) return bias.narrow(1, 0, tokens).narrow(2, 0, tokens).unsqueeze(0);
  const auto middle = bias.size(1) / 2;
  return bias.narrow(1, middle - tokens + 1, 2 * tokens - 1)
      .unfold(1, tokens, 1)  // [H,T,T], the last query first
      .flip(1)
      .unsqueeze(0);
}

// [1, H or 1, T, T] of the type of qkv.
std::optional<Tensor> mask_of(const AttentionTerms& terms, std::int64_t tokens, const Tensor& qkv) {
  Tensor mask;
  if (terms.bias.defined()) mask = square(terms.bias, tokens).to(qkv.scalar_type());
  if (terms.window > 0) {
    const Tensor all = at::zeros({1, 1, tokens, tokens}, qkv.options());
    const Tensor unseen = at::ones_like(all).triu(terms.window + 1) +
                          at::ones_like(all).tril(-terms.window - 1);
    mask = (mask.defined() ? mask : all).masked_fill(unseen > 0, -INFINITY);
  }
  return mask.defined() ? std::optional(mask.contiguous()) : std::nullopt;
}

void attend_with_libtorch(const Tensor& qkv, std::int64_t heads, const AttentionTerms& terms,
                          const Sequences& seqs, Tensor& out) {
  const auto size = qkv.size(1) / 3 / heads;
  // [N, 3*H*E] -> [3,H,N,E]
  const Tensor split = qkv.view({qkv.size(0), 3, heads, size}).permute({1, 2, 0, 3});
  for (std::int64_t b = 0; b < seqs.count(); ++b) {
    const auto length = seqs.length(b);
    const auto of = [&](int which) {  // [1,H,T,E]
      return split[which].narrow(1, seqs.starts[b], length).unsqueeze(0);
    };
    Tensor mixed = at::scaled_dot_product_attention(
        of(0), of(1), of(2), mask_of(terms, length, qkv), 0.0, false, terms.scale);  // [1,H,T,E]
    out.narrow(0, seqs.starts[b], length)
        .view({length, heads, size})  // [T,H,E]
        .copy_(mixed[0].transpose(0, 1));
  }
}

}  // namespace

Tensor attend(const Tensor& qkv, std::int64_t heads, const Sequences& seqs,
              const AttentionTerms& wanted) {
  const bool kernel = kernel_computes(qkv);
  if (kernel && qkv.scalar_type() == at::kHalf)
    return attend(qkv.to(at::kFloat), heads, seqs, wanted).to(at::kHalf);
  Tensor out = at::empty({qkv.size(0), qkv.size(1) / 3}, qkv.options());
  AttentionTerms terms = wanted;
  if (terms.scale == 0) terms.scale = 1 / std::sqrt(static_cast<double>(out.size(1) / heads));
  if (kernel && terms.bias.defined()) terms.bias = terms.bias.to(at::kFloat);
  (kernel ? attend_with_kernel : attend_with_libtorch)(qkv, heads, terms, seqs, out);
  return out;
}

}  // namespace hft
