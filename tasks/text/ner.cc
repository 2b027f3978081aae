// hft ner: text in, the entities named in it out.
// Reference: TokenClassificationPipeline.
#include <map>

#include "core/base/text.h"
#include "core/processors/entities.h"
#include "core/processors/scores.h"
#include "tasks/commands.h"
#include "tasks/run/drawing.h"
#include "tasks/run/list_option.h"
#include "tasks/run/text_task.h"

namespace hft {
namespace {

struct NerOptions {
  TextOptions common;
  Aggregation aggregation = Aggregation::kSimple;
  std::int64_t stride = -1;
  std::vector<std::string> ignored{"O"};
};

const std::map<std::string, Aggregation> kAggregations{{"none", Aggregation::kNone},
                                                       {"simple", Aggregation::kSimple},
                                                       {"first", Aggregation::kFirst},
                                                       {"average", Aggregation::kAverage},
                                                       {"max", Aggregation::kMax}};

Json entity_to_json(const std::vector<Entity>& entities, Aggregation aggregation) {
  Json list = Json::array();
  for (const Entity& e : entities) {
    Json one;
    one[aggregation == Aggregation::kNone ? "entity" : "entity_group"] = e.label;
    one["score"] = number(e.score);
    if (aggregation == Aggregation::kNone) one["index"] = e.index;
    one["word"] = e.word;
    one["start"] = e.span.begin;
    one["end"] = e.span.end;
    list.push_back(std::move(one));
  }
  return list;
}

std::vector<Encoding> windows_of(const NerOptions& o, const TextContext& context,
                                 const std::string& text) {
  if (o.stride < 0) return {encode_within(context, text, nullptr, Truncation::kLongestFirst, true)};
  EncodeOptions options{.offsets = true,
                        .truncation = Truncation::kLongestFirst,
                        .max_length = context.max_tokens,
                        .stride = o.stride};
  return context.tokenizer.encode_windows(text, options);
}

Prepare setup_ner(const NerOptions& o, const TextContext& context) {
  if (o.stride >= 0) {
    if (o.aggregation == Aggregation::kNone)
      fail(Errc::kUsage, "--stride needs --aggregation-strategy simple, first, average or max");
    const std::int64_t room = context.max_tokens - context.tokenizer.added_specials(false);
    if (o.stride >= room)
      fail(Errc::kUsage, "--stride: ", o.stride, " is outside [0, ", room - 1,
           "], the tokens of a window less one");
  }
  return [&o, &context](const Input& input) {
    auto windows = std::make_shared<std::vector<Encoding>>(windows_of(o, context, input.text()));
    Prepared prepared;
    for (const Encoding& window : *windows)
      prepared.sequences.push_back(to_sequence(context, window));
    prepared.finish = [&o, &context, windows,
                       text = input.text()](std::span<const Matrix> results) {
      const EntityRules rules{o.aggregation, {o.ignored.begin(), o.ignored.end()}, &context.labels};
      std::vector<Entity> entities;
      for (std::size_t w = 0; w < windows->size(); ++w) {
        std::vector<std::vector<float>> scores;
        for (std::int64_t t = 0; t < results[w].rows; ++t)
          scores.push_back(softmax_of(results[w].row(t)));
        for (Entity& e : find_entities(text, (*windows)[w], scores, context.tokenizer, rules))
          entities.push_back(std::move(e));
      }
      if (windows->size() > 1) entities = merge_overlapping(std::move(entities));
      return entity_to_json(entities, o.aggregation);
    };
    return prepared;
  };
}

std::string draw_ner(const Input& input, const Json& output) {
  std::string out = heading(input);
  for (const Json& e : output) {
    char line[64];
    std::snprintf(line, sizeof line, "  %5ld-%-5ld %.4f  ", static_cast<long>(e["start"]),
                  static_cast<long>(e["end"]), e["score"].get<double>());
    const Json& label = e.contains("entity") ? e["entity"] : e["entity_group"];
    out += line + label_text(label) + "  " +
           escape_controls(e["word"].get<std::string>()) + "\n";
  }
  return out;
}

std::function<int()> declare_ner(Flags& flags) {
  auto o = std::make_shared<NerOptions>();
  flags.footer(
      "Examples:\n"
      "  hft ner \"Hugging Face is based in New York City.\"\n"
      "  hft ner --aggregation-strategy max --stride 64 -i report.txt --json");
  const auto aggregation = [o](const std::string& name) {
    o->aggregation = kAggregations.at(name);
  };
  flags.add("--aggregation-strategy", aggregation, "How tokens become entities")
      .one_of({"none", "simple", "first", "average", "max"})
      .show_default("simple");
  flags.add("--stride", o->stride, "Read long texts in windows that share N tokens")
      .metavar("N")
      .range(0, 1'000'000'000);
  add_list_option(flags, "--ignore-labels", o->ignored, "Labels left out").show_default("O");
  add_text_options(flags, o->common, {{.name = "text"}});
  return [o, flags] {
    TextTask task{
        .head = Head::kTokenClassify,
        .default_model = "dbmdz/bert-large-cased-finetuned-conll03-english",
        .verb = "finding entities",
        .rendering = {.text = draw_ner},
        .setup = [o](const TextContext& context) { return setup_ner(*o, context); },
    };
    return run_text_task(flags, o->common, task);
  };
}

}  // namespace

extern const Command ner_command{
    "ner", "Text", "Find the names in texts: people, places, organisations", declare_ner};

}  // namespace hft
