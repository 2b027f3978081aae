// hft embed with a model of pictures and texts: both into one space.
#pragma once

#include <functional>
#include <memory>

#include "tasks/run/flags.h"
#include "tasks/run/model_options.h"
#include "tasks/run/records.h"

namespace hft {

// Whether the model in this folder reads texts and sees pictures.
bool is_pair_model(const std::filesystem::path& folder);

struct PairEmbedding {
  std::filesystem::path folder;
  const ModelOptions& model;
  InputOptions input;  // columns: text, image
  OutputOptions output;
  Rendering rendering;
  bool as_text = false, as_image = false;  // --text, --image; else what names a file is a picture
  bool normalize = false;
  std::function<std::unique_ptr<Sink>(std::unique_ptr<RecordWriter>)> sink;  // may be empty
};

// Runs to the exit code.
int embed_pairs(const Flags& flags, PairEmbedding task);

}  // namespace hft
