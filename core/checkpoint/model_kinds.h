// What a checkpoint is, by config.json alone: the kinds of models there are, whether this program
// serves them or not. Source: CONFIG_MAPPING of transformers 4.57.
#pragma once

#include <string>
#include <string_view>

#include "core/base/json.h"

namespace hft {

inline constexpr std::string_view kEncoderWords = "a text encoder";
inline constexpr std::string_view kDecoderWords = "a text-generating decoder";
inline constexpr std::string_view kSeq2SeqWords = "an encoder-decoder of text";
inline constexpr std::string_view kVisionWords = "a vision model";
inline constexpr std::string_view kVisionLanguageWords = "a vision-language model";
inline constexpr std::string_view kAudioWords = "an audio model";

struct ModelKind {
  std::string_view words;  // "a vision model"
  bool text = true;
  std::string_view model_types;  // " bert roberta "
};

// A decoder that reads texts with pictures in them, of those that are served.
bool is_vision_language(const Fields& config);

// The kind of a model_type; null where it is not known.
const ModelKind* kind_of(std::string_view model_type);

// The model_type that `name` holds, the longest of all; empty: none. As AutoConfig looks for one in
// the name of a model whose config.json is of 2019 and has none.
std::string_view model_type_within(std::string_view name);

// The model_type of a class as config's `architectures` names it ("GPT2LMHeadModel"); empty: none.
std::string_view model_type_of_class(std::string_view name);

// The first of config's `architectures`, "" where there is none.
std::string class_of(const Fields& config);

// Throws kUnsupported for a model that reads no text: what it is, and the command that fits it.
// `wanted`: "a text encoder".
void need_text_model(const Fields& config, std::string_view wanted);

}  // namespace hft
