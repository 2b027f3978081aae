// What every decoder's head is made of: sequences, passes of a bounded number of tokens, and checks
// around a DecoderNet.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/models/decoder_net.h"
#include "core/models/heads/decoder.h"
#include "core/models/illustrations.h"
#include "core/nn/workers.h"

namespace hft {

class CachedDecoder {
 public:
  // What an encoder read, and which of it a sequence attends to. Empty for a decoder alone.
  struct Sources {
    const KvCache* cache = nullptr;
    std::function<int(int sequence)> of;
    std::function<void(std::int64_t layer, const Tensor& queries)> asked = {};  // see Steps
  };

  // Computes on `pool`, in `dtype`.
  CachedDecoder(DecoderNet net, const ModelRequest& request, std::shared_ptr<Pool> pool,
                at::ScalarType dtype);

  int open() { return remember(cache_.open(), {}); }
  int fork(int sequence) {
    const int copy = remember(cache_.fork(sequence), ids_[sequence]);
    illustrations_.fork(sequence, copy);
    return copy;
  }
  void crop(int sequence, std::int64_t length);
  void close(int sequence);
  // The pictures of a sequence's text; takes the place of those it had.
  void illustrate(int sequence, Illustration pictures) {
    illustrations_.set(sequence, std::move(pictures));
  }
  std::int64_t length(int sequence) const { return cache_.length(sequence); }
  // kNotFinite is thrown once all passes are done: the rows that are finite may be used.
  void forward(std::span<const Feed> feeds, Decoded& out, const Sources& sources);
  void each(std::size_t count, const std::function<void(std::size_t)>& f) const;
  const DecoderNet& net() const { return net_; }
  std::int64_t token_bytes() const { return cache_.token_bytes(); }

  // The type of cached numbers, for a model that computes in `dtype`.
  static at::ScalarType cache_type(at::ScalarType dtype);

 private:
  struct Pass;
  int remember(int sequence, std::vector<std::int32_t> ids);
  // Past the turning point all that is cached is computed anew, with the new tokens.
  void turn(Feed& feed);
  void check(const Feed& feed) const;
  void run(const std::vector<Feed>& feeds, Decoded& out, const Sources& sources);
  void run(const Pass& pass, Decoded& out, const Sources& sources);
  void logits_of(const Tensor& hidden, Matrix& logits);
  Error find_not_finite(Steps steps) const;

  DecoderNet net_;
  KvCache cache_;
  std::shared_ptr<Pool> pool_;
  std::int64_t pass_tokens_;
  std::map<int, std::vector<std::int32_t>> ids_;  // of each sequence, when there is a turning point
  Illustrations illustrations_;
  std::optional<Error> not_finite_;               // of this forward
};

// Throws kBadData for an id outside [0, vocab).
void check_ids(std::span<const std::int32_t> ids, std::int64_t vocab);

}  // namespace hft
