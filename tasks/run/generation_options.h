// The options of every command that generates text, by the names of GenerationConfig's fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/generation/generation_config.h"
#include "core/models/heads/decoder.h"
#include "core/tokenizers/tokenizer.h"
#include "tasks/run/flags.h"
#include "tasks/run/model_options.h"

namespace hft {

struct GenerationOptions {
  Json flags = Json::object();  // fields given, by name
  std::vector<std::string> bad_words;
  std::string sequence_bias;  // a file
  std::string assistant_model;
  std::optional<std::uint64_t> seed;
  std::int64_t logprobs = -1;
  bool pipeline_defaults = true;
};

// without_top_k: the command has a flag of that name for something else.
void add_generation_options(Flags& flags, GenerationOptions& options, bool without_top_k = false);

// A pipeline, and the task whose task_specific_params it takes ("summarization").
struct PipelineTask {
  Pipeline pipeline;
  std::string name;
};
inline const PipelineTask kTextGeneration{Pipeline::kTextGeneration, "text-generation"};
inline const PipelineTask kPictureChat{Pipeline::kPictureChat, "image-text-to-text"};

// Throws kUsage naming the first field that was given, for a model that "scores answers, it writes
// none".
void check_no_generation(const GenerationOptions& options, std::string_view does);

// What the options, the pipeline and the folder's files come to. Without a tokenizer only what
// needs none is looked at: enough to refuse what cannot be before anything is loaded.
ResolvedGeneration resolve(const GenerationOptions& options, const std::filesystem::path& folder,
                           const Json& config, const PipelineTask& task,
                           const Tokenizer* tokenizer);

// --seed, else any.
std::uint64_t seed_of(const GenerationOptions& options);

// The options of --assistant-model, beside the model's own.
ModelOptions assistant_of(ModelOptions model, const GenerationOptions& options);
// A draft's tokens must mean to the model what they mean to its assistant: else kUnsupported.
void check_same_tokens(const Tokenizer& own, const Tokenizer& assistant);

// The cache of keys and values as the configuration asks for it; kUnsupported for a quantized one.
void set_cache(const GenerationConfig& config, ModelRequest& request);

}  // namespace hft
