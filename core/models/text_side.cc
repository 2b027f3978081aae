#include "core/models/text_side.h"

#include <c10/core/InferenceMode.h>

#include "core/base/error.h"
#include "core/nn/finite.h"

namespace hft {
namespace {

void check(const TextSide& side, const TokenBatch& texts) {
  for (std::int64_t b = 0; b < texts.size(); ++b) {
    const auto length = texts.starts[b + 1] - texts.starts[b];
    if (length < 1) fail(Errc::kBadData, "text ", b, " of the batch has no tokens");
    if (length > side.positions)
      fail(Errc::kUsage, "a text has ", length, " tokens, but the model takes at most ",
           side.positions);
  }
  for (auto id : texts.ids)
    if (id < 0 || id >= side.vocab)
      fail(Errc::kBadData, "token id ", id, " is outside [0, ", side.vocab, ") of the model");
}

}  // namespace

Matrix matrix_of(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  const Tensor flat = tensor.flatten(1).to(at::kCPU, at::kFloat).contiguous();
  const auto* data = flat.const_data_ptr<float>();
  return {flat.size(0), flat.size(1), {data, data + flat.numel()}};
}

Tokens tokens_of(const TextSide& side, const TokenBatch& texts, at::Device device) {
  check(side, texts);
  Tokens tokens;
  tokens.seqs.device = device;
  tokens.seqs.starts.assign(texts.starts.begin(), texts.starts.end());
  tokens.ids = at::from_blob(const_cast<std::int32_t*>(texts.ids.data()),
                             {static_cast<std::int64_t>(texts.ids.size())}, at::kInt)
                   .to(device, at::kLong);
  return tokens;
}

Matrix read_texts(const TextSide& side, const TokenBatch& texts, const Runtime& runtime) {
  if (!side.read) fail(Errc::kUnsupported, "the model reads no texts");
  Tokens tokens = tokens_of(side, texts, runtime.device);
  return translate_errors([&] {
    const c10::InferenceMode no_gradients;
    const OnPool on(runtime.pool.get());
    Matrix vectors = matrix_of(side.read(tokens));
    if (all_finite(vectors.data)) return vectors;
    tokens.watch = find_not_finite;
    side.read(tokens);
    fail(Errc::kNotFinite, "NaN or infinity first shows in the vectors of texts");
  });
}

Likeness likeness_of(const TextSide& side) {
  const auto number = [](const Tensor& x, float none) {
    return x.defined() ? x.to(at::kCPU, at::kFloat).item<float>() : none;
  };
  return {number(side.scale, 1), number(side.bias, 0)};
}

}  // namespace hft
