#include "tasks/text/seq2seq_generator.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "core/engine.h"
#include "core/tokenizers/tokenizer_class.h"

namespace hft {
namespace {

// Sequences generated together when --batch-size is auto: each weight that is read serves them all.
// Fewer where a row of logits is long.
constexpr std::int64_t kLiveSequences = 256, kFewestSequences = 16;
constexpr std::int64_t kLogitsBytes = 64 << 20;
constexpr int kHintsShown = 3;

std::int64_t live_sequences(std::int64_t vocab) {
  return std::clamp(kLogitsBytes / (vocab * static_cast<std::int64_t>(sizeof(float))),
                    kFewestSequences, kLiveSequences);
}

Json task_params(const Fields& config) {
  const Json* params = config.find("task_specific_params");
  return params && params->is_object() ? *params : Json::object();
}

// A translation without languages takes the settings of the first pair there are any for.
std::string pipeline_of(const std::string& name, const Json& params) {
  if (name == "translation")
    for (const auto& [key, own] : params.items())
      if (key.starts_with("translation")) return key;
  return name;
}

}  // namespace

Seq2SeqGenerator::Seq2SeqGenerator(const Seq2SeqOptions& options, const Seq2SeqTask& task)
    : options_(options),
      task_(task),
      generation_(options.generation),
      folder_(model_folder(options.model, task.default_model)),
      config_json_(read_text_config(folder_, kSeq2SeqWords)),
      name_(pipeline_of(task.name, task_params(config_json_))),
      settings_(resolved(nullptr)),
      loading_(load()),
      context_{.folder = folder_,
               .config = config_json_,
               .tokenizer = unless_unsupported(
                   loading_,
                   [&] { return Tokenizer::load(folder_, {.src_lang = task.languages.source}); }),
               .cut = options.model.truncate} {
  choose_languages();
  settings_ = resolved(&context_.tokenizer);
  for (const std::string& text : settings_.notes) note(text);
  model_ = loading_.get();
  start_token();
  for (const auto& warning : model_->warnings()) note(warning);
  if (const Lengths limits = lengths(); limits.max < limits.min)
    note("the least length, " + std::to_string(limits.min) + ", is more than the greatest, " +
         std::to_string(limits.max));
  context_.max_tokens = model_->max_source_positions();
  seed_ = seed_of(generation_);
  const std::int64_t asked = batch_size(options.model);
  most_sequences_ = asked > 0 ? asked * sequences_each() : live_sequences(model_->vocab());
  detail("settings: model " + folder_.string() + ", dtype " + options.model.dtype + ", seed " +
         std::to_string(seed_) + ", " + to_line(settings_.values));
}

std::future<std::unique_ptr<Seq2SeqLm>> Seq2SeqGenerator::load() {
  ModelRequest request = model_request(options_.model, folder_, Head::kFeatures);
  set_cache(settings_.config, request);
  return load_in_background<Seq2SeqLm>(std::move(request));
}

ResolvedGeneration Seq2SeqGenerator::resolved(const Tokenizer* tokenizer) const {
  return resolve(generation_, folder_, config_json_.json(), {Pipeline::kTextToText, name_},
                 tokenizer);
}

void Seq2SeqGenerator::choose_languages() {
  const LanguagePair& pair = task_.languages;
  const std::vector<std::string>& codes = tokenizer().languages();
  if (!codes.empty() && task_.field == "translation_text") {
    if (!pair.both())
      fail_hint(Errc::kUsage, "the languages are " + joined(codes, ", "),
                "this model translates between ", codes.size(),
                " languages, wanted --src-lang and --tgt-lang");
    check_language(pair.target, codes);
    if (!generation_.flags.contains("forced_bos_token_id"))
      generation_.flags["forced_bos_token_id"] = *tokenizer().language_id(pair.target);
    return;
  }
  const Json params = task_params(config_json_);
  if (!pair.any() && name_ != task_.name) note("no languages given: " + name_);
  if (!pair.any() || params.contains(task_.name)) return;
  std::string known;
  for (const auto& [name, own] : params.items())
    if (name.starts_with("translation_")) known += (known.empty() ? "" : ", ") + name;
  if (!known.empty())
    fail_hint(Errc::kUsage, "it has settings for " + known, "the model does not translate from '",
              pair.source, "' to '", pair.target, "'");
  note("--src-lang, --tgt-lang: of no effect with this model");
}

void Seq2SeqGenerator::start_token() {
  const auto& c = config();
  const auto start = c.decoder_start_token_id ? c.decoder_start_token_id : c.bos_token_id;
  if (!start)
    fail_hint(Errc::kBadData, "--decoder-start-token-id gives one", folder_.string(),
              ": the model's settings have no token that its texts start with");
  decoder_start_ = {*start};
}

TokenIds Seq2SeqGenerator::read(const std::string& text) {
  const std::string whole = settings_.prefix + text;
  TokenIds ids = encode_within(context_, whole, nullptr, Truncation::kOnlyFirst, false).ids;
  if (ids.empty()) fail(Errc::kBadData, "the text is empty, and the model adds no tokens to it");
  say_hint(static_cast<std::int64_t>(ids.size()));
  return ids;
}

void Seq2SeqGenerator::say_hint(std::int64_t tokens) {
  const std::string text = task_.hint(tokens, lengths());
  if (!text.empty() && ++hints_ <= kHintsShown) note(text);
}

void Seq2SeqGenerator::finish_hints() const {
  if (hints_ > kHintsShown)
    note("the lengths do not fit " + std::to_string(hints_) + " texts in all");
}

Lengths Seq2SeqGenerator::lengths() const {
  return lengths_of(config(), static_cast<std::int64_t>(decoder_start_.size()),
                    model_->max_positions(), true);
}

std::vector<std::unique_ptr<Method>> Seq2SeqGenerator::start(const std::vector<TokenIds>& sources) {
  TokenBatch batch;
  for (const TokenIds& source : sources) {
    batch.ids.insert(batch.ids.end(), source.begin(), source.end());
    batch.starts.push_back(static_cast<std::int32_t>(batch.ids.size()));
  }
  const Lengths limits = lengths();
  const std::vector<int> sequences = model_->encode(batch);
  std::vector<std::unique_ptr<Method>> methods;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    Surroundings around{config(), limits};
    around.tokenizer = &context_.tokenizer;
    if (config().do_sample) around.random = engine().make_random(seed_);
    around.logprobs = generation_.logprobs;
    methods.push_back(make_method(
        *model_, {.ids = decoder_start_, .sequence = sequences[i], .source = sources[i]},
        std::move(around)));
  }
  return methods;
}

std::string Seq2SeqGenerator::text_of(const Generated& generated) const {
  TokenIds ids = decoder_start_;
  ids.insert(ids.end(), generated.ids.begin(), generated.ids.end());
  const std::string text = tokenizer().decode(ids, true, false);  // as the pipelines decode
  return generated.finish == Finish::kStopString ? before_stop_string(text, config().stop_strings)
                                                 : text;
}

std::int64_t Seq2SeqGenerator::sequences_each() const {
  return std::max(config().num_beams, config().num_return_sequences);
}

std::int64_t Seq2SeqGenerator::bytes_of(std::int64_t source_tokens) const {
  // Texts seldom grow as long as they may.
  const std::int64_t made = std::min(lengths().max, 64 + 2 * source_tokens);
  const auto kept = model_->kept_bytes();
  return source_tokens * kept.source + sequences_each() * made * kept.sequence;
}

}  // namespace hft
