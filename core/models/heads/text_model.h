// A model that reads texts.
#pragma once

#include "core/models/heads/model.h"

namespace hft {

// A text encoder with one head. forward gives, for B sequences of N tokens together:
//   kEmbed [B, D] sentence vectors      kFeatures [N, D] last hidden states
//   kClassify [B, L] logits             kTokenClassify [N, L] logits
//   kAnswer [N, 2] start, end logits    kMaskedLm [rows, V] logits
// Throws kBadData for an id outside the vocabulary, kUsage for a sequence longer than
// max_positions, kNotFinite naming the layer where a NaN or infinity first shows.
class TextModel : public Model {
 public:
  static constexpr ModelClass kClass = ModelClass::kText;
  virtual Matrix forward(const TokenBatch& batch) = 0;
  virtual std::int64_t max_positions() const = 0;  // tokens one sequence may have
  // Those the model was made for: rotary positions go on past them.
  virtual std::int64_t trained_positions() const { return max_positions(); }
  // The tokens' boxes on a page are read too.
  virtual bool reads_boxes() const { return false; }
  // So is what the page looks like, where it is there.
  virtual bool sees_pages() const { return false; }
};

}  // namespace hft
