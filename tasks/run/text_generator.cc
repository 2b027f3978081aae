#include "tasks/run/text_generator.h"

#include <future>

#include "core/base/log.h"
#include "core/checkpoint/config.h"
#include "core/constraints/constraint.h"
#include "core/constraints/token_bytes.h"
#include "core/engine.h"

namespace hft {
namespace {

constexpr std::int64_t kLiveSequences = 16;  // generated together when --batch-size is auto

const PipelineTask& task_of(const Fields& config) {
  return is_vision_language(config) ? kPictureChat : kTextGeneration;
}

}  // namespace

ResolvedGeneration resolve_for_texts(const GenerationOptions& options, const fs::path& folder) {
  const Fields config = read_text_config(folder, kDecoderWords);
  return resolve(options, folder, with_text_fields(config), task_of(config), nullptr);
}

TextGenerator::TextGenerator(const ModelOptions& model, const GenerationOptions& options,
                             fs::path folder, std::shared_ptr<const Grammar> grammar)
    : options_(options),
      folder_(std::move(folder)),
      grammar_(std::move(grammar)),
      config_fields_(read_text_config(folder_, kDecoderWords)),
      settings_(resolve(options, folder_, with_text_fields(config_fields_), task_of(config_fields_),
                        nullptr)) {
  const std::int64_t asked = batch_size(model);
  most_sequences_ = asked > 0 ? asked * sequences_each() : kLiveSequences;
  seed_ = seed_of(options);
  cut_ = model.truncate;
  load(model);
}

void TextGenerator::load(const ModelOptions& model) {
  ModelRequest request = model_request(model, folder_, Head::kFeatures);
  set_cache(settings_.config, request);
  // A pytorch_model.bin takes a while to check: LibTorch starts meanwhile.
  const auto opening = std::async(std::launch::async, [] { engine(); });
  request.tensors = std::make_shared<StoredTensors>(open_checkpoint(folder_, request.variant));
  std::future<std::unique_ptr<CausalLm>> second;
  auto loading = load_in_background<CausalLm>(request);
  if (!options_.assistant_model.empty()) {
    const ModelOptions small = assistant_of(model, options_);
    const fs::path folder = model_folder(small, "");
    second =
        load_in_background<CausalLm>(model_request(small, folder, Head::kFeatures));
    check_same_tokens(Tokenizer::load(folder_), Tokenizer::load(folder));
  }
  tokenizer_ = unless_unsupported(loading, [&] { return Tokenizer::load(folder_); });
  settings_ = resolve(options_, folder_, with_text_fields(config_fields_), task_of(config_fields_),
                      &*tokenizer_);
  constraint_ = constrain(grammar_);
  for (const std::string& text : settings_.notes) note(text);
  map_pages_while_loading(loading, *request.tensors);
  model_ = loading.get();
  if (second.valid()) assistant_ = second.get();
  if (const auto token = model_->picture_token(); token >= 0) {
    pictures_ = std::make_unique<PicturePrompts>(
        PicturesInText(folder_, config_fields_, tokenizer_->token(token)));
    beginnings_.emplace(*model_);
  }
  for (const auto& warning : model_->warnings()) note(warning);
  if (assistant_ && config().num_beams > 1) note("--assistant-model: of no effect with beams");
  detail("settings: model " + folder_.string() + ", dtype " + model.dtype + ", seed " +
         std::to_string(seed_) + ", " + to_line(settings_.values));
}

std::shared_ptr<Constraint> TextGenerator::constrain(
    const std::shared_ptr<const Grammar>& grammar) {
  if (!grammar) return nullptr;
  const std::scoped_lock lock(token_texts_mutex_);
  if (!token_texts_) token_texts_ = std::make_shared<const TokenTexts>(token_bytes(*tokenizer_));
  return std::make_shared<Constraint>(*grammar, token_texts_);
}

TokenIds TextGenerator::encode(const std::string& text, bool rendered) const {
  bool special = !rendered;
  if (rendered && pictures_) {
    const auto bos = tokenizer_->special_id("bos");
    special = !bos || !text.starts_with(tokenizer_->token(*bos));
  }
  TokenIds ids = tokenizer_->encode(text, {.add_special_tokens = special}).ids;
  if (ids.empty()) {
    if (!config().bos_token_id)
      fail(Errc::kBadData, "the prompt is empty, and the model has no token to start with");
    ids.push_back(*config().bos_token_id);
  }
  return ids;
}

PicturedPrompt TextGenerator::prompt(const std::string& text, bool rendered,
                                     const std::vector<Media>& pictures) {
  if (!pictures.empty() && assistant_)
    fail(Errc::kUnsupported, "--assistant-model: what is written about pictures takes no drafts");
  PicturedPrompt made{.constraint = constraint_};
  made.ids = encode(pictures_ ? pictures_->ready(text, pictures, made.pictures) : text, rendered);
  return made;
}

std::vector<Prompt> TextGenerator::open(std::span<const PicturedPrompt* const> prompts) {
  for (const PicturedPrompt* one : prompts) {
    TokenIds ids = one->pictures.empty() ? TokenIds() : one->ids;
    fit(ids, true);
  }
  if (beginnings_) return beginnings_->open(prompts);
  std::vector<Prompt> opened;
  for (const PicturedPrompt* one : prompts) opened.push_back({.ids = one->ids, .sequence = -1});
  return opened;
}

void TextGenerator::fit(TokenIds& ids, bool whole) const {
  const auto length = static_cast<std::int64_t>(ids.size()), most = model_->max_positions();
  if (length < most) return;
  const std::string what = std::to_string(length) + " tokens, the model takes " +
                           std::to_string(most) + " with at least one to generate";
  if (whole)
    fail(Errc::kBadData, "the prompt has ", what, "; one with pictures is never cut");
  if (!cut_)
    fail_hint(Errc::kBadData, "leave out --no-truncation to cut it", "the prompt has ", what);
  // Its end matters most; half of the positions are kept for it, whatever is to be generated.
  const auto room = std::clamp<std::int64_t>(config().max_new_tokens.value_or(most), 1,
                                             std::max<std::int64_t>(1, most / 2));
  note("a prompt was cut to its last " + std::to_string(most - room) + " tokens: it has " + what);
  ids.erase(ids.begin(), ids.end() - (most - room));
}

std::vector<std::unique_ptr<Method>> TextGenerator::start(
    std::span<const PicturedPrompt* const> prompts, const OnToken& on_token) {
  std::vector<Prompt> opened = open(prompts);
  std::vector<std::unique_ptr<Method>> methods;
  try {
    for (std::size_t i = 0; i < opened.size(); ++i)
      methods.push_back(start(std::move(opened[i]), on_token, prompts[i]->own.get(),
                              prompts[i]->constraint));
  } catch (...) {
    for (std::size_t i = methods.size(); i < opened.size(); ++i)
      if (opened[i].sequence >= 0) model_->close(opened[i].sequence);
    throw;
  }
  return methods;
}

GenerationConfig TextGenerator::config_with(const Json& fields) const {
  GenerationOptions changed = options_;
  changed.flags.update(fields);
  return resolve(changed, folder_, with_text_fields(config_fields_), task_of(config_fields_),
                 &*tokenizer_)
      .config;
}

std::unique_ptr<Method> TextGenerator::start(Prompt prompt, OnToken on_token) {
  return start(std::move(prompt), std::move(on_token), nullptr, constraint_);
}

std::unique_ptr<Method> TextGenerator::start(Prompt prompt, OnToken on_token,
                                             const OwnSettings* own,
                                             std::shared_ptr<Constraint> constraint) {
  const GenerationConfig& config = own ? own->config : settings_.config;
  for (const std::int32_t id : prompt.ids)
    if (id < 0 || id >= model_->vocab())
      fail(Errc::kBadData, "token id ", id, " is outside [0, ", model_->vocab(), ") of the model");
  fit(prompt.ids, prompt.cached > 0);
  Surroundings around{config, lengths_of(config, static_cast<std::int64_t>(prompt.ids.size()),
                                           model_->max_positions(), false)};
  const std::int64_t trained = model_->trained_positions();
  const bool further = around.lengths.max > trained;
  if ((further || around.lengths.shortened) && !std::exchange(said_lengths_, true))
    note(further ? further_note(trained)
                 : "texts end at the " + std::to_string(trained) + " tokens the model takes");
  around.tokenizer = &*tokenizer_;
  if (config.do_sample) around.random = engine().make_random(own && own->seed ? *own->seed : seed_);
  around.logprobs = options_.logprobs;
  around.on_token = std::move(on_token);
  around.constraint = std::move(constraint);
  if (assistant_) {
    around.draft = assistant_.get();
    around.open_draft = [this] { return assistant_->open(); };
  }
  if (prompt.sequence < 0) prompt.sequence = model_->open();
  return make_method(*model_, std::move(prompt), std::move(around));
}

void TextGenerator::note_if_cut(const std::shared_ptr<Constraint>& constraint,
                                const Generated& text) const {
  if (constraint && !constraint->conforms(text.ids, config().eos_token_id))
    note("a text does not conform: it ended before it was whole (" +
         std::string(finish_name(text.finish)) + ")");
}

std::int64_t TextGenerator::sequences_each() const {
  return std::max(config().num_beams, config().num_return_sequences);
}

}  // namespace hft
