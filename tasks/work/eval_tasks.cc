#include "tasks/work/eval_tasks.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "tasks/run/task_names.h"

namespace hft {
namespace {

const std::vector<std::string> kLabelColumns{"label", "labels", "cls"};

const std::vector<std::string> kRelevanceColumns{"qrels", "relevances", "relevance"};
const std::vector<std::string> kRankingMetrics{"ndcg@10", "mrr@10", "recall@100"};

const std::vector<EvalTask>& tasks() {
  static const std::vector<std::string> kTextColumns{"reference", "references", "target", "answer",
                                                     "answers"};
  static const std::vector<EvalTask> kTasks{
      {"text-classification", "classify", AnswerKind::kLabels, kLabelColumns,
       {"accuracy", "f1"}, {"--top-k=all"}},
      {"zero-shot-classification", "classify", AnswerKind::kLabels, kLabelColumns,
       {"accuracy", "f1"}, {}},
      {"token-classification", "ner", AnswerKind::kTags,
       {"ner_tags", "tags", "entities", "labels"},
       {"precision", "recall", "f1", "accuracy"},
       {"--aggregation-strategy=none", R"(--ignore-labels=[""])"}},
      {"question-answering", "qa", AnswerKind::kAnswers, {"answers", "answer"},
       {"exact_match", "f1"}, {}},
      {"summarization", "summarize", AnswerKind::kTexts,
       {"summary", "highlights", "reference", "references", "target"},
       {"rouge1", "rouge2", "rougeL", "rougeLsum"}, {}},
      {"translation", "translate", AnswerKind::kTexts,
       {"translation", "reference", "references", "target"}, {"bleu", "chrf"}, {}},
      {"text-generation", "generate", AnswerKind::kTexts, kTextColumns, {"exact_match"},
       {"--no-full-text", "--no-do-sample"}},
      {"image-classification", "image-classify", AnswerKind::kLabels, kLabelColumns,
       {"accuracy", "f1"}, {"--top-k=all"}, Kind::kImage},
      {"object-detection", "detect", AnswerKind::kBoxes, {"objects", "annotations", "boxes"},
       {"map", "map_50", "map_75"}, {"--threshold=0", "--exact-boxes"}, Kind::kImage},
      {"image-segmentation", "segment", AnswerKind::kRegions,
       {"annotation", "segments", "label", "mask", "semantic_segmentation"},
       {"mean_iou", "mean_accuracy", "overall_accuracy"}, {}, Kind::kImage},
      {"audio-classification", "audio-classify", AnswerKind::kLabels, kLabelColumns,
       {"accuracy", "f1"}, {"--top-k=all"}, Kind::kSound},
      {"automatic-speech-recognition", "transcribe", AnswerKind::kTexts,
       {"text", "transcription", "sentence", "reference", "txt"}, {"wer", "cer"}, {}, Kind::kSound},
      {"image-to-text", "caption", AnswerKind::kTexts, {"caption", "captions", "text", "reference", "references", "txt"},
       {"rougeL", "bleu"}, {}, Kind::kImage},
      {"visual-question-answering", "vqa", AnswerKind::kTexts, kTextColumns, {"exact_match"}, {},
       Kind::kImage},
      {"document-question-answering", "doc-qa", AnswerKind::kTexts, kTextColumns,
       {"anls", "exact_match"}, {}, Kind::kImage},
      {"feature-extraction", "embed", AnswerKind::kRanking, kRelevanceColumns, kRankingMetrics, {}},
      {"text-ranking", "rerank", AnswerKind::kRanking, kRelevanceColumns, kRankingMetrics, {}},
      {"multiple-choice", "loglikelihood", AnswerKind::kChoices, {"label", "gold", "answer"},
       {"acc", "acc_norm"}, {}},
      {"language-modeling", "loglikelihood", AnswerKind::kLikelihood, {},
       {"perplexity", "bits_per_byte", "byte_perplexity", "word_perplexity"}, {}},
  };
  return kTasks;
}

}  // namespace

const EvalTask& eval_task(const std::string& name) {
  const auto& all = tasks();
  const char* command = command_if_task(name);
  for (const std::string& wanted : {name, std::string(command ? command : "")})
    for (const EvalTask& task : all)
      if (task.id == wanted || task.command == wanted) return task;
  std::vector<std::string> names;
  for (const EvalTask& task : all) names.push_back(task.id);
  const auto near = nearest(name, names);
  fail(Errc::kUsage, "--task: there is no evaluation of '", name, "'; there is one of ",
       joined(names, ", "), near ? "; closest: '" + *near + "'" : "");
}

}  // namespace hft
