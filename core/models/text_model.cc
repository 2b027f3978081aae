#include "core/models/text_model.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <atomic>

#include "core/base/error.h"
#include "core/nn/finite.h"
#include "core/nn/workers.h"

namespace hft {

void rethrow_translated(const c10::Error& error) {
  std::string text = error.what_without_backtrace();
  text = text.substr(0, text.find('\n'));
  if (text.find("not enough memory") != std::string::npos ||
      text.find("out of memory") != std::string::npos)
    fail(Errc::kResources, "out of memory: ", text);
  fail(Errc::kFailure, "LibTorch: ", text);
}

void fail_out_of_memory() { fail(Errc::kResources, "out of memory"); }

namespace {

// Work is shared out by sequences: each core computes whole chunks of the batch by itself, so that
// cores meet once a batch instead of once an operation.
constexpr std::int64_t kChunkTokens = 512;  // activations of a chunk stay near the core's cache
constexpr std::int64_t kSharedTokens = 64;  // fewer are faster on one core

struct Chunk {
  std::int64_t begin = 0, end = 0;  // sequences
};

// Chunks of about equal numbers of tokens, a multiple of `workers` of them where there is enough.
std::vector<Chunk> split(const TokenBatch& batch, int workers) {
  const auto tokens = static_cast<std::int64_t>(batch.ids.size());
  const auto round = [&](std::int64_t part) { return (tokens + part - 1) / part; };
  auto count = (round(kChunkTokens) + workers - 1) / workers * workers;
  count = std::clamp<std::int64_t>(std::min(count, tokens / kSharedTokens), 1, batch.size());
  std::vector<Chunk> chunks;
  for (std::int64_t b = 0; b < batch.size(); ++b) {
    const auto next = batch.starts[b] * count / std::max<std::int64_t>(tokens, 1);
    if (chunks.empty() || next > static_cast<std::int64_t>(chunks.size()) - 1)
      chunks.push_back({b, b});
    chunks.back().end = b + 1;
  }
  return chunks;
}

class EncoderModel : public TextModel {
 public:
  EncoderModel(TextNet net, Head head, Runtime runtime, std::optional<SentenceModules> sentences,
               std::vector<std::string> warnings)
      : net_(std::move(net)),
        head_(head),
        runtime_(std::move(runtime)),
        sentences_(std::move(sentences)),
        warnings_(std::move(warnings)) {}

  Matrix forward(const TokenBatch& batch) override {
    check(batch);
    return translate_errors([&] {
      const bool few = static_cast<std::int64_t>(batch.ids.size()) < kSharedTokens;
      const OnPool on(few ? nullptr : runtime_.pool.get());
      const int workers = runtime_.device.is_cpu() ? cores() : 1;
      return join(batch, split(batch, workers), workers);
    });
  }
  std::int64_t max_positions() const override { return net_.positions; }
  std::int64_t trained_positions() const override {
    return net_.trained_positions > 0 ? net_.trained_positions : net_.positions;
  }
  bool reads_boxes() const override { return net_.places > 0; }
  bool sees_pages() const override { return net_.page.channels > 0; }
  const std::vector<std::string>& warnings() const override { return warnings_; }

 private:
  // One chunk after the other on each core; their rows in order.
  Matrix join(const TokenBatch& batch, const std::vector<Chunk>& chunks, int workers) const {
    std::vector<Matrix> parts(chunks.size());
    std::atomic<std::size_t> next = 0;
    const auto work = [&](int) {
      const c10::InferenceMode no_gradients;
      std::optional<OnPool> alone;
      if (chunks.size() > 1) alone.emplace(nullptr);
      for (std::size_t i; (i = next++) < chunks.size();) parts[i] = compute(read(batch, chunks[i]));
    };
    if (chunks.size() <= 1)
      work(0);
    else
      on_each_core(std::min<int>(workers, chunks.size()), work);
    Matrix whole = std::move(parts.empty() ? Matrix{} : parts[0]);
    for (std::size_t i = 1; i < parts.size(); ++i) {
      whole.rows += parts[i].rows;
      whole.data.insert(whole.data.end(), parts[i].data.begin(), parts[i].data.end());
    }
    return whole;
  }

  Tokens read(const TokenBatch& batch, Chunk chunk) const {
    Tokens tokens;
    const auto first = batch.starts[chunk.begin], last = batch.starts[chunk.end];
    tokens.seqs.device = runtime_.device;
    tokens.seqs.starts.clear();
    for (auto b = chunk.begin; b <= chunk.end; ++b)
      tokens.seqs.starts.push_back(batch.starts[b] - first);
    const auto numbers = [&](const std::int32_t* begin, std::int64_t count) {
      return at::from_blob(const_cast<std::int32_t*>(begin), {count}, at::kInt)
          .to(runtime_.device, at::kLong);
    };
    tokens.ids = numbers(batch.ids.data() + first, last - first);
    if (net_.types > 0 && !batch.type_ids.empty())
      tokens.type_ids = numbers(batch.type_ids.data() + first, last - first);
    if (net_.places > 0 && !batch.boxes.empty())
      tokens.boxes = numbers(batch.boxes.data() + 4 * first, 4 * (last - first)).view({-1, 4});
    if (sees_pages() && !batch.pages.empty())
      for (auto b = chunk.begin; b < chunk.end; ++b)
        tokens.pages.push_back(pixels_of(batch.pages[static_cast<std::size_t>(b)]));
    if (head_ == Head::kClassify) tokens.rows = tokens.seqs.first_rows();
    if (sentences_) {
      if (!batch.prompts.empty())
        tokens.prompts.assign(batch.prompts.begin() + chunk.begin,
                              batch.prompts.begin() + chunk.end);
      tokens.rows = sentences_->rows(tokens);
    }
    if (head_ == Head::kMaskedLm && !batch.rows.empty()) {
      const auto begin = std::ranges::lower_bound(batch.rows, first);
      const auto end = std::ranges::lower_bound(batch.rows, last);
      tokens.rows = numbers(batch.rows.data() + (begin - batch.rows.begin()), end - begin) - first;
    }
    return tokens;
  }

  Tensor pixels_of(const PictureView& page) const {  // [C,H,W]
    if (!page.data) return {};
    return at::from_blob(const_cast<float*>(page.data), {page.channels, page.height, page.width},
                         at::kFloat)
        .to(runtime_.device);
  }

  void check(const TokenBatch& batch) const {
    const auto count = static_cast<std::int64_t>(batch.ids.size());
    if (batch.starts.empty() || batch.starts.front() != 0 || batch.starts.back() != count)
      fail(Errc::kFailure, "a batch's starts do not span its ", count, " tokens");
    if (!batch.type_ids.empty() && batch.type_ids.size() != batch.ids.size())
      fail(Errc::kFailure, "a batch has ", batch.type_ids.size(), " token types, wanted ", count);
    for (std::size_t b = 1; b < batch.starts.size(); ++b) {
      const auto length = std::int64_t{batch.starts[b]} - batch.starts[b - 1];
      if (length < 1 && !net_.reads_nothing)
        fail(Errc::kBadData, "input ", b - 1, " of the batch has no tokens");
      if (length > net_.positions)
        fail(Errc::kUsage, "an input has ", length, " tokens, but the model takes at most ",
             net_.positions);
    }
    check_range(batch.ids, net_.vocab, "token id");
    if (net_.types > 0) check_range(batch.type_ids, net_.types, "token type");
    if (net_.places > 0) check_boxes(batch);
    if (sees_pages()) check_pages(batch);
    check_range(batch.rows, count, "row");
    if (!std::ranges::is_sorted(batch.rows))
      fail(Errc::kFailure, "a batch's rows are not ascending");
  }

  static void check_range(const std::vector<std::int32_t>& values, std::int64_t limit,
                          std::string_view what) {
    for (auto value : values)
      if (value < 0 || value >= limit)
        fail(Errc::kBadData, what, " ", value, " is outside [0, ", limit, ") of the model");
  }

  void check_boxes(const TokenBatch& batch) const {
    if (!batch.boxes.empty() && batch.boxes.size() != 4 * batch.ids.size())
      fail(Errc::kFailure, "a batch has ", batch.boxes.size(), " sides of boxes, wanted ",
           4 * batch.ids.size());
    check_range(batch.boxes, net_.places, "side of a box");
    for (std::size_t i = 0; i < batch.boxes.size(); i += 4)
      if (batch.boxes[i + 2] < batch.boxes[i] || batch.boxes[i + 3] < batch.boxes[i + 1])
        fail(Errc::kBadData, "a box ends before it begins");
  }

  void check_pages(const TokenBatch& batch) const {
    const PageSight& wanted = net_.page;
    if (!batch.pages.empty() && std::ssize(batch.pages) != batch.size())
      fail(Errc::kFailure, "a batch has ", batch.pages.size(), " pages, wanted ", batch.size());
    for (const PictureView& page : batch.pages)
      if (page.data && (page.channels != wanted.channels || page.height != wanted.height ||
                        page.width != wanted.width))
        fail(Errc::kBadData, "a page has ", page.height, " x ", page.width, " pixels of ",
             page.channels, " channels, but the model sees ", wanted.height, " x ", wanted.width,
             " of ", wanted.channels);
  }

  Matrix compute(const Tokens& tokens) const {
    const Tensor values = run(tokens).to(at::kCPU, at::kFloat).contiguous();
    const auto* data = values.const_data_ptr<float>();
    Matrix matrix{values.size(0), values.size(1), {data, data + values.numel()}};
    if (!all_finite(matrix.data)) fail_not_finite(tokens);
    return matrix;
  }

  Tensor run(const Tokens& tokens) const {
    Tensor hidden = net_.encode(tokens);  // [R,D]
    if (sentences_) return (*sentences_)(hidden, tokens);
    if (!net_.head) return hidden;
    return net_.head(hidden);
  }

  // Runs once more, looking at every layer's output.
  [[noreturn]] void fail_not_finite(Tokens tokens) const {
    tokens.watch = find_not_finite;
    run(tokens);
    fail(Errc::kNotFinite, "NaN or infinity first shows in the output of the head");
  }

  TextNet net_;
  Head head_;
  Runtime runtime_;
  std::optional<SentenceModules> sentences_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::unique_ptr<TextModel> make_text_model(TextNet net, Head head, Runtime runtime,
                                           std::optional<SentenceModules> sentences,
                                           std::vector<std::string> warnings) {
  return std::make_unique<EncoderModel>(std::move(net), head, runtime, std::move(sentences),
                                        std::move(warnings));
}

}  // namespace hft
