// What every loaded model is to a command, without a word of LibTorch: plain numbers in and out.
// The engine (libhft_engine.so) implements it. A header a kind of model stands beside this one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/checkpoint/adapter.h"
#include "core/checkpoint/safetensors.h"
#include "core/models/heads/picture_view.h"

namespace hft {

// The kinds of models, a class each.
enum class ModelClass { kText, kCausalLm, kSeq2SeqLm, kImage, kSound };

// The heads of the text encoders. More kinds of models add their own.
enum class Head { kEmbed, kFeatures, kClassify, kTokenClassify, kAnswer, kMaskedLm };

// The heads of the models that see pictures.
enum class ImageHead { kClassify, kDetect, kSegment, kEmbed, kAnswer };

// The heads of the models that hear sounds.
enum class SoundHead { kClassify, kCtc, kEmbed };

// Row-major numbers, [rows, cols].
struct Matrix {
  std::int64_t rows = 0, cols = 0;
  std::vector<float> data;
  std::span<const float> row(std::int64_t i) const {
    return {data.data() + i * cols, static_cast<std::size_t>(cols)};
  }
};

// Token sequences laid end to end (no padding): sequence b is ids[starts[b] .. starts[b+1]).
struct TokenBatch {
  std::vector<std::int32_t> ids;        // [N]
  std::vector<std::int32_t> type_ids;   // [N], or empty: all 0
  std::vector<std::int32_t> boxes;      // [N,4] where on its page each stands; empty: on none
  std::vector<std::int32_t> starts{0};  // [B+1]
  std::vector<PictureView> pages;       // [B] what each page looks like, without data: unseen; or empty
  std::vector<std::int32_t> rows;       // token rows wanted, ascending; empty: all (kMaskedLm only)
  std::vector<std::int32_t> prompts;    // [B] how many tokens of each are its prompt; empty: none
  std::int64_t size() const { return static_cast<std::int64_t>(starts.size()) - 1; }
};

// How many tokens one forward should be given where there is a choice: the engine shares them out
// over the cores in chunks, so that twice as many cost no more memory, and half as many leave a
// core idle at the end.
inline constexpr std::int64_t kForwardTokens = 4096;

struct ModelRequest {
  std::filesystem::path folder;
  Head head = Head::kFeatures;
  ImageHead image_head = ImageHead::kClassify;
  SoundHead sound_head = SoundHead::kClassify;
  std::string variant;          // weights named model.<variant>.safetensors
  std::string dtype = "auto";   // auto | float32 | bfloat16 | float16
  std::string quantize = "none";  // none | dynamic | nf4 | fp4 | int8 (of bitsandbytes)
  bool double_quant = false;      // of nf4 and fp4: their scales have 8 bits
  std::string device = "auto";  // auto | cpu | cuda[:n]
  std::string device_map;  // "" | auto | balanced | balanced_low_0 | sequential | device | JSON object
  std::string max_memory;  // "" | a JSON object of sizes by device, as accelerate has them
  int threads = 0;              // 0: every core the process may use
  bool allow_random_head = false;
  std::vector<WeightedAdapter> adapters{};  // merged in this order
  // kEmbed: where modules.json is, empty: `folder`; and overrides of what it says.
  std::filesystem::path modules{};
  std::string pooling = "auto";  // auto | cls | mean | max | mean_sqrt_len | weightedmean | last
  int normalize = -1;            // -1: as the model says, 0, 1
  std::int64_t truncate_dim = 0;  // numbers of a vector that are kept; 0: all
  bool include_prompt = true;     // false: pooling leaves the prompt out, whatever the model says
  std::int64_t prefill_chunk = 0;  // decoders: tokens of one pass; 0: the engine decides
  int cache_bits = 0;              // decoders: of cached keys and values, 4 or 8; 0: whole numbers
  std::int64_t cache_residual = 128;  // of 4 and 8 bits: latest tokens that may stay whole
  std::string attention = "auto";     // auto | eager | sdpa | flash_attention_2
  bool trust_remote_code = false;     // which nothing needs, and nothing runs
  // Decoders: the same bits whatever is computed together, as encoders give them always. It costs
  // speed with AVX-512 where there are few rows.
  bool deterministic = false;
  // The folder's checkpoint, where it is open already.
  std::shared_ptr<StoredTensors> tensors;
};

class Model {
 public:
  virtual ~Model() = default;
  // Of loading: tensors that are not used, a head of random weights.
  virtual const std::vector<std::string>& warnings() const = 0;
};

}  // namespace hft
