// Names the kind of a file that is not of the format wanted, from its first bytes.
#pragma once

#include <filesystem>
#include <span>

namespace hft {

enum class Wanted { kSafetensors, kTorch };

// Throws when the bytes are recognised: kUnsupported for another format of weights (GGUF, pickle,
// HDF5, ONNX …), kBadData for a Git LFS pointer or an HTML page. Returns when they are not.
void reject_other_format(std::span<const std::byte> bytes, Wanted wanted);

}  // namespace hft
