#include "core/tokenizers/word_cache.h"

#include <array>
#include <atomic>

namespace hft {
namespace {

constexpr std::size_t kFirstEntries = 1 << 10, kMostEntries = 1 << 16;
constexpr std::size_t kArenaWords = 1 << 20;  // 4 MiB, then the cache starts anew
constexpr std::size_t kCaches = 4;            // models a thread uses by turns

}  // namespace

std::uint64_t model_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

WordCache& WordCache::of(std::uint64_t model) {
  thread_local std::array<WordCache, kCaches> caches;
  thread_local std::size_t oldest = 0;
  for (WordCache& cache : caches)
    if (cache.model_ == model) return cache;
  WordCache& cache = caches[oldest++ % kCaches];
  cache.clear(kFirstEntries);
  cache.model_ = model;
  return cache;
}

void WordCache::clear(std::size_t entries) {
  entries_.assign(entries, Entry{});
  arena_.clear();
  kept_ = 0;
}

void WordCache::keep(std::string_view word, const std::int32_t* ids, std::size_t count) {
  if (word.size() > kWordBytes || count > kWordBytes) return;
  if (arena_.size() > kArenaWords) clear(entries_.size());
  if (kept_ > entries_.size() / 2 && entries_.size() < kMostEntries) {
    std::vector<Entry> larger(entries_.size() * 4);
    for (const Entry& entry : entries_)
      if (entry.length > 0) larger[entry.hash & (larger.size() - 1)] = entry;
    entries_ = std::move(larger);
  }
  Entry& entry = entries_[last_hash_ & (entries_.size() - 1)];
  kept_ += entry.length == 0;
  entry = {last_hash_, static_cast<std::uint32_t>(arena_.size()),
           static_cast<std::uint16_t>(word.size()), static_cast<std::uint16_t>(count)};
  arena_.insert(arena_.end(), ids, ids + count);
  const std::size_t at = arena_.size();
  arena_.resize(at + (word.size() + 3) / 4);
  std::memcpy(arena_.data() + at, word.data(), word.size());
}

}  // namespace hft
