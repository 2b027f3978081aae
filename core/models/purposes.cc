#include "core/models/purposes.h"

#include <optional>

#include "core/base/error.h"
#include "core/checkpoint/model_kinds.h"

namespace hft {
namespace {

// What a class of `architectures` is made for, by the end of its name.
struct Purpose {
  std::string_view ending, words, command;
  std::optional<Head> head;
  std::optional<ImageHead> image = {};
};
constexpr Purpose kPurposes[] = {
    {"ForSequenceClassification", "sequence classification", "classify", Head::kClassify},
    {"ForTokenClassification", "token classification", "ner", Head::kTokenClassify},
    {"ForQuestionAnswering", "question answering", "qa", Head::kAnswer},
    {"ForMaskedLM", "masked language modelling", "fill-mask", Head::kMaskedLm},
    {"ForImageClassification", "image classification", "image-classify", {}, ImageHead::kClassify},
    {"ForImageClassificationWithTeacher", "image classification", "image-classify", {},
     ImageHead::kClassify},
    {"ForObjectDetection", "object detection", "detect", {}, ImageHead::kDetect},
    {"ForSemanticSegmentation", "image segmentation", "segment", {}, ImageHead::kSegment},
    {"ForInstanceSegmentation", "image segmentation", "segment", {}, ImageHead::kSegment},
    {"ForUniversalSegmentation", "image segmentation", "segment", {}, ImageHead::kSegment},
    {"ForSegmentation", "image segmentation", "segment", {}, ImageHead::kSegment},
    {"ForMultipleChoice", "multiple choice", "", std::nullopt},
    {"ForNextSentencePrediction", "next sentence prediction", "", std::nullopt},
    {"ForCausalLM", "text generation", "generate", std::nullopt},
    {"LMHeadModel", "text generation", "generate", std::nullopt},
    {"ForConditionalGeneration", "text to text", "summarize", std::nullopt},
    {"MarianMTModel", "translation", "translate", std::nullopt},
};

const Purpose* purpose_of(const Fields& config) {
  const std::string name = class_of(config);
  for (const auto& purpose : kPurposes)
    if (name.ends_with(purpose.ending)) return &purpose;
  return nullptr;
}

}  // namespace

std::string fitting_command(const Fields& config) {
  const Purpose* purpose = purpose_of(config);
  return purpose && !purpose->command.empty() ? "hft " + std::string(purpose->command)
                                              : "hft models";
}

void need_head(const Fields& config, Head head) {
  if (head == Head::kEmbed || head == Head::kFeatures) return;
  if (const Purpose* purpose = purpose_of(config); purpose && purpose->head != head)
    fail_hint(Errc::kUnsupported, fitting_command(config), config.where(), ": is a ",
              class_of(config), " (", purpose->words, "), but hft ", command_of(head),
              " needs a head for ", words_of(head));
}

void need_head(const Fields& config, ImageHead head) {
  if (head == ImageHead::kEmbed) return;
  if (const Purpose* purpose = purpose_of(config); purpose && purpose->image != head)
    fail_hint(Errc::kUnsupported, fitting_command(config), config.where(), ": is a ",
              class_of(config), " (", purpose->words, "), but hft ", command_of(head),
              " needs a head for ", words_of(head));
}

void need_text_head(const Fields& config) {
  if (const Purpose* purpose = purpose_of(config); purpose && (purpose->head || purpose->image))
    fail_hint(Errc::kUnsupported, fitting_command(config), config.where(), ": is a ",
              class_of(config), " (", purpose->words, "), wanted one that writes text");
}

std::string_view command_of(Head head) {
  for (const auto& purpose : kPurposes)
    if (purpose.head == head) return purpose.command;
  return "embed";
}

std::string_view words_of(Head head) {
  for (const auto& purpose : kPurposes)
    if (purpose.head == head) return purpose.words;
  return "embeddings";
}

std::string_view command_of(ImageHead head) {
  for (const auto& purpose : kPurposes)
    if (purpose.image == head) return purpose.command;
  return "embed";
}

std::string_view words_of(ImageHead head) {
  for (const auto& purpose : kPurposes)
    if (purpose.image == head) return purpose.words;
  return "embeddings";
}

}  // namespace hft
