#include "core/models/purposes.h"

#include <algorithm>
#include <optional>
#include <span>
#include <tuple>

#include "core/base/error.h"
#include "core/checkpoint/model_kinds.h"

namespace hft {
namespace {

// What a class of `architectures` is made for, by the end of its name.
struct Purpose {
  std::string_view ending, words, command;
  std::optional<Head> head = {};
  std::optional<ImageHead> image = {};
  std::optional<SoundHead> sound = {};
};
constexpr Purpose kPurposes[] = {
    {"ForSequenceClassification", "sequence classification", "classify", Head::kClassify},
    {"ForTokenClassification", "token classification", "ner", Head::kTokenClassify},
    {"ForQuestionAnswering", "question answering", "qa", Head::kAnswer},
    {"LayoutLMForQuestionAnswering", "question answering on pages", "doc-qa", Head::kAnswer},
    {"LayoutLMv3ForQuestionAnswering", "question answering on pages", "doc-qa", Head::kAnswer},
    {"ViltForQuestionAnswering", "visual question answering", "vqa", {}, ImageHead::kAnswer},
    {"ForMaskedLM", "masked language modelling", "fill-mask", Head::kMaskedLm},
    {"ForImageClassification", "image classification", "image-classify", {}, ImageHead::kClassify},
    {"ForImageClassificationWithTeacher",
     "image classification",
     "image-classify",
     {},
     ImageHead::kClassify},
    {"ForObjectDetection", "object detection", "detect", {}, ImageHead::kDetect},
    {"ForSemanticSegmentation", "image segmentation", "segment", {}, ImageHead::kSegment},
    {"ForInstanceSegmentation", "image segmentation", "segment", {}, ImageHead::kSegment},
    {"ForUniversalSegmentation", "image segmentation", "segment", {}, ImageHead::kSegment},
    {"ForSegmentation", "image segmentation", "segment", {}, ImageHead::kSegment},
    {"ForMultipleChoice", "multiple choice", ""},
    {"ForNextSentencePrediction", "next sentence prediction", ""},
    {"ForCausalLM", "text generation", "generate"},
    {"LMHeadModel", "text generation", "generate"},
    {"ForConditionalGeneration", "text to text", "summarize"},
    {"MarianMTModel", "translation", "translate"},
};
// The same of a model of sounds, whose classes end alike.
constexpr Purpose kSoundPurposes[] = {
    {"ForSequenceClassification", "audio classification", "audio-classify", {}, {},
     SoundHead::kClassify},
    {"ForAudioClassification", "audio classification", "audio-classify", {}, {},
     SoundHead::kClassify},
    {"ForCTC", "speech recognition", "transcribe", {}, {}, SoundHead::kCtc},
    {"ForConditionalGeneration", "speech recognition", "transcribe"},
    {"ForAudioFrameClassification", "classification of moments", ""},
    {"ForXVector", "speaker verification", ""},
    {"ForPreTraining", "pretraining", ""},
};

const Purpose* purpose_of(const Fields& config) {
  const std::string name = class_of(config);
  const ModelKind* kind = kind_of(config.text("model_type", ""));
  const std::span<const Purpose> purposes = kind && kind->words == kAudioWords
                                                ? std::span<const Purpose>(kSoundPurposes)
                                                : std::span<const Purpose>(kPurposes);
  const Purpose* found = nullptr;  // the longest ending says most
  for (const auto& purpose : purposes)
    if (name.ends_with(purpose.ending) && (!found || purpose.ending.size() > found->ending.size()))
      found = &purpose;
  return found;
}

// The row of a head; null where no class is made for it alone.
const Purpose* purpose_for(Head head) {
  const auto* found = std::ranges::find(kPurposes, head, &Purpose::head);
  return found == std::end(kPurposes) ? nullptr : found;
}
const Purpose* purpose_for(ImageHead head) {
  const auto* found = std::ranges::find(kPurposes, head, &Purpose::image);
  return found == std::end(kPurposes) ? nullptr : found;
}
const Purpose* purpose_for(SoundHead head) {
  const auto* found = std::ranges::find(kSoundPurposes, head, &Purpose::sound);
  return found == std::end(kSoundPurposes) ? nullptr : found;
}

template <class AnyHead>
std::string_view command_or(AnyHead head, std::string_view none) {
  const Purpose* purpose = purpose_for(head);
  return purpose ? purpose->command : none;
}
template <class AnyHead>
std::string_view words_or_embeddings(AnyHead head) {
  const Purpose* purpose = purpose_for(head);
  return purpose ? purpose->words : "embeddings";
}

template <class AnyHead>
void need(const Fields& config, AnyHead head) {
  const Purpose* wanted = purpose_for(head);
  const Purpose* purpose = purpose_of(config);
  const auto heads = [](const Purpose& p) { return std::tuple(p.head, p.image, p.sound); };
  if (wanted && purpose && heads(*purpose) != heads(*wanted))
    fail_hint(Errc::kUnsupported, fitting_command(config), config.where(), ": is a ",
              class_of(config), " (", purpose->words, "), but hft ", wanted->command,
              " needs a head for ", wanted->words);
}

}  // namespace

std::string fitting_command(const Fields& config) {
  const Purpose* purpose = purpose_of(config);
  return purpose && !purpose->command.empty() ? "hft " + std::string(purpose->command)
                                              : "hft models";
}

void need_head(const Fields& config, Head head) { need(config, head); }
void need_head(const Fields& config, ImageHead head) { need(config, head); }
void need_head(const Fields& config, SoundHead head) { need(config, head); }

void need_text_head(const Fields& config) {
  if (const Purpose* purpose = purpose_of(config); purpose && (purpose->head || purpose->image || purpose->sound))
    fail_hint(Errc::kUnsupported, fitting_command(config), config.where(), ": is a ",
              class_of(config), " (", purpose->words, "), wanted one that writes text");
}

std::string_view command_of(Head head) { return command_or(head, "embed"); }
std::string_view words_of(Head head) { return words_or_embeddings(head); }

std::string_view command_of(ImageHead head) { return command_or(head, "embed"); }
std::string_view words_of(ImageHead head) { return words_or_embeddings(head); }

std::string_view command_of(SoundHead head) { return command_or(head, "audio-classify"); }
std::string_view words_of(SoundHead head) { return words_or_embeddings(head); }

}  // namespace hft
