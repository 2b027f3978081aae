// What every task shares that shows pictures to a model: options, loading, batches. A task says what
// becomes of what the model saw; all else is the runner's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/models/heads/image.h"
#include "core/processors/image_processor.h"
#include "tasks/run/command.h"
#include "tasks/run/flags.h"
#include "tasks/run/model_options.h"
#include "tasks/run/runner.h"

namespace hft {

// What a task knows about its model before it sees an input.
struct ImageContext {
  std::filesystem::path folder;
  Fields config;
  ImageProcessor processor;
  std::vector<Json> labels;  // config's id2label in id order; may be empty
};

// The picture of an input, beside what the model saw in it.
struct Picture {
  int width = 0, height = 0;
  std::string name;                     // its place among the inputs and the file's name
  std::shared_ptr<media::Image> image;  // where the task draws on it
};

// The output of an input.
using Answer = std::function<Json(const Seen&, const Picture&)>;

struct ImageTask {
  ImageHead head;
  std::string default_model;
  std::string verb;  // of the progress bar: "classifying"
  Rendering rendering;
  bool draws = false;  // pictures are kept until the model has seen them
  // Called once the model is loaded; what it returns is called from one thread.
  std::function<Answer(const ImageContext&, ImageModel&)> setup;
  // Takes the results elsewhere; may be empty.
  std::function<std::unique_ptr<Sink>(std::unique_ptr<RecordWriter>)> sink{};
};

struct ImageOptions {
  ModelOptions model;
  InputOptions input;
  OutputOptions output;
};

// Declares the options every image task shares.
void add_image_options(Flags& flags, ImageOptions& options,
                       const std::vector<std::string>& more_formats = {});

// Runs the task to its exit code.
int run_image_task(const Flags& flags, const ImageOptions& options, const ImageTask& task);

}  // namespace hft
