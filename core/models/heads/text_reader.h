// What reads texts into the space of the pictures or sounds that a model sees or hears.
#pragma once

#include "core/models/heads/model.h"

namespace hft {

// How the likeness of a picture or sound and a text in one space becomes a logit.
struct Likeness {
  float scale = 1, bias = 0;
};

class TextReader {
 public:
  virtual ~TextReader() = default;
  // Vectors [B,D]. Throws kUnsupported where the model reads none.
  virtual Matrix read(const TokenBatch& texts) = 0;
  virtual std::int64_t max_positions() const = 0;  // tokens of one text; 0: it reads none
  virtual Likeness likeness() const = 0;
};

}  // namespace hft
