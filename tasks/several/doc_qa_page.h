// What hft doc-qa does with models that read the words of a page: where the words come from, what
// the model is asked, and where an answer stands.
#pragma once

#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/processors/page_words.h"
#include "core/processors/spans.h"
#include "media/ocr.h"
#include "tasks/run/rows.h"
#include "tasks/run/saved_files.h"
#include "tasks/run/text_task.h"

namespace hft {

// The words of pages, each read once for all questions to it that are not far apart.
class PageReader {
 public:
  // given: the words of every page, where a file says them; may be null.
  PageReader(media::OcrOptions options, std::shared_ptr<const PageWords> given)
      : options_(std::move(options)), given_(std::move(given)) {}
  // Of an input with the columns image, question and word_boxes. From any thread.
  std::shared_ptr<const PageWords> words(const Input& input);

 private:
  using Words = std::shared_future<std::shared_ptr<const PageWords>>;
  std::shared_ptr<const PageWords> read(const Input& input) const;

  media::OcrOptions options_;
  std::shared_ptr<const PageWords> given_;
  std::mutex mutex_;
  std::map<std::string, Words> read_;  // by the picture's source
  std::deque<std::string> order_;
};

struct PageQuestions {
  AnswerRules rules;
  std::int64_t doc_stride = -1, max_seq_len = -1;  // -1: as the pipeline
};

// Answers are drawn into `files`, where they are wanted.
Prepare page_questions(const PageQuestions& questions, const TextContext& context,
                       PageReader& reader, const SavedFiles& files);

}  // namespace hft
