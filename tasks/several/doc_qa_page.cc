// Reference: DocumentQuestionAnsweringPipeline of transformers 4.57.
#include "tasks/several/doc_qa_page.h"

#include <algorithm>

#include "core/base/text.h"
#include "media/draw.h"
#include "media/image_write.h"

namespace hft {
namespace {

constexpr std::size_t kPagesKept = 64;
constexpr std::int64_t kMostStride = 256;  // the pipeline's

enum Place { kImage, kQuestion, kWordBoxes };  // of the columns

struct Windows {
  std::vector<Encoding> encodings;
  std::shared_ptr<const PageWords> page;
};

// The words of an answer on one line of the page, as one box.
std::vector<media::DrawnBox> boxes_of(const WordSpan& span, const PageWords& page,
                                      const media::Image& image) {
  std::vector<media::DrawnBox> lines;
  const double across = static_cast<double>(image.width) / kPageSide,
               down = static_cast<double>(image.height) / kPageSide;
  for (auto w = span.begin; w <= span.end; ++w) {
    const auto& box = page.boxes[static_cast<std::size_t>(w)];
    const media::DrawnBox word{box[0] * across, box[1] * down, box[2] * across, box[3] * down};
    const double middle = (word.ymin + word.ymax) / 2;
    if (lines.empty() || middle < lines.back().ymin || middle > lines.back().ymax ||
        word.xmin < lines.back().xmin) {
      lines.push_back(word);
    } else {
      auto& line = lines.back();
      line.xmax = std::max(line.xmax, word.xmax);
      line.ymin = std::min(line.ymin, word.ymin);
      line.ymax = std::max(line.ymax, word.ymax);
    }
  }
  return lines;
}

std::string answer_of(const WordSpan& span, const PageWords& page) {
  if (span.none || span.end < span.begin) return "";
  return joined(std::span(page.words)
                    .subspan(static_cast<std::size_t>(span.begin),
                             static_cast<std::size_t>(span.end - span.begin + 1)),
                " ");
}

void draw_answers(const std::vector<WordSpan>& answers, const PageWords& page, const Media& picture,
                  const std::string& name, const SavedFiles& files) {
  const media::Image image = image_of(picture);
  std::vector<media::DrawnBox> boxes;
  for (const WordSpan& span : answers) {
    if (span.none) continue;
    for (media::DrawnBox& line : boxes_of(span, page, image)) {
      line.label = answer_of(span, page);
      line.score = span.score;
      boxes.push_back(std::move(line));
    }
  }
  files.save(name + ".png", media::png_of(media::with_boxes(image, std::move(boxes))));
}

// Room for `most` tokens; what of it the question leaves.
EncodeOptions window_options(const PageQuestions& q, const TextContext& context,
                             const std::vector<std::string>& question) {
  const std::int64_t most = q.max_seq_len > 0 ? q.max_seq_len : context.max_tokens;
  if (most > context.max_tokens)
    fail(Errc::kUsage, "--max-seq-len: ", most, " is more than the model takes, ",
         context.max_tokens);
  const auto asked = static_cast<std::int64_t>(
      context.tokenizer.encode_words(question, {.add_special_tokens = false}).size());
  const std::int64_t room = most - asked - context.tokenizer.added_specials(true);
  if (room < 1)
    fail(Errc::kBadData, "the question has ", asked,
         " tokens, which leaves no room for the page in the ", most, " that the model takes");
  const std::int64_t stride =
      q.doc_stride >= 0 ? q.doc_stride : std::min({most / 2, kMostStride, room - 1});
  return {
      .offsets = true, .truncation = Truncation::kOnlySecond, .max_length = most, .stride = stride};
}

// A box for each token: a word's own, the whole of the page's end for separators, none for others.
Sequence sequence_of(const Encoding& window, const PageWords& page, std::int32_t separator) {
  Sequence sequence{.ids = window.ids, .type_ids = window.type_ids};
  for (std::size_t t = 0; t < window.size(); ++t) {
    std::array<std::int32_t, 4> box{};
    if (window.sequence_ids[t] == 1)
      box = page.boxes[static_cast<std::size_t>(window.word_ids[t])];
    else if (window.ids[t] == separator)
      box.fill(kPageSide);
    sequence.boxes.insert(sequence.boxes.end(), box.begin(), box.end());
  }
  return sequence;
}

std::vector<WordSpan> spans_of(const Windows& windows, std::span<const Matrix> results,
                               std::int32_t cls, const AnswerRules& rules) {
  std::vector<std::vector<float>> sides;
  for (const Matrix& logits : results)
    for (const std::size_t side : {0, 1}) {
      auto& column = sides.emplace_back();
      for (std::int64_t t = 0; t < logits.rows; ++t) column.push_back(logits.row(t)[side]);
    }
  std::vector<AnswerWindow> answers;
  for (std::size_t w = 0; w < results.size(); ++w)
    answers.push_back({&windows.encodings[w], sides[2 * w], sides[2 * w + 1]});
  return find_word_spans(answers, cls, rules);
}

}  // namespace

std::shared_ptr<const PageWords> PageReader::read(const Input& input) const {
  const media::Image image = input.image(kImage);
  return std::make_shared<const PageWords>(
      words_of_table(media::ocr_backend().table(image, options_), image.width, image.height));
}

std::shared_ptr<const PageWords> PageReader::words(const Input& input) {
  if (input.has(kWordBoxes))
    return std::make_shared<const PageWords>(
        words_of_boxes(parse_json(input.text(kWordBoxes), input.place)));
  if (given_) return given_;
  if (!input.has(kImage)) fail(Errc::kBadData, "has neither an image nor word_boxes");
  const std::string& source = std::get<Media>(*input.values[kImage]).source;
  std::promise<std::shared_ptr<const PageWords>> promise;
  Words words;
  {
    const std::scoped_lock lock(mutex_);
    const auto [place, fresh] = read_.try_emplace(source);
    if (!fresh) {
      words = place->second;
    } else {
      place->second = promise.get_future().share();
      order_.push_back(source);
      if (order_.size() > kPagesKept) {
        read_.erase(order_.front());
        order_.pop_front();
      }
    }
  }
  if (words.valid()) return words.get();
  try {
    auto made = read(input);
    promise.set_value(made);
    return made;
  } catch (...) {
    promise.set_exception(std::current_exception());
    throw;
  }
}

Prepare page_questions(const PageQuestions& q, const TextContext& context, PageReader& reader,
                       const SavedFiles& files) {
  const auto cls = context.tokenizer.special_id("cls").value_or(-1);
  const auto separator = context.tokenizer.special_id("sep").value_or(-1);
  return [&q, &context, &reader, &files, cls, separator](const Input& input) {
    const auto question = unicode_words(input.text(kQuestion));
    if (question.empty()) fail(Errc::kBadData, "the question is empty");
    auto windows = std::make_shared<Windows>();
    windows->page = reader.words(input);
    windows->encodings = context.tokenizer.encode_pair_windows(
        question, windows->page->words, window_options(q, context, question));
    Prepared prepared;
    for (const Encoding& window : windows->encodings)
      prepared.sequences.push_back(sequence_of(window, *windows->page, separator));
    std::optional<Media> drawn;
    if (files.wanted() && input.has(kImage)) drawn = std::get<Media>(*input.values[kImage]);
    prepared.finish = [=, &q, &files,
                       name = saved_name(input)](std::span<const Matrix> results) -> Json {
      const PageWords& page = *windows->page;
      const auto answers = spans_of(*windows, results, cls, q.rules);
      if (drawn) draw_answers(answers, page, *drawn, name, files);
      Json list = Json::array();
      for (const WordSpan& span : answers)
        list.push_back({{"score", span.score},
                        {"answer", answer_of(span, page)},
                        {"start", span.begin},
                        {"end", span.end}});
      return list;
    };
    return prepared;
  };
}

}  // namespace hft
