// DeBERTa's attention: which rows serve a distance, and scores of three parts.
#include "core/nn/disentangled_attention.h"

#include <numeric>

#include "core/nn/twins.h"
#include "core/nn/workers.h"
#include "tests/core/nn/store.h"
#include "tests/core/nn/twins.h"

namespace hft::test {
namespace {

constexpr std::int64_t kHeads = 2, kSize = 12, kWidth = kHeads * kSize;

// A table whose projections are its own rows, and the others' in the opposite order.
struct Table {
  RelativeRows rows;
  Tensor keys, queries;
  explicit Table(RelativeRows rows)
      : rows(rows),
        keys(at::randn({2 * rows.span, kWidth})),
        queries(at::randn({2 * rows.span, kWidth})) {}

  DisentangledAttention attention(bool with_keys, bool with_queries, at::ScalarType type) const {
    const auto rows_of = [&](bool there, const Tensor& table) {
      DisentangledAttention::Projection projection;
      if (there)
        projection = [=](const Tensor& which) { return table.index_select(0, which).to(type); };
      return projection;
    };
    return {kHeads, 0.2, rows, rows_of(with_keys, keys), rows_of(with_queries, queries)};
  }
};

Sequences sequences(std::vector<std::int64_t> lengths) {
  Sequences seqs;
  for (const auto length : lengths) seqs.starts.push_back(seqs.starts.back() + length);
  return seqs;
}

}  // namespace

TEST_CASE("relative rows: near distances have their own, far ones share them, the last is kept") {
  const auto sum = [](RelativeRows rows) {
    std::int64_t all = 0;
    for (std::int64_t distance = 0; distance < 600; ++distance) all += rows.row(distance);
    return all;
  };
  // Sums of what make_log_bucket_position of modeling_deberta_v2.py gives, clamped as it does.
  CHECK(sum({256, 256, 512}) == 263337);
  CHECK(sum({7, 7, 30}) == 7750);
  CHECK(sum({256, 256, 1024}) == 250134);
  const RelativeRows plain{10, 0, 10}, shared{256, 256, 512};
  for (const auto& [distance, row] : std::map<std::int64_t, std::int64_t>{
           {0, 10}, {3, 13}, {-3, 7}, {9, 19}, {10, 19}, {500, 19}, {-10, 0}, {-11, 0}})
    CHECK(plain.row(distance) == row);
  CHECK(shared.row(128) == 384);
  CHECK(shared.row(-128) == 128);
  CHECK(shared.row(511) == 511);
  CHECK(shared.row(-511) == 1);
  CHECK(shared.row(-512) == 0);
  CHECK(shared.row(1 << 20) == 511);
  // A table of fewer positions than half its rows has no logarithm to go by.
  CHECK(RelativeRows{8, 8, 3}.row(100) == 15);
  CHECK(RelativeRows{1, 1, 512}.row(-7) == 0);
}

TEST_CASE("disentangled attention: the scores are the sum of three parts") {
  const Table table({4, 0, 4});
  const Tensor qkv = at::randn({6, 3 * kWidth});
  const Tensor got = table.attention(true, true, at::kFloat)(qkv, sequences({6}));
  for (std::int64_t head = 0; head < kHeads; ++head) {
    const auto part = [&](const Tensor& x, std::int64_t which) {
      return x.narrow(1, which * kWidth + head * kSize, kSize).to(at::kDouble);
    };
    const Tensor query = part(qkv, 0), key = part(qkv, 1), value = part(qkv, 2);
    Tensor scores = at::matmul(query, key.t());
    for (std::int64_t q = 0; q < 6; ++q)
      for (std::int64_t k = 0; k < 6; ++k) {
        const auto row = std::clamp<std::int64_t>(q - k + 4, 0, 7);
        scores[q][k] += at::dot(query[q], part(table.keys, 0)[row]) +
                        at::dot(key[k], part(table.queries, 0)[row]);
      }
    const Tensor wanted = at::matmul(at::softmax(scores * 0.2, 1), value);
    CHECK(worst(part(got, 0), wanted) < 2e-6);
  }
}

TEST_CASE("disentangled attention: the kernel gives what its twin gives, with any of its parts") {
  for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf})
    for (const RelativeRows rows : {RelativeRows{8, 8, 40}, RelativeRows{300, 0, 300}})
      for (const auto& [keys, queries] : {std::pair{true, true}, {true, false}, {false, true}}) {
        const Table table(rows);
        const auto seqs = sequences({3, 1, 290, 129, 17});
        const Tensor qkv = at::randn({seqs.tokens(), 3 * kWidth}).to(type);
        const auto run = [&] { return table.attention(keys, queries, type)(qkv, seqs); };
        const Tensor kernel = with_twins(false, run), twin = with_twins(true, run);
        CHECK((kernel.scalar_type() == twin.scalar_type()));
        CHECK(worst(kernel, twin) < (type == at::kFloat ? 2e-5 : 0.05));
      }
}

TEST_CASE("disentangled attention: a sequence has the same bits alone, in company and on two cores") {
  if (twins_forced()) return;
  const Table table({16, 16, 64});
  const std::vector<std::int64_t> lengths{5, 1, 140, 33};
  const auto seqs = sequences(lengths);
  const Tensor qkv = at::randn({seqs.tokens(), 3 * kWidth});
  const auto attention = table.attention(true, true, at::kFloat);
  Pool pool(2);
  const OnPool two(&pool);
  const Tensor together = attention(qkv, seqs);
  const OnPool one(nullptr);
  for (std::int64_t b = 0; b < seqs.count(); ++b) {
    const auto fresh = table.attention(true, true, at::kFloat);  // its rows made for this one
    const auto alone = fresh(qkv.narrow(0, seqs.starts[b], lengths[b]), sequences({lengths[b]}));
    CHECK(at::equal(alone, together.narrow(0, seqs.starts[b], lengths[b])));
  }
}

}  // namespace hft::test
