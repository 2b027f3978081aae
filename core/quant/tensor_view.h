// A tensor of a quantised checkpoint, checked and ready to be read.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "core/base/error.h"
#include "core/checkpoint/dtypes.h"
#include "core/quant/shape_text.h"
#include "core/quant/stored_codes.h"

namespace hft {

// Memory that a weight of codes is read from, kept by `owner`.
struct Bytes {
  const std::byte* data = nullptr;
  std::shared_ptr<const void> owner;
};

// The bytes of a tensor where they are, or a copy where they are not aligned for its type.
Bytes bytes_of(const StoredTensor& tensor);

// module.where + end + ": " + what is wrong, kBadData.
[[noreturn]] void wrong_codes(const CodedModule& module, const std::string& end,
                              const std::string& what);
// Must the tensor have this shape and one of these types?
void need_shape(const CodedModule& module, const std::string& end, const StoredTensor& tensor,
                std::span<const std::int64_t> shape);
void need_type(const CodedModule& module, const std::string& end, const StoredTensor& tensor,
               std::initializer_list<Dtype> types);
// find(end), or an error that names it.
const StoredTensor& needed(const CodedModule& module, const FindTensor& find, const std::string& end);

inline std::int64_t divided_up(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

template <class T>
std::span<const T> numbers_of(const Bytes& bytes, std::int64_t count) {
  return {reinterpret_cast<const T*>(bytes.data), static_cast<std::size_t>(count)};
}

}  // namespace hft
