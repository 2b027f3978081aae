#include "tasks/image/image_task.h"

#include "core/base/log.h"
#include "core/checkpoint/config.h"
#include "core/engine.h"
#include "tasks/run/media_worker.h"
#include "tasks/run/saved_files.h"

namespace hft {
namespace {

std::unique_ptr<Job> prepare(const Input& input, const ImageContext& context, const Answer& answer,
                             bool draws) {
  auto image = std::make_shared<media::Image>(input.image());
  Picture picture{image->width, image->height, saved_name(input), draws ? image : nullptr};
  return std::make_unique<ImageJob>(
      context.processor(*image),
      [&answer, picture = std::move(picture)](const Seen& seen) { return answer(seen, picture); });
}

}  // namespace

void add_image_options(Flags& flags, ImageOptions& o,
                       const std::vector<std::string>& more_formats) {
  add_input_options(flags, o.input, {{.name = "image", .kind = Kind::kImage}});
  add_output_options(flags, o.output, more_formats);
  add_model_options(flags, o.model);
}

int run_image_task(const Flags& flags, const ImageOptions& o, const ImageTask& task) {
  const fs::path folder = model_folder(o.model, task.default_model);
  const std::int64_t most = batch_size(o.model);
  ModelRequest request = model_request(o.model, folder, Head::kFeatures);
  request.image_head = task.head;
  Fields config = read_config(folder);
  auto writer =
      std::make_unique<RecordWriter>(o.output, task.rendering, fingerprint(flags, folder));
  InputReader reader(o.input, o.output.keep_columns);
  auto loading = load_in_background<ImageModel>(request);
  ImageContext context{
      .folder = folder,
      .config = std::move(config),
      .processor = unless_unsupported(loading, [&] { return ImageProcessor::from_folder(folder); })};
  context.labels = labels_of(context.config);
  const std::unique_ptr<ImageModel> model = loading.get();
  for (const auto& warning : model->warnings()) note(warning);
  detail("settings: model " + folder.string() + ", dtype " + o.model.dtype + ", device " +
         o.model.device + ", threads " +
         (o.model.threads ? std::to_string(o.model.threads) : "all") + ", batch size " +
         o.model.batch_size);
  const Answer answer = task.setup(context, *model);
  std::unique_ptr<Sink> sink = task.sink ? task.sink(std::move(writer)) : std::move(writer);
  ImageWorker worker(*model, most);
  return run({.reader = reader,
              .sink = *sink,
              .prepare = [&](const Input& input) {
                return prepare(input, context, answer, task.draws);
              },
              .worker = &worker,
              .verb = task.verb,
              .unit = "picture",
              .threads = reader_threads()});
}

}  // namespace hft
