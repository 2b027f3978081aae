// The files of a model folder beside its weights: tokenizer, processor, generation, model card.
#pragma once

#include <filesystem>
#include <vector>

namespace hft {

// Those at the folder's top, by name.
std::vector<std::filesystem::path> companion_files(const std::filesystem::path& folder);

// Copies them, config.json and an adapter's settings excepted, to a folder that exists: what the tokenizer and processor are
// read from, and the modules of sentence-transformers with their own weights. Weights of any kind,
// and other folders (onnx, original …), stay behind.
void copy_companions(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace hft
