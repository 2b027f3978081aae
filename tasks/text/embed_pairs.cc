#include "tasks/text/embed_pairs.h"

#include <algorithm>
#include <cmath>

#include "core/base/log.h"
#include "core/checkpoint/config.h"
#include "core/checkpoint/sentence_folder.h"
#include "core/engine.h"
#include "core/processors/image_processor.h"
#include "tasks/run/media_worker.h"
#include "tasks/run/named_files.h"
#include "tasks/run/text_space.h"

namespace hft {
namespace {

Json pair_vector_of(std::span<const float> values, bool normalize) {
  double length = 1;
  if (normalize) {
    double squares = 0;
    for (float x : values) squares += double{x} * x;
    length = std::max(std::sqrt(squares), 1e-12);
  }
  Json vector = Json::array();
  for (float x : values) vector.push_back(number(static_cast<float>(x / length)));
  return vector;
}

// A text is longer than any name may be.
bool is_file(const std::string& given) {
  std::error_code ignored;
  return fs::is_regular_file(given, ignored);
}
bool is_folder(const std::string& given) {
  std::error_code ignored;
  return fs::is_directory(given, ignored);
}

// Folders stand for the pictures in them.
std::vector<std::string> unfolded(const PairEmbedding& task) {
  std::vector<NamedFile> files;
  for (const auto& value : task.input.values)
    if (!task.as_text && is_folder(value))
      add_named({.recurse = task.input.recurse, .kind = Kind::kImage}, value, files);
    else
      files.push_back({value, {}});
  std::vector<std::string> values;
  for (auto& file : files) {
    if (file.error) throw *file.error;
    values.push_back(std::move(file.name));
  }
  return values;
}

}  // namespace

bool is_pair_model(const fs::path& folder) {
  const auto type = optional_fields(folder / "config.json").text("model_type", "");
  return type == "clip" || type == "siglip";
}

int embed_pairs(const Flags& flags, PairEmbedding task) {
  ModelRequest request = model_request(task.model, task.folder, Head::kFeatures);
  request.image_head = ImageHead::kEmbed;
  task.input.values = unfolded(task);
  task.input.columns[0].optional = true;
  const Fields config = read_config(task.folder);
  auto writer = std::make_unique<RecordWriter>(task.output, task.rendering,
                                               fingerprint(flags, task.folder));
  InputReader reader(task.input, task.output.keep_columns);
  auto loading = load_in_background<ImageModel>(request);
  const ImageProcessor processor =
      unless_unsupported(loading, [&] { return ImageProcessor::from_folder(task.folder); });
  const std::unique_ptr<ImageModel> model = loading.get();
  for (const auto& warning : model->warnings()) note(warning);
  const TextSpace texts(task.folder, config, *model);

  const auto is_picture = [&](const Input& input) {
    if (input.index < 0 || task.as_text) return false;  // --query
    return task.as_image || is_file(input.text());
  };
  const auto prepare = [&](const Input& input) -> std::unique_ptr<Job> {
    const bool named = input.has(1);
    if (!named && !input.has(0))
      fail(Errc::kBadData, input.place, input.place.empty() ? "" : ": ", "has neither a column '",
           task.input.columns[0].source, "' nor '", task.input.columns[1].source, "'");
    if (named || is_picture(input)) {
      const auto image = named ? input.image(1) : image_of(Media{input.text()});
      return std::make_unique<ImageJob>(processor(image), [&](const Seen& seen) {
        return pair_vector_of(seen.logits.row(0), task.normalize);
      });
    }
    return std::make_unique<ImageJob>(Pixels{}, [&, text = input.text()](const Seen&) {
      return pair_vector_of(texts.read({text}).row(0), task.normalize);
    });
  };
  std::unique_ptr<Sink> sink = task.sink ? task.sink(std::move(writer)) : std::move(writer);
  ImageWorker worker(*model, batch_size(task.model));
  return run({.reader = reader,
              .sink = *sink,
              .prepare = prepare,
              .worker = &worker,
              .verb = "embedding",
              .unit = "input",
              .threads = reader_threads()});
}

}  // namespace hft
