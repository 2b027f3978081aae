// Strided views of storages, checked against them and made into tensors.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/checkpoint/safetensors.h"

namespace hft {

// A part of a storage as a tensor sees it; offset, sizes and strides are from 0 and count elements.
struct View {
  Dtype dtype = Dtype::kF32;
  std::span<const std::byte> storage;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape, strides;
  bool operator<(const View& other) const;
};

// The tensors of one file: a view that is contiguous in the file stays there, another is copied.
// Equal views give the same bytes.
class Views {
 public:
  explicit Views(std::shared_ptr<const MappedFile> file);
  // Throws kBadData when an index leaves the storage, or when the copies would take more than the
  // file's size and limits::kViewBytes.
  StoredTensor tensor(const View& view);

 private:
  struct Copy {
    std::vector<std::byte> bytes;
    std::shared_ptr<const MappedFile> file;
  };
  const std::shared_ptr<const Copy>& copy_of(const View& view, std::int64_t count);

  std::shared_ptr<const MappedFile> file_;
  std::uint64_t left_;  // bytes that copies may still take
  std::map<View, std::shared_ptr<const Copy>> copies_;
};

}  // namespace hft
