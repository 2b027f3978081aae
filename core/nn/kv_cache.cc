#include "core/nn/kv_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <set>

#include "core/base/error.h"
#include "core/kernels/cached_codes.h"

namespace hft {
namespace {

// A sliding layer keeps this many positions more than its window, so that a few tokens can be
// taken back.
constexpr std::int64_t kSlack = 64;

std::int64_t blocks_for(std::int64_t positions) {
  return (positions + kCacheBlock - 1) / kCacheBlock;
}

}  // namespace

// Blocks of one size, carved from large pages; each is preceded by how many sequences hold it, how
// many of them are about to leave it, and the block in codes that was made of it.
class KvCache::Pool {
 public:
  explicit Pool(std::int64_t bytes) : bytes_((bytes + kHead + 63) / 64 * 64) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    for (const auto& [memory, size] : chunks_) ::munmap(memory, size);
  }

  void* take() {
    if (free_.empty()) grow();
    std::byte* block = free_.back();
    free_.pop_back();
    head(block) = {};
    ++taken_;
    return block;
  }
  static int& holders(void* block) { return head(block).holders; }
  static int& leaving(void* block) { return head(block).leaving; }
  static void*& coded(void* block) { return head(block).coded; }
  void drop(void* block) {
    if (--holders(block) > 0) return;
    free_.push_back(static_cast<std::byte*>(block));
    --taken_;
  }
  std::int64_t bytes() const { return taken_ * bytes_; }

 private:
  static constexpr std::int64_t kHead = 64, kHugePage = 2 << 20;
  struct Head {
    int holders = 1, leaving = 0;
    void* coded = nullptr;  // is marked; one of its holders is this block
  };
  static Head& head(void* block) {
    return *reinterpret_cast<Head*>(static_cast<std::byte*>(block) - kHead);
  }

  void grow() {
    const std::int64_t size = (std::max(kHugePage, bytes_) + kHugePage - 1) / kHugePage * kHugePage;
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    chunks_.emplace_back(memory, size);
    for (auto at = size / bytes_ * bytes_ - bytes_; at >= 0; at -= bytes_)
      free_.push_back(static_cast<std::byte*>(memory) + at + kHead);
  }

  std::int64_t bytes_;
  std::vector<std::pair<void*, std::size_t>> chunks_;
  std::vector<std::byte*> free_;
  std::int64_t taken_ = 0;
};

KvCache::KvCache(std::vector<CacheLayer> layers, at::ScalarType dtype, bool row_exact,
                 CacheCodes codes)
    : layers_(std::move(layers)), dtype_(dtype), row_exact_(row_exact), codes_(codes) {
  std::map<std::pair<std::int64_t, std::int64_t>, Pools> pools;
  for (const auto& layer : layers_) {
    Pools& both = pools[{layer.heads, layer.size}];
    if (!both.whole) {
      both.whole = std::make_shared<Pool>(block_bytes(layer, false));
      both.coded = std::make_shared<Pool>(block_bytes(layer, true));
    }
    pools_.push_back(both);
  }
}

std::int64_t KvCache::block_bytes(const CacheLayer& layer, bool coded) const {
  return layer.heads * (coded ? coded_bytes_of_head(layer.size, codes_.bits)
                              : numbers_of_head(layer.size) *
                                    static_cast<std::int64_t>(at::elementSize(dtype_)));
}

KvCache::Pool& KvCache::pool_of(const void* block, std::size_t layer) const {
  return is_coded(block) ? *pools_[layer].coded : *pools_[layer].whole;
}

KvCache::~KvCache() = default;

std::int64_t KvCache::token_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& layer : layers_) bytes += block_bytes(layer, codes_.bits > 0);
  return bytes / kCacheBlock;
}

std::int64_t KvCache::bytes() const {
  std::int64_t bytes = 0;
  std::set<const Pool*> counted;
  for (const auto& pools : pools_)
    if (counted.insert(pools.whole.get()).second) bytes += pools.whole->bytes() + pools.coded->bytes();
  return bytes;
}

int KvCache::open() {
  sequences_[next_].blocks.resize(layers_.size());
  return next_++;
}

int KvCache::fork(int sequence) {
  Sequence copy = at(sequence);
  for (auto& blocks : copy.blocks)
    for (void* block : blocks)
      if (block) ++Pool::holders(without_mark(block));
  sequences_[next_] = std::move(copy);
  return next_++;
}

void KvCache::forget(std::vector<void*>& blocks, std::size_t begin, std::size_t end,
                     std::size_t layer) {
  for (auto i = begin; i < std::min(end, blocks.size()); ++i)
    if (void* block = std::exchange(blocks[i], nullptr)) drop(block, layer);
}

void KvCache::drop(void* block, std::size_t layer) {
  void* own = without_mark(block);
  void* coded = is_coded(block) || Pool::holders(own) > 1 ? nullptr : Pool::coded(own);
  pool_of(block, layer).drop(own);
  if (coded) pools_[layer].coded->drop(without_mark(coded));
}

void* KvCache::encoded(void* block, std::size_t layer) {
  void*& coded = Pool::coded(block);
  const CacheLayer& l = layers_[layer];
  if (!coded) {
    auto* codes = static_cast<std::byte*>(pools_[layer].coded->take());
    for (std::int64_t h = 0; h < l.heads; ++h) {
      const CodedHead<std::byte> to{codes + h * coded_bytes_of_head(l.size, codes_.bits), l.size,
                                    codes_.bits};
      const auto at = h * numbers_of_head(l.size);
      if (dtype_ == at::kBFloat16)
        encode_head(static_cast<const std::uint16_t*>(block) + at, to);
      else
        encode_head(static_cast<const float*>(block) + at, to);
    }
    coded = with_mark(codes);
  }
  void* own = coded;
  ++Pool::holders(without_mark(own));
  drop(block, layer);
  return own;
}

void* KvCache::widened(void* coded, std::size_t layer) {
  const CacheLayer& l = layers_[layer];
  void* block = pools_[layer].whole->take();
  std::vector<float> numbers(numbers_of_head(l.size));
  for (std::int64_t h = 0; h < l.heads; ++h) {
    widen_head({static_cast<const std::byte*>(without_mark(coded)) +
                    h * coded_bytes_of_head(l.size, codes_.bits),
                l.size, codes_.bits},
               numbers.data());
    const auto at = h * numbers_of_head(l.size);
    for (std::size_t i = 0; i < numbers.size(); ++i)
      if (dtype_ == at::kBFloat16)
        simd::narrow(numbers[i], static_cast<std::uint16_t*>(block) + at + i);
      else
        static_cast<float*>(block)[at + i] = numbers[i];
  }
  drop(coded, layer);
  return block;
}

// What was shared has been copied.
void KvCache::settle(Sequence& s) {
  for (std::size_t i = 0; i < s.shared.size(); ++i)
    if (void* block = s.shared[i]) {
      --Pool::leaving(block);
      drop(block, i);
    }
  s.shared.clear();
}

void KvCache::crop(int sequence, std::int64_t length) {
  Sequence& s = sequences_.at(sequence);
  if (length >= s.length) return;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto window = layers_[i].window;
    const auto seen = window > 0 ? std::max<std::int64_t>(0, length + 1 - window) : 0;
    if (seen < length && !s.blocks[i][seen / kCacheBlock])
      fail(Errc::kUsage, "a sequence of ", s.length, " tokens cannot go back to ", length,
           ": the sliding window of ", window, " has forgotten what came before");
    const auto kept = static_cast<std::size_t>(blocks_for(length));
    forget(s.blocks[i], kept, s.blocks[i].size(), i);
    s.blocks[i].resize(kept);
  }
  s.length = length;
}

void KvCache::close(int sequence) {
  Sequence& s = sequences_.at(sequence);
  settle(s);
  for (std::size_t i = 0; i < layers_.size(); ++i) forget(s.blocks[i], 0, s.blocks[i].size(), i);
  sequences_.erase(sequence);
}

void KvCache::extend(int sequence, std::int64_t count) {
  Sequence& s = sequences_.at(sequence);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    auto& blocks = s.blocks[i];
    if (s.length % kCacheBlock != 0) {  // the last one is written to: it must be ours alone
      void*& last = blocks[s.length / kCacheBlock];
      if (is_coded(last)) last = widened(last, i);
      if (Pool::holders(last) - Pool::leaving(last) > 1) {
        ++Pool::leaving(last);
        s.shared.resize(layers_.size());
        s.shared[i] = std::exchange(last, pools_[i].whole->take());
      }
    }
    while (static_cast<std::int64_t>(blocks.size()) < blocks_for(s.length + count))
      blocks.push_back(pools_[i].whole->take());
  }
}

void KvCache::advance(int sequence, std::int64_t count) {
  Sequence& s = sequences_.at(sequence);
  settle(s);
  s.length += count;
  for (std::size_t i = 0; i < layers_.size(); ++i)
    if (const auto window = layers_[i].window; window > 0)
      forget(s.blocks[i], 0,
             std::max<std::int64_t>(0, s.length + 1 - window - kSlack) / kCacheBlock, i);
  if (codes_.bits == 0) return;
  const auto old = std::max<std::int64_t>(0, s.length - codes_.residual) / kCacheBlock;
  for (std::size_t i = 0; i < layers_.size(); ++i)
    for (auto b = old - 1; b >= 0; --b) {
      void*& block = s.blocks[i][static_cast<std::size_t>(b)];
      if (!block || is_coded(block)) break;  // as are all before it
      block = encoded(block, i);
    }
}

namespace {

// The first `count` positions of a block.
template <class T>
void copy_block(const T* from, T* to, const CacheLayer& layer, std::int64_t count) {
  for (std::int64_t h = 0; h < layer.heads; ++h) {
    for (std::int64_t e = 0; e < layer.size; ++e)
      std::copy_n(from + e * kCacheBlock, count, to + e * kCacheBlock);
    const auto values = layer.size * kCacheBlock;
    std::copy_n(from + values, count * cached_width(layer.size), to + values);
    from += numbers_of_head(layer.size);
    to += numbers_of_head(layer.size);
  }
}

template <class T>
void write_block(T* block, const CacheLayer& layer, std::int64_t slot, const T* key,
                 const T* value) {
  const auto width = cached_width(layer.size);
  for (std::int64_t h = 0; h < layer.heads; ++h) {
    T* keys = block + h * numbers_of_head(layer.size);
    T* values = keys + layer.size * kCacheBlock + slot * width;
    for (std::int64_t e = 0; e < layer.size; ++e) keys[e * kCacheBlock + slot] = key[e];
    std::copy_n(value, layer.size, values);
    std::fill(values + layer.size, values + width, T{});
    key += layer.size;
    value += layer.size;
  }
}

}  // namespace

void KvCache::write(std::int64_t layer, int sequence, std::int64_t position,
                    const KeysValues& rows) {
  const Sequence& s = sequences_.at(sequence);
  const auto& blocks = s.blocks[layer];
  const auto copy = [&]<class T>() {
    if (!s.shared.empty() && s.shared[layer] && position == s.length)
      copy_block(static_cast<const T*>(s.shared[layer]),
                 static_cast<T*>(blocks[position / kCacheBlock]), layers_[layer],
                 position % kCacheBlock);
    for (std::int64_t i = 0; i < rows.count; ++i)
      write_block(static_cast<T*>(blocks[(position + i) / kCacheBlock]), layers_[layer],
                  (position + i) % kCacheBlock, static_cast<const T*>(rows.keys) + i * rows.stride,
                  static_cast<const T*>(rows.values) + i * rows.stride);
  };
  dtype_ == at::kBFloat16 ? copy.operator()<std::uint16_t>() : copy.operator()<float>();
}

}  // namespace hft
