#include "tasks/train/kinds.h"

#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {

const std::vector<TrainTask>& train_tasks() {
  static const std::vector<std::string> kClassifiers{"classifier", "score", "pre_classifier"};
  static const std::vector<TrainTask> kTasks{
      {"text-classification", "classify", Learner::kReader, Objective::kClasses,
       "ForSequenceClassification", "SEQ_CLS", kClassifiers, Kind::kText, texts_with_labels,
       labelled_texts},
      {"token-classification", "ner", Learner::kReader, Objective::kTokens,
       "ForTokenClassification", "TOKEN_CLS", kClassifiers, Kind::kText, tagged_words,
       labelled_words},
      {"question-answering", "qa", Learner::kReader, Objective::kAnswers, "ForQuestionAnswering",
       "QUESTION_ANS", {"qa_outputs"}, Kind::kText, questions, answered_questions},
      {"text-generation", "generate", Learner::kCausalLm, Objective::kCausal, "", "CAUSAL_LM", {},
       Kind::kText, texts_or_chats, blocks_or_chats},
      {"text2text-generation", "translate", Learner::kSeq2SeqLm, Objective::kWritten, "",
       "SEQ_2_SEQ_LM", {}, Kind::kText, sources_and_targets, written_texts},
      {"fill-mask", "fill-mask", Learner::kReader, Objective::kMasked, "ForMaskedLM",
       "FEATURE_EXTRACTION", {}, Kind::kText, texts, blocks_of},
      {"image-classification", "image-classify", Learner::kImage, Objective::kClasses,
       "ForImageClassification", "", kClassifiers, Kind::kImage, pictures, labelled_pictures},
      {"audio-classification", "audio-classify", Learner::kSound, Objective::kClasses,
       "ForSequenceClassification", "", kClassifiers, Kind::kSound, sounds, labelled_sounds},
      {"automatic-speech-recognition", "transcribe", Learner::kSound, Objective::kCtc, "ForCTC", "",
       {"lm_head"}, Kind::kSound, spoken_texts, lettered_sounds},
      {"sentence-similarity", "embed", Learner::kEmbedder, Objective::kPairs, "",
       "FEATURE_EXTRACTION", {}, Kind::kText, text_pairs, paired_texts},
      {"text-ranking", "rerank", Learner::kReader, Objective::kMultiLabel,
       "ForSequenceClassification", "SEQ_CLS", kClassifiers, Kind::kText, ranked_pairs,
       labelled_texts}};
  return kTasks;
}

const TrainTask& train_task(const std::string& name) {
  std::vector<std::string> names;
  for (const TrainTask& task : train_tasks()) {
    if (task.name == name || task.short_name == name) return task;
    names.push_back(task.name);
  }
  constexpr std::pair<const char*, const char*> kSame[] = {{"translation", "text2text-generation"},
                                                           {"summarization", "text2text-generation"},
                                                           {"summarize", "text2text-generation"},
                                                           {"feature-extraction", "sentence-similarity"}};
  for (const auto& [other, task] : kSame)
    if (name == other) return train_task(task);
  fail(Errc::kUsage, "--task: '", name, "' is not one of ", joined(names, ", "));
}

}  // namespace hft
