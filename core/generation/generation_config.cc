#include "core/generation/generation_config.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/generation/generation_fields.h"

namespace hft {
namespace {

constexpr std::int64_t kPipelineNewTokens = 256;  // max_new_tokens of the pipelines

// GenerationConfig(): what every field is when nothing says otherwise.
const Json& global_defaults() {
  static const Json kDefaults = {{"max_length", 20},
                                 {"max_new_tokens", nullptr},
                                 {"min_length", 0},
                                 {"min_new_tokens", nullptr},
                                 {"early_stopping", false},
                                 {"max_time", nullptr},
                                 {"stop_strings", nullptr},
                                 {"do_sample", false},
                                 {"num_beams", 1},
                                 {"cache_implementation", nullptr},
                                 {"cache_config", nullptr},
                                 {"prefill_chunk_size", nullptr},
                                 {"temperature", 1.0},
                                 {"top_k", 50},
                                 {"top_p", 1.0},
                                 {"min_p", nullptr},
                                 {"typical_p", 1.0},
                                 {"epsilon_cutoff", 0.0},
                                 {"eta_cutoff", 0.0},
                                 {"repetition_penalty", 1.0},
                                 {"encoder_repetition_penalty", 1.0},
                                 {"length_penalty", 1.0},
                                 {"no_repeat_ngram_size", 0},
                                 {"bad_words_ids", nullptr},
                                 {"renormalize_logits", false},
                                 {"forced_bos_token_id", nullptr},
                                 {"forced_eos_token_id", nullptr},
                                 {"remove_invalid_values", false},
                                 {"exponential_decay_length_penalty", nullptr},
                                 {"suppress_tokens", nullptr},
                                 {"begin_suppress_tokens", nullptr},
                                 {"sequence_bias", nullptr},
                                 {"guidance_scale", nullptr},
                                 {"watermarking_config", nullptr},
                                 {"num_return_sequences", 1},
                                 {"pad_token_id", nullptr},
                                 {"bos_token_id", nullptr},
                                 {"eos_token_id", nullptr},
                                 {"encoder_no_repeat_ngram_size", 0},
                                 {"decoder_start_token_id", nullptr},
                                 {"num_assistant_tokens", 20},
                                 {"num_assistant_tokens_schedule", "constant"},
                                 {"assistant_confidence_threshold", 0.4},
                                 {"prompt_lookup_num_tokens", nullptr},
                                 {"max_matching_ngram_size", nullptr},
                                 {"penalty_alpha", nullptr},
                                 {"diversity_penalty", 0.0},
                                 {"num_beam_groups", 1}};
  return kDefaults;
}

// The generation fields among these, over the values so far; nulls too when `nulls`.
void overlay(Json& values, const Json& over, bool nulls) {
  if (!over.is_object()) return;
  for (auto& [key, value] : over.items())
    if (values.contains(key) && (nulls || !value.is_null())) values[key] = value;
}

// The fields that have their default take these values where they differ from it.
void fill_defaults(Json& values, const Json& model) {
  for (auto& [key, standard] : global_defaults().items()) {
    if (key == "cache_implementation" && model[key] == "hybrid") continue;
    if (values[key] == standard && model[key] != standard) values[key] = model[key];
  }
}

// Fields inside config.json: the way before generation_config.json existed.
Json from_model_config(const Json& config) {
  Json values = global_defaults();
  overlay(values, config, false);
  for (const char* inner : {"decoder", "text_config"})
    if (auto it = config.find(inner); it != config.end() && it->is_object()) {
      Json nested = global_defaults();
      overlay(nested, *it, true);
      fill_defaults(values, nested);
    }
  return values;
}

// "4.36.2" is before 4.50: generate() then leaves fields of a given configuration alone.
bool fills_twice(const std::string& version) {
  int major = 0, minor = 0;
  if (std::sscanf(version.c_str(), "%d.%d", &major, &minor) < 1) return true;
  return major > 4 || (major == 4 && minor >= 50);
}

struct ModelValues {
  Json values;
  bool fills_twice = true;
};

ModelValues model_values(const GenerationSources& s) {
  const fs::path file = s.folder / "generation_config.json";
  if (s.folder.empty() || !fs::exists(file)) return {from_model_config(s.config)};
  const Fields own(read_json(file), file.string());
  Json values = global_defaults();
  overlay(values, own.json(), true);
  return {values, fills_twice(own.text("transformers_version", "4.57.6"))};
}

Json pipeline_values(Pipeline pipeline) {
  Json values = global_defaults();
  if (pipeline != Pipeline::kNone) values["max_new_tokens"] = kPipelineNewTokens;
  if (pipeline == Pipeline::kTextGeneration)
    values["do_sample"] = true, values["temperature"] = 0.7;
  if (pipeline == Pipeline::kTextToText) values["num_beams"] = 4;
  if (pipeline == Pipeline::kSpeech) values["num_beams"] = 5;
  return values;
}

std::string prefix_of(const Json& params, const std::string& fallback) {
  auto found = params.find("prefix");
  return found != params.end() && found->is_string() ? found->get<std::string>() : fallback;
}

// Everything below the flags, in the pipelines' order.
Json merged(const GenerationSources& s, std::string& prefix) {
  const ModelValues model = model_values(s);
  if (s.pipeline == Pipeline::kNone) return model.values;
  Json values = pipeline_values(s.pipeline);
  prefix = prefix_of(s.config, "");
  fill_defaults(values, model.values);
  if (values["temperature"] == 0.0) values["do_sample"] = false;
  if (values["max_new_tokens"] == kPipelineNewTokens && !values["max_length"].is_null() &&
      values["max_length"] != 20)
    values["max_new_tokens"] = nullptr;
  if (auto all = s.config.find("task_specific_params"); all != s.config.end() && all->is_object())
    if (auto own = all->find(s.task); own != all->end() && own->is_object()) {
      prefix = prefix_of(*own, prefix);
      overlay(values, *own, true);
    }
  if (s.tokenizer_pad_id && values["pad_token_id"].is_null())
    values["pad_token_id"] = *s.tokenizer_pad_id;
  if (model.fills_twice) {
    fill_defaults(values, model.values);
    if (values["temperature"] == 0.0) values["do_sample"] = false;
  }
  return values;
}

// The flags over the rest. A length that is asked for ends the pipeline's own.
void apply_flags(Json& values, const Json& flags, std::vector<std::string>& notes) {
  if (flags.contains("max_length") && !flags.contains("max_new_tokens"))
    values["max_new_tokens"] = nullptr;
  if (flags.contains("min_length") && !flags.contains("min_new_tokens"))
    values["min_new_tokens"] = nullptr;
  overlay(values, flags, true);
  if (flags.contains("max_length") && flags.contains("max_new_tokens"))
    notes.push_back("--max-length is ignored: --max-new-tokens is given too");
  if (flags.contains("min_length") && flags.contains("min_new_tokens"))
    notes.push_back("--min-length is ignored: --min-new-tokens is given too");
  if (flags.contains("temperature") && flags["temperature"] == 0.0) {
    values["do_sample"] = false;
    values["temperature"] = 1.0;
    notes.push_back("--temperature 0: the likeliest token is taken (--no-do-sample)");
  }
}

// Flags of sampling without sampling, of beams without beams.
void note_ignored(const GenerationConfig& c, const Json& flags, std::vector<std::string>& notes) {
  auto given = [&](std::initializer_list<const char*> fields) {
    std::string names;
    for (const char* field : fields)
      if (flags.contains(field)) names += (names.empty() ? "" : ", ") + flag_of(field);
    return names;
  };
  if (!c.do_sample) {
    const bool contrastive = c.penalty_alpha.has_value();
    std::string names = given({"top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff"});
    if (flags.contains("temperature") && flags["temperature"] != 0.0)
      names = "--temperature" + (names.empty() ? "" : ", " + names);
    if (flags.contains("top_k") && !contrastive)
      names = "--top-k" + (names.empty() ? "" : ", " + names);
    if (!names.empty()) notes.push_back(names + ": of no effect without --do-sample");
  }
  if (c.num_beams == 1)
    if (const std::string names =
            given({"early_stopping", "length_penalty", "num_beam_groups", "diversity_penalty"});
        !names.empty())
      notes.push_back(names + ": of no effect without --num-beams above 1");
  if (c.penalty_alpha && (c.do_sample || c.num_beams > 1 || c.top_k < 2) &&
      flags.contains("penalty_alpha"))
    notes.push_back(
        "--penalty-alpha: of no effect with --do-sample, with beams, or with --top-k below 2");
}

// What cannot be together.
void check_together(const GenerationConfig& c) {
  if (c.num_return_sequences > 1 && c.num_beams == 1 && !c.do_sample)
    fail_hint(Errc::kUsage, "add --do-sample or --num-beams",
              "--num-return-sequences: ", c.num_return_sequences,
              " without sampling or beams would all be the same");
  if (c.num_beams > 1 && c.num_return_sequences > c.num_beams)
    fail(Errc::kUsage, "--num-return-sequences: ", c.num_return_sequences, " are more than the ",
         c.num_beams, " of --num-beams");
  if (c.num_beam_groups > 1 && c.num_beams > 1) {
    if (c.num_beams % c.num_beam_groups != 0)
      fail(Errc::kUsage, "--num-beam-groups: ", c.num_beams, " beams cannot be shared out over ",
           c.num_beam_groups, " groups");
    if (c.do_sample)
      fail_hint(Errc::kUsage, "add --no-do-sample",
                "--num-beam-groups: groups of beams cannot be sampled");
    if (c.diversity_penalty <= 0)
      fail(Errc::kUsage, "--diversity-penalty: is ", c.diversity_penalty,
           ", wanted more than 0 with --num-beam-groups");
  }
}

// What differs from the defaults.
Json changed(const Json& values) {
  Json out = Json::object();
  for (auto& [key, value] : values.items())
    if (value != global_defaults()[key]) out[key] = value;
  return out;
}

}  // namespace

ResolvedGeneration resolve_generation(const GenerationSources& sources) {
  ResolvedGeneration out;
  Json values = merged(sources, out.prefix);
  apply_flags(values, sources.flags, out.notes);
  out.config = typed_generation(values, sources.flags, sources.folder);
  check_together(out.config);
  note_ignored(out.config, sources.flags, out.notes);
  out.values = changed(values);
  return out;
}

Lengths lengths_of(const GenerationConfig& c, std::int64_t prompt, std::int64_t positions,
                   bool encoder_decoder) {
  if (prompt >= positions && !encoder_decoder)
    fail(Errc::kUsage, "the prompt has ", prompt, " tokens, the model takes ", positions,
         " with at least one to generate");
  Lengths lengths{c.max_length, c.min_length};
  const bool standard = !c.max_new_tokens && !c.own_max_length && c.max_length == 20;
  if (c.max_new_tokens)
    lengths.max = prompt + *c.max_new_tokens;
  else if (standard)
    lengths.max = prompt + 20;
  if (prompt >= lengths.max)
    fail_hint(Errc::kUsage, "use --max-new-tokens, which does not count the prompt",
              "the prompt has ", prompt, " tokens, but max_length, which counts them, is ",
              lengths.max);
  if (lengths.max > positions) {
    lengths.max = positions;
    lengths.shortened = !standard;
  }
  if (c.min_new_tokens) lengths.min = prompt + *c.min_new_tokens;
  return lengths;
}

}  // namespace hft
