// What an architecture file gives the engine: what it hears in sounds, with the head asked for.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/models/heads/sound.h"
#include "core/models/text_side.h"

namespace hft {

// What a model of sounds listens to.
struct SoundBatch {
  std::vector<Tensor> features;  // [T,bins] float32 each, or [parts,T,bins] of one in parts
  // As in Tokens: set only to find where a NaN or infinity first shows.
  std::function<void(const std::string& layer, const Tensor& output)> watch;
  void note(const std::string& layer, const Tensor& output) const {
    if (watch) watch(layer, output);
  }
};

struct SoundNet {
  std::function<std::vector<Tensor>(const SoundBatch&)> hear;  // the logits of each, as in Heard
  std::int64_t bins = 1;
  // Sounds of so many frames in all go through one pass: enough rows for a core; 0: each alone.
  std::int64_t frames = 0;
  std::int64_t stride = 1;  // kCtc: samples from one row of logits to the next
  TextSide texts;           // where it reads some
};

// Rows [N,C] of a ragged batch, those of each sequence by themselves.
std::vector<Tensor> each_sequence(const Tensor& rows, const Sequences& seqs);

}  // namespace hft
