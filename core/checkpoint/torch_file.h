// Files of torch.save (pytorch_model.bin): the zip format of PyTorch 1.6 and later, and the pickles
// of earlier versions. Both are read without running anything: docs/formats/torch.md.
#pragma once

#include "core/checkpoint/safetensors.h"

namespace hft {

// The state dict of the file. Tensors lie in the mapped file; views that are not contiguous there
// are copied, and tensors that are the same view share their bytes. Entries that are no tensors are
// left out. Throws kBadData naming the global, opcode, entry or tensor that is not allowed,
// kUnsupported for TorchScript, other formats and types, as open_safetensors does.
StoredTensors open_torch_file(const std::filesystem::path& file, Checksums checksums);

}  // namespace hft
