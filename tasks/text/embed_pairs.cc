#include "tasks/text/embed_pairs.h"

#include <algorithm>
#include <cmath>

#include "core/base/log.h"
#include "core/checkpoint/config.h"
#include "core/checkpoint/sentence_folder.h"
#include "core/engine.h"
#include "core/processors/feature_extractor.h"
#include "core/processors/image_processor.h"
#include "tasks/run/media_worker.h"
#include "tasks/run/named_files.h"
#include "tasks/run/sound_options.h"
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

// What differs between a model that sees and one that hears.
struct EmbedsPictures {
  using Model = ImageModel;
  using Worker = ImageWorker;
  using Job = ImageJob;
  using Shown = Pixels;
  using Result = Seen;
  static constexpr Kind kKind = Kind::kImage;
  static constexpr bool kNormalized = false;
  ImageProcessor processor;
  static void ask(ModelRequest& request) { request.image_head = ImageHead::kEmbed; }
  static EmbedsPictures from(const fs::path& folder) { return {ImageProcessor::from_folder(folder)}; }
  Pixels shown(const Media& media) const { return processor(image_of(media)); }
};
struct EmbedsSounds {
  using Model = SoundModel;
  using Worker = SoundWorker;
  using Job = SoundJob;
  using Shown = Features;
  using Result = Heard;
  static constexpr Kind kKind = Kind::kSound;
  static constexpr bool kNormalized = true;  // get_text_features, get_audio_features
  FeatureExtractor extractor;
  static void ask(ModelRequest& request) { request.sound_head = SoundHead::kEmbed; }
  static EmbedsSounds from(const fs::path& folder) { return {FeatureExtractor::from_folder(folder)}; }
  Features shown(const Media& media) const {
    return extractor(samples_of(sound_of(media), extractor.settings().rate));
  }
};

// Folders stand for the pictures or sounds in them.
std::vector<std::string> unfolded(const PairEmbedding& task, Kind kind) {
  std::vector<NamedFile> files;
  for (const auto& value : task.input.values)
    if (!task.as_text && is_folder(value))
      add_named({.recurse = task.input.recurse, .kind = kind}, value, files);
    else
      files.push_back({value, {}});
  std::vector<std::string> values;
  for (auto& file : files) {
    if (file.error) throw *file.error;
    values.push_back(std::move(file.name));
  }
  return values;
}

template <class Kin>
int embed_with(const Flags& flags, PairEmbedding task) {
  ModelRequest request = model_request(task.model, task.folder, Head::kFeatures);
  Kin::ask(request);
  task.input.values = unfolded(task, Kin::kKind);
  task.input.columns[0].optional = true;
  const Fields config = read_config(task.folder);
  auto writer = std::make_unique<RecordWriter>(task.output, task.rendering,
                                               fingerprint(flags, task.folder));
  InputReader reader(task.input, task.output.keep_columns);
  auto loading = load_in_background<typename Kin::Model>(request);
  const Kin media = unless_unsupported(loading, [&] { return Kin::from(task.folder); });
  const auto model = loading.get();
  for (const auto& warning : model->warnings()) note(warning);
  const TextSpace texts(task.folder, config, *model);
  const bool normalize = task.normalize.value_or(Kin::kNormalized);

  const auto is_media_name = [&](const Input& input) {
    if (input.index < 0 || task.as_text) return false;  // --query
    return task.as_media || is_file(input.text());
  };
  const auto prepare = [&](const Input& input) -> std::unique_ptr<Job> {
    const bool named = input.has(1);
    if (!named && !input.has(0))
      fail(Errc::kBadData, input.place, input.place.empty() ? "" : ": ", "has neither a column '",
           task.input.columns[0].source, "' nor '", task.input.columns[1].source, "'");
    using Result = typename Kin::Result;
    if (named || is_media_name(input)) {
      const Media given = named ? std::get<Media>(*input.values[1]) : Media{input.text()};
      return std::make_unique<typename Kin::Job>(media.shown(given), [&](const Result& result) {
        return pair_vector_of(result.logits.row(0), normalize);
      });
    }
    return std::make_unique<typename Kin::Job>(
        typename Kin::Shown{}, [&, text = input.text()](const Result&) {
          return pair_vector_of(texts.read({text}).row(0), normalize);
        });
  };
  std::unique_ptr<Sink> sink = task.sink ? task.sink(std::move(writer)) : std::move(writer);
  typename Kin::Worker worker(*model, batch_size(task.model));
  return run({.reader = reader,
              .sink = *sink,
              .prepare = prepare,
              .worker = &worker,
              .verb = "embedding",
              .unit = "input",
              .threads = reader_threads()});
}

}  // namespace

std::string_view paired_with_texts(const fs::path& folder) {
  const auto type = optional_fields(folder / "config.json").text("model_type", "");
  return type == "clip" || type == "siglip" ? "picture" : type == "clap" ? "sound" : "";
}

int embed_pairs(const Flags& flags, PairEmbedding task) {
  if (paired_with_texts(task.folder) == "picture") return embed_with<EmbedsPictures>(flags, std::move(task));
  Column& column = task.input.columns[1];
  column.kind = Kind::kSound;
  if (!column.named) column.source = "audio";
  return embed_with<EmbedsSounds>(flags, std::move(task));
}

}  // namespace hft
