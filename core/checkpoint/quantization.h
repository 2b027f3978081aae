// How config.json says that a checkpoint's weights are quantised: its quantization_config.
#pragma once

#include <optional>
#include <string>

#include "core/base/json.h"

namespace hft {

struct Quantization {
  enum class Method { kBitsAndBytes, kGptq, kAwq, kFp8, kCompressedTensors, kMxfp4 };
  Method method = Method::kBitsAndBytes;
  std::string name;          // as the file spells it
  std::string where;         // of the file, for errors
  int bits = 4;              // kGptq, kAwq
  std::int64_t group = 0;    // inputs that share a scale (kGptq, kAwq); 0: all
  bool zeros_as_stored = false;     // kGptq: of the second format, which stores no zero less 1
  bool symmetric = true;            // kGptq
  std::int64_t block_rows = 0, block_columns = 0;  // of kFp8; 0: as the scales' shape says
  double threshold = 6;             // of LLM.int8(), kBitsAndBytes
};

// None where config has no quantization_config. Throws kUnsupported naming a method or a variant of one
// that is not read, kBadData for fields that make no sense.
std::optional<Quantization> quantization_of(const Fields& config);

}  // namespace hft
