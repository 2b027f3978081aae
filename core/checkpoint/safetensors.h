// safetensors files: a length, a JSON header, and the bytes of every tensor one after another.
// Format and its rules: docs/formats/safetensors.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/files.h"

namespace hft {

enum class Dtype {
  kF64,
  kF32,
  kF16,
  kBF16,
  kI64,
  kI32,
  kI16,
  kI8,
  kU64,
  kU32,
  kU16,
  kU8,
  kBool,
  kF8E4M3,
  kF8E5M2
};
std::int64_t bytes_of(Dtype dtype);
std::string_view name_of(Dtype dtype);  // as the file spells it: "F32", "BF16"

// The types that --dtype names, by config.json's names of them.
inline constexpr std::pair<const char*, Dtype> kFloatTypes[] = {
    {"float32", Dtype::kF32}, {"bfloat16", Dtype::kBF16}, {"float16", Dtype::kF16}};

// A tensor inside a mapped file, or copied from it; `bytes` lives as long as `file`.
struct StoredTensor {
  Dtype dtype = Dtype::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<const MappedFile> file;
  std::int64_t count() const;
};

// Tensors by name. std::less<> so that a string_view finds them.
using StoredTensors = std::map<std::string, StoredTensor, std::less<>>;

struct SafetensorsFile {
  StoredTensors tensors;
  std::map<std::string, std::string> metadata;
};

// Maps a file and checks all of the format: header length, UTF-8 JSON, duplicate keys, dtypes,
// shape x dtype = bytes, ranges inside the file, no overlap, no hole, no tail. Reads no tensor.
// Throws kBadData "file: tensor 'x': …", kUnsupported for an unknown dtype or another format's
// file (GGUF, pickle, HDF5 …), kBadData for a Git LFS pointer or HTML in place of weights.
SafetensorsFile open_safetensors(const std::filesystem::path& file);

// What is held against the checksums of the zip format of torch.save: the pickle alone, or every
// tensor too, which reads the whole file. The other formats have none.
enum class Checksums { kPickle, kAll };

// Every tensor of a model folder: model.safetensors, the shards its index names,
// pytorch_model.bin (torch_file.h), or the shards of that one's index: basenames in the same
// folder, each listed tensor in the shard the index says. `variant` as in model.fp16.safetensors.
// Throws kNotFound naming the files tried.
StoredTensors open_checkpoint(const std::filesystem::path& folder, const std::string& variant = "",
                              Checksums checksums = Checksums::kAll);
// Are there weights that open_checkpoint would open?
bool has_checkpoint(const std::filesystem::path& folder, const std::string& variant = "");

}  // namespace hft
