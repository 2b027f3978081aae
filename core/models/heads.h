// What a loaded model can do, without a word of LibTorch: plain numbers in, plain numbers out.
// Tasks see only this header; the engine (libhft_engine.so) implements it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/json.h"

namespace hft {

// The heads of the text encoders. More kinds of models add their own.
enum class Head { kEmbed, kFeatures, kClassify, kTokenClassify, kAnswer, kMaskedLm };

// Row-major numbers, [rows, cols].
struct Matrix {
  std::int64_t rows = 0, cols = 0;
  std::vector<float> data;
  std::span<const float> row(std::int64_t i) const { return {data.data() + i * cols, static_cast<std::size_t>(cols)}; }
};

// Token sequences laid end to end (no padding): sequence b is ids[starts[b] .. starts[b+1]).
struct TokenBatch {
  std::vector<std::int32_t> ids;       // [N]
  std::vector<std::int32_t> type_ids;  // [N], or empty: all 0
  std::vector<std::int32_t> starts{0};  // [B+1]
  std::vector<std::int32_t> rows;      // token rows wanted, ascending; empty: all (kMaskedLm only)
  std::int64_t size() const { return static_cast<std::int64_t>(starts.size()) - 1; }
};

// How many tokens one forward should be given where there is a choice: the engine shares them out
// over the cores in chunks, so that twice as many cost no more memory, and half as many leave a
// core idle at the end.
inline constexpr std::int64_t kForwardTokens = 4096;

struct ModelRequest {
  std::filesystem::path folder;
  Head head = Head::kFeatures;
  std::string variant;          // weights named model.<variant>.safetensors
  std::string dtype = "auto";   // auto | float32 | bfloat16 | float16
  std::string device = "auto";  // auto | cpu | cuda[:n]
  int threads = 0;              // 0: every core the process may use
  bool allow_random_head = false;
  // kEmbed: overrides of what modules.json says; "auto" and -1 keep it.
  std::string pooling = "auto";  // auto | cls | mean | max | mean_sqrt_len | weightedmean | last
  int normalize = -1;            // -1: as the model says, 0, 1
};

// A text encoder with one head. forward gives, for B sequences of N tokens together:
//   kEmbed [B, D] sentence vectors      kFeatures [N, D] last hidden states
//   kClassify [B, L] logits             kTokenClassify [N, L] logits
//   kAnswer [N, 2] start, end logits    kMaskedLm [rows, V] logits
// Throws kBadData for an id outside the vocabulary, kUsage for a sequence longer than
// max_positions, kNotFinite naming the layer where a NaN or infinity first shows.
class TextModel {
 public:
  virtual ~TextModel() = default;
  virtual Matrix forward(const TokenBatch& batch) = 0;
  virtual std::int64_t max_positions() const = 0;  // tokens one sequence may have
  virtual const std::vector<std::string>& warnings() const = 0;  // unused tensors, … (L7)
};

// One row of the support table (`hft models`).
struct Support {
  std::string model_type;
  std::vector<std::string> tasks;  // command names
};

// The functions of the engine, reached through core/engine.h.
struct Engine {
  std::unique_ptr<TextModel> (*load_text_model)(const ModelRequest&);
  std::vector<Support> (*supported_models)();
};

}  // namespace hft
