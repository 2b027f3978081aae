// Reference: the texts of ZeroShotImageClassificationPipeline: SigLIP's are filled up to 64 tokens,
// which it was trained with, and none of them is masked; SiglipTokenizer.
#include "tasks/run/text_space.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/checkpoint/sentence_folder.h"
#include "core/templates/python_text.h"
#include "core/tokenizers/word_models.h"

namespace hft {
namespace {
constexpr std::int64_t kSiglipTokens = 64;

// Lowered, without the punctuation of ASCII, spaces only single and inside.
std::string canonical(const std::string& text) {
  std::string kept;
  for (const char c : jinja::lower(text))
    if (static_cast<unsigned char>(c) >= 0x80 || !std::ispunct(static_cast<unsigned char>(c))) kept += c;
  std::string words;
  for (const auto& word : python_words(kept)) words += (words.empty() ? "" : " ") + word;
  return words;
}

}  // namespace

float cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0, left = 0, right = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * b[i];
    left += double{a[i]} * a[i];
    right += double{b[i]} * b[i];
  }
  return static_cast<float>(dot / std::max(std::sqrt(left * right), 1e-24));
}

std::vector<float> likenesses(std::span<const float> vector, const Matrix& texts, Likeness how) {
  std::vector<float> logits;
  for (std::int64_t i = 0; i < texts.rows; ++i)
    logits.push_back(how.scale * cosine(vector, texts.row(i)) + how.bias);
  return logits;
}

TextSpace::TextSpace(const std::filesystem::path& folder, const Fields& config, TextReader& model)
    : tokenizer_(Tokenizer::load(folder)),
      model_(model),
      siglip_(config.text("model_type").find("siglip") != std::string::npos),
      most_(std::min(model.max_positions(), tokenizer_.model_max_length().value_or(INT64_MAX))) {
  canonical_ = optional_fields(folder / "tokenizer_config.json").text("tokenizer_class", "") ==
               "SiglipTokenizer";
  if (siglip_) most_ = std::min(model.max_positions(), kSiglipTokens);
}

std::vector<std::int32_t> TextSpace::ids_of(const std::string& given) const {
  const std::string text = canonical_ ? canonical(given) : given;
  EncodeOptions options{.add_special_tokens = true};
  Encoding encoding = tokenizer_.encode(text, options);
  if (std::ssize(encoding.ids) > most_) {
    note("a text was cut: " + std::to_string(encoding.ids.size()) + " tokens, the model takes " +
         std::to_string(most_));
    options.truncation = Truncation::kLongestFirst;
    options.max_length = most_;
    encoding = tokenizer_.encode(text, options);
  }
  if (siglip_) encoding.ids.resize(static_cast<std::size_t>(most_), tokenizer_.special_id("pad").value_or(1));
  return encoding.ids;
}

Matrix TextSpace::read(const std::vector<std::string>& texts) const {
  TokenBatch batch;
  for (const auto& text : texts) {
    const auto ids = ids_of(text);
    batch.ids.insert(batch.ids.end(), ids.begin(), ids.end());
    batch.starts.push_back(static_cast<std::int32_t>(batch.ids.size()));
  }
  return model_.read(batch);
}

}  // namespace hft
