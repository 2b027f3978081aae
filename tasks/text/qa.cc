// hft qa: a question and a text in, the passage that answers it out.
// Reference: QuestionAnsweringPipeline.

#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/processors/spans.h"
#include "tasks/commands.h"
#include "tasks/run/drawing.h"
#include "tasks/run/text_task.h"

namespace hft {
namespace {

constexpr std::int64_t kMaxSeqLen = 384, kDocStride = 128;  // the pipeline's

struct QaOptions {
  TextOptions common;
  std::string question, context, context_file;
  AnswerRules rules;
  std::int64_t doc_stride = -1, max_seq_len = -1, max_question_len = 64;
};

Json answer_to_json(const Answer& a) {
  return {{"score", a.score}, {"start", a.begin}, {"end", a.end}, {"answer", a.text}};
}

EncodeOptions window_options(const QaOptions& o, const TextContext& context) {
  const std::int64_t length =
      o.max_seq_len > 0 ? o.max_seq_len : std::min(context.max_tokens, kMaxSeqLen);
  const std::int64_t stride = o.doc_stride >= 0 ? o.doc_stride : std::min(length / 2, kDocStride);
  if (length > context.max_tokens)
    fail(Errc::kUsage, "--max-seq-len: ", length, " is more than the model takes, ",
         context.max_tokens);
  if (stride > length)
    fail(Errc::kUsage, "--doc-stride: ", stride, " is larger than --max-seq-len, ", length);
  return {.offsets = true,
          .truncation = Truncation::kOnlySecond,
          .max_length = length,
          .stride = stride};
}

Prepare setup_qa(const QaOptions& o, const TextContext& context) {
  const EncodeOptions options = window_options(o, context);
  return [&o, &context, options](const Input& input) {
    const std::string &text = input.text(0), &question = input.text(1);
    if (question.empty()) fail(Errc::kBadData, "the question is empty");
    if (text.empty()) fail(Errc::kBadData, "the context is empty");
    auto windows = std::make_shared<std::vector<Encoding>>(
        context.tokenizer.encode_pair_windows(question, text, options));
    Prepared prepared;
    for (const Encoding& window : *windows)
      prepared.sequences.push_back(to_sequence(context, window));
    prepared.finish = [&o, &context, windows, text](std::span<const Matrix> results) -> Json {
      std::vector<std::vector<float>> starts, ends;
      std::vector<AnswerWindow> logits;
      for (std::size_t w = 0; w < windows->size(); ++w) {
        std::vector<float>&start = starts.emplace_back(), &end = ends.emplace_back();
        for (std::int64_t t = 0; t < results[w].rows; ++t) {
          start.push_back(results[w].row(t)[0]);
          end.push_back(results[w].row(t)[1]);
        }
      }
      for (std::size_t w = 0; w < windows->size(); ++w)
        logits.push_back({&(*windows)[w], starts[w], ends[w]});
      const auto cls = context.tokenizer.special_id("cls").value_or(-1);
      Json list = Json::array();
      for (const Answer& a : find_answers(text, logits, cls, o.rules))
        list.push_back(answer_to_json(a));
      return o.rules.top_k == 1 && list.size() == 1 ? Json(list[0]) : list;
    };
    return prepared;
  };
}

std::string draw_qa(const Input& input, const Json& output) {
  std::string out = heading(input);
  for (const Json& a : output.is_array() ? output : Json::array({output})) {
    char score[32];
    std::snprintf(score, sizeof score, "  %.4f  ", a["score"].get<double>());
    out += score + escape_controls(a["answer"].get<std::string>()) + "\n";
  }
  return out;
}

int run_qa(const Flags& flags, QaOptions& o) {
  if (!o.context.empty() && !o.context_file.empty())
    fail(Errc::kUsage, "--context and --context-file contradict each other");
  if (!o.context_file.empty()) {
    o.context = read_file(o.context_file, limits::kLineBytes);
    if (auto bad = utf8_error(o.context))
      fail(Errc::kBadData, o.context_file, ": not UTF-8 at byte ", *bad);
  }
  auto& columns = o.common.input.columns;
  if (!o.question.empty()) columns[1].fixed = o.question;
  if (flags.given("--context") || !o.context_file.empty()) {
    columns[0].fixed = o.context;
    if (o.common.input.files.empty() && o.common.input.values.empty())
      o.common.input.values = {o.context};
  }
  TextTask task{
      .head = Head::kAnswer,
      .default_model = "distilbert/distilbert-base-cased-distilled-squad",
      .verb = "answering",
      .rendering = {.text = draw_qa},
      .setup = [&o](const TextContext& context) { return setup_qa(o, context); },
  };
  return run_text_task(flags, o.common, task);
}

std::function<int()> declare_qa(Flags& flags) {
  auto o = std::make_shared<QaOptions>();
  flags.footer(
      "Examples:\n"
      "  hft qa --question \"What is the capital?\" --context \"Paris is the capital of France.\"\n"
      "  hft qa --question \"Who wrote it?\" < article.txt\n"
      "  hft qa -i squad.jsonl --json            (columns question and context)");
  flags.add("--question", o->question, "The question, for every text").metavar("TEXT");
  flags.add("--context", o->context, "The text that holds the answer").metavar("TEXT");
  flags.add("--context-file", o->context_file, "Read that text from FILE").metavar("FILE");
  flags.add("--top-k", o->rules.top_k, "Answers per question")
      .metavar("N")
      .range(1, 1'000'000)
      .show_default();
  flags.add("--doc-stride", o->doc_stride, "Tokens that neighbouring windows of a long text share")
      .metavar("N")
      .range(0, 1'000'000'000);
  flags.add("--max-answer-len", o->rules.max_answer_tokens, "Tokens of the longest answer")
      .metavar("N")
      .range(1, 1'000'000)
      .show_default();
  flags.add("--max-seq-len", o->max_seq_len, "Tokens of a window, question included")
      .metavar("N")
      .range(1, 1'000'000);
  flags
      .add("--max-question-len", o->max_question_len,
           "Accepted; like the pipeline, questions are not cut")
      .metavar("N")
      .show_default();
  flags.add("--handle-impossible-answer", o->rules.impossible, "An empty answer may win");
  add_text_options(flags, o->common, {{.name = "context"}, {.name = "question"}});
  return [o, flags] { return run_qa(flags, *o); };
}

}  // namespace

extern const Command qa_command{"qa", "Text", "Answer questions from a text", declare_qa};

}  // namespace hft
