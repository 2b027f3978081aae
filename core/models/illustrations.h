// The pictures in a decoder's sequences: which rows of its passes are theirs, and by which positions
// those turn. Reference: get_placeholder_mask and get_rope_index of transformers' models.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/models/decoder_net.h"

namespace hft {

// Where the tokens of a text's pictures are, up to the last of them.
class Illustration {
 public:
  // `pictures` go, one after the other, where `ids` have side.token. Throws kBadData where places and
  // tokens do not match.
  Illustration(const PictureSide& side, std::span<const std::int32_t> ids,
               const std::vector<PictureTokens>& pictures);

  std::int64_t end() const { return static_cast<std::int64_t>(rows_.size()); }
  bool by_axes() const { return !axes_.empty(); }
  // What is added to the rotary positions after the end.
  std::int64_t shift() const { return shift_; }
  // Adds the pictures at positions [past, past + count), which are rows `begin` … of a pass, to
  // `rows` and what belongs to them to `seen`.
  void add(const Step& step, std::vector<std::int64_t>& rows, std::vector<SeenRows>& seen) const;
  // Of a position, three numbers.
  void axes(std::int64_t position, std::int64_t* out) const;

 private:
  void place(std::span<const std::int32_t> ids, const PictureSide& side,
             const std::vector<PictureTokens>& pictures);
  std::vector<std::int32_t> rows_;   // of the embeddings, by position; -1: a token
  std::vector<std::int64_t> axes_;   // [end,3]; empty: all turn by their position
  std::int64_t shift_ = 0;
  SeenRows all_;  // its embeddings, one picture after the other
};

class Illustrations {
 public:
  void set(int sequence, Illustration illustration) {
    known_[sequence] = std::make_shared<const Illustration>(std::move(illustration));
  }
  void fork(int sequence, int copy) {
    if (const auto found = known_.find(sequence); found != known_.end()) known_[copy] = found->second;
  }
  void close(int sequence) { known_.erase(sequence); }
  // Sets what of a pass the pictures change.
  void add_to(Steps& steps) const;

 private:
  void set_axes(Steps& steps) const;
  std::map<int, std::shared_ptr<const Illustration>> known_;
};

}  // namespace hft
