// hft fill-mask: a text with a hole in, the words that fill it best out.
// Reference: FillMaskPipeline.
#include <algorithm>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/processors/scores.h"
#include "tasks/commands.h"
#include "tasks/run/drawing.h"
#include "tasks/run/list_option.h"
#include "tasks/run/text_task.h"

namespace hft {
namespace {

struct FillMaskOptions {
  TextOptions common;
  std::int64_t top_k = 5;
  std::vector<std::string> targets;
};

// Ids of --targets; a word that is no token stands for its first one.
std::vector<std::int32_t> target_ids(const std::vector<std::string>& targets,
                                     const Tokenizer& tokenizer) {
  std::vector<std::int32_t> ids;
  for (const std::string& target : targets) {
    std::optional<std::int32_t> id = tokenizer.id(target);
    if (!id) {
      const Encoding pieces = tokenizer.encode(target, {.add_special_tokens = false});
      if (pieces.ids.empty()) {
        note("--targets: '" + target + "' has no token; left out");
        continue;
      }
      id = pieces.ids[0];
      note("--targets: '" + target + "' is no token of the model; '" + tokenizer.token(*id) +
           "' stands for it");
    }
    if (std::find(ids.begin(), ids.end(), *id) == ids.end()) ids.push_back(*id);
  }
  if (ids.empty()) fail(Errc::kUsage, "--targets: none of them has a token");
  return ids;
}

struct Filler {
  const Tokenizer& tokenizer;
  std::int64_t top_k;
  std::vector<std::int32_t> targets;  // empty: the whole vocabulary

  Json fill(const std::vector<std::int32_t>& ids, std::int32_t position, bool only_mask,
            std::span<const float> logits) const {
    std::vector<float> scores = softmax_of(logits);
    std::vector<float> wanted;
    for (std::int32_t id : targets) {
      if (static_cast<std::size_t>(id) >= scores.size())
        fail(Errc::kBadData, "--targets: '", tokenizer.token(id), "' is token ", id,
             " of the tokenizer, but the model scores ", scores.size());
      wanted.push_back(scores[static_cast<std::size_t>(id)]);
    }
    const std::vector<float>& from = targets.empty() ? scores : wanted;
    const auto pad = tokenizer.special_id("pad");
    Json list = Json::array();
    for (std::int64_t i : best(from, top_k)) {
      const auto id =
          targets.empty() ? static_cast<std::int32_t>(i) : targets[static_cast<std::size_t>(i)];
      std::vector<std::int32_t> filled = ids;
      filled[static_cast<std::size_t>(position)] = id;
      if (pad) std::erase(filled, *pad);
      list.push_back({{"score", number(from[static_cast<std::size_t>(i)])},
                      {"token", id},
                      {"token_str", tokenizer.decode({id}, false)},
                      {"sequence", tokenizer.decode(filled, only_mask)}});
    }
    return list;
  }
};

Prepare setup_fill_mask(const FillMaskOptions& o, const TextContext& context) {
  const auto mask = context.tokenizer.special_id("mask");
  if (!mask) fail(Errc::kUnsupported, context.folder.string(), ": its tokenizer has no mask token");
  auto filler = std::make_shared<Filler>(Filler{context.tokenizer, o.top_k, {}});
  if (!o.targets.empty()) filler->targets = target_ids(o.targets, context.tokenizer);
  return [&context, filler, mask](const Input& input) {
    const Encoding encoding =
        encode_within(context, input.text(), nullptr, Truncation::kLongestFirst, false);
    Sequence sequence = to_sequence(context, encoding);
    for (std::size_t i = 0; i < sequence.ids.size(); ++i)
      if (sequence.ids[i] == *mask) sequence.rows.push_back(static_cast<std::int32_t>(i));
    if (sequence.rows.empty())
      fail(Errc::kBadData, "no mask token (", context.tokenizer.token(*mask), ") in the text");
    Prepared prepared;
    prepared.finish = [filler, ids = sequence.ids,
                       rows = sequence.rows](std::span<const Matrix> results) {
      Json list = Json::array();
      for (std::size_t r = 0; r < rows.size(); ++r)
        list.push_back(filler->fill(ids, rows[r], rows.size() == 1,
                                    results[0].row(static_cast<std::int64_t>(r))));
      return rows.size() == 1 ? Json(list[0]) : list;
    };
    prepared.sequences.push_back(std::move(sequence));
    return prepared;
  };
}

std::string draw_fill_mask(const Input& input, const Json& output) {
  if (output.empty() || output[0].is_object()) return draw_bars(input, output, "token_str");
  std::string out;
  for (const Json& mask : output) out += draw_bars(input, mask, "token_str");
  return out;
}

std::function<int()> declare_fill_mask(Flags& flags) {
  auto o = std::make_shared<FillMaskOptions>();
  flags.footer(
      "Examples:\n"
      "  hft fill-mask -m DIR \"Paris is the [MASK] of France.\"\n"
      "  hft fill-mask -m DIR --targets good,bad \"The film was [MASK].\"");
  flags.add("--top-k", o->top_k, "Words per hole")
      .metavar("N")
      .range(1, 1'000'000'000)
      .show_default();
  add_list_option(flags, "--targets", o->targets, "Choose among these words only",
                  ListForm::kLabels);
  add_text_options(flags, o->common, {{.name = "text"}});
  return [o, flags] {
    TextTask task{
        .head = Head::kMaskedLm,
        .default_model = "distilbert/distilroberta-base",
        .verb = "filling",
        .rendering = {.text = draw_fill_mask},
        .setup = [o](const TextContext& context) { return setup_fill_mask(*o, context); },
    };
    return run_text_task(flags, o->common, task);
  };
}

}  // namespace

extern const Command fill_mask_command{"fill-mask", "Text", "Guess the word behind a mask",
                                       declare_fill_mask};

}  // namespace hft
