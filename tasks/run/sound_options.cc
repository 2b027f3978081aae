#include "tasks/run/sound_options.h"

namespace hft {

void add_sound_options(Flags& flags, SoundOptions& o) {
  flags
      .add("--raw", o.raw,
           "The sounds are samples without a header (from standard input, where no file is named), so "
           "many a second, of 1 channel and type s16le where not said")
      .metavar("RATE[,CHANNELS[,TYPE]]")
      .group("Input");
}

InputOptions with_raw(InputOptions input, const SoundOptions& o) {
  input.raw = !o.raw.empty();
  if (input.raw) media::parse_raw_sound(o.raw);
  return input;
}

media::SoundSource source_of(const Input& input, const SoundOptions& o) {
  media::SoundSource source = input.sound();
  if (!o.raw.empty()) source.raw = media::parse_raw_sound(o.raw);
  return source;
}

}  // namespace hft
