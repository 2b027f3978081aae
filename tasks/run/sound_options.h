// What every task shares that takes sounds.
#pragma once

#include <string>
#include <vector>

#include "tasks/run/flags.h"
#include "tasks/run/rows.h"

namespace hft {

struct SoundOptions {
  std::string raw;  // --raw: what samples without a header are; empty: sounds have one
};

void add_sound_options(Flags& flags, SoundOptions& options);

// The inputs of a task, which sounds without a header are read from differently. Throws kUsage for
// a --raw that says nothing.
InputOptions with_raw(InputOptions input, const SoundOptions& options);

// An input's sound, not read yet.
media::SoundSource source_of(const Input& input, const SoundOptions& options);
// All of its samples; what open_sound and its reader throw.
std::vector<float> samples_of(const media::SoundSource& source, int rate);

}  // namespace hft
