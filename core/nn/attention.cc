#include "core/nn/attention.h"

#include <array>
#include <atomic>
#include <cmath>
#include <optional>

#include "core/kernels/attention_kernel.h"
#include "core/nn/learning.h"
#include "core/nn/twins.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

// Relative biases [H, 2 M - 1] are read with a stride of -1.
const float* bias_of(const Tensor& bias, std::int64_t head) {
  if (!bias.defined()) return nullptr;
  const auto middle = bias.dim() == 2 ? bias.size(1) / 2 : 0;
  return bias.const_data_ptr<float>() + head * bias.stride(0) + middle;
}
std::int64_t bias_stride(const Tensor& bias) {
  return !bias.defined() ? 0 : bias.dim() == 2 ? -1 : bias.stride(1);
}

const float* gates_of(const Tensor& gates, std::int64_t begin, std::int64_t head) {
  return gates.defined() ? gates.const_data_ptr<float>() + begin * gates.size(1) + head : nullptr;
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
                     .gates = gates_of(terms.gates, one.begin, one.head),
                     .gate_stride = one.heads,
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

// [1, H or 1, T, T] of the type of qkv, for the tokens from `begin` on.
std::optional<Tensor> mask_of(const AttentionTerms& terms, std::int64_t begin, std::int64_t tokens,
                              const Tensor& qkv) {
  Tensor mask;
  if (terms.bias.defined()) mask = square(terms.bias, tokens);
  if (terms.bias.defined() && terms.gates.defined())
    mask = mask * terms.gates.narrow(0, begin, tokens).t().unsqueeze(0).unsqueeze(3);  // [1,H,T,1]
  if (mask.defined()) mask = mask.to(qkv.scalar_type());
  if (terms.window > 0) {
    const Tensor all = at::zeros({1, 1, tokens, tokens}, qkv.options());
    const Tensor unseen = at::ones_like(all).triu(terms.window + 1) +
                          at::ones_like(all).tril(-terms.window - 1);
    mask = (mask.defined() ? mask : all).masked_fill(unseen > 0, -INFINITY);
  }
  return mask.defined() ? std::optional(mask.contiguous()) : std::nullopt;
}

// Of queries, keys and values [1,H,T,E]. Each layer drops some of its weights while it learns.
Tensor mixed_heads(const std::array<Tensor, 3>& qkv, const std::optional<Tensor>& mask,
                   double scale) {
  const auto& [queries, keys, values] = qkv;
  if (!drops(&Noise::attention))
    return at::scaled_dot_product_attention(queries, keys, values, mask, 0.0, false, scale);
  Tensor scores = at::matmul(queries * scale, keys.transpose(2, 3));
  if (mask) scores = scores + *mask;
  return at::matmul(dropped(at::softmax(scores, -1), &Noise::attention).to(values.scalar_type()),
                    values);
}

Tensor attend_with_libtorch(const Tensor& qkv, std::int64_t heads, const AttentionTerms& terms,
                            const Sequences& seqs) {
  const auto size = qkv.size(1) / 3 / heads;
  // Sequences of one length together; gates are each token's own.
  bool even = seqs.count() > 1 && !terms.gates.defined();
  for (std::int64_t b = 1; b < seqs.count(); ++b) even &= seqs.length(b) == seqs.length(0);
  const auto together = even ? seqs.count() : 1;
  std::vector<Tensor> parts;
  for (std::int64_t b = 0; b < seqs.count(); b += together) {
    const auto length = seqs.length(b);
    const Tensor split = qkv.narrow(0, seqs.starts[b], together * length)
                             .view({together, length, 3, heads, size})
                             .permute({2, 0, 3, 1, 4});  // [3,B,H,T,E]
    parts.push_back(mixed_heads({split[0], split[1], split[2]},
                                mask_of(terms, seqs.starts[b], length, qkv), terms.scale)
                        .transpose(1, 2)                            // [B,T,H,E]
                        .reshape({together * length, heads * size}));  // [B*T,H*E]
  }
  return parts.size() == 1 ? parts[0] : at::concat(parts);
}

}  // namespace

Tensor causal_bias(std::int64_t heads, std::int64_t tokens) {
  constexpr double kNever = -1e30;  // infinity less infinity would be no number
  Tensor bias = at::zeros({heads, 2 * tokens - 1}, at::kFloat);
  bias.narrow(1, tokens, tokens - 1).fill_(kNever);
  return bias;
}

Tensor attend(const Tensor& qkv, std::int64_t heads, const Sequences& seqs,
              const AttentionTerms& wanted) {
  const bool kernel = kernel_computes(qkv);
  if (kernel && qkv.scalar_type() == at::kHalf)
    return attend(qkv.to(at::kFloat), heads, seqs, wanted).to(at::kHalf);
  const auto width = qkv.size(1) / 3;
  AttentionTerms terms = wanted;
  if (terms.scale == 0) terms.scale = 1 / std::sqrt(static_cast<double>(width / heads));
  if (!kernel) return attend_with_libtorch(qkv, heads, terms, seqs);
  Tensor out = at::empty({qkv.size(0), width}, qkv.options());
  for (Tensor* x : {&terms.bias, &terms.gates})
    if (x->defined()) *x = x->to(at::kFloat).contiguous();
  attend_with_kernel(qkv, heads, terms, seqs, out);
  return out;
}

Tensor attend_apart(const Tensor& qkv, std::int64_t heads, const Sequences& seqs,
                    const std::vector<Tensor>& biases) {
  std::vector<Tensor> mixed;
  for (std::int64_t b = 0; b < seqs.count(); ++b) {
    const Tensor own = qkv.narrow(0, seqs.starts[b], seqs.length(b));
    mixed.push_back(
        attend(own, heads, one_sequence(own), {.bias = biases[static_cast<std::size_t>(b)]}));
  }
  return mixed.size() == 1 ? mixed[0] : at::concat(mixed);
}

namespace {

Tensor across_with_libtorch(const Tensor& queries, const Tensor& keys_values, std::int64_t heads,
                            const Sequences& of_queries, const Sequences& of_keys,
                            const std::vector<Tensor>& biases) {
  const auto width = queries.size(1);
  std::vector<Tensor> mixed;
  for (std::int64_t b = 0; b < of_queries.count(); ++b) {
    const auto split = [&](const Tensor& x) {  // [T,H*E] -> [1,H,T,E]
      return x.reshape({x.size(0), heads, width / heads}).transpose(0, 1).unsqueeze(0);
    };
    const Tensor own = keys_values.narrow(0, of_keys.starts[b], of_keys.length(b));
    const auto mask = biases.empty() ? std::nullopt
                                     : std::optional(biases[b].to(queries.scalar_type()));
    mixed.push_back(mixed_heads({split(queries.narrow(0, of_queries.starts[b], of_queries.length(b))),
                                 split(own.narrow(1, 0, width)), split(own.narrow(1, width, width))},
                                mask, 1 / std::sqrt(static_cast<double>(width / heads)))[0]
                        .transpose(0, 1)
                        .reshape({-1, width}));
  }
  return at::concat(mixed);
}

}  // namespace

Tensor attend_across(const Tensor& queries, const Tensor& keys_values, std::int64_t heads,
                     const Sequences& of_queries, const Sequences& of_keys,
                     const std::vector<Tensor>& biases) {
  if (!kernel_computes(queries) || !kernel_computes(keys_values))
    return across_with_libtorch(queries, keys_values, heads, of_queries, of_keys, biases);
  if (queries.scalar_type() == at::kHalf)
    return attend_across(queries.to(at::kFloat), keys_values.to(at::kFloat), heads, of_queries,
                         of_keys, biases)
        .to(at::kHalf);
  const auto width = queries.size(1), size = width / heads, bytes = queries.element_size();
  const Tensor asking = queries.contiguous();
  const Tensor kv = keys_values.to(queries.scalar_type()).contiguous();
  Tensor out = at::empty_like(asking);
  std::atomic<std::int64_t> next = 0;  // head of sequence
  const auto work = [&](int) {
    std::vector<float> scratch(head_scratch(of_keys.longest(), size));
    for (std::int64_t i; (i = next++) < of_queries.count() * heads;) {
      const auto b = i / heads, head = i % heads;
      const auto* key = static_cast<const char*>(kv.const_data_ptr()) +
                        (of_keys.starts[b] * 2 * width + head * size) * bytes;
      const auto row = of_queries.starts[b];
      attend_head({.query = static_cast<const char*>(asking.const_data_ptr()) +
                            (row * width + head * size) * bytes,
                   .key = key,
                   .value = key + width * bytes,
                   .stride = 2 * width,
                   .tokens = of_keys.length(b),
                   .size = size,
                   .scale = static_cast<float>(1 / std::sqrt(static_cast<double>(size))),
                   .bias = biases.empty() ? nullptr : biases[b].const_data_ptr<float>(),
                   .bias_stride = biases.empty() ? 0 : biases[b].stride(0),
                   .bfloat16 = queries.scalar_type() == at::kBFloat16,
                   .queries = of_queries.length(b),
                   .query_stride = width},
                  static_cast<char*>(out.data_ptr()) + (row * width + head * size) * bytes, width,
                  scratch.data());
    }
  };
  on_each_core(kv.size(0) < kSharedTokens ? 1 : cores(), work);
  return out;
}

}  // namespace hft
