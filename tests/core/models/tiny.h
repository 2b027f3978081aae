// Tiny random checkpoints for the tests of nn and models, written from the names and shapes that
// the architecture itself binds.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/models/heads/decoder.h"
#include "core/models/heads/text_model.h"
#include "core/models/load.h"
#include "core/models/load_parts.h"
#include "core/models/lookup.h"
#include "core/models/purposes.h"
#include "core/nn/weights.h"
#include "tests/support/test.h"

namespace hft::test {

inline constexpr Head kHeads[] = {Head::kEmbed,         Head::kFeatures, Head::kClassify,
                                  Head::kTokenClassify, Head::kAnswer,   Head::kMaskedLm};

// config.json of a tiny model, without `architectures`.
Json tiny_config(const std::string& model_type);
// Those of decoders and of encoder-decoders: each reads the fields it knows.
Json tiny_decoder_config(const std::string& model_type);
Json tiny_seq2seq_config(const std::string& model_type);
// Those of models of pictures, which take 32 x 32 pixels.
Json tiny_image_config(const std::string& model_type);
// Those of models of sounds: samples, or 60 frames of 16 bins.
Json tiny_sound_config(const std::string& model_type);

using Tensors = std::map<std::string, at::Tensor>;
// Every tensor a model of this config and head binds, random from a fixed seed.
Tensors tiny_tensors(const Json& config, Head head);
// The same of models that write.
Tensors tiny_decoder_tensors(const Json& config);
Tensors tiny_seq2seq_tensors(const Json& config);
Tensors tiny_image_tensors(const Architecture& architecture, const Json& config, ImageHead head);
Tensors tiny_sound_tensors(const Architecture& architecture, const Json& config, SoundHead head);
std::string safetensors_of(const Tensors& tensors);

// Writes config.json and model.safetensors.
void write_model(const fs::path& folder, const Json& config, const Tensors& tensors);

// Sequences of 7, 1, 12 and 3 tokens with ids below 50.
TokenBatch tiny_batch();
// One sequence of it.
TokenBatch only(const TokenBatch& batch, std::int64_t b);

std::unique_ptr<TextModel> load(const fs::path& folder, Head head,
                                const std::string& dtype = "auto");

// For decoders: so many ids below 50, and the logits after all of `ids`, fed `step` at a time.
using Ids = std::vector<std::int32_t>;
Ids some_ids(int count, int from = 3);
std::vector<float> after(Decoder& model, int sequence, const Ids& ids, std::size_t step);

// Largest |a - b| / max(1, |b|); infinity when the sizes differ.
double distance(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace hft::test
