// Models that write text token by token.
#pragma once

#include <functional>

#include "core/models/heads/image.h"
#include "core/models/heads/sound_view.h"

namespace hft {

// Tokens appended to one sequence of a decoder, and how many of the last of them give logits.
struct Feed {
  int sequence;
  std::span<const std::int32_t> ids;
  std::int64_t rows = 1;  // 0 .. ids.size()
};

// What one forward of a decoder gives, row after row in the order of its feeds. Kept from step to
// step, so that its memory is reused.
struct Decoded {
  Matrix logits;             // [R, V]
  Matrix hidden;             // [R, D] last hidden states, when want_hidden
  bool want_hidden = false;  // contrastive search
};

// A model that writes text token by token, and the sequences it remembers (their keys and values
// are cached). A sequence is a number, valid until close. Not for several threads at once.
class Decoder : public Model {
 public:
  // Appends each feed to its sequence (at most one feed a sequence), all in one pass without
  // padding: every sequence gets what it would get alone. An empty sequence may be fed any number
  // of tokens, of which the model takes a part at a time.
  // Throws kBadData for an id outside the vocabulary, kUsage past max_positions, kNotFinite naming
  // the layer where a NaN or infinity first shows.
  virtual void forward(std::span<const Feed> feeds, Decoded& out) = 0;
  // Another sequence that goes on from the same tokens; what is cached is shared, not copied.
  virtual int fork(int sequence) = 0;
  // Forgets all but the first `length` tokens. Throws kUsage when a sliding window has already
  // forgotten what the next token would have to see.
  virtual void crop(int sequence, std::int64_t length) = 0;
  virtual void close(int sequence) = 0;
  virtual std::int64_t length(int sequence) const = 0;  // tokens fed so far

  // Calls f(0) … f(count - 1), in any order, shared out over the cores the model computes on.
  virtual void each(std::size_t count, const std::function<void(std::size_t)>& f) {
    for (std::size_t i = 0; i < count; ++i) f(i);
  }

  virtual std::int64_t vocab() const = 0;          // V
  virtual std::int64_t max_positions() const = 0;  // tokens one sequence may have
  // Those the model was made for: rotary positions go on past them.
  virtual std::int64_t trained_positions() const { return max_positions(); }
};

// A text with pictures in it.
struct Illustrated {
  int sequence;
  std::span<const std::int32_t> ids;      // its tokens, at least up to the last one of a picture
  std::span<const PictureView> pictures;  // in the order of their places
};

// A decoder-only language model, which may see.
class CausalLm : public Decoder {
 public:
  static constexpr ModelClass kClass = ModelClass::kCausalLm;
  virtual int open() = 0;  // an empty sequence
  // The id that stands where a token of a picture goes; -1: the model sees no pictures.
  virtual std::int32_t picture_token() const { return -1; }
  // Says which pictures the places among the tokens of some sequences are for, before they are fed;
  // forks know too. A picture is looked at once, however many texts have it. Throws kBadData where
  // there are more or fewer places than its pictures have tokens.
  virtual void show(std::span<const Illustrated>) {}
};

// With which weights some heads looked at the source, for each of some tokens: [H, T, S].
struct Attended {
  std::int64_t heads = 0, tokens = 0, positions = 0;
  std::vector<float> weights;
};

// An encoder and a decoder that attends to what it read, or heard.
class Seq2SeqLm : public Decoder {
 public:
  static constexpr ModelClass kClass = ModelClass::kSeq2SeqLm;
  // Encodes B source texts together, without padding; each becomes an empty decoder sequence. What
  // the decoder sees of a source is shared by the forks of its sequence. Throws as forward does.
  virtual std::vector<int> encode(const TokenBatch& sources) = 0;
  virtual std::int64_t max_source_positions() const = 0;
  // The same with B windows of sounds, by a model that hears in place of reading; each window has
  // the frames and bins of hearing().
  virtual std::vector<int> hear(std::span<const SoundView> windows) = 0;
  struct Hearing {
    std::int64_t frames = 0, bins = 0;  // 0: it reads texts
  };
  virtual Hearing hearing() const = 0;
  // The same with pictures, by a model that sees; the sources are what it saw, or, where it is asked,
  // the questions to them.
  virtual std::vector<int> see(std::span<const PictureView> pictures, const Questions& questions) = 0;
  enum class Sight { kNone, kSees, kIsAsked };
  virtual Sight sight() const = 0;
  // How these heads {layer, head} of the cross-attention look at the source while `ids` are fed to a
  // sequence, which must be empty.
  using SourceHead = std::pair<std::int64_t, std::int64_t>;
  virtual Attended attended(int sequence, std::span<const std::int32_t> ids,
                            std::span<const SourceHead> heads) = 0;
  // Bytes kept of one token of a source text and of one token of a sequence.
  struct Kept {
    std::int64_t source = 0, sequence = 0;
  };
  virtual Kept kept_bytes() const = 0;
};

}  // namespace hft
