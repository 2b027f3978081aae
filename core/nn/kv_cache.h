// Keys and values of the tokens that a decoder's sequences have seen, in blocks of kCacheBlock
// positions (arXiv:2309.06180). Sequences that began alike share their blocks; a shared block is
// copied when one of them writes into it. Blocks that a sliding window has left are given back.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "core/kernels/cached_attention.h"
#include "core/nn/tensor.h"

namespace hft {

// What one layer keeps of each position.
struct CacheLayer {
  std::int64_t heads = 0, size = 0;  // of keys and values
  std::int64_t window = 0;           // positions a token sees; 0: all
};

// Whether positions that are not recent are kept in codes (core/kernels/cached_codes.h).
struct CacheCodes {
  int bits = 0;                // 4 or 8; 0: all stay whole
  std::int64_t residual = 128;  // so many of the latest positions are whole, and up to a block more
};

class KvCache {
 public:
  // dtype: float32 or bfloat16. row_exact: what is read from it has the same bits in any company.
  KvCache(std::vector<CacheLayer> layers, at::ScalarType dtype, bool row_exact = false,
          CacheCodes codes = {});
  ~KvCache();
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  int open();
  int fork(int sequence);
  // Throws kUsage when a window has already forgotten what position `length` sees.
  void crop(int sequence, std::int64_t length);
  void close(int sequence);
  std::int64_t length(int sequence) const { return at(sequence).length; }

  // Makes room for `count` more positions, which write() then fills in every layer; advance()
  // makes them part of the sequence.
  void extend(int sequence, std::int64_t count);
  void advance(int sequence, std::int64_t count);

  // Of `count` tokens: [count, heads * size] each, rows `stride` apart.
  struct KeysValues {
    const void *keys, *values;
    std::int64_t count, stride;
  };
  // Those of the positions from `position` on. Different sequences may be written at the same time.
  void write(std::int64_t layer, int sequence, std::int64_t position, const KeysValues& rows);
  const void* const* blocks(std::int64_t layer, int sequence) const {
    return const_cast<const void* const*>(at(sequence).blocks[layer].data());
  }
  const CacheLayer& layer(std::int64_t i) const { return layers_[i]; }
  at::ScalarType dtype() const { return dtype_; }
  bool row_exact() const { return row_exact_; }
  int bits() const { return codes_.bits; }
  std::int64_t token_bytes() const;  // of all layers, of a token that is not recent
  std::int64_t bytes() const;        // of all blocks that sequences hold

 private:
  struct Sequence {
    std::int64_t length = 0;
    // [layers][blocks], null where forgotten, marked where in codes
    std::vector<std::vector<void*>> blocks;
    // [layers] the shared block whose positions write() copies into the last one; mostly empty.
    std::vector<void*> shared;
  };
  class Pool;

  const Sequence& at(int sequence) const { return sequences_.at(sequence); }
  void settle(Sequence& sequence);
  // The block in codes; of one that sequences share all get the same.
  void* encoded(void* block, std::size_t layer);
  // A block as it was written, nearly, so that it can be written to again.
  void* widened(void* coded, std::size_t layer);
  std::int64_t block_bytes(const CacheLayer& layer, bool coded) const;
  Pool& pool_of(const void* block, std::size_t layer) const;
  void drop(void* block, std::size_t layer);
  void forget(std::vector<void*>& blocks, std::size_t begin, std::size_t end, std::size_t layer);

  std::vector<CacheLayer> layers_;
  at::ScalarType dtype_;
  bool row_exact_;
  CacheCodes codes_;
  struct Pools {
    std::shared_ptr<Pool> whole, coded;
  };
  std::vector<Pools> pools_;  // of each layer; layers of one shape share theirs
  std::map<int, Sequence> sequences_;
  int next_ = 0;
};

}  // namespace hft
