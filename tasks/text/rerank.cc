// hft rerank: passages by how well they answer a query, best first, or a score for every pair.
// Reference: sentence-transformers 6, CrossEncoder.predict and rank.
#include <cstdio>

#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/sentence_folder.h"
#include "core/processors/scores.h"
#include "tasks/commands.h"
#include "tasks/run/drawing.h"
#include "tasks/run/text_task.h"
#include "tasks/text/ranking_sink.h"

namespace hft {
namespace {

enum Columns { kPassage, kQuery, kPassages };

struct RerankOptions {
  TextOptions common;
  std::string query, function;
  std::int64_t top_k = -1, max_length = 0;
  bool ranking = false;
};

// What config.json says in its own field, and in those of versions before 4.
std::string activation_of(const Fields& settings, const Fields& config) {
  const Fields own = config.object("sentence_transformers");
  return settings.text("activation_fn",
                       own.text("activation_fn",
                                own.has("activation_fn")
                                    ? ""
                                    : config.text("sbert_ce_default_activation_function", "")));
}

ScoreFunction rerank_function_for(const RerankOptions& o, const Fields& settings,
                                  const TextContext& context) {
  if (!o.function.empty()) return score_function(o.function);
  const std::string path = activation_of(settings, context.config),
                    kind = path.substr(path.rfind('.') + 1);
  const ScoreFunction usual =
      context.labels.size() == 1 ? ScoreFunction::kSigmoid : ScoreFunction::kNone;
  if (path.empty()) return usual;
  if (!path.starts_with("torch.")) {
    note("activation_fn '" + path +
         "' is Python code from elsewhere, which is never run; the usual one takes its place");
    return usual;
  }
  for (const auto& [name, function] : {std::pair{"Identity", ScoreFunction::kNone},
                                       {"Sigmoid", ScoreFunction::kSigmoid},
                                       {"Softmax", ScoreFunction::kSoftmax}})
    if (kind == name) return function;
  fail_hint(Errc::kUnsupported, "--function-to-apply says what to do with the logits",
            context.config.where(), ": activation_fn '", path,
            "' is not supported, wanted Identity, Sigmoid or Softmax");
}

// The prompt that is put before every query.
std::string prompt_of(const Fields& settings) {
  const std::string name = settings.text("default_prompt_name", "");
  return name.empty() ? "" : settings.object("prompts").text(name, "");
}

void need_one_score(const TextContext& context) {
  if (context.labels.size() != 1)
    fail_hint(Errc::kUnsupported, "rows with query and text get the list of scores of each",
              "passages are ranked by one score, the model gives ", context.labels.size());
}

class Reranking {
 public:
  Reranking(const RerankOptions& o, const Fields& settings, const TextContext& context)
      : o_(o),
        context_(context),
        function_(rerank_function_for(o, settings, context)),
        prompt_(prompt_of(settings)) {
    if (o.ranking) need_one_score(context);
  }

  Prepared operator()(const Input& input) const {
    const std::string query = prompt_ + (o_.ranking ? o_.query : input.text(kQuery));
    if (!input.has(kPassage)) return several(query, input);
    Prepared prepared;
    prepared.sequences.push_back(sequence(query, input.text(kPassage)));
    prepared.finish = [function = function_](std::span<const Matrix> results) -> Json {
      Json scores = Json::array();
      for (const float score : apply(function, results[0].row(0))) scores.push_back(number(score));
      return scores.size() == 1 ? Json(scores[0]) : scores;
    };
    return prepared;
  }

 private:
  Sequence sequence(const std::string& query, const std::string& passage) const {
    return to_sequence(context_, encode_within(context_, query, &passage,
                                               Truncation::kLongestFirst, false));
  }

  // The passages of one row, ranked.
  Prepared several(const std::string& query, const Input& input) const {
    if (!input.has(kPassages))
      fail(Errc::kBadData, input.place, ": has no column '",
           o_.common.input.columns[kPassage].source, "' and no '",
           o_.common.input.columns[kPassages].source, "'");
    need_one_score(context_);
    Prepared prepared;
    const Json passages = parse_exact_json(input.text(kPassages), input.place);
    for (const Json& passage : passages) {
      if (!passage.is_string())
        fail(Errc::kBadData, input.place, ": document ", prepared.sequences.size(), " is ",
             type_of(passage), ", wanted a string");
      prepared.sequences.push_back(sequence(query, passage.get<std::string>()));
    }
    prepared.finish = [function = function_, k = o_.top_k](std::span<const Matrix> results) {
      std::vector<float> scores;
      for (const Matrix& logits : results) scores.push_back(apply(function, logits.row(0))[0]);
      Json ranked = Json::array();
      for (const std::int64_t i : best(scores, k))
        ranked.push_back({{"corpus_id", i}, {"score", number(scores[i])}});
      return ranked;
    };
    return prepared;
  }

  const RerankOptions& o_;
  const TextContext& context_;
  ScoreFunction function_;
  std::string prompt_;
};

std::string scored(const Json& score, const std::string& text) {
  char shown[32];
  std::snprintf(shown, sizeof shown, "%9.4f  ", score.get<double>());
  return shown + text;
}

std::string draw_rerank(const Input& input, const Json& output) {
  if (output.is_number()) return scored(output, heading(input));
  std::string out = heading(input);
  for (const Json& one : output) {
    if (one.is_number()) {
      out += scored(one, "\n");
      continue;
    }
    Input passage;
    passage.shown = input.shown["documents"][one["corpus_id"].get<std::size_t>()];
    out += scored(one["score"], heading(passage));
  }
  return out;
}

int run_rerank(const Flags& flags, RerankOptions& o) {
  o.ranking = flags.given("--query");
  if (o.ranking && (o.common.output.resume || !o.common.output.folder.folder.empty()))
    fail(Errc::kUsage, o.common.output.resume ? "--resume" : "--output-dir",
         " and --query contradict each other");
  if (o.ranking && o.common.input.columns[kQuery].named)
    fail(Errc::kUsage, "--query-column: the one query is that of --query");
  SentenceFolder folder;
  TextTask task{.head = Head::kClassify,
                .default_model = "cross-encoder/ms-marco-MiniLM-L6-v2",
                .verb = "reranking",
                .rendering = {.text = draw_rerank},
                .sentences = true};
  task.source = [&](const fs::path& base) {
    folder = read_cross_encoder_folder(base);
    return TextSource{.folder = folder.input, .config = folder.input};
  };
  task.request = [&](ModelRequest& request) { request.folder = folder.input; };
  task.setup = [&](const TextContext& context) { return Reranking(o, folder.settings, context); };
  task.max_tokens = [&](const TextContext&) {
    return o.max_length > 0
               ? o.max_length
               : folder.encoder_settings.integer("max_seq_length", 1, limits::kPositions, 0);
  };
  TextOptions common = o.common;
  if (o.ranking) {
    common.input.columns.resize(1);  // the data's own queries are not read
    common.input.columns[kPassage].optional = false;
    task.sink = [&](std::unique_ptr<RecordWriter> writer) {
      return make_ranking_sink(std::move(writer), o.top_k, [](const Input&, const Json& score) {
        return std::optional(score.get<float>());
      });
    };
  }
  return run_text_task(flags, common, task);
}

std::function<int()> declare_rerank(Flags& flags) {
  auto o = std::make_shared<RerankOptions>();
  flags.footer(
      "Examples:\n"
      "  hft rerank --query \"When are you open?\" --top-k 3 --lines < faq.txt\n"
      "  hft rerank -m DIR --query \"red boats\" \"Nine boats.\" \"The clock is broken.\"\n"
      "  hft rerank -m DIR -i pairs.jsonl --json -o scores.jsonl\n\n"
      "Rows of data are pairs, with the columns query and text, and get a score each; or a query "
      "with a\n"
      "list of documents, which are ranked.");
  flags.add("--query", o->query, "Rank the inputs by how well they answer TEXT, best first")
      .metavar("TEXT");
  flags.add("--top-k", o->top_k, "Show the N best of what is ranked")
      .metavar("N")
      .range(1, 1'000'000'000);
  flags.add("--max-length", o->max_length, "Tokens of a query and a text that are read")
      .metavar("N")
      .range(1, 1 << 24);
  flags
      .add("--function-to-apply", o->function,
           "Logits to scores; default: as the model says, else sigmoid for one score")
      .one_of(kScoreFunctions);
  add_text_options(
      flags, o->common,
      {{.name = "text", .optional = true},
       {.name = "query"},
       {.name = "documents", .optional = true, .alternative = true, .kind = Kind::kList}});
  return [o, flags] { return run_rerank(flags, *o); };
}

}  // namespace

extern const Command rerank_command{
    "rerank", "Text", "Rank passages by how well they answer a query, best first", declare_rerank};

}  // namespace hft
