// Compressed bytes as the bytes they hold, a piece at a time: gzip (RFC 1952) by zlib, zstd (RFC
// 8878) by libzstd, which is opened when it is needed.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace hft {

class Decompressor {
 public:
  virtual ~Decompressor() = default;
  // Takes what it can of `in` and appends some of what that holds, no more than kPiece bytes.
  // Throws kBadData for what is malformed.
  virtual void decode(std::string_view& in, std::string& out) = 0;
  // What came so far ends where a compressed file may end.
  virtual bool complete() const = 0;
  virtual const char* name() const = 0;

  static constexpr std::size_t kPiece = 1 << 18;
};

// More bytes are needed to tell.
bool may_be_compressed(std::string_view head);
// For bytes that begin so; null where they are not compressed in one of these ways.
std::unique_ptr<Decompressor> decompressor_for(std::string_view head);

}  // namespace hft
