// Texts that are written to others: translations, answers to prompts, turns of an assistant. Only what
// is to be written is learned. Reference: run_translation.py, DataCollatorForSeq2Seq; trl's
// SFTTrainer (assistant_only_loss).
#include <algorithm>

#include "core/base/error.h"
#include "tasks/train/kinds.h"

namespace hft {
namespace {

constexpr std::int32_t kUnlearned = -100;

using Range = std::pair<std::int64_t, std::int64_t>;  // of code points, half open

std::int64_t code_points(const std::string& text) {
  return std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
}

// A chat as the model's template writes it, with the ranges that are an assistant's.
struct WrittenChat {
  std::string text;
  std::vector<Range> answers;
};

// Without marks in the template: from where it asks for an answer to where the answer's turn ends.
WrittenChat written_by_turns(const TrainRow& row, const Encoder& e, const ChatOptions& options) {
  const Json& messages = row.messages;
  const auto part = [&](std::size_t count, bool asks) {
    Json some = Json::array();
    for (std::size_t i = 0; i < count; ++i) some.push_back(messages[i]);
    ChatOptions own = options;
    own.add_generation_prompt = asks;
    return e.chats->apply(some, own).text;
  };
  WrittenChat chat{.text = part(messages.size(), false)};
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (messages[i]["role"] != "assistant") continue;
    const std::string before = i == 0 ? "" : part(i, true), after = part(i + 1, false);
    if (!after.starts_with(before) || !chat.text.starts_with(after))
      fail_hint(Errc::kBadData, "{% generation %} in the template marks what is learned", row.place,
                ": the chat template writes message ", i,
                " otherwise in a longer conversation, so that its tokens are not known");
    chat.answers.emplace_back(code_points(before), code_points(after));
  }
  return chat;
}

WrittenChat written_chat(const TrainRow& row, const Encoder& e) {
  ChatOptions options;
  options.variables = e.special_tokens;
  const Rendered rendered = e.chats->apply(row.messages, options);
  const bool marks = e.chats->source(false).find("generation %}") != std::string::npos ||
                     e.chats->source(false).find("generation -%}") != std::string::npos;
  if (!marks || !e.assistant_marks) return written_by_turns(row, e, options);
  return {rendered.text, rendered.generated};
}

// What is in the ranges is learned, from the token of the first character to that of the last.
TrainExample learned_in(const std::string& text, const std::vector<Range>& ranges,
                        const Encoder& e) {
  EncodeOptions options{.add_special_tokens = false, .offsets = true};
  const Encoding encoding = e.tokenizer->encode(text, options);
  TrainExample example{.ids = encoding.ids};
  example.classes.assign(example.ids.size(), kUnlearned);
  for (const auto& [begin, end] : ranges)
    for (std::size_t i = 0; i < encoding.size(); ++i)
      if (encoding.offsets[i].begin < end && encoding.offsets[i].end > begin)
        example.classes[i] = encoding.ids[i];
  return example;
}

// A prompt and its completion, which the end of the text follows.
TrainExample completed(const TrainRow& row, const Encoder& e) {
  const auto prompt = e.tokenizer->encode(row.text).ids;
  TrainExample example{.ids = e.tokenizer->encode(row.text + row.pair).ids};
  if (const auto eos = e.tokenizer->special_id("eos");
      eos && (example.ids.empty() || example.ids.back() != *eos))
    example.ids.push_back(*eos);
  std::size_t same = 0;
  while (same < prompt.size() && same < example.ids.size() && prompt[same] == example.ids[same])
    ++same;
  example.classes = example.ids;
  std::fill_n(example.classes.begin(), same, kUnlearned);
  return example;
}

void cut(TrainExample& example, std::int64_t length) {
  const auto most = static_cast<std::size_t>(length);
  if (example.ids.size() <= most) return;
  example.ids.resize(most);
  example.classes.resize(most);
}

std::vector<std::int32_t> encoded(const std::string& text, std::int64_t most, const Encoder& e) {
  return e.tokenizer
      ->encode(text, {.truncation = Truncation::kLongestFirst, .max_length = most})
      .ids;
}

}  // namespace

void blocks_or_chats(const TrainRows& rows, const Encoder& e, const TakeExample& take) {
  Blocks blocks(e, take);
  bool texts = false;
  rows([&](TrainRow&& row) {
    if (row.messages.is_null() && !row.has_pair) {
      texts = true;
      return blocks.add(row.text);
    }
    TrainExample example;
    if (row.has_pair) {
      example = completed(row, e);
    } else {
      const WrittenChat chat = with_context(row.place, [&] { return written_chat(row, e); });
      example = learned_in(chat.text, chat.answers, e);
    }
    cut(example, e.max_length);
    // The first token has nothing before it to be learned from.
    if (std::ranges::all_of(example.classes.begin() + !example.classes.empty(),
                            example.classes.end(), [](auto c) { return c == kUnlearned; }))
      fail(Errc::kBadData, row.place, ": has no token of an answer to learn",
           row.has_pair ? "" : " (within --max-length, of an assistant's turn)");
    take(std::move(example));
  });
  if (texts) blocks.end();
}

// The decoder reads what it writes one token later, after its start (shift_tokens_right): config's,
// or in mBART the text's own last token.
void written_texts(const TrainRows& rows, const Encoder& e, const TakeExample& take) {
  const bool last_first = e.config.text("model_type", "") == "mbart";
  const auto start = e.config.integer(
      e.config.has("decoder_start_token_id") ? "decoder_start_token_id" : "pad_token_id", 0,
      INT32_MAX, 0);
  rows([&](TrainRow&& row) {
    TrainExample example{.source = encoded(e.source_prefix + row.text, e.max_length, e)};
    example.classes = encoded(row.pair, e.max_target_length, e);
    if (example.source.empty() || example.classes.empty())
      fail(Errc::kBadData, row.place, ": has no tokens");
    example.ids = {last_first ? example.classes.back() : static_cast<std::int32_t>(start)};
    example.ids.insert(example.ids.end(), example.classes.begin(), example.classes.end() - 1);
    take(std::move(example));
  });
}

void paired_texts(const TrainRows& rows, const Encoder& e, const TakeExample& take) {
  rows([&](TrainRow&& row) {
    TrainExample example{.ids = encoded(row.text, e.max_length, e)};
    for (const std::string& other : row.words)
      example.others.push_back(encoded(other, e.max_length, e));
    const bool empty = std::ranges::any_of(example.others, [](const auto& o) { return o.empty(); });
    if (empty || example.ids.empty()) fail(Errc::kBadData, row.place, ": has no tokens");
    take(std::move(example));
  });
}

}  // namespace hft
