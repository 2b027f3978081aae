// What the file of an architecture exports: which checkpoints it serves, and how it is built.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "core/models/decoder_net.h"
#include "core/models/image_net.h"
#include "core/models/picture_writer.h"
#include "core/models/seq2seq_net.h"
#include "core/models/sound_net.h"
#include "core/models/text_net.h"
#include "core/nn/weights.h"

namespace hft {

inline constexpr Head kEncoderHeads[] = {Head::kEmbed,         Head::kFeatures, Head::kClassify,
                                         Head::kTokenClassify, Head::kAnswer,   Head::kMaskedLm};
// Those of a decoder that reads.
inline constexpr Head kDecoderHeads[] = {Head::kClassify, Head::kEmbed, Head::kFeatures};

// Which of the builders is set tells the kind of model; the halves alone are none.
struct Architecture {
  std::array<std::string_view, 4> types;  // model_type of config.json
  std::string_view base;                  // what the names of its tensors begin with, heads apart
  std::span<const Head> heads = {};       // with which it reads
  TextNet (*encoder)(const Fields& config, const Weights& w, Head head) = nullptr;
  DecoderNet (*decoder)(const Fields& config, const Weights& w) = nullptr;
  Seq2SeqNet (*seq2seq)(const Fields& config, const Weights& w) = nullptr;
  ImageNet (*image)(const Fields& config, const Weights& w, ImageHead head) = nullptr;
  std::span<const ImageHead> image_heads = {};  // with which it sees
  SoundNet (*sound)(const Fields& config, const Weights& w, SoundHead head) = nullptr;
  std::span<const SoundHead> sound_heads = {};  // with which it hears
  // As half of an encoder-decoder. seen: numbers of a state the decoder looks at; 0: as many as its own.
  PictureEncoder (*picture_encoder)(const Fields& config, const Weights& w) = nullptr;
  PictureDecoder (*picture_decoder)(const Fields& config, const Weights& w,
                                    std::int64_t seen) = nullptr;
  // Parts of its tensors' names, and how newer files spell them (Renames::newer).
  std::span<const std::pair<std::string_view, std::string_view>> newer_names = {};

  // An encoder-decoder that reads with a head: its decoder's text begins with its own last token
  // (shift_tokens_right of modeling_mbart.py).
  bool starts_with_last = false;
  // An encoder of pages: its tokens have boxes.
  bool reads_pages = false;
  // An encoder-decoder whose sources are sounds, not texts.
  bool hears = false;
  // An encoder-decoder whose sources are pictures, or a decoder that sees them in its texts.
  bool sees = false;
  // Its layers may have fewer heads, as config's pruned_heads says.
  bool takes_pruned = false;

  // Where a decoder reads, it computes through a cache of keys and values.
  bool reads_through_cache(Head head) const {
    return decoder || (seq2seq && (head == Head::kClassify || head == Head::kAnswer));
  }
};

}  // namespace hft
