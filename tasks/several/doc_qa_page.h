// What hft doc-qa does with models that read the words of a page: where the words come from, what
// the model is asked and shown, and where an answer stands.
#pragma once

#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/processors/image_processor.h"
#include "core/processors/page_words.h"
#include "core/processors/spans.h"
#include "media/ocr.h"
#include "tasks/run/rows.h"
#include "tasks/run/saved_files.h"
#include "tasks/run/text_task.h"

namespace hft {

struct Page {
  std::shared_ptr<const PageWords> words;
  std::shared_ptr<const Pixels> pixels;  // null: the model does not look, or there is no picture
};

// Pages, each read once for all questions to it that are not far apart.
class PageReader {
 public:
  // given: the words of every page, where a file says them; may be null.
  PageReader(media::OcrOptions options, std::shared_ptr<const PageWords> given)
      : options_(std::move(options)), given_(std::move(given)) {}
  // Has pages looked at too, before the first of them.
  void look_with(ImageProcessor processor) { processor_ = std::move(processor); }
  // Of an input with the columns image, question and word_boxes. From any thread.
  Page page(const Input& input);

 private:
  Page read(const Input& input, std::shared_ptr<const PageWords> words) const;
  // The same, once for each source of pictures.
  Page read_once(const Input& input, std::shared_ptr<const PageWords> words);

  media::OcrOptions options_;
  std::shared_ptr<const PageWords> given_;
  std::optional<ImageProcessor> processor_;
  std::mutex mutex_;
  std::map<std::string, std::shared_future<Page>> read_;  // by the picture's source
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
