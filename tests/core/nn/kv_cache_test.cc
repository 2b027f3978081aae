// The cache of keys and values, kept in codes.
#include "core/nn/kv_cache.h"

#include "core/nn/attention.h"
#include "tests/core/worst.h"
#include "tests/support/test.h"

namespace hft::test {
namespace {

constexpr std::int64_t kHeads = 2, kSize = 64;

struct CodedTrial {
  KvCache cache;
  explicit CodedTrial(int bits, std::int64_t residual = 0)
      : cache({{kHeads, kSize, 0}, {kHeads, kSize, 0}}, at::kFloat, false, {bits, residual}) {}

  Tensor feed(int sequence, const Tensor& qkv) {
    Steps steps;
    steps.cache = &cache;
    const auto past = cache.length(sequence), count = qkv.size(0);
    steps.steps = {{sequence, 0, count, past, past + count}};
    cache.extend(sequence, count);
    const Tensor out = attend_causal(qkv, {0, kHeads, 0.2}, steps);
    attend_causal(qkv, {1, kHeads, 0.2}, steps);
    cache.advance(sequence, count);
    return out;
  }
};

Tensor some(std::int64_t count) { return at::randn({count, 3 * kHeads * kSize}); }

}  // namespace

TEST_CASE("kv cache: in codes of 8 bits it takes about a quarter of floats, and answers nearly alike") {
  CodedTrial whole(0), coded(8), recent(8, 128);
  const int a = whole.cache.open(), b = coded.cache.open(), c = recent.cache.open();
  const Tensor prompt = some(1024), next = some(3);
  for (const auto& [trial, sequence] :
       {std::pair{&whole, a}, std::pair{&coded, b}, std::pair{&recent, c}})
    trial->feed(sequence, prompt);
  const Tensor wanted = whole.feed(a, next);
  CHECK(worst(coded.feed(b, next), wanted) < 6e-3);
  CHECK(worst(recent.feed(c, next), wanted) < 6e-3);
  const auto share = [&](const KvCache& cache) {
    return static_cast<double>(cache.bytes()) / static_cast<double>(whole.cache.bytes());
  };
  CHECK(share(coded.cache) < 0.30);
  CHECK(share(recent.cache) < 0.40);
  CHECK(coded.cache.token_bytes() < whole.cache.token_bytes() * 0.27);
}

TEST_CASE("kv cache: a copy of a sequence shares its codes, and what is cut back is written anew") {
  CodedTrial trial(8);
  const int first = trial.cache.open();
  trial.feed(first, some(70));
  const auto alone = trial.cache.bytes();
  const int second = trial.cache.fork(first);
  CHECK(trial.cache.bytes() == alone);
  trial.cache.crop(second, 40);  // inside of a block that is in codes
  const Tensor next = some(30);
  trial.feed(second, next);
  trial.feed(first, some(1));
  CHECK(trial.cache.length(second) == 70);
  trial.cache.close(first);
  trial.cache.close(second);
  CHECK(trial.cache.bytes() == 0);
}

TEST_CASE("kv cache: two sequences that share a whole block get the same codes of it") {
  CodedTrial trial(4, 32);
  const int first = trial.cache.open();
  trial.feed(first, some(32));
  const int second = trial.cache.fork(first);
  const Tensor next = some(40);
  CHECK(worst(trial.feed(first, next), trial.feed(second, next)) == 0);
  CHECK(trial.cache.blocks(0, first)[0] == trial.cache.blocks(0, second)[0]);
  CHECK(is_coded(trial.cache.blocks(0, first)[0]));
  trial.cache.close(first);
  const Tensor more = some(2);
  trial.feed(second, more);
  trial.cache.close(second);
  CHECK(trial.cache.bytes() == 0);
}

}  // namespace hft::test
