#include "core/nn/attention.h"

namespace hft {

Tensor attend(const Tensor& qkv, std::int64_t heads, const Sequences& seqs, const Tensor& bias) {
  const auto size = qkv.size(1) / 3 / heads;
  Tensor out = at::empty({qkv.size(0), heads * size}, qkv.options());
  // [N, 3*H*E] -> [3,H,N,E]
  const Tensor split = qkv.view({qkv.size(0), 3, heads, size}).permute({1, 2, 0, 3});
  for (std::int64_t b = 0; b < seqs.count(); ++b) {
    const auto length = seqs.length(b);
    const auto of = [&](int which) {  // [1,H,T,E]
      return split[which].narrow(1, seqs.starts[b], length).unsqueeze(0);
    };
    std::optional<Tensor> mask;
    if (bias.defined())
      mask = bias.narrow(1, 0, length).narrow(2, 0, length).unsqueeze(0).contiguous();
    Tensor mixed = at::scaled_dot_product_attention(of(0), of(1), of(2), mask);  // [1,H,T,E]
    out.narrow(0, seqs.starts[b], length).view({length, heads, size}).copy_(mixed[0].transpose(0, 1));
  }
  return out;
}

}  // namespace hft
