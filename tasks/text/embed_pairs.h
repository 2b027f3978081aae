// hft embed with a model of pictures and texts, or of sounds and texts: both into one space.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "tasks/run/flags.h"
#include "tasks/run/model_options.h"
#include "tasks/run/records.h"

namespace hft {

// What the model in this folder takes beside texts: "picture", "sound", or nothing, "".
std::string_view paired_with_texts(const std::filesystem::path& folder);

struct PairEmbedding {
  std::filesystem::path folder;
  const ModelOptions& model;
  InputOptions input;  // columns: text, image or audio
  OutputOptions output;
  Rendering rendering;
  bool as_text = false, as_media = false;  // --text, --image; else what names a file is no text
  std::optional<bool> normalize = {};      // none: as the model has them, of length 1 where of sounds
  std::function<std::unique_ptr<Sink>(std::unique_ptr<RecordWriter>)> sink;  // may be empty
};

// Runs to the exit code.
int embed_pairs(const Flags& flags, PairEmbedding task);

}  // namespace hft
