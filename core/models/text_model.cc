#include "core/models/text_model.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "core/base/error.h"

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

class EncoderModel : public TextModel {
 public:
  EncoderModel(TextNet net, Head head, Runtime runtime, std::optional<SentenceModules> sentences,
               std::vector<std::string> warnings)
      : net_(std::move(net)),
        head_(head),
        runtime_(runtime),
        sentences_(std::move(sentences)),
        warnings_(std::move(warnings)) {}

  Matrix forward(const TokenBatch& batch) override {
    return translate_errors([&] {
      const c10::InferenceMode no_gradients;
      if (runtime_.threads > 0 && at::get_num_threads() != runtime_.threads)
        at::set_num_threads(runtime_.threads);
      Tokens tokens = read(batch);
      if (tokens.seqs.count() == 0) return Matrix{};
      const Tensor result = run(tokens);
      if (!at::isfinite(result).all().item<bool>()) fail_not_finite(tokens);
      return copy_out(result);
    });
  }
  std::int64_t max_positions() const override { return net_.positions; }
  const std::vector<std::string>& warnings() const override { return warnings_; }

 private:
  Tokens read(const TokenBatch& batch) const {
    check(batch);
    Tokens tokens;
    tokens.seqs.starts.assign(batch.starts.begin(), batch.starts.end());
    const auto number = [&](const std::vector<std::int32_t>& values) {
      auto* data = const_cast<std::int32_t*>(values.data());
      return at::from_blob(data, {static_cast<std::int64_t>(values.size())}, at::kInt)
          .to(runtime_.device, at::kLong);
    };
    tokens.ids = number(batch.ids);
    if (net_.types > 0 && !batch.type_ids.empty()) tokens.type_ids = number(batch.type_ids);
    if (head_ == Head::kClassify)
      tokens.rows = tokens.seqs.first_rows();
    else if (head_ == Head::kMaskedLm && !batch.rows.empty())
      tokens.rows = number(batch.rows);
    else if (sentences_)
      tokens.rows = sentences_->rows(tokens.seqs);
    if (tokens.rows.defined()) tokens.rows = tokens.rows.to(runtime_.device);
    return tokens;
  }

  void check(const TokenBatch& batch) const {
    const auto count = static_cast<std::int64_t>(batch.ids.size());
    if (batch.starts.empty() || batch.starts.front() != 0 || batch.starts.back() != count)
      fail(Errc::kFailure, "a batch's starts do not span its ", count, " tokens");
    if (!batch.type_ids.empty() && batch.type_ids.size() != batch.ids.size())
      fail(Errc::kFailure, "a batch has ", batch.type_ids.size(), " token types, wanted ", count);
    for (std::size_t b = 1; b < batch.starts.size(); ++b) {
      const auto length = std::int64_t{batch.starts[b]} - batch.starts[b - 1];
      if (length < 1) fail(Errc::kBadData, "input ", b - 1, " of the batch has no tokens");
      if (length > net_.positions)
        fail(Errc::kUsage, "an input has ", length, " tokens, but the model takes at most ",
             net_.positions);
    }
    check_range(batch.ids, net_.vocab, "token id");
    if (net_.types > 0) check_range(batch.type_ids, net_.types, "token type");
    check_range(batch.rows, count, "row");
  }

  static void check_range(const std::vector<std::int32_t>& values, std::int64_t limit,
                          std::string_view what) {
    for (auto value : values)
      if (value < 0 || value >= limit)
        fail(Errc::kBadData, what, " ", value, " is outside [0, ", limit, ") of the model");
  }

  Tensor run(const Tokens& tokens) const {
    Tensor hidden = net_.encode(tokens);  // [R,D]
    if (sentences_) return (*sentences_)(hidden, tokens.seqs);
    if (!net_.head) return hidden;
    return net_.head(hidden);
  }

  // Runs once more, looking at every layer's output.
  [[noreturn]] void fail_not_finite(Tokens tokens) const {
    tokens.watch = [](const std::string& layer, const Tensor& output) {
      const bool nan = at::isnan(output).any().item<bool>();
      if (nan || at::isinf(output).any().item<bool>())
        fail(Errc::kNotFinite, nan ? "NaN" : "infinity", " first shows in the output of '", layer,
             "'");
    };
    run(tokens);
    fail(Errc::kNotFinite, "NaN or infinity first shows in the output of the head");
  }

  static Matrix copy_out(const Tensor& result) {
    const Tensor values = result.to(at::kCPU, at::kFloat).contiguous();
    const auto* data = values.const_data_ptr<float>();
    return {values.size(0), values.size(1), {data, data + values.numel()}};
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
