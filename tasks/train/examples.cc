#include "tasks/train/kinds.h"

#include <algorithm>
#include <random>
#include <utility>

#include "core/base/error.h"

namespace hft {
namespace {

constexpr std::int32_t kNone = -100;
constexpr std::int64_t kDocStride = 128;  // of run_qa.py

class Making {
 public:
  explicit Making(const Encoder& e) : e_(e) {
    options_.truncation = Truncation::kLongestFirst;
    options_.max_length = e.max_length;
  }

  TrainExample text(const TrainRow& row) {
    const Encoding encoding = row.has_pair ? e_.tokenizer->encode_pair(row.text, row.pair, options_)
                                           : e_.tokenizer->encode(row.text, options_);
    TrainExample example = example_of(encoding);
    e_.labels->give(row, example);
    return example;
  }

  // The first piece of each word has its label.
  TrainExample tagged(const TrainRow& row) {
    options_.offsets = true;
    const Encoding encoding = e_.tokenizer->encode_words(row.words, options_);
    const std::vector<std::int32_t> tags = e_.labels->classes(row);
    TrainExample example = example_of(encoding);
    std::int32_t last = -1;
    for (const std::int32_t word : encoding.word_ids) {
      example.classes.push_back(word >= 0 && word != last ? tags[word] : kNone);
      last = word;
    }
    return example;
  }

  // Each window of the context; the first token stands for an answer that is not in it.
  std::vector<TrainExample> question(const TrainRow& row) {
    options_.offsets = true;
    options_.truncation = Truncation::kOnlySecond;
    options_.stride = std::min(kDocStride, e_.max_length / 4);
    std::vector<TrainExample> windows;
    for (const Encoding& encoding :
         e_.tokenizer->encode_pair_windows(row.text, row.pair, options_)) {
      windows.push_back(example_of(encoding));
      windows.back().classes = answer_in(encoding, row);
    }
    return windows;
  }

 private:
  TrainExample example_of(const Encoding& encoding) const {
    TrainExample example{.ids = encoding.ids};
    if (e_.tokenizer->has_input("token_type_ids")) example.type_ids = encoding.type_ids;
    return example;
  }

  static std::vector<std::int32_t> answer_in(const Encoding& encoding, const TrainRow& row) {
    const Json& texts = row.label["text"];
    if (texts.empty()) return {0, 0};
    if (!texts[0].is_string() || !row.label["answer_start"][0].is_number_integer())
      fail(Errc::kBadData, row.place,
           ": the answer is no text with a whole number where it starts");
    const std::string text = texts[0];
    const auto begin = row.label["answer_start"][0].get<std::int64_t>();
    const auto length = std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
    std::int32_t first = -1, last = -1, low = -1, high = -1;
    for (std::size_t i = 0; i < encoding.size(); ++i) {
      if (encoding.sequence_ids[i] != 1) continue;
      const auto at = static_cast<std::int32_t>(i);
      if (low < 0) low = at;
      high = at;
      if (encoding.offsets[i].begin <= begin) first = at;
      if (last < 0 && encoding.offsets[i].end >= begin + length) last = at;
    }
    if (low < 0 || encoding.offsets[low].begin > begin ||
        encoding.offsets[high].end < begin + length)
      return {0, 0};
    return {first, last};
  }

  const Encoder& e_;
  EncodeOptions options_;
};

void show(TrainBatch& batch, const Shown& shown) {
  if (shown.picture) {
    const Pixels& p = *shown.picture;
    batch.pictures.push_back({p.channels, p.height, p.width, p.data.data()});
    batch.kept.push_back(shown.picture);
  }
  if (shown.sound) {
    const Features& f = *shown.sound;
    batch.sounds.push_back({f.data.data(), f.frames, f.bins});
    batch.kept.push_back(shown.sound);
  }
}

// Each token that is learned is a row with its class.
void add_rows(TrainBatch& batch, const TrainExample& example, Objective objective,
              std::int32_t first) {
  const auto count = static_cast<std::int32_t>(example.ids.size());
  if (objective == Objective::kTokens) {
    batch.classes.insert(batch.classes.end(), example.classes.begin(), example.classes.end());
    return;
  }
  for (std::int32_t i = 0; i + 1 < count; ++i) {  // kCausal
    if (example.classes[i + 1] == kNone) continue;
    batch.tokens.rows.push_back(first + i);
    batch.classes.push_back(example.classes[i + 1]);
  }
}

// 15 of 100 tokens: 80 % of them become the mask, 10 % any token, 10 % stay.
void mask(TrainBatch& batch, const TrainExample& example, std::int32_t first,
          std::mt19937_64& noise, const Masking& masking) {
  const auto uniform = [&] { return static_cast<double>(noise() >> 11) * 0x1p-53; };
  for (std::size_t i = 0; i < example.ids.size(); ++i) {
    if (example.classes[i] == kNone || uniform() >= masking.probability) continue;
    const auto at = first + static_cast<std::int32_t>(i);
    batch.tokens.rows.push_back(at);
    batch.classes.push_back(example.classes[i]);
    if (const double fate = uniform(); fate < 0.8)
      batch.tokens.ids[at] = masking.mask;
    else if (fate < 0.9)
      batch.tokens.ids[at] =
          static_cast<std::int32_t>(noise() % static_cast<std::uint64_t>(masking.vocab));
  }
}

}  // namespace

namespace {

void each_of(const TrainRows& rows, const TakeExample& take, const auto& make) {
  rows([&](TrainRow&& row) {
    for (TrainExample& example : make(row)) {
      if (example.ids.empty()) fail(Errc::kBadData, row.place, ": has no tokens");
      take(std::move(example));
    }
  });
}

}  // namespace

void labelled_texts(const TrainRows& rows, const Encoder& e, const TakeExample& take) {
  Making making(e);
  each_of(rows, take, [&](const TrainRow& row) { return std::vector{making.text(row)}; });
}

void labelled_words(const TrainRows& rows, const Encoder& e, const TakeExample& take) {
  Making making(e);
  each_of(rows, take, [&](const TrainRow& row) { return std::vector{making.tagged(row)}; });
}

void answered_questions(const TrainRows& rows, const Encoder& e, const TakeExample& take) {
  Making making(e);
  each_of(rows, take, [&](const TrainRow& row) { return making.question(row); });
}

void Blocks::add(const std::string& text) {
  const bool masked = e_.labels->objective == Objective::kMasked;
  const Encoding encoding = e_.tokenizer->encode(text);
  for (std::size_t i = 0; i < encoding.size(); ++i) {
    rest_.ids.push_back(encoding.ids[i]);
    rest_.classes.push_back(masked && encoding.special(i) ? kNone : encoding.ids[i]);
    if (std::ssize(rest_.ids) < e_.block_size) continue;
    take_(std::exchange(rest_, {}));
    any_ = true;
  }
}

void Blocks::end() {
  if (any_) return;
  if (rest_.ids.empty()) fail(Errc::kBadData, "the texts have no tokens");
  take_(std::move(rest_));
}

void blocks_of(const TrainRows& rows, const Encoder& e, const TakeExample& take) {
  Blocks blocks(e, take);
  rows([&](TrainRow&& row) { blocks.add(row.text); });
  blocks.end();
}

namespace {

void append(TokenBatch& to, const std::vector<std::int32_t>& ids) {
  to.ids.insert(to.ids.end(), ids.begin(), ids.end());
  to.starts.push_back(static_cast<std::int32_t>(to.ids.size()));
}

}  // namespace

TrainBatch batch_of(const std::vector<TrainExample>& examples, Objective objective,
                    const Masking& masking) {
  TrainBatch batch;
  std::mt19937_64 noise(masking.seed);
  for (const TrainExample& example : examples) {
    const auto first = static_cast<std::int32_t>(batch.tokens.ids.size());
    const auto add = [](auto& to, const auto& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    add(batch.tokens.ids, example.ids);
    add(batch.tokens.type_ids, example.type_ids);
    batch.tokens.starts.push_back(static_cast<std::int32_t>(batch.tokens.ids.size()));
    add(batch.targets, example.targets);
    if (example.shown) show(batch, example.shown());
    if (!example.source.empty()) append(batch.sources, example.source);
    if (objective == Objective::kMasked)
      mask(batch, example, first, noise, masking);
    else if (objective == Objective::kTokens || objective == Objective::kCausal)
      add_rows(batch, example, objective, first);
    else
      add(batch.classes, example.classes);
  }
  if (objective == Objective::kPairs) {  // all first texts, all second ones …
    const auto more = examples[0].others.size();
    batch.columns = static_cast<std::int64_t>(more) + 1;
    for (std::size_t column = 0; column < more; ++column)
      for (const TrainExample& example : examples) append(batch.tokens, example.others[column]);
  }
  if ((objective == Objective::kMasked || objective == Objective::kCausal) &&
      batch.tokens.rows.empty()) {
    batch.tokens.rows.push_back(0);  // nothing to learn: a row that counts for nothing
    batch.classes.push_back(kNone);
  }
  return batch;
}

}  // namespace hft
