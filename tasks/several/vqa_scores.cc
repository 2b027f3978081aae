// Reference: VisualQuestionAnsweringPipeline of transformers 4.57, where the model writes nothing.
#include "tasks/several/vqa_scores.h"

#include "core/base/log.h"
#include "core/checkpoint/config.h"
#include "core/engine.h"
#include "core/processors/scores.h"
#include "tasks/run/drawing.h"
#include "tasks/run/media_worker.h"
#include "tasks/run/album.h"

namespace hft {
namespace {

// A question, and the picture it is about.
struct AskedPicture {
  std::shared_ptr<const Pixels> pixels;
  std::vector<std::int32_t> question;
};
std::size_t numbers_of(const AskedPicture& asked) {
  return asked.pixels ? asked.pixels->data.size() : 0;
}
const AskedPicture* view_of(const AskedPicture& asked) { return &asked; }

// A model that answers, as a MediaWorker sees one.
struct AnswerModel {
  ImageModel& model;
  std::int64_t together() const { return model.together(); }
  std::vector<Matrix> forward(std::span<const AskedPicture* const> asked) {
    std::vector<PictureView> pictures;
    Questions questions;
    for (const AskedPicture* one : asked) {
      questions.of.push_back(static_cast<std::int32_t>(pictures.size()));
      pictures.push_back(view_of(*one->pixels));
      questions.texts.ids.insert(questions.texts.ids.end(), one->question.begin(),
                                 one->question.end());
      questions.texts.starts.push_back(static_cast<std::int32_t>(questions.texts.ids.size()));
    }
    const Matrix logits = model.answer(pictures, questions);
    std::vector<Matrix> rows;
    for (std::int64_t i = 0; i < logits.rows; ++i)
      rows.push_back({1, logits.cols, {logits.row(i).begin(), logits.row(i).end()}});
    return rows;
  }

 private:
  static PictureView view_of(const Pixels& pixels) { return hft::view_of(pixels); }
};

using AnswerJob = MediaJob<AskedPicture, Matrix>;
using AnswerWorker = MediaWorker<AnswerModel, AskedPicture, Matrix>;

Json best_answers(const Matrix& logits, const std::vector<Json>& labels, std::int64_t top_k) {
  const auto scores = sigmoid(logits.data);
  Json list = Json::array();
  for (const auto i : best(scores, top_k))
    list.push_back({{"score", number(scores[static_cast<std::size_t>(i)])},
                    {"answer", labels.at(static_cast<std::size_t>(i))}});
  return list;
}

}  // namespace

int run_scored_answers(const Flags& flags, const PictureTextOptions& o, std::int64_t top_k,
                       const std::filesystem::path& folder) {
  ModelRequest request = model_request(o.model, folder, Head::kFeatures);
  request.image_head = ImageHead::kAnswer;
  const auto labels = labels_of(read_config(folder));
  RecordWriter records(
      o.output,
      {.text = [](const Input& input,
                  const Json& output) { return draw_bars(input, output, "answer"); }},
      fingerprint(flags, folder));
  InputReader reader(o.input, o.output.keep_columns);
  auto loading = load_in_background<ImageModel>(request);
  const Tokenizer tokenizer = unless_unsupported(loading, [&] { return Tokenizer::load(folder); });
  const auto processor =
      unless_unsupported(loading, [&] { return ImageProcessor::from_folder(folder); });
  const std::unique_ptr<ImageModel> model = loading.get();
  for (const auto& warning : model->warnings()) note(warning);
  Album album([&](const media::Image& image) { return processor(image); });
  const auto prepare = [&](const Input& input) -> std::unique_ptr<Job> {
    AskedPicture asked{.question = tokenizer.encode(input.text(1)).ids};
    if (const auto length = std::ssize(asked.question); length > model->max_positions())
      fail(Errc::kUsage, "the question has ", length, " tokens, but the model takes at most ",
           model->max_positions());
    asked.pixels = album.pixels(std::get<Media>(*input.values[0]));
    return std::make_unique<AnswerJob>(std::move(asked), [&](const Matrix& logits) {
      return best_answers(logits, labels, top_k);
    });
  };
  AnswerModel answers{*model};
  AnswerWorker worker(answers, batch_size(o.model));
  return run({.reader = reader,
              .sink = records,
              .prepare = prepare,
              .worker = &worker,
              .verb = "answering",
              .unit = "picture",
              .threads = reader_threads()});
}

}  // namespace hft
