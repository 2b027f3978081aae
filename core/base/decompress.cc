#include "core/base/decompress.h"

#include <dlfcn.h>
#include <zlib.h>

#include "core/base/error.h"

namespace hft {
namespace {

using namespace std::string_view_literals;
constexpr std::string_view kGzip = "\x1f\x8b"sv, kZstd = "\x28\xb5\x2f\xfd"sv;

// A file may hold several gzip members, one behind the other, and zeros behind the last.
class Gzip : public Decompressor {
 public:
  Gzip() {
    if (::inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK)
      fail(Errc::kResources, "out of memory for gzip");
  }
  ~Gzip() override { ::inflateEnd(&stream_); }

  void decode(std::string_view& in, std::string& out) override {
    if (between_) begin_member(in);
    if (in.empty()) return;
    const std::size_t had = out.size();
    out.resize(had + kPiece);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream_.avail_out = kPiece;
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    in.remove_prefix(in.size() - stream_.avail_in);
    out.resize(had + kPiece - stream_.avail_out);
    if (result == Z_STREAM_END)
      between_ = true;
    else if (result != Z_OK && result != Z_BUF_ERROR)
      fail(Errc::kBadData, "damaged gzip: ", stream_.msg ? stream_.msg : "wrong data");
  }
  bool complete() const override { return between_; }
  const char* name() const override { return "gzip"; }

 private:
  void begin_member(std::string_view& in) {
    while (!in.empty() && in.front() == '\0') in.remove_prefix(1);
    if (in.empty()) return;
    ::inflateReset(&stream_);
    between_ = false;
  }
  z_stream stream_{};
  bool between_ = false;  // members
};

// The part of zstd.h that is used; its layout is fixed since version 1.0.
struct ZstdIn {
  const void* bytes;
  std::size_t size, at;
};
struct ZstdOut {
  void* bytes;
  std::size_t size, at;
};

class Zstd : public Decompressor {
 public:
  Zstd() {
    void* library = ::dlopen("libzstd.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (!library)
      fail_hint(Errc::kUnsupported, "zstd -dc FILE | hft … -i -",
                "is zstd, which needs libzstd.so.1: ", ::dlerror());
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(
          ::dlsym(library, name));
      if (!function) fail(Errc::kUnsupported, "libzstd.so.1 has no ", name);
    };
    find(create_, "ZSTD_createDStream");
    find(decode_, "ZSTD_decompressStream");
    find(is_error_, "ZSTD_isError");
    find(error_, "ZSTD_getErrorName");
    find(free_, "ZSTD_freeDStream");
    stream_ = create_();
    if (!stream_) fail(Errc::kResources, "out of memory for zstd");
  }
  ~Zstd() override {
    if (stream_) free_(stream_);
  }

  void decode(std::string_view& in, std::string& out) override {
    const std::size_t had = out.size();
    out.resize(had + kPiece);
    ZstdIn from{in.data(), in.size(), 0};
    ZstdOut to{out.data() + had, kPiece, 0};
    const std::size_t result = decode_(stream_, &to, &from);
    in.remove_prefix(from.at);
    out.resize(had + to.at);
    if (is_error_(result)) fail(Errc::kBadData, "damaged zstd: ", error_(result));
    complete_ = result == 0;
  }
  bool complete() const override { return complete_; }
  const char* name() const override { return "zstd"; }

 private:
  void* (*create_)() = nullptr;
  std::size_t (*decode_)(void*, ZstdOut*, ZstdIn*) = nullptr;
  unsigned (*is_error_)(std::size_t) = nullptr;
  const char* (*error_)(std::size_t) = nullptr;
  std::size_t (*free_)(void*) = nullptr;
  void* stream_ = nullptr;
  bool complete_ = true;
};

}  // namespace

bool may_be_compressed(std::string_view head) {
  const auto begins = [&](std::string_view s) { return head.size() < s.size() && s.starts_with(head); };
  return begins(kGzip) || begins(kZstd);
}

std::unique_ptr<Decompressor> decompressor_for(std::string_view head) {
  if (head.starts_with(kGzip)) return std::make_unique<Gzip>();
  if (head.starts_with(kZstd)) return std::make_unique<Zstd>();
  return nullptr;
}

}  // namespace hft
