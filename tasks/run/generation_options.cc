#include "tasks/run/generation_options.h"

#include <algorithm>
#include <random>

#include "core/base/error.h"
#include "core/base/json.h"
#include "tasks/run/list_option.h"

namespace hft {
namespace {

constexpr const char* kLengths = "Length";
constexpr const char* kStrategy = "Strategy";
constexpr const char* kSampling = "Sampling";
constexpr const char* kScores = "Scores";
constexpr const char* kSpeed = "Speed and memory";

// Fields that are one number.
struct NumberField {
  const char* field;
  bool whole;
  const char* about;
  const char* group;
};

constexpr NumberField kNumbers[] = {
    {"max_new_tokens", true, "Tokens to generate at most", kLengths},
    {"min_new_tokens", true, "Tokens to generate at least", kLengths},
    {"max_length", true,
     "Tokens at most, prompt included; it ends the pipeline's own 256 new tokens", kLengths},
    {"min_length", true, "Tokens at least, prompt included", kLengths},
    {"max_time", false, "Seconds a text may take", kLengths},
    {"num_beams", true, "Beams of beam search; 1: none", kStrategy},
    {"num_beam_groups", true, "Groups the beams are in (diverse beam search)", kStrategy},
    {"diversity_penalty", false, "How much the groups keep apart", kStrategy},
    {"length_penalty", false, "Beams: above 0 prefers long texts, below 0 short ones", kStrategy},
    {"num_return_sequences", true, "Texts for each input", kStrategy},
    {"penalty_alpha", false, "Contrastive search, with --top-k: weight of the degeneration penalty",
     kStrategy},
    {"temperature", false, "Above 1 evens the probabilities out, below 1 sharpens them; 0: greedy",
     kSampling},
    {"top_k", true, "Only the K likeliest tokens; 0: all", kSampling},
    {"top_p", false, "Only the likeliest tokens with this much probability together", kSampling},
    {"min_p", false, "Only tokens with this part of the likeliest one's probability", kSampling},
    {"typical_p", false, "Only the most typical tokens with this much probability together",
     kSampling},
    {"epsilon_cutoff", false, "Only tokens with at least this probability", kSampling},
    {"eta_cutoff", false, "As --epsilon-cutoff, less strict when much is uncertain", kSampling},
    {"repetition_penalty", false, "Above 1 makes tokens that were there less likely", kScores},
    {"encoder_repetition_penalty", false, "Above 1 makes tokens of the input more likely", kScores},
    {"no_repeat_ngram_size", true, "No N tokens twice in the same order", kScores},
    {"encoder_no_repeat_ngram_size", true, "No N tokens in the order of the input", kScores},
    {"forced_bos_token_id", true, "Token that must come first", kScores},
    {"bos_token_id", true, "Token an empty prompt stands for", kScores},
    {"pad_token_id", true, "Padding token", kScores},
    {"decoder_start_token_id", true, "Token the decoder starts with", kScores},
    {"prompt_lookup_num_tokens", true, "Drafts of N tokens copied from the text so far", kSpeed},
    {"max_matching_ngram_size", true, "Tokens that must match for such a draft", kSpeed},
    {"num_assistant_tokens", true, "Tokens of a draft of --assistant-model", kSpeed},
    {"assistant_confidence_threshold", false, "A draft ends where its model is less sure", kSpeed},
    {"prefill_chunk_size", true, "Tokens of a prompt computed at a time", kSpeed},
};

std::string flag_name(const std::string& field) {
  std::string flag = "--" + field;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

void add_numbers(Flags& flags, Json& given, bool without_top_k) {
  for (const NumberField& n : kNumbers) {
    const std::string field = n.field;
    if (without_top_k && field == "top_k") continue;
    Flag option =
        n.whole
            ? flags.add_integer(
                  flag_name(field), [&given, field](std::int64_t v) { given[field] = v; }, n.about)
            : flags.add_number(
                  flag_name(field), [&given, field](double v) { given[field] = v; }, n.about);
    option.metavar(n.whole ? "N" : "X").group(n.group);
  }
}

void add_lists(Flags& flags, Json& given) {
  static constexpr std::pair<const char*, const char*> kLists[] = {
      {"eos_token_id", "Tokens that end a text"},
      {"suppress_tokens", "Tokens that never come"},
      {"begin_suppress_tokens", "Tokens that do not come first"},
      {"forced_eos_token_id", "Tokens one of which must be the last at the maximum length"}};
  for (auto [name, about] : kLists) {
    const std::string field = name;
    const auto take = [&given, field](const std::vector<std::string>& words) {
      given[field] = number_list(flag_name(field), words, true);
    };
    add_list_option(flags, flag_name(field), take, about).metavar("ID,…").group(kScores);
  }
  const std::string decay = "--exponential-decay-length-penalty";
  const auto take = [&given, decay](const std::vector<std::string>& words) {
    given["exponential_decay_length_penalty"] = number_list(decay, words, false);
  };
  add_list_option(flags, decay, take,
                  "After START new tokens the end becomes FACTOR times likelier with each")
      .metavar("START,FACTOR")
      .group(kScores);
}

// --x and --no-x
void add_switches(Flags& flags, Json& given) {
  static constexpr struct {
    const char *field, *on, *off, *group;
  } kSwitches[] = {{"do_sample", "Draw the next token at random",
                    "Take the likeliest token (greedy), or beams", kStrategy},
                   {"renormalize_logits", "Probabilities sum to 1 again after all changes",
                    "They need not", kScores},
                   {"remove_invalid_values", "Scores that are NaN or infinite are replaced",
                    "They are left", kScores}};
  for (const auto& [name, on, off, group] : kSwitches) {
    const std::string field = name;
    const auto set = [&given, field](bool value) {
      return [&given, field, value] { given[field] = value; };
    };
    const std::string flag = flag_name(field);
    flags.add(flag, set(true), on).group(group);
    flags.add("--no-" + flag.substr(2), set(false), off).group(group);
  }
}

void add_texts(Flags& flags, GenerationOptions& o) {
  add_list_option(
      flags, "--stop",
      [&o](const std::vector<std::string>& texts) { o.flags["stop_strings"] = texts; },
      "End before this text; may be given several times", ListForm::kTexts)
      .group(kLengths);
  add_list_option(flags, "--bad-words", o.bad_words,
                  "Text that must not come; may be given several times", ListForm::kTexts)
      .group(kScores);
  flags
      .add("--sequence-bias", o.sequence_bias,
           "JSON list of [[token ids], number to add to the last one's score]")
      .metavar("FILE")
      .group(kScores);
  flags
      .add(
          "--early-stopping",
          [&o](const std::string& mode) {
            o.flags["early_stopping"] = mode == "never" ? Json(mode) : Json(mode == "true");
          },
          "Beams: end at the first num-beams texts (true), when better ones are unlikely (false) "
          "or "
          "impossible (never)")
      .one_of({"true", "false", "never"})
      .group(kStrategy);
}

// Ids of a text at the start of a word and inside one.
void add_bad_words(const GenerationOptions& o, const Tokenizer& tokenizer, Json& flags) {
  Json lists = Json::array();
  for (const std::string& word : o.bad_words)
    for (const std::string& form : {word, " " + word}) {
      const Json ids = tokenizer.encode(form, {.add_special_tokens = false}).ids;
      if (!ids.empty() && std::find(lists.begin(), lists.end(), ids) == lists.end())
        lists.push_back(ids);
    }
  if (!lists.empty()) flags["bad_words_ids"] = lists;
}

// Only sampling and greedy search feed a second sequence, which knows no prompt.
void check_guidance(const GenerationConfig& c, Pipeline pipeline, const std::string& assistant) {
  if (c.guidance_scale.value_or(1) == 1) return;
  const bool encodes = pipeline == Pipeline::kTextToText || pipeline == Pipeline::kSpeech ||
                       pipeline == Pipeline::kPictureToText;
  const char* with = encodes                                            ? "an encoder-decoder"
                     : c.num_beams > 1                                  ? "beams"
                     : !assistant.empty() || c.prompt_lookup_num_tokens ? "drafts"
                     : !c.do_sample && c.penalty_alpha && c.top_k > 1   ? "contrastive search"
                                                                        : nullptr;
  if (with) fail(Errc::kUnsupported, "guidance_scale with ", with, " is not supported");
}

}  // namespace

void add_generation_options(Flags& flags, GenerationOptions& o, bool without_top_k) {
  add_numbers(flags, o.flags, without_top_k);
  add_switches(flags, o.flags);
  add_lists(flags, o.flags);
  add_texts(flags, o);
  flags.add("--seed", o.seed, "Draw the same numbers each time, for each input")
      .metavar("N")
      .group(kSampling);
  flags.add("--logprobs", o.logprobs, "Log-probability of each token and of the N likeliest (JSON)")
      .metavar("N")
      .range(0, 1000)
      .group("Output");
  flags
      .add("--assistant-model", o.assistant_model,
           "A smaller model with the same tokens drafts what the model checks")
      .metavar("ID|DIR")
      .group(kSpeed);
  flags
      .add(
          "--cache-implementation",
          [&o](const std::string& name) { o.flags["cache_implementation"] = name; },
          "How keys and values are kept: all kinds give the same text; quantized is refused")
      .one_of({"dynamic", "dynamic_full", "static", "hybrid", "sliding_window", "hybrid_chunked",
               "offloaded", "offloaded_static", "offloaded_hybrid", "quantized"})
      .group(kSpeed);
  flags
      .add_integer(
          "--cache-bits",
          [&o](std::int64_t bits) {
            o.flags["cache_implementation"] = "quantized";
            o.flags["cache_config"] = {{"nbits", bits}};
          },
          "Bits of a key or value in a quantised cache, 4 or 8; the latest 128 tokens stay whole")
      .metavar("4|8")
      .group(kSpeed);
  flags
      .add(
          "--no-pipeline-defaults", [&o] { o.pipeline_defaults = false; },
          "Defaults of generate(), not of the task's pipeline")
      .group(kStrategy);
}

void check_no_generation(const GenerationOptions& o, std::string_view does) {
  for (const auto& [field, value] : o.flags.items())
    fail(Errc::kUsage, flag_name(field), ": is for models that write; this one ", does);
}

ResolvedGeneration resolve(const GenerationOptions& o, const std::filesystem::path& folder,
                           const Json& config, const PipelineTask& task,
                           const Tokenizer* tokenizer) {
  GenerationSources sources{.folder = folder,
                            .config = config,
                            .pipeline = o.pipeline_defaults ? task.pipeline : Pipeline::kNone,
                            .task = task.name,
                            .flags = o.flags};
  if (!o.sequence_bias.empty()) sources.flags["sequence_bias"] = read_json(o.sequence_bias);
  if (tokenizer) {
    sources.tokenizer_pad_id = tokenizer->special_id("pad");
    add_bad_words(o, *tokenizer, sources.flags);
  }
  ResolvedGeneration resolved = resolve_generation(sources);
  check_guidance(resolved.config, task.pipeline, o.assistant_model);
  return resolved;
}

std::uint64_t seed_of(const GenerationOptions& o) {
  std::random_device device;
  return o.seed.value_or((static_cast<std::uint64_t>(device()) << 32) | device());
}

ModelOptions assistant_of(ModelOptions model, const GenerationOptions& o) {
  model.model = o.assistant_model;
  model.revision = "main";
  model.subfolder = model.variant = "";
  model.adapters.clear();
  model.adapter_weights.clear();
  return model;
}

void check_same_tokens(const Tokenizer& own, const Tokenizer& assistant) {
  bool same = own.vocab_size() == assistant.vocab_size();
  for (std::int64_t id = 0; same && id < own.vocab_size(); ++id)
    same =
        own.token(static_cast<std::int32_t>(id)) == assistant.token(static_cast<std::int32_t>(id));
  if (!same) fail(Errc::kUnsupported, "--assistant-model: its tokens are not those of the model");
}

void set_cache(const GenerationConfig& config, ModelRequest& request) {
  if (config.cache_implementation == "quantized") {
    if (config.cache_bits != 4 && config.cache_bits != 8)
      fail(Errc::kUnsupported, "a quantised cache of ", config.cache_bits, " bits: wanted 4 or 8");
    request.cache_bits = static_cast<int>(config.cache_bits);
    request.cache_residual = config.cache_residual;
  }
  request.prefill_chunk = config.prefill_chunk_size.value_or(0);
}

}  // namespace hft
