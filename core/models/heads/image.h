// A model that sees pictures, and may read texts into the same space.
#pragma once

#include "core/models/heads/picture_view.h"
#include "core/models/heads/text_reader.h"

namespace hft {

// Questions to pictures.
struct Questions {
  std::vector<std::int32_t> of;  // [B] to which picture; several may be to one
  TokenBatch texts;              // B of them; empty where the model is not asked
};

// What a model sees in one picture.
struct Seen {
  Matrix logits;  // kClassify [1,L], kEmbed [1,D]; kDetect, kSegment [Q,L+1], the last: nothing there
  Matrix boxes;   // kDetect [Q,4]: centre x, y, width, height, as parts of the picture
  // kSegment: [Q,h*w] logits of each query's mask, or [L,h*w] of each label where there are no
  // queries.
  Matrix masks;
  std::int64_t mask_height = 0, mask_width = 0;
};

class ImageModel : public Model, public TextReader {
 public:
  static constexpr ModelClass kClass = ModelClass::kImage;
  // Pictures of any sizes together; each gets what it would get alone. Throws kBadData for one of
  // other channels than the model's or too small for it, kNotFinite naming the layer where a NaN or
  // infinity first shows.
  virtual std::vector<Seen> forward(std::span<const PictureView> pictures) = 0;
  // kAnswer: the logits of the answers it knows to each question, [B,L]. Throws as forward does, and
  // as read for the questions, of at most max_positions tokens.
  virtual Matrix answer(std::span<const PictureView> pictures, const Questions& questions) = 0;
  // Pictures that one forward should be given: more are no faster.
  virtual std::int64_t together() const = 0;
};

}  // namespace hft
