// What a folder or repository holds when it is not a model in a format that is read.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace hft {

// Throws kUnsupported when the names of a model's files, relative to its folder, show another
// format (GGUF, ONNX, TensorFlow, Flax, a diffusion pipeline …) and no weights that are read. For
// who found no config.json or no weights of the name wanted.
void reject_other_formats(std::span<const std::string> names);

// The same of a folder on disk and the folders in it. An adapter without its model is named too,
// with the model it belongs to.
void reject_other_formats(const std::filesystem::path& folder);

}  // namespace hft
