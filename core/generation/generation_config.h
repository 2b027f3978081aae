// How text is generated: every field of transformers' GenerationConfig that changes the result,
// read from a model folder and merged in the order of its text-generation pipelines. Reference:
// transformers 4.57.6 (generation/configuration_utils.py, generation/utils.py, pipelines/base.py).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/generation/timestamp_rules.h"

namespace hft {

using TokenIds = std::vector<std::int32_t>;

enum class EarlyStopping { kFalse, kTrue, kNever };

// WatermarkingConfig; seeding_scheme "lefthash" or "selfhash".
struct WatermarkingConfig {
  double greenlist_ratio = 0.25, bias = 2;
  std::int64_t hashing_key = 15485863;
  bool selfhash = false;
  std::int64_t context_width = 1;
};

struct GenerationConfig {
  // Lengths, in tokens; the max_length and min_length count a decoder's prompt.
  std::int64_t max_length = 20, min_length = 0;
  std::optional<std::int64_t> max_new_tokens, min_new_tokens;
  std::optional<double> max_time;  // seconds
  std::vector<std::string> stop_strings;
  // Strategy
  bool do_sample = false;
  std::int64_t num_beams = 1, num_beam_groups = 1, num_return_sequences = 1;
  EarlyStopping early_stopping = EarlyStopping::kFalse;
  double length_penalty = 1, diversity_penalty = 0;
  std::optional<double> penalty_alpha;  // contrastive search
  // Filters of sampling
  double temperature = 1;
  std::int64_t top_k = 50;
  double top_p = 1;
  std::optional<double> min_p;
  double typical_p = 1, epsilon_cutoff = 0, eta_cutoff = 0;
  bool renormalize_logits = false;
  // Processors
  std::optional<double> guidance_scale;
  std::vector<std::pair<TokenIds, double>> sequence_bias;
  double repetition_penalty = 1, encoder_repetition_penalty = 1;
  std::int64_t no_repeat_ngram_size = 0, encoder_no_repeat_ngram_size = 0;
  std::vector<TokenIds> bad_words_ids;
  std::optional<std::int32_t> forced_bos_token_id;
  TokenIds forced_eos_token_id;
  bool remove_invalid_values = false;
  std::optional<std::pair<std::int64_t, double>> exponential_decay_length_penalty;
  TokenIds suppress_tokens, begin_suppress_tokens;
  std::optional<TimestampRules> timestamps;  // set by what transcribes; no field of the file
  std::optional<WatermarkingConfig> watermarking_config;
  // Special tokens
  TokenIds eos_token_id;
  std::optional<std::int32_t> pad_token_id, bos_token_id, decoder_start_token_id;
  // A draft to check
  std::int64_t num_assistant_tokens = 20;
  std::string num_assistant_tokens_schedule = "constant";
  double assistant_confidence_threshold = 0.4;
  std::optional<std::int64_t> prompt_lookup_num_tokens, max_matching_ngram_size;
  // Cache
  std::string cache_implementation;  // "" = dynamic
  std::int64_t cache_bits = 4, cache_residual = 128;  // of a quantised one (cache_config)
  std::optional<std::int64_t> prefill_chunk_size;
  // Given by flags, so that a length of the model's own does not count as asked for.
  bool own_max_length = false, own_min_length = false;
};

// What a task's pipeline sets where neither flags nor task say otherwise.
enum class Pipeline { kNone, kTextGeneration, kTextToText, kSpeech, kPictureToText, kPictureChat };

struct GenerationSources {
  std::filesystem::path folder;
  Json config;  // config.json
  Pipeline pipeline = Pipeline::kTextGeneration;
  std::string task;  // whose task_specific_params apply: "text-generation"
  std::optional<std::int32_t> tokenizer_pad_id;
  Json flags = Json::object();  // by the fields' names; they win
};

struct ResolvedGeneration {
  GenerationConfig config;
  Json values;                     // every field that is not at its default, for -v
  std::string prefix;              // of every input: task_specific_params', else the config's
  std::vector<std::string> notes;  // flags without effect
};

// Merges all sources. Throws kBadData naming the file and the field for a value of a wrong type in
// the model's files, kUsage naming the flag ("--top-p: 1.5 is outside [0, 1]") for values that
// cannot be, or that cannot be together.
ResolvedGeneration resolve_generation(const GenerationSources& sources);

// The lengths of one generation, whose decoder starts with `prompt` tokens, in a model that takes
// `positions`.
struct Lengths {
  std::int64_t max = 0, min = 0;  // prompt counted
  bool shortened = false;         // less than asked for: the model's positions end there
};
// Throws kUsage when no token fits.
Lengths lengths_of(const GenerationConfig& config, std::int64_t prompt, std::int64_t positions,
                   bool encoder_decoder);

}  // namespace hft
