// What a loaded model can do, without a word of LibTorch: plain numbers in, plain numbers out.
// Tasks see only this header; the engine (libhft_engine.so) implements it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/checkpoint/safetensors.h"

namespace hft {

// The heads of the text encoders. More kinds of models add their own.
enum class Head { kEmbed, kFeatures, kClassify, kTokenClassify, kAnswer, kMaskedLm };

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
  std::vector<std::int32_t> starts{0};  // [B+1]
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
  std::string variant;          // weights named model.<variant>.safetensors
  std::string dtype = "auto";   // auto | float32 | bfloat16 | float16
  std::string device = "auto";  // auto | cpu | cuda[:n]
  int threads = 0;              // 0: every core the process may use
  bool allow_random_head = false;
  std::vector<std::filesystem::path> adapters{};  // folders of PEFT adapters, merged in this order
  // kEmbed: where modules.json is, empty: `folder`; and overrides of what it says.
  std::filesystem::path modules{};
  std::string pooling = "auto";  // auto | cls | mean | max | mean_sqrt_len | weightedmean | last
  int normalize = -1;            // -1: as the model says, 0, 1
  std::int64_t truncate_dim = 0;  // numbers of a vector that are kept; 0: all
  bool include_prompt = true;     // false: pooling leaves the prompt out, whatever the model says
  // Decoders: what keys and values are kept in; 0 bits: the type computed with, else 4 or 8.
  int cache_bits = 0;
  std::int64_t prefill_chunk = 0;  // tokens of one pass; 0: the engine decides
  // The folder's checkpoint, where it is open already.
  std::shared_ptr<StoredTensors> tensors;
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
  virtual std::int64_t max_positions() const = 0;                // tokens one sequence may have
  virtual const std::vector<std::string>& warnings() const = 0;  // unused tensors, … (L7)
};

// Tokens appended to one sequence of a decoder, and how many of the last of them give logits.
struct Feed {
  int sequence;
  std::span<const std::int32_t> ids;
  std::int64_t rows = 1;  // 0 .. ids.size()
};

// What one forward of a decoder gives, row after row in the order of its feeds. Kept from step to
// step, so that its memory is reused.
struct Decoded {
  Matrix logits;             // [R, V]
  Matrix hidden;             // [R, D] last hidden states, when want_hidden
  bool want_hidden = false;  // contrastive search
};

// A model that writes text token by token, and the sequences it remembers (their keys and values
// are cached). A sequence is a number, valid until close. Not for several threads at once.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Appends each feed to its sequence (at most one feed a sequence), all in one pass without
  // padding: every sequence gets what it would get alone. An empty sequence may be fed any number
  // of tokens, of which the model takes a part at a time.
  // Throws kBadData for an id outside the vocabulary, kUsage past max_positions, kNotFinite naming
  // the layer where a NaN or infinity first shows.
  virtual void forward(std::span<const Feed> feeds, Decoded& out) = 0;
  // Another sequence that goes on from the same tokens; what is cached is shared, not copied.
  virtual int fork(int sequence) = 0;
  // Forgets all but the first `length` tokens. Throws kUsage when a sliding window has already
  // forgotten what the next token would have to see.
  virtual void crop(int sequence, std::int64_t length) = 0;
  virtual void close(int sequence) = 0;
  virtual std::int64_t length(int sequence) const = 0;  // tokens fed so far

  // Calls f(0) … f(count - 1), in any order, shared out over the cores the model computes on.
  virtual void each(std::size_t count, const std::function<void(std::size_t)>& f) {
    for (std::size_t i = 0; i < count; ++i) f(i);
  }

  virtual std::int64_t vocab() const = 0;          // V
  virtual std::int64_t max_positions() const = 0;  // tokens one sequence may have
  // Those the model was made for: rotary positions go on past them.
  virtual std::int64_t trained_positions() const { return max_positions(); }
  virtual const std::vector<std::string>& warnings() const = 0;  // as TextModel's
};

// A decoder-only language model.
class CausalLm : public Decoder {
 public:
  virtual int open() = 0;  // an empty sequence
};

// An encoder and a decoder that attends to what it read.
class Seq2SeqLm : public Decoder {
 public:
  // Encodes B source texts together, without padding; each becomes an empty decoder sequence. What
  // the decoder sees of a source is shared by the forks of its sequence. Throws as forward does.
  virtual std::vector<int> encode(const TokenBatch& sources) = 0;
  virtual std::int64_t max_source_positions() const = 0;
  // Bytes kept of one token of a source text and of one token of a sequence.
  struct Kept {
    std::int64_t source = 0, sequence = 0;
  };
  virtual Kept kept_bytes() const = 0;
};

// LibTorch's random numbers, so that a seed draws what it draws in Python (A1).
class Random {
 public:
  virtual ~Random() = default;
  // For each row of probabilities [R, V] `count` different columns, in order of drawing:
  // torch.multinomial(probabilities, count). [R * count]
  virtual std::vector<std::int32_t> draw(const Matrix& probabilities, std::int64_t count) = 0;
  // torch.rand(n)
  virtual std::vector<float> uniform(std::int64_t n) = 0;
};

// One row of the support table (`hft models`).
struct Support {
  std::string model_type;
  std::vector<std::string> tasks;  // command names
};

// The functions of the engine, reached through core/engine.h.
struct Engine {
  std::unique_ptr<TextModel> (*load_text_model)(const ModelRequest&);
  std::unique_ptr<CausalLm> (*load_causal_lm)(const ModelRequest&);
  std::unique_ptr<Seq2SeqLm> (*load_seq2seq_lm)(const ModelRequest&);
  std::unique_ptr<Random> (*make_random)(std::uint64_t seed);
  std::vector<Support> (*supported_models)();
};

}  // namespace hft
