// Keys and queries of positions depend on nothing but the weights, so that a layer makes them once.
// Their products with a sequence's tokens are laid out as attend_head's bias, a part of the queries
// at a time. Shapes: L tokens of a sequence, R rows of the table within its reach.
#include "core/nn/disentangled_attention.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <mutex>
#include <vector>

#include "core/kernels/attention_kernel.h"
#include "core/kernels/product.h"
#include "core/nn/attention.h"
#include "core/nn/learning.h"
#include "core/nn/twins.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

// Queries whose scores are laid out together: they stay near the core.
constexpr std::int64_t kQueries = 128;

// What the table's rows from `first` on become, [H,R,E] float32, scaled.
struct Positions {
  std::int64_t first = 0;
  Tensor keys, queries;

  const float* of(const Tensor& part, std::int64_t head, std::int64_t row) const {
    return part.const_data_ptr<float>() + (head * part.size(1) + row - first) * part.size(2);
  }
};

// [R] numbers of the rows that serve distances up to `reach`.
Tensor rows_within(const RelativeRows& rows, std::int64_t reach, const Tensor& like) {
  return at::arange(rows.row(-reach), rows.row(reach) + 1, like.options().dtype(at::kLong));
}

// [R, H*E] -> [H,R,E]
Tensor by_head(const Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), heads, -1}).transpose(0, 1);
}

// What all heads of all sequences of one call share.
struct Call {
  const Tensor& qkv;  // [N, 3*H*E]
  const Positions& positions;
  const std::int32_t* rows;  // of the table, by distance from -(M - 1) to M - 1
  std::int64_t heads;
  float scale;

  std::int64_t width() const { return qkv.size(1) / 3; }
  std::int64_t size() const { return width() / heads; }
};

// One head of one sequence after the other.
class HeadMixer {
 public:
  explicit HeadMixer(const Call& call) : call_(call) {}

  void attend(std::int64_t head, std::int64_t begin, std::int64_t length, Tensor& out) {
    head_ = head;
    begin_ = begin;
    length_ = length;
    scratch_.resize(head_scratch(length, call_.size()));
    score_keys();
    for (std::int64_t first = 0; first < length; first += kQueries) {
      const auto count = std::min(kQueries, length - first);
      bias_.assign(count * length, 0);
      if (call_.positions.keys.defined()) add_places_of_keys(first, count);
      if (call_.positions.queries.defined()) add_places_of_queries(first, count);
      mix(first, count, out);
    }
  }

 private:
  // Of the sequence's token: its query, key or value.
  const char* at(std::int64_t token, int which) const {
    return static_cast<const char*>(call_.qkv.const_data_ptr()) +
           ((begin_ + token) * call_.qkv.stride(0) + which * call_.width() + head_ * call_.size()) *
               call_.qkv.element_size();
  }
  bool bfloat16() const { return call_.qkv.scalar_type() == at::kBFloat16; }

  // scores [count, rows] of tokens' queries or keys with rows of the table.
  void score(const char* tokens, std::int64_t count, const float* table, std::int64_t rows,
             std::vector<float>& scores) const {
    scores.resize(count * rows);
    compute_product({.x = tokens,
                     .x_stride = call_.qkv.stride(0),
                     .weight = table,
                     .bias = nullptr,
                     .y = scores.data(),
                     .y_stride = rows,
                     .rows = count,
                     .depth = call_.size(),
                     .outputs = rows,
                     .x_type = bfloat16() ? Number::kBFloat16 : Number::kFloat,
                     .weight_type = Number::kFloat,
                     .y_type = Number::kFloat,
                     .bias_type = Number::kFloat,
                     .row_exact = true},
                    0, rows);
  }

  // Of all keys of the sequence with where its queries may stand.
  void score_keys() {
    const auto& positions = call_.positions;
    if (!positions.queries.defined()) return;
    const auto low = call_.rows[1 - length_];
    key_rows_ = call_.rows[length_ - 1] - low + 1;
    score(at(0, 1), length_, positions.of(positions.queries, head_, low), key_rows_, key_scores_);
  }

  void add_places_of_keys(std::int64_t first, std::int64_t count) {
    const auto& positions = call_.positions;
    const auto low = call_.rows[first - length_ + 1];
    const auto rows = call_.rows[first + count - 1] - low + 1;
    score(at(first, 0), count, positions.of(positions.keys, head_, low), rows, query_scores_);
    for (std::int64_t q = 0; q < count; ++q) {
      const std::int32_t* row = call_.rows + first + q;
      const float* from = query_scores_.data() + q * rows - low;
      float* to = bias_.data() + q * length_;
      for (std::int64_t k = 0; k < length_; ++k) to[k] += from[row[-k]];
    }
  }

  // A few keys at a time: their scores are read again for each query.
  void add_places_of_queries(std::int64_t first, std::int64_t count) {
    constexpr std::int64_t kKeys = 16;
    const auto low = call_.rows[1 - length_];
    for (std::int64_t begin = 0; begin < length_; begin += kKeys) {
      const auto end = std::min(begin + kKeys, length_);
      for (std::int64_t q = 0; q < count; ++q) {
        const std::int32_t* row = call_.rows + first + q;
        float* to = bias_.data() + q * length_;
        for (auto k = begin; k < end; ++k) to[k] += key_scores_[k * key_rows_ + row[-k] - low];
      }
    }
  }

  void mix(std::int64_t first, std::int64_t count, Tensor& out) {
    const HeadInput in{.query = at(first, 0),
                       .key = at(0, 1),
                       .value = at(0, 2),
                       .stride = call_.qkv.stride(0),
                       .tokens = length_,
                       .size = call_.size(),
                       .scale = call_.scale,
                       .bias = bias_.data(),
                       .bias_stride = length_,
                       .bfloat16 = bfloat16(),
                       .queries = count};
    char* to = static_cast<char*>(out.data_ptr()) +
               ((begin_ + first) * call_.width() + head_ * call_.size()) * out.element_size();
    attend_head(in, to, call_.width(), scratch_.data());
  }

  const Call& call_;
  std::int64_t head_ = 0, begin_ = 0, length_ = 0, key_rows_ = 0;
  std::vector<float> key_scores_;    // [L,R]
  std::vector<float> query_scores_;  // [queries, R]
  std::vector<float> bias_;          // [queries, L]
  std::vector<float> scratch_;
};

void attend_with_kernel(const Call& call, const Sequences& seqs, Tensor& out) {
  std::atomic<std::int64_t> next = 0;  // head of sequence
  const auto work = [&](int) {
    HeadMixer mixer(call);
    for (std::int64_t i; (i = next++) < seqs.count() * call.heads;) {
      const auto b = i / call.heads;
      mixer.attend(i % call.heads, seqs.starts[b], seqs.length(b), out);
    }
  };
  const int count = call.qkv.size(0) < kSharedTokens ? 1 : cores();
  count > 1 ? on_each_core(count, work) : work(0);
}

}  // namespace

std::int64_t RelativeRows::row(std::int64_t distance) const {
  const auto middle = buckets / 2, far = std::abs(distance);
  std::int64_t steps = far;
  if (buckets > 0 && far > middle) {
    // In float32 as the reference computes it: the logarithm's last digit decides at the edges.
    const float share =
        std::log(static_cast<float>(far) / static_cast<float>(middle)) /
        std::log(static_cast<float>(static_cast<double>(farthest - 1) / static_cast<double>(middle)));
    const float above = std::ceil(share * static_cast<float>(middle - 1));
    const bool within = above >= 0 && above < static_cast<float>(span);
    steps = middle + (within ? static_cast<std::int64_t>(above) : span);
  }
  return std::clamp<std::int64_t>(span + (distance < 0 ? -steps : steps), 0, 2 * span - 1);
}

struct DisentangledAttention::State {
  std::int64_t heads = 0;
  double scale = 0;
  RelativeRows rows;
  Projection keys, queries;

  std::mutex making;
  std::int64_t reach = -1;  // of the distances that `made` is for
  Positions made;

  // For distances up to `wanted`: made for more than that, since longer texts may come.
  Positions positions(std::int64_t wanted, const Tensor& like) {
    const std::lock_guard lock(making);
    if (wanted <= reach) return made;
    reach = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(wanted) + 1)) - 1;
    const Tensor numbers = rows_within(rows, reach, like);
    made.first = rows.row(-reach);
    const auto make = [&](const Projection& projection) {
      if (!projection) return Tensor();
      return by_head(projection(numbers), heads).to(at::kFloat).mul(scale).contiguous();
    };
    made.keys = make(keys);
    made.queries = make(queries);
    return made;
  }

  void with_kernel(const Tensor& qkv, const Sequences& seqs, Tensor& out) {
    const auto longest = seqs.longest();
    std::vector<std::int32_t> numbers(2 * longest - 1);
    for (auto distance = 1 - longest; distance < longest; ++distance)
      numbers[distance + longest - 1] = static_cast<std::int32_t>(rows.row(distance));
    const Positions all = positions(longest - 1, qkv);
    attend_with_kernel(
        {qkv, all, numbers.data() + longest - 1, heads, static_cast<float>(scale)}, seqs, out);
  }

  // [T,T] rows of the table within reach, by query and key.
  Tensor numbers(std::int64_t tokens, const Tensor& like) const {
    std::vector<std::int64_t> each;
    for (std::int64_t query = 0; query < tokens; ++query)
      for (std::int64_t key = 0; key < tokens; ++key)
        each.push_back(rows.row(query - key) - rows.row(1 - tokens));
    return at::tensor(each, at::kLong).view({tokens, tokens}).to(like.device());
  }

  void with_libtorch(const Tensor& qkv, const Sequences& seqs, Tensor& out) const {
    for (std::int64_t b = 0; b < seqs.count(); ++b) {
      const auto length = seqs.length(b);
      const auto parts = qkv.narrow(0, seqs.starts[b], length).chunk(3, 1);
      const Tensor query = by_head(parts[0], heads), key = by_head(parts[1], heads);  // [H,T,E]
      const Tensor within = rows_within(rows, length - 1, qkv);
      const Tensor which = numbers(length, qkv).expand({heads, length, length});
      const auto with_places = [&](const Tensor& tokens, const Projection& projection) {
        return at::matmul(tokens, by_head(projection(within), heads).transpose(1, 2));  // [H,T,R]
      };
      Tensor scores = at::matmul(query, key.transpose(1, 2));  // [H,T,T]
      if (keys) scores = scores + with_places(query, keys).gather(2, which);
      if (queries)
        scores = scores + with_places(key, queries).gather(2, which.transpose(1, 2)).transpose(1, 2);
      const Tensor shares =
          dropped(at::softmax(scores * scale, 2, at::kFloat), &Noise::attention).to(qkv.scalar_type());
      out.narrow(0, seqs.starts[b], length)
          .view({length, heads, -1})
          .copy_(at::matmul(shares, by_head(parts[2], heads)).transpose(0, 1));
    }
  }
};

DisentangledAttention::DisentangledAttention(std::int64_t heads, double scale, RelativeRows rows,
                                             Projection keys, Projection queries)
    : state_(std::make_shared<State>()) {
  state_->heads = heads;
  state_->scale = scale;
  state_->rows = rows;
  state_->keys = std::move(keys);
  state_->queries = std::move(queries);
}

Tensor DisentangledAttention::operator()(const Tensor& qkv, const Sequences& seqs) const {
  if (!state_->keys && !state_->queries)
    return attend(qkv, state_->heads, seqs, {.scale = state_->scale});
  const bool kernel = kernel_computes(qkv);
  if (kernel && qkv.scalar_type() == at::kHalf)
    return (*this)(qkv.to(at::kFloat), seqs).to(at::kHalf);
  Tensor out = at::empty({qkv.size(0), qkv.size(1) / 3}, qkv.options());
  if (kernel)
    state_->with_kernel(qkv, seqs, out);
  else
    state_->with_libtorch(qkv, seqs, out);
  return out;
}

}  // namespace hft
