// Reference: DocumentQuestionAnsweringPipeline of transformers 4.57.
#include "tasks/several/doc_qa_page.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/checkpoint/sentence_folder.h"
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

// Where special tokens stand on a page: the tokenizer's own boxes, else those of its kind. One that
// knows of boxes (LayoutLMv3's) has them in its class, for others the pipeline makes them up.
struct SpecialBoxes {
  using Box = std::array<std::int32_t, 4>;
  Box cls{}, separator{}, question{};
};

SpecialBoxes special_boxes(const TextContext& context) {
  const Fields own = optional_fields(context.folder / "tokenizer_config.json");
  const auto box = [&](const char* key, std::int32_t side) {
    SpecialBoxes::Box box{side, side, side, side};
    const Json* given = own.find(key);
    if (!given) return box;
    bool whole = given->is_array() && given->size() == box.size();
    for (std::size_t i = 0; whole && i < box.size(); ++i) {
      const Json& at = (*given)[i];
      whole = at.is_number_integer() && at >= 0 && at <= kPageSide;
      if (whole) box[i] = at.get<std::int32_t>();
    }
    if (!whole)
      fail(Errc::kBadData, own.where(), ": '", key, "' is ", to_line(*given),
           ", wanted four whole numbers from 0 to ", kPageSide);
    return box;
  };
  return {.cls = box("cls_token_box", 0),
          .separator = box("sep_token_box", context.sees_pages ? 0 : kPageSide),
          .question = box("pad_token_box", 0)};
}

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

// The ids of the special tokens that have boxes.
struct SpecialIds {
  std::int32_t cls, separator;
};

// A box for each token: a word's own, or that of its kind.
Sequence sequence_of(const Encoding& window, const Page& page, const SpecialIds& ids,
                     const SpecialBoxes& boxes) {
  Sequence sequence{.ids = window.ids, .type_ids = window.type_ids, .page = page.pixels};
  for (std::size_t t = 0; t < window.size(); ++t) {
    SpecialBoxes::Box box = boxes.question;
    if (window.sequence_ids[t] == 1)
      box = page.words->boxes[static_cast<std::size_t>(window.word_ids[t])];
    else if (window.ids[t] == ids.separator)
      box = boxes.separator;
    else if (window.ids[t] == ids.cls)
      box = boxes.cls;
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

Page PageReader::read(const Input& input, std::shared_ptr<const PageWords> words) const {
  const media::Image image = input.image(kImage);
  if (!words)
    words = std::make_shared<const PageWords>(
        words_of_table(media::ocr_backend().table(image, options_), image.width, image.height));
  Page page{std::move(words), {}};
  if (processor_) page.pixels = std::make_shared<const Pixels>((*processor_)(image));
  return page;
}

Page PageReader::read_once(const Input& input, std::shared_ptr<const PageWords> words) {
  const std::string& source = std::get<Media>(*input.values[kImage]).source;
  std::promise<Page> promise;
  std::shared_future<Page> known;
  {
    const std::scoped_lock lock(mutex_);
    const auto [place, fresh] = read_.try_emplace(source);
    if (!fresh) {
      known = place->second;
    } else {
      place->second = promise.get_future().share();
      order_.push_back(source);
      if (order_.size() > kPagesKept) {
        read_.erase(order_.front());
        order_.pop_front();
      }
    }
  }
  if (known.valid()) return known.get();
  try {
    Page made = read(input, std::move(words));
    promise.set_value(made);
    return made;
  } catch (...) {
    promise.set_exception(std::current_exception());
    throw;
  }
}

Page PageReader::page(const Input& input) {
  std::shared_ptr<const PageWords> words = given_;
  if (input.has(kWordBoxes))
    words = std::make_shared<const PageWords>(
        words_of_boxes(parse_json(input.text(kWordBoxes), input.place)));
  if (!input.has(kImage)) {
    if (!words) fail(Errc::kBadData, "has neither an image nor word_boxes");
    return {std::move(words), {}};
  }
  if (words && !processor_) return {std::move(words), {}};
  // Bytes have no name by which they could be known again; words of a column are its row's own.
  const bool named = !std::get<Media>(*input.values[kImage]).bytes && !input.has(kWordBoxes);
  return named ? read_once(input, std::move(words)) : read(input, std::move(words));
}

Prepare page_questions(const PageQuestions& q, const TextContext& context, PageReader& reader,
                       const SavedFiles& files) {
  const SpecialIds ids{context.tokenizer.special_id("cls").value_or(-1),
                       context.tokenizer.special_id("sep").value_or(-1)};
  const SpecialBoxes boxes = special_boxes(context);
  if (context.sees_pages) reader.look_with(ImageProcessor::from_folder(context.folder));
  return [&q, &context, &reader, &files, ids, boxes](const Input& input) {
    const auto question = unicode_words(input.text(kQuestion));
    if (question.empty()) fail(Errc::kBadData, "the question is empty");
    auto windows = std::make_shared<Windows>();
    const Page page = reader.page(input);
    windows->page = page.words;
    windows->encodings = context.tokenizer.encode_pair_windows(
        question, windows->page->words, window_options(q, context, question));
    Prepared prepared;
    for (const Encoding& window : windows->encodings)
      prepared.sequences.push_back(sequence_of(window, page, ids, boxes));
    std::optional<Media> drawn;
    if (files.wanted() && input.has(kImage)) drawn = std::get<Media>(*input.values[kImage]);
    prepared.finish = [=, &q, &files,
                       name = saved_name(input)](std::span<const Matrix> results) -> Json {
      const PageWords& page = *windows->page;
      const auto answers = spans_of(*windows, results, ids.cls, q.rules);
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
