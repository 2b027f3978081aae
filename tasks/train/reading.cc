#include "tasks/train/reading.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/checkpoint/config.h"
#include "core/checkpoint/sentence_folder.h"

namespace hft {
namespace {

constexpr std::int64_t kQuestionLength = 384;  // of run_qa.py
constexpr std::int64_t kTargetLength = 128;    // of run_translation.py
constexpr std::int64_t kBlockLength = 1024;    // of run_clm.py

// What a model of sentences is cut to, where it says so.
std::int64_t sentence_length(const std::filesystem::path& folder) {
  const SentenceFolder sentences = read_sentence_folder(folder);
  if (sentences.is_static || (!sentences.modules.empty() && sentences.input != folder))
    fail(Errc::kUnsupported, folder.string(),
         ": its encoder is in a folder of its own or is a table, wanted one whose weights are in "
         "the folder itself");
  return sentences.encoder_settings.integer("max_seq_length", 1, INT32_MAX, INT32_MAX);
}

}  // namespace

Reading::Reading(const std::filesystem::path& folder, const TrainTask& task,
                 const Trainee& trainee, const TrainingArguments& arguments,
                 const ReadingOptions& options)
    : folder_(folder), task_(task) {
  encoder_.config = read_config(folder);
  encoder_.source_prefix = options.source_prefix;
  if (task.lone == Kind::kImage)
    encoder_.images = &images_.emplace(ImageProcessor::from_folder(folder));
  if (task.lone == Kind::kSound)
    encoder_.sounds = &sounds_.emplace(FeatureExtractor::from_folder(folder));
  if (task.objective == Objective::kCtc) {
    letters_ = std::make_shared<const CtcDecoder>(folder);
    encoder_.config = optional_fields(folder / "tokenizer_config.json");
  }
  if (task.lone != Kind::kText && task.objective != Objective::kCtc) return;
  encoder_.tokenizer = &tokenizer_.emplace(Tokenizer::load(folder));
  if (task.lone == Kind::kText) read_lengths(trainee, arguments);
  if (task.objective == Objective::kMasked) read_mask(arguments);
  if (task.objective == Objective::kCausal) read_chats(options);
}

void Reading::read_lengths(const Trainee& trainee, const TrainingArguments& a) {
  const bool writes = task_.learner == Learner::kSeq2SeqLm;
  std::int64_t most = std::min(writes ? trainee.max_source_positions() : trainee.max_positions(),
                               tokenizer_->model_max_length().value_or(INT64_MAX));
  if (task_.learner == Learner::kEmbedder) most = std::min(most, sentence_length(folder_));
  const std::int64_t usual =
      task_.objective == Objective::kAnswers ? std::min(most, kQuestionLength) : most;
  const std::int64_t written = trainee.max_positions();
  for (const auto& [flag, wanted, limit] :
       {std::tuple("--max-length", a.max_length, most), {"--block-size", a.block_size, most},
        {"--max-target-length", a.max_target_length, written}})
    if (wanted > limit)
      fail(Errc::kUsage, flag, " ", wanted, ": the model takes at most ", limit, " tokens");
  encoder_.max_length = a.max_length > 0 ? a.max_length : usual;
  encoder_.block_size = a.block_size > 0 ? a.block_size : std::min(most, kBlockLength);
  encoder_.max_target_length =
      a.max_target_length > 0 ? a.max_target_length : std::min(written, kTargetLength);
}

void Reading::read_mask(const TrainingArguments& a) {
  const auto mask = tokenizer_->special_id("mask");
  if (!mask) fail(Errc::kUnsupported, folder_.string(), ": the tokenizer has no mask token");
  masking_ = {a.mlm_probability, *mask, tokenizer_->id_end(), static_cast<std::uint64_t>(a.seed)};
}

void Reading::read_chats(const ReadingOptions& options) {
  chats_ = ChatTemplates::choose(folder_, options.chat_template);
  encoder_.chats = &*chats_;
  encoder_.assistant_marks = !options.by_turns;
  for (const auto& [name, token] : Tokenizer::special_tokens(folder_))
    encoder_.special_tokens[name] = token;
}

Encoder Reading::encoder(const Labels& labels) const {
  Encoder encoder = encoder_;
  encoder.labels = &labels;
  return encoder;
}

SpokenLetters Reading::spoken() const {
  if (!letters_) return nullptr;
  return [letters = letters_, pad = tokenizer_->special_id("pad")](
             const std::vector<std::int32_t>& ids, bool repeats) {
    if (!repeats || !pad) return letters->text(ids);
    std::vector<std::int32_t> apart;  // a letter that stands twice is not one
    for (const auto id : ids) apart.insert(apart.end(), {id, *pad});
    return letters->text(apart);
  };
}

}  // namespace hft
