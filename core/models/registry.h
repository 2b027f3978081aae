// Which architecture serves which model_type, and the words for the ones that do not fit.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/models/decoder_net.h"
#include "core/models/seq2seq_net.h"
#include "core/models/text_net.h"
#include "core/nn/weights.h"

namespace hft {

struct Architecture {
  std::string_view model_type;  // of config.json
  std::string_view base;        // what the encoder's tensors begin with
  std::function<TextNet(const Fields& config, const Weights& w, Head head)> build;
  bool cached = false;  // reads through a cache of keys and values, which lies on the CPU
};

struct DecoderArchitecture {
  std::string_view model_type;
  std::string_view base;
  DecoderNet (*build)(const Fields& config, const Weights& w);
};

struct Seq2SeqArchitecture {
  std::string_view model_type;
  std::string_view base;
  Seq2SeqNet (*build)(const Fields& config, const Weights& w);
  std::span<const Head> heads = {};  // of those that read
};

// What serves config's model_type; decoders classify and embed as well (M1.7), and so do some
// encoder-decoders. Throws kUnsupported:
// an unknown model_type (with the closest name), a repository's own Python code, a model of another
// kind (with the commands that fit it), a decoder for another head, a quantised checkpoint.
Architecture architecture_of(const Fields& config, Head head);
const DecoderArchitecture& decoder_of(const Fields& config);
const Seq2SeqArchitecture& seq2seq_of(const Fields& config);

// Throws kUnsupported, naming the kind and the command that fits, when config's architectures say
// that the checkpoint was made for another head.
void need_head(const Fields& config, Head head);
// The same for an encoder-decoder with a head that writes no text.
void need_text_head(const Fields& config);

// The command and the words of a head: "classify", "sequence classification".
std::string_view command_of(Head head);
std::string_view words_of(Head head);

// How old checkpoints differ from the names the models bind (L6), and what is ignored (M0.8).
Renames renames_of(std::string_view base);

}  // namespace hft
