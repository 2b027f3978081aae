// A model that hears sounds, and may read texts into the same space.
#pragma once

#include "core/models/heads/sound_view.h"
#include "core/models/heads/text_reader.h"

namespace hft {

// What a model hears in one sound.
struct Heard {
  Matrix logits;  // kClassify [1,L], kCtc [T,V] of T moments, kEmbed [1,D]
};

class SoundModel : public Model, public TextReader {
 public:
  static constexpr ModelClass kClass = ModelClass::kSound;
  // Sounds of any lengths together; each gets what it would get alone. Throws kBadData for one of
  // other bins than the model's or too short for it, kNotFinite naming the layer where a NaN or
  // infinity first shows.
  virtual std::vector<Heard> forward(std::span<const SoundView> sounds) = 0;
  // Sounds that one forward should be given: more are no faster.
  virtual std::int64_t together() const = 0;
  // kCtc: samples from one moment to the next.
  virtual std::int64_t stride() const = 0;
};

}  // namespace hft
